"""Liquids by the names that the cases use."""

from __future__ import annotations

from twin.errors import Fault, ScenarioError


def glycol_frac(name: str) -> float:
    """Share of propylene glycol by mass in a liquid, 0 for water."""
    if name.strip().lower().startswith("water"):
        return 0.0
    if name.startswith("INCOMP::MPG[") and name.endswith("]"):
        return float(name.removeprefix("INCOMP::MPG[").removesuffix("]"))
    fault = Fault("", 0, "fluid", name, "Water or INCOMP::MPG[share by mass]", "name one of these liquids")
    raise ScenarioError("unknown liquid", [fault])
