"""Every kind of cooling plant over random weather and loads: balances, monotony, the same sums in pieces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.facility.annual_electrical import Bank, Chain
from twin.facility.annual_kpis import kpis, months
from twin.facility.annual_plant import AIR, LIQUID, Circuit, Site, Year, run
from twin.facility.annual_site import Choice, design
from twin.facility.plant_parts import ECONOMISERS, Answer, Duty, Outdoor
from twin.facility.plant_sizing import KINDS, build
from twin.physics.constants import CELSIUS_ZERO_K
from twin.testing import check_plant
from twin.testing.plants import land_air

EXACT = 1e-9
DESIGN_W, WATER_W_PER_K = 1e6, 1e6 / 7.0
MOST_W = 0.95 * DESIGN_W  # the losses of PDUs in the hall take the rest of what the air handlers carry
WAYS = [(kind, e) for kind in KINDS for e in (ECONOMISERS if kind.endswith("chiller") else ("none",))]
every_way = pytest.mark.parametrize(("kind", "economiser"), WAYS)
few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)

CHAIN = Chain(
    (Bank("pdu", 2e6, 0.0, 0.0, 0.01),),
    (Bank("ups", 3e6, 0.008, 0.01, 0.012),),
    (Bank("transformer", 3e6, 0.001, 0.0, 0.008),),
)


def site(kind: str, economiser: str, **more: float) -> Site:
    choice = Choice(kind, economiser, kind if economiser == "none" else None, None, **more)
    found = design(DESIGN_W, 0.6, 40.0 + CELSIUS_ZERO_K, 26.0 + CELSIUS_ZERO_K, choice)
    return replace(found, chain=CHAIN)


def a_year(kind: str, economiser: str, seed: int, hours: int = 40, **more: float) -> Year:
    rng = np.random.default_rng(seed)
    outdoor, load_w = land_air(rng, hours), MOST_W * rng.uniform(0.0, 1.0, hours) * (rng.random(hours) > 0.1)
    return run(site(kind, economiser, **more), outdoor, load_w)


@every_way
def test_every_kind_conforms(kind: str, economiser: str) -> None:
    check_plant(build(kind, DESIGN_W, WATER_W_PER_K, economiser), WATER_W_PER_K, examples=6)


@every_way
@few
@given(seeds)
def test_energy_and_water_balance(kind: str, economiser: str, seed: int) -> None:
    year = a_year(kind, economiser, seed, reuse_w=0.1 * DESIGN_W, reuse_k=303.15)
    losses_w = {name: year.parts_w[name] for name in ("pdu", "ups", "transformer")}
    out_w = losses_w["ups"] + losses_w["transformer"]
    for flow in year.flows:
        answer = flow.answer
        out_w = out_w + flow.reused_w + answer.to_air_w + answer.fan_w
        # what the water brings is what it leaves behind
        water = flow.circuit.water_w_per_k * flow.circuit.flow_frac(flow.heat_w)
        carried_w = water * (flow.return_k - answer.outlet_k) - flow.reused_w
        np.testing.assert_allclose(carried_w, flow.duty_w, atol=EXACT * DESIGN_W)
        rejected_w = flow.duty_w + answer.compressor_w + answer.pump_w
        np.testing.assert_allclose(answer.to_air_w, rejected_w, atol=EXACT * DESIGN_W)
        assert (answer.free_w <= flow.duty_w + EXACT * DESIGN_W).all()
        solids = answer.make_up_kg_per_s - answer.evaporated_kg_per_s
        assert (answer.evaporated_kg_per_s >= 0.0).all() and (solids >= 0.0).all()
    np.testing.assert_allclose(out_w, year.total_w, atol=EXACT * DESIGN_W)
    np.testing.assert_allclose(year.total_w - year.cooling_w - year.it_w, sum(losses_w.values()), atol=1e-3)


@every_way
@few
@given(seeds)
def test_more_it_never_cools_the_racks(kind: str, economiser: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outdoor, load_w = land_air(rng, 40), DESIGN_W * rng.uniform(0.0, 0.9, 40)
    ours = site(kind, economiser)
    less, more = run(ours, outdoor, load_w), run(ours, outdoor, np.minimum(1.1 * load_w + 1.0, MOST_W))
    for a, b in zip(less.flows, more.flows, strict=True):
        for name in ("supply_k", "inner_return_k", "return_k"):
            assert (getattr(b, name) >= getattr(a, name) - EXACT * 300.0).all(), name
    assert (more.total_w >= less.total_w).all()


@every_way
@few
@given(seeds, st.integers(1, 39))
def test_a_year_in_pieces_is_the_same(kind: str, economiser: str, seed: int, cut: int) -> None:
    whole = a_year(kind, economiser, seed)
    pieces = [
        run(whole.site, Outdoor(*(v[part] for v in whole.outdoor)), whole.it_w[part], 3600.0, begin_s)
        for part, begin_s in ((slice(0, cut), 0.0), (slice(cut, None), 3600.0 * cut))
    ]
    sums = [kpis(piece) for piece in pieces]
    for name, value in kpis(whole).items():
        if name.endswith(("_j", "water_kg", "_h", "hours")):
            assert sum(s[name] for s in sums) == pytest.approx(value, rel=1e-12, abs=1e-6)
    joined = np.concatenate([piece.total_w for piece in pieces])
    np.testing.assert_allclose(joined, whole.total_w, rtol=EXACT)


@every_way
def test_hours_add_up(kind: str, economiser: str) -> None:
    year = a_year(kind, economiser, 1, hours=8760)
    found, by_month = kpis(year), months(year)
    for head in ("", "liquid_", "air_"):
        total_h = sum(found[f"{head}{mode}_h"] for mode in ("free", "partial", "mechanical"))
        assert total_h == pytest.approx(8760.0, abs=1e-6)
    assert [round(m["hours"]) for m in by_month] == [
        744,
        672,
        744,
        720,
        744,
        720,
        744,
        744,
        720,
        744,
        720,
        744,
    ]
    for name in ("total_j", "it_j", "cooling_j", "water_kg", "free_h"):
        assert sum(m[name] for m in by_month) == pytest.approx(found[name], rel=1e-12)
    parts = sum(found[name] for name in found if name.endswith("_over_it"))
    assert found["pue"] == pytest.approx(1.0 + parts, rel=1e-12)


@few
@given(seeds)
def test_rear_doors_balance_and_never_cool_with_load(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours = replace(design(DESIGN_W, 0.3, choice=Choice(rear_doors=True)), chain=CHAIN)
    outdoor, load_w = land_air(rng, 40), DESIGN_W * rng.uniform(0.0, 0.9, 40)
    less, more = run(ours, outdoor, load_w), run(ours, outdoor, np.minimum(1.1 * load_w + 1.0, MOST_W))
    for a, b in zip(less.flows, more.flows, strict=True):
        rejected_w = a.duty_w + a.answer.compressor_w + a.answer.pump_w
        np.testing.assert_allclose(a.answer.to_air_w, rejected_w, atol=EXACT * DESIGN_W)
        for name in ("supply_k", "inner_return_k", "return_k"):
            assert (getattr(b, name) >= getattr(a, name) - EXACT * 300.0).all(), name
    assert (more.total_w >= less.total_w).all() and not less.parts_w["air_handlers"].any()


def test_racks_get_what_the_water_allows() -> None:
    """An inner supply above its set-point lies over the water by the exchanger's approach."""
    ours = design(DESIGN_W, 0.6)
    names = {circuit.name: circuit for circuit in ours.circuits}
    assert set(names) == {LIQUID, AIR}
    hot = Outdoor.at(np.full(3, 321.0), np.full(3, 0.01), np.full(3, 101325.0))
    flow = run(ours, hot, np.array([0.4, 0.7, 1.0]) * DESIGN_W).flows[0]
    circuit: Circuit = flow.circuit
    assert (flow.supply_k > circuit.supply_k).all()
    approach_k = flow.supply_k - flow.answer.outlet_k
    assert (np.diff(approach_k) > 0.0).all() and 1.0 < approach_k[0] < approach_k[-1] < 4.0


