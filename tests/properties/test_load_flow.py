"""Load flows of random networks: Kirchhoff, Ohm, energy, and the same answer by any way and in any order."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import twin
from twin import topology
from twin.facility import (
    Bus,
    Line,
    Load,
    Network,
    Source,
    Tie,
    Transformer,
    Wiring,
    n_minus_1,
    solve,
    solve_site,
)
from twin.physics import load_flow as relations

EXACT = 1e-9
LEVELS_V = (33e3, 11e3, 415.0)
part = st.floats(-1.0, 1.0, allow_nan=False)
STEPS = 3


@st.composite
def trees(draw: st.DrawFn, rings: bool = False) -> Network:
    """Up to three voltages, taps and shifts, all kinds of loads and generators; far from collapse.

    Rings join buses of one phase: nobody ties clock numbers that differ.
    """
    buses, lines, units, turned_rad = [Bus("0", 33e3)], [], [], {"0": 0.0}
    for i in range(1, draw(st.integers(2, 9))):
        near = buses[draw(st.integers(0, i - 1))]
        level = LEVELS_V.index(near.nominal_v)
        down = draw(st.booleans()) and level < 2
        far = Bus(str(i), LEVELS_V[level + 1] if down else near.nominal_v)
        ends = (near, far) if draw(st.booleans()) else (far, near)
        buses.append(far)
        if down:
            units.append(_unit(draw, i, ends))
            turned_rad[far.name] = turned_rad[near.name] + units[-1].shift_rad * (
                1.0 if ends[0] is near else -1.0
            )
        else:
            turned_rad[far.name] = turned_rad[near.name]
            lines.append(_cable(draw, f"line {i}", ends))
    if rings:
        for k, (a, b) in enumerate((a, b) for a in buses for b in buses if a.name < b.name):
            is_in_phase = math.cos(turned_rad[a.name] - turned_rad[b.name]) > 1.0 - 1e-9
            if a.nominal_v == b.nominal_v and is_in_phase and draw(st.booleans()):
                lines.append(_cable(draw, f"ring {k}", (a, b)))
    loads = tuple(_load(draw, bus) for bus in buses if draw(st.booleans()))
    grid = Source("grid", "0", draw(st.floats(0.95, 1.05)), draw(part))
    return Network(tuple(buses), (grid,), tuple(lines), tuple(units), loads=loads)


def _cable(draw: st.DrawFn, name: str, ends: tuple[Bus, Bus]) -> Line:
    base_ohm = ends[0].nominal_v ** 2 / 1e6
    figures = [draw(st.floats(1e-4, 4e-3)) * base_ohm for _ in range(2)]
    return Line(
        name,
        ends[0].name,
        ends[1].name,
        *figures,
        100.0,
        draw(st.floats(0, 0.02)) / base_ohm,
        1e-4 / base_ohm,
    )


def _unit(draw: st.DrawFn, i: int, ends: tuple[Bus, Bus]) -> Transformer:
    rated = [bus.nominal_v * draw(st.sampled_from([1.0, 1.03])) for bus in ends]
    taps = [0.0125 * draw(st.integers(-3, 3)) for _ in range(2)]
    shift_rad = math.radians(draw(st.sampled_from([0, 30, 150, -90])))
    plate = (20e6, *rated, 0.08, draw(st.floats(0.002, 0.02)), 2e3, draw(st.sampled_from([0.0, 0.002])))
    return Transformer(f"unit {i}", ends[0].name, ends[1].name, *plate, *taps, shift_rad)


def _load(draw: st.DrawFn, bus: Bus) -> Load:
    kinds = [np.array([complex(draw(part), draw(part)) for _ in range(STEPS)]) * 1e6 for _ in range(3)]
    return Load(f"load {bus.name}", bus.name, *kinds)


@settings(max_examples=40, deadline=None)
@given(st.one_of(trees(), trees(rings=True)))
def test_laws_hold(network: Network) -> None:
    flow = solve(network)
    scale_va = 1e6 + np.abs(flow.load_va).sum(axis=1).max()
    assert flow.mismatch_va.max() <= EXACT * scale_va
    balance = flow.source_va.sum(axis=1) - flow.load_va.sum(axis=1) - (flow.from_va + flow.to_va).sum(axis=1)
    assert np.abs(balance).max() <= EXACT * scale_va
    assert flow.loss_w.min() >= -EXACT * scale_va
    place = {bus.name: i for i, bus in enumerate(network.buses)}
    nominal_v = np.array([bus.nominal_v for bus in network.buses])
    for k, line in enumerate(network.lines):
        a, b = place[line.from_bus], place[line.to_bus]
        series = np.array([complex(line.resistance_ohm, line.reactance_ohm)])
        shunt = np.array([complex(line.conductance_s, line.susceptance_s)])
        pi = relations.line(series, shunt, nominal_v[[a]], 1e6)
        ohm = relations.flow(pi, flow.voltage_pu[:, [a]], flow.voltage_pu[:, [b]])
        power = flow.voltage_pu[:, a] * ohm.in_pu[:, 0].conj() * 1e6
        np.testing.assert_allclose(power, flow.from_va[:, k], atol=1e-8 * scale_va)


@settings(max_examples=30, deadline=None)
@given(trees())
def test_a_tree_solved_as_a_mesh_is_the_same(network: Network) -> None:
    # two weak cables in parallel for one make a ring that changes nothing
    flow = solve(network)
    doubled = []
    for line in network.lines:
        half = replace(
            line, resistance_ohm=2 * line.resistance_ohm, reactance_ohm=2 * line.reactance_ohm,
            susceptance_s=line.susceptance_s / 2, conductance_s=line.conductance_s / 2,
        )  # fmt: skip
        doubled += [half, replace(half, name=f"{line.name} too")]
    mesh = solve(replace(network, lines=tuple(doubled)))
    np.testing.assert_allclose(mesh.voltage_pu, flow.voltage_pu, atol=1e-10)
    np.testing.assert_allclose(mesh.source_va, flow.source_va, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(trees(), st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(network: Network, random: object) -> None:
    def mixed(parts: tuple) -> tuple:
        found = list(parts)
        random.shuffle(found)  # type: ignore[attr-defined]
        return tuple(found)

    kinds = {name: mixed(getattr(network, name)) for name in ("buses", "lines", "transformers", "loads")}
    other = solve(replace(network, **kinds))
    flow = solve(network)
    found = dict(zip((bus.name for bus in other.network.buses), other.voltage_pu.T, strict=True))
    for i, bus in enumerate(network.buses):
        np.testing.assert_allclose(found[bus.name], flow.voltage_pu[:, i], atol=1e-11)


@settings(max_examples=20, deadline=None)
@given(trees(rings=True), st.data())
def test_outages_leave_what_still_hangs_on_the_grid(network: Network, data: st.DataObject) -> None:
    buses = [bus.name for bus in network.buses if bus.nominal_v == LEVELS_V[0]]
    ties = (Tie("tie", buses[0], buses[-1]),) if len(buses) > 1 else ()
    whole = replace(network, ties=ties)
    drawn = {load.name for load in network.loads}
    found = n_minus_1(whole)
    assert [o.part for o in found] == [b.name for b in network.branches] + ["grid"]
    assert set(found[-1].dark) == drawn
    for outage in found[:-1]:
        assert outage.closed in ((), ("tie",))
        assert set(outage.dark) <= drawn
        assert outage.collapsed or outage.lowest_pu <= outage.highest_pu


@cache
def hall(name: str) -> Wiring:
    return Wiring(topology.build(twin.load(Path(__file__).parents[2] / "scenarios" / f"{name}.yaml")))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["gb200-hall", "h100-hall"]), st.data(), st.floats(0.0, 1.0), st.floats(0.9, 1.1))
def test_whatever_is_out_loads_are_fed_whole_or_dark(
    name: str, data: st.DataObject, load_frac: float, grid_pu: float
) -> None:
    site = replace(hall(name), grid_pu=grid_pu)
    chain = [n for kind in ("transformer", "ups", "pdu") for n in site.parts[kind]]
    down = data.draw(st.lists(st.sampled_from(chain), unique=True, max_size=5))
    racks = [n for n, kind in site.kinds.items() if kind == "rack"]
    drawn_w = {rack: load_frac * site.graph.nodes[rack]["demand_max_w"] for rack in racks}
    flow = solve_site(site, drawn_w, down)
    dead = site.tree.dead(down)
    most_w = max(flow.totals["grid_w"], 1e3)
    assert abs(flow.totals["residual_w"]) <= EXACT * most_w
    assert flow.mismatch_va <= EXACT * most_w
    for element in flow.elements:
        assert element.loss_w >= 0
        if element.kind == "cable":
            continue
        assert element.is_up == (element.name not in dead)
        if element.is_up and element.kind not in ("feed", "transformer", "ups", "pdu"):
            assert math.isclose(
                element.in_w, site.demand_w(element.name, drawn_w), rel_tol=1e-9, abs_tol=1e-6
            )
