"""Kinds of scenario fields: values with a unit, data files, and names that stand for something elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from twin import registry
from twin.errors import UnitError
from twin.units import BASE, parse, units_of


def refuse(found: str, expected: str, mend: str) -> PydanticCustomError:
    """Error of a validator, in the words that become a fault."""
    return PydanticCustomError("fault", "{found}", {"found": found, "expected": expected, "mend": mend})


@dataclass(frozen=True)
class Measure:
    """A number that is written with its unit and kept in SI.

    Parameters
    ----------
    dimension : str
        One of :data:`twin.units.DIMENSIONS`.
    example : str
        A value as people write it; shown when the key is missing.
    low, high, above : float
        Range in the base unit: ``low <= value <= high`` and ``value > above``.

    Examples
    --------
    >>> Measure("power", "1.6 MW", low=0.0).read("2 kW")
    2000.0
    """

    dimension: str
    example: str
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf

    def read(self, value: object) -> float:
        """Value in SI; raises the validation error that names found, expected and mend."""
        try:
            number = parse(value, self.dimension)
        except UnitError as error:
            fault = error.faults[0]
            raise refuse(fault.found, fault.expected, fault.mend) from None
        if not (self.low <= number <= self.high and number > self.above):
            written = str(value)
            base = self.write(number)
            found = written if written == base else f"{written} ({base})"
            raise refuse(found, f"a {self.dimension} {self._range()}", f"write for example {self.example}")
        return number

    def write(self, value: float) -> str:
        """SI value as text that :meth:`read` turns into the same number.

        Examples
        --------
        >>> Measure("time", "1 h").write(10.0)
        '10 s'
        """
        short = format(value, ".15g")
        number = short if float(short) == value else repr(value)
        unit = BASE[self.dimension]
        return number if unit == "1" else f"{number} {unit}"

    def _range(self) -> str:
        if math.isfinite(self.above):
            return f"above {self.write(self.above)}"
        if math.isfinite(self.high):
            return f"from {self.write(self.low)} to {self.write(self.high)}"
        return f"of at least {self.write(self.low)}"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        units = "|".join(u.replace("%", r"\%") for u in units_of(self.dimension))
        pattern = rf"^\s*[+-]?[0-9_.]+([eE][+-]?[0-9]+)?\s*({units})\s*$"
        text = {"type": "string", "pattern": pattern, "examples": [self.example]}
        return {"anyOf": [text, {"type": "number"}]} if self.dimension == "fraction" else text


@dataclass(frozen=True)
class DataFile:
    """Marks a text that names a data file, relative to the file in which the text stands."""


@dataclass(frozen=True)
class Named:
    """A name that must exist elsewhere.

    Parameters
    ----------
    home : str
        A kind of the catalog (``llm``) or a package of plug-ins (``twin.policies.routing``).
    offers : str
        Function that a plug-in must have to count; empty when any will do.
    """

    home: str
    offers: str = ""

    @property
    def is_plugin(self) -> bool:
        """Whether the names are plug-ins rather than catalog cards."""
        return "." in self.home

    @property
    def title(self) -> str:
        """What the names are, in words."""
        return f"a plug-in of {self.home}" if self.is_plugin else f"a {self.home} of the catalog"

    def names(self) -> tuple[str, ...]:
        """All names that may be written here."""
        if not self.is_plugin:
            known: tuple[str, ...] = import_module("twin.catalog").names(self.home)
            return known
        return tuple(n for n in registry.names(self.home) if not self.offers or self._offered(n))

    def _offered(self, name: str) -> bool:
        try:
            registry.find(self.home, name, self.offers)
        except AttributeError:
            return False
        return True

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        known = {"enum": list(self.names())}
        if self.home == "llm":  # any model of Hugging Face: its name there, or its config.json
            return {"type": "string", "anyOf": [known, {"pattern": "[/.]"}], "title": self.title}
        return {"type": "string", **known, "title": self.title}