class _Bad:
    """A dry cooler with one fault; the kit must see it."""

    def __init__(self, spoil: object) -> None:
        self.good, self.spoil = build("dry-cooler", DESIGN_W, WATER_W_PER_K), spoil
        self.kind, self.capacity_w = self.good.kind, DESIGN_W

    def run(self, duty: Duty, outdoor: Outdoor) -> Answer:
        return self.spoil(self.good.run(duty, outdoor), duty, outdoor)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a, d, o: a._replace(to_air_w=0.999 * a.to_air_w), "energy residual"),
        (lambda a, d, o: a._replace(fan_w=a.fan_w + 1.0), "without heat"),
        (
            lambda a, d, o: a._replace(fan_w=a.fan_w * np.exp(0.1 * (280.0 - o.dry_bulb_k))),
            "warmer surroundings",
        ),
        (lambda a, d, o: a._replace(outlet_k=a.outlet_k.max() + 0.0 * a.outlet_k), "hours see each other"),
        (lambda a, d, o: a._replace(fan_w=a.fan_w * (2.0 - d.heat_w / DESIGN_W) ** 9), "more load"),
        (lambda a, d, o: a._replace(make_up_kg_per_s=a.make_up_kg_per_s - 1.0), "fresh water"),
        (lambda a, d, o: a._replace(fan_w=a.fan_w * d.set_k**9), "a higher set-point"),
    ],
)
def test_the_kit_catches_a_bad_plant(spoil: object, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_plant(_Bad(spoil), WATER_W_PER_K, examples=20)


def test_the_kit_catches_a_careless_plant() -> None:
    def spoil(answer: Answer, duty: Duty, outdoor: Outdoor) -> Answer:
        duty.heat_w[:] += 1.0
        return answer

    with pytest.raises(AssertionError, match=r"changed what it was given|energy residual"):
        check_plant(_Bad(spoil), WATER_W_PER_K, examples=2)
