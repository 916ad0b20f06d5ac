"""Decisions: routing, capping, set-points. One function a file; they stand on NumPy alone."""
