"""Policies that hold a temperature, by file name."""
