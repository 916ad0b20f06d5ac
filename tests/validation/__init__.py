"""Predictions against measurements: python -m tests.validation."""
