"""The halls that the scenarios describe, built once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest

from twin.scenario import Scenario, load
from twin.topology import build

SCENARIOS = Path(__file__).parents[3] / "scenarios"
Make = Callable[..., Scenario]


@pytest.fixture(scope="session")
def make() -> Make:
    """A shipped scenario with values changed."""

    def changed(name: str = "gb200-hall", **values: object) -> Scenario:
        return load(SCENARIOS / f"{name}.yaml", set={k.replace("__", "."): v for k, v in values.items()})

    return changed


@pytest.fixture(scope="session")
def gb200(make: Make) -> nx.MultiDiGraph:
    return build(make("gb200-hall"))


@pytest.fixture(scope="session")
def h100(make: Make) -> nx.MultiDiGraph:
    return build(make("h100-hall"))


@pytest.fixture(params=["gb200-hall", "h100-hall", "one-rack"], scope="session")
def hall(request: pytest.FixtureRequest, make: Make) -> nx.MultiDiGraph:
    return build(make(request.param))
