"""Air fields of random halls: balances, bounds, linearity, and what more air and more heat may do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.facility.air_halls import CP, RISE_K, SUPPLY_K, hall
from twin.facility.air_field import solve
from twin.facility.air_hall import AirHall

MASS, ENERGY = 1e-9, 1e-6
SLACK_K = 1e-6


@st.composite
def cases(draw: st.DrawFn) -> tuple[AirHall, dict[str, object]]:
    """Halls of one to three rows with racks of all powers, gaps, and any containment that fits."""
    has_tiles = draw(st.booleans())
    made = hall(
        draw(st.integers(1, 3)),
        draw(st.integers(2, 4)),
        air_frac=draw(st.floats(0.5, 1.6)),
        has_tiles=has_tiles,
        aisle_m=draw(st.sampled_from((1.2, 1.5, 1.8))),
    )
    racks = []
    for rack in made.racks:
        flow = rack.flow_kg_per_s * draw(st.sampled_from((0.0, 0.3, 1.0, 1.4)))
        heat_w = flow * CP * RISE_K * draw(st.floats(0.0, 2.0))
        gap_m = (0.6, 1.1) if draw(st.integers(0, 4)) == 0 else None
        racks.append(replace(rack, flow_kg_per_s=flow, heat_w=heat_w, gap_m=gap_m))
    racks[0] = replace(made.racks[0], gap_m=racks[0].gap_m)
    containment = draw(st.sampled_from(("none", "cold", "hot") if has_tiles else ("none", "hot")))
    options = {"containment": containment, "leakage_frac": draw(st.sampled_from((0.003, 0.03, 0.3)))}
    return replace(made, racks=tuple(racks)), {**options, "cell_m": draw(st.sampled_from((0.3, 0.6)))}


@settings(max_examples=40, deadline=None)
@given(cases())
def test_balances_and_bounds(case: tuple[AirHall, dict[str, object]]) -> None:
    asked, options = case
    found = solve(asked, **options)  # type: ignore[arg-type]
    assert found.mass_residual_frac < MASS
    assert found.energy_residual_frac < ENERGY
    assert found.supply_heat_index + found.return_heat_index == pytest.approx(1.0, abs=ENERGY)
    fresh = (1.0 - found.bypass_frac) * asked.supply_kg_per_s
    assert fresh == pytest.approx((1.0 - found.recirculation_frac) * asked.rack_kg_per_s, abs=1e-7)
    assert np.nanmin(found.temperature_k) >= SUPPLY_K - SLACK_K
    for rack in found.racks:
        assert SUPPLY_K - SLACK_K <= rack.inlet_k <= rack.inlet_max_k + SLACK_K
        assert -1e-8 <= rack.cold_capture_frac <= 1.0 + 1e-8
        assert -1e-8 <= rack.hot_capture_frac <= 1.0 + 1e-8
        assert rack.outlet_k - rack.inlet_k == pytest.approx(rack.heat_w / CP / rack.flow_kg_per_s, abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(cases(), st.floats(0.2, 5.0))
def test_rise_is_in_proportion_to_heat(case: tuple[AirHall, dict[str, object]], factor: float) -> None:
    asked, options = case
    hotter = replace(asked, racks=tuple(replace(r, heat_w=r.heat_w * factor) for r in asked.racks))
    a, b = (solve(one, **options) for one in (asked, hotter))  # type: ignore[arg-type]
    for before, after in zip(a.racks, b.racks, strict=True):
        expected = factor * (before.inlet_k - SUPPLY_K)
        assert after.inlet_k - SUPPLY_K == pytest.approx(expected, rel=1e-6, abs=SLACK_K)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 3),
    st.sampled_from((1.2, 1.8)),
    st.sampled_from(("none", "cold", "hot")),
    st.floats(0.5, 1.5),
    st.floats(1.02, 1.5),
)
def test_more_crah_air_never_warms_the_racks(
    rows: int, aisle_m: float, containment: str, air_frac: float, more: float
) -> None:
    less, ample = (
        solve(hall(rows, 3, air_frac=f, aisle_m=aisle_m), containment=containment).mean_inlet_k
        for f in (air_frac, air_frac * more)
    )
    assert ample <= less + SLACK_K


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 7), st.floats(0.8, 1.1), st.sampled_from(("none", "cold")))
def test_gap_warms_its_own_rack_the_most(index: int, air_frac: float, containment: str) -> None:
    name = f"rack-{index + 1}"
    before, after = (
        {r.name: r.inlet_k for r in solve(hall(air_frac=air_frac, gap=g), containment=containment).racks}
        for g in ("", name)
    )
    change = {rack: after[rack] - before[rack] for rack in before}
    assert max(change, key=lambda rack: change[rack]) == name
    assert change[name] > 0.0
