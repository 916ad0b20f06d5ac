"""Scenario files that ship with the package."""
