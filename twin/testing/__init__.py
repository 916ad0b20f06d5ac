"""The conformance kit: what every model must keep, checked without asking.

A package that brings its own model calls :func:`check_model` in a test of its own.
"""

from twin.testing.models import Case, check_model, check_monotone, is_amount

__all__ = ["Case", "check_model", "check_monotone", "is_amount"]
