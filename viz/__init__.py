"""Renders result files."""
