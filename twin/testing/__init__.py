"""The conformance kit: what every model and every cooling plant must keep, checked without asking.

A package that brings its own model or plant calls :func:`check_model` or :func:`check_plant` in a test of its own.
"""

from twin.testing.models import Case, check_model, check_monotone, is_amount
from twin.testing.plants import Around, check_plant

__all__ = ["Around", "Case", "check_model", "check_monotone", "check_plant", "is_amount"]
