"""Own load flow against ``power-grid-model``: radial, meshed, islands, all kinds of loads, every outage."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.validation.facility import power_loadflow
from twin.errors import MissingLibrary
from twin.facility import (
    Bus,
    Line,
    Load,
    Network,
    NetworkError,
    Source,
    Tie,
    Transformer,
    n_minus_1,
    solve,
    solve_exact,
)

pytest.importorskip("power_grid_model", reason="the extra 'power' is not installed")

CASES = Path(__file__).parents[2] / "validation" / "facility" / "data" / "power_loadflow.json"


def meshed(ring_closed: bool = True) -> Network:
    """Two grid transformers in parallel, a closed ring of cables, and loads of all kinds over three steps."""
    buses = (
        Bus("POI", 33e3),
        Bus("A", 11e3),
        Bus("R1", 11e3),
        Bus("R2", 11e3),
        Bus("L1", 415.0),
        Bus("L2", 415.0),
    )
    cable = (0.03, 0.025, 410.0, 3e-5, 1e-6)
    lines = (
        Line("A-R1", "A", "R1", *cable),
        Line("R1-R2", "R1", "R2", *cable),
        Line("R2-A", "R2", "A", *cable),
    )
    grid = (25e6, 33e3, 11e3, 0.1, 0.0045, 16e3, 0.0008)
    hall = (3.15e6, 11e3, 415.0, 0.0625, 0.007, 3420.0, 0.003)
    turn = math.radians(150)
    units = (
        Transformer("T1", "POI", "A", *grid, tap_from_frac=-0.05, shift_rad=math.radians(30)),
        Transformer("T2", "POI", "A", *grid, tap_from_frac=-0.0375, shift_rad=math.radians(30)),
        Transformer("D1", "R1", "L1", *hall, shift_rad=turn),
        Transformer("D2", "L2", "R2", 3.15e6, 415.0, 11e3, *hall[3:], shift_rad=-turn),
    )
    series = np.array([0.4, 0.9, 1.1])
    loads = (
        Load("IT 1", "L1", power_va=2e6 * series + 0.3e6j * series),
        Load(
            "IT 2", "L2", power_va=1.5e6 + 0.2e6j, current_va=0.3e6 * series + 0j, impedance_va=0.2e6 - 0.4e6j
        ),
        Load("plant", "R2", power_va=-1e6 + 0.1e6j),
    )
    network = Network(buses, (Source("grid", "POI", 0.98, 0.1),), lines, units, loads=loads)
    return network if ring_closed else replace(network, lines=lines[:2], ties=(Tie("T", "R2", "A"),))


def agree(network: Network) -> None:
    own, exact = solve(network), solve_exact(network)
    load_va = np.abs(own.load_va).sum(axis=1).max()
    np.testing.assert_allclose(own.voltage_pu, exact.voltage_pu, atol=1e-11)
    np.testing.assert_allclose(own.from_va, exact.from_va, atol=1e-9 * load_va)
    np.testing.assert_allclose(own.to_a, exact.to_a, atol=1e-9 * max(own.to_a.max(), 1.0))
    np.testing.assert_allclose(own.loss_w, exact.loss_w, atol=1e-9 * load_va)
    assert own.mismatch_va.max() <= 1e-9 * load_va
    assert exact.mismatch_va.max() <= 1e-9 * load_va


@pytest.mark.parametrize("ring_closed", [True, False])
def test_rings_and_parallel_transformers(ring_closed: bool) -> None:
    agree(meshed(ring_closed))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("place", range(5))
def test_reference_sites_as_they_are_and_tied(place: int, tied: bool) -> None:
    inputs = json.loads(CASES.read_text())["cases"][place]["inputs"]
    inputs["bus_tie"]["closed"] |= tied
    agree(power_loadflow.network(inputs))


def test_every_outage() -> None:
    inputs = json.loads(CASES.read_text())["cases"][0]["inputs"]
    for network in (power_loadflow.network(inputs), meshed()):
        for own, exact in zip(n_minus_1(network), n_minus_1(network, solve_exact), strict=True):
            assert own[:5] == exact[:5]
            assert own.highest_loading_frac == pytest.approx(
                exact.highest_loading_frac, rel=1e-8, nan_ok=True
            )
            assert own.lowest_pu == pytest.approx(exact.lowest_pu, abs=1e-10, nan_ok=True)


def test_both_refuse_a_collapse() -> None:
    network = Network(
        (Bus("A", 11e3), Bus("B", 11e3)), (Source("grid", "A"),), (Line("F", "A", "B", 1.0, 2.0, 100.0),),
        loads=(Load("hall", "B", power_va=np.array([1e6, 40e6]) + 0j),),
    )  # fmt: skip
    for solver in (solve, solve_exact):
        with pytest.raises(NetworkError, match="1 steps have no load flow") as caught:
            solver(network)
        assert caught.value.faults[0].where == "step 1"


def test_without_the_library_the_mend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "power_grid_model", None)
    with pytest.raises(MissingLibrary) as caught:
        solve_exact(meshed())
    assert "ai-factory-twin[power]" in caught.value.faults[0].mend
