"""Load flow of a site on a ring: both solvers, the way of the current, outages of sections."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest

from twin import facility
from twin.scenario import load
from twin.topology import build

from ...conftest import SCENARIOS

WORDS = {
    "power.transformer.count": 3, "power.pdu.count": 6,
    "power.ups": {"unit": "ups-1000kw", "count": 3, "redundancy": "N+1"},
}  # fmt: skip


def site(**ring: Any) -> nx.MultiDiGraph:
    """The shipped hall on three transformers along a ring of sections for 100 A."""
    words = {"rating": "100 A", "length": "300 m", **ring}
    return build(load(SCENARIOS / "gb200-hall.yaml", set={**WORDS, "power.ring": words}))


def power_w(flow: facility.SiteFlow) -> dict[str, float]:
    return {e.name: e.in_w for e in flow.elements}


def test_current_comes_over_both_sides_up_to_the_open_point() -> None:
    flow = facility.solve_site(site())
    found = power_w(flow)
    assert "ring-2" not in found
    assert found["ring-1"] == pytest.approx(found["transformer-1"], rel=1e-3)
    assert found["ring-4"] == pytest.approx(found["transformer-2"] + found["transformer-3"], rel=3e-3)
    assert found["ring-1"] + found["ring-4"] == pytest.approx(found["feed"], rel=1e-12)
    assert abs(flow.totals["residual_w"]) < 1e-6


@pytest.mark.parametrize("ring", [{}, {"closed": True}, {"open": 1}])
def test_power_grid_model_agrees(ring: dict[str, Any]) -> None:
    pytest.importorskip("power_grid_model")
    graph = site(**ring)
    for down in ((), ("ring-3",), ("transformer-2",)):
        ours, exact = (
            facility.solve_site(graph, {}, down, s) for s in (facility.solve, facility.solve_exact)
        )
        for one, other in zip(ours.elements, exact.elements, strict=True):
            assert one.name == other.name
            assert one.in_w == pytest.approx(other.in_w, rel=1e-8, abs=1e-3)


def test_a_closed_ring_shares_and_an_open_one_does_not() -> None:
    closed, opened = power_w(facility.solve_site(site(closed=True))), power_w(facility.solve_site(site()))
    assert closed["ring-1"] == pytest.approx(closed["ring-4"], rel=1e-2)
    assert opened["ring-4"] > 1.9 * opened["ring-1"]


def test_outages_of_sections_are_borne_by_the_others_within_their_rating() -> None:
    outages = {o.part: o for o in facility.site_outages(site())}
    assert all(outages[f"ring-{i}"].is_borne for i in range(1, 5))
    thin = {o.part: o for o in facility.site_outages(site(rating="60 A"))}
    assert thin["ring-1"].overloaded == ("ring-4",)
    assert thin["ring-4"].overloaded == ("ring-1",)


def test_two_sections_out_darken_what_is_between_them() -> None:
    flow = facility.solve_site(site(), {}, ("ring-2", "ring-3"))
    dark = {e.name for e in flow.elements if not e.is_up}
    assert {"transformer-2", "ups-2"} <= dark
    assert not {"transformer-1", "transformer-3"} & dark
    assert facility.one_line(flow, "ring").count("open") == 2
