"""Policies that hold GPUs back, by file name."""
