"""Outages of one part: ties that close, survivors that are overloaded, loads that go dark."""

from __future__ import annotations

import math

import pytest

from twin.facility import Bus, Line, Load, Network, Source, Tie, Transformer, n_minus_1

PLATE = (11e3, 415.0, 0.06, 0.01)


def double_ended(rated_va: float, load_w: float) -> Network:
    """Two transformers with a normally open tie between their boards."""
    buses = (Bus("POI", 11e3), Bus("A", 415.0), Bus("B", 415.0))
    units = tuple(Transformer(f"T{i}", "POI", bus, rated_va, *PLATE) for i, bus in enumerate("AB", 1))
    loads = tuple(Load(f"hall {bus}", bus, power_va=complex(load_w, 0.2 * load_w)) for bus in "AB")
    return Network(
        buses, (Source("grid", "POI"),), transformers=units, ties=(Tie("TIE", "A", "B"),), loads=loads
    )


def test_a_survivor_carries_both_halves() -> None:
    first, second, grid = n_minus_1(double_ended(2.5e6, 1.1e6))
    assert (first.part, first.closed, first.dark) == ("T1", ("TIE",), ())
    assert first.is_borne
    assert second.is_borne
    assert 0.9 < first.highest_loading_frac < 1.0
    assert first.at_branch == "T2"
    assert not grid.is_borne
    assert grid.dark_w == pytest.approx(2.2e6)


def test_a_survivor_too_small_is_overloaded() -> None:
    first = n_minus_1(double_ended(2.5e6, 1.5e6))[0]
    assert first.overloaded == ("T2",)
    assert not first.is_borne


def test_a_survivor_far_too_small_has_no_load_flow() -> None:
    first = n_minus_1(double_ended(2.5e6, 12e6))[0]
    assert first.collapsed
    assert math.isnan(first.lowest_pu)
    assert not first.is_borne


def test_without_a_tie_half_goes_dark_and_low_voltage_is_not_borne() -> None:
    network = double_ended(2.5e6, 1.1e6)
    apart = Network(network.buses, network.sources, transformers=network.transformers, loads=network.loads)
    first = n_minus_1(apart)[0]
    assert (first.dark, first.dark_w) == (("hall A",), 1.1e6)
    low = Network(network.buses, (Source("grid", "POI", 0.92),), transformers=network.transformers,
                  ties=network.ties, loads=network.loads)  # fmt: skip
    assert n_minus_1(low)[0].lowest_pu < 0.9
    assert not n_minus_1(low)[0].is_borne


def test_an_open_ring_closes_at_its_tie() -> None:
    buses = tuple(Bus(name, 11e3) for name in ("POI", "R1", "R2", "R3"))
    ends = (("POI", "R1"), ("R1", "R2"), ("POI", "R3"))
    lines = tuple(Line(f"{a}-{b}", a, b, 0.05, 0.05, 300.0) for a, b in ends)
    loads = tuple(Load(f"hall {bus.name}", bus.name, power_va=1e6 + 0j) for bus in buses[1:])
    ring = Network(buses, (Source("grid", "POI"),), lines, ties=(Tie("NOP", "R2", "R3"),), loads=loads)
    found = {o.part: o for o in n_minus_1(ring)}
    assert all(found[line.name].is_borne and found[line.name].closed == ("NOP",) for line in lines)
    assert found["POI-R1"].at_branch == "POI-R3"
