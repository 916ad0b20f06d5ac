"""Parts of a year of cooling against relations that others checked, and against design points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import twin
from twin.errors import ScenarioError
from twin.facility import annual_kpis as k
from twin.facility import plant_sizing as sizing
from twin.facility.annual_electrical import Bank, Chain
from twin.facility.annual_plant import AnnualError, Year, run
from twin.facility.annual_site import Choice, chosen, design, of_scenario
from twin.facility.plant_dry_cooler import DryCooler
from twin.facility.plant_parts import FINE_SPEEDS, RATED_DENSITY_KG_PER_M3, Duty, Outdoor, hold
from twin.facility.plant_tower import Tower, Weather
from twin.physics import cooling_tower, psychrometrics
from twin.physics.heat_rejection import Speed, dry_cooler

CELSIUS = 273.15
MW = 1e6


def outdoor(dry_c: object, wet_c: object = None, pressure_pa: float = 101325.0) -> Outdoor:
    dry_k = np.atleast_1d(np.asarray(dry_c, dtype=float)) + CELSIUS
    wet_k = dry_k - 6.0 if wet_c is None else np.broadcast_to(np.asarray(wet_c, float) + CELSIUS, dry_k.shape)
    total = np.full_like(dry_k, pressure_pa)
    humidity = np.maximum(psychrometrics.humidity_at_wet_bulb(dry_k, wet_k, total), 1e-5)
    return Outdoor(dry_k, psychrometrics.wet_bulb_k(dry_k, humidity, total), humidity, total)


def duty(heat_w: object, water_w_per_k: float, set_c: float) -> Duty:
    heat = np.atleast_1d(np.asarray(heat_w, dtype=float))
    one = np.ones_like(heat)
    return Duty(heat, water_w_per_k * one, one, set_c + CELSIUS)


def test_dry_cooler_at_full_speed_is_the_checked_relation() -> None:
    air, ours = outdoor([36.0, 40.0, 44.0]), DryCooler(MW, 220e3, 110.0 * RATED_DENSITY_KG_PER_M3, 26e3)
    found = ours.run(duty(np.full(3, MW), 100e3, 30.0), air)
    assert (found.speed_frac == 1.0).all()
    # the coil's films follow the air's mass, so the reference gets the UA at that mass
    mass_frac = ours.dry_air_kg_per_s(1.0, air.dry_bulb_k, air) / ours.air_kg_per_s
    ua = 220e3 / (0.8 * mass_frac**-0.6 + 0.2)
    inlet_k = found.outlet_k + 10.0
    for i in range(3):
        one = [values[i : i + 1] for values in (air.dry_bulb_k, air.wet_bulb_k, air.pressure_pa)]
        speeds = (Speed(110.0, float(ua[i]), 26e3),)
        there = dry_cooler(
            inlet_k[i : i + 1], np.array([100e3]), 273.15, speeds, cooling_tower.TowerAir(*one)
        )
        assert there.outlet_k[0] == pytest.approx(found.outlet_k[i], abs=1e-6)


def test_dry_cooler_holds_its_set_point_with_the_speed_it_says() -> None:
    air, ours = outdoor(np.linspace(-20.0, 33.0, 30)), sizing.dry_cooler(MW)
    wanted = duty(np.full(30, 0.8 * MW), 80e3, 45.0)
    found = ours.run(wanted, air)
    np.testing.assert_allclose(found.outlet_k, 45.0 + CELSIUS)
    moving = found.speed_frac > FINE_SPEEDS[0]
    reached_k = ours.outlet_k(wanted, found.speed_frac, air.dry_bulb_k, air)[moving]
    # speeds between two that were looked at lie on a line, on the safe side
    assert (reached_k <= 45.0 + CELSIUS + 1e-9).all() and (reached_k > 45.0 + CELSIUS - 0.15).all()
    np.testing.assert_allclose(found.fan_w, ours.fan_w * found.speed_frac**3)


def test_adiabatic_cooler_saves_water_until_it_must() -> None:
    ours = sizing.build("adiabatic-cooler", MW, 100e3)
    found = ours.run(
        duty(np.full(4, MW), 100e3, 40.0), outdoor([0.0, 24.0, 33.0, 40.0], [-2.0, 16.0, 20.0, 22.0])
    )
    assert (found.evaporated_kg_per_s[:2] == 0.0).all() and (
        np.diff(found.evaporated_kg_per_s[1:]) > 0.0
    ).all()
    np.testing.assert_allclose(found.make_up_kg_per_s, 1.5 * found.evaporated_kg_per_s)
    np.testing.assert_allclose(found.outlet_k, 40.0 + CELSIUS)


def test_tower_agrees_with_the_relation_that_starts_from_its_inlet() -> None:
    air = outdoor([35.0, 20.0, 5.0, 30.0], [25.6, 12.0, 2.0, 28.0])
    tower, heat_w = Tower(250e3, 225e3, 40.5, 15750.0), np.array([1.8, 1.0, 0.5, 1.2]) * MW
    outlet_k = tower.outlet_k(heat_w, 1.0, np.ones(4), Weather.of(air))
    inlet_k = outlet_k + heat_w / 250e3
    there_w = cooling_tower.tower_heat_w(inlet_k, np.full(4, 250e3), 40.5, 225e3, air.tower)
    np.testing.assert_allclose(there_w, heat_w, rtol=1e-6)


def test_towers_meet_their_rating_point() -> None:
    plant = sizing.towers(MW, 100e3)
    rated_w = plant.tower.water_w_per_k * sizing.TOWER_RANGE_K
    air = outdoor([sizing.TOWER_IN_K - CELSIUS], [sizing.TOWER_WET_BULB_K - CELSIUS])
    outlet_k = plant.tower.outlet_k(np.array([rated_w]), 1.0, np.ones(1), Weather.of(air))
    assert outlet_k[0] == pytest.approx(sizing.TOWER_IN_K - sizing.TOWER_RANGE_K, abs=1e-3)


def test_tower_water_leaves_as_vapour() -> None:
    """Between 75 and 100 % of the heat leaves with vapour on a warm day: 1.1 to 1.5 L/kWh."""
    found = sizing.build("tower", MW, 100e3).run(duty([MW], 100e3, 32.0), outdoor([30.0], [21.0]))
    litres_per_kwh = found.evaporated_kg_per_s[0] * 3.6e6 / MW
    assert 1.1 < litres_per_kwh < 1.5
    assert found.make_up_kg_per_s[0] == pytest.approx(1.25 * found.evaporated_kg_per_s[0])


@pytest.mark.parametrize("kind", ["air-chiller", "water-chiller"])
def test_economisers_save_and_switch(kind: str) -> None:
    air = outdoor(np.linspace(-10.0, 40.0, 60))
    wanted = duty(np.full(60, MW), MW / 6.0, 16.0)
    none, full, partial = (
        sizing.build(kind, MW, MW / 6.0, e).run(wanted, air) for e in ("none", "full", "partial")
    )
    assert (partial.power_w <= full.power_w + 1e-6).all() and (full.power_w <= none.power_w + 1e-6).all()
    modes = partial.mode(wanted.heat_w)
    assert list(dict.fromkeys(modes)) == [0, 1, 2] and (np.diff(modes) >= 0).all()
    assert set(full.mode(wanted.heat_w)) == {0, 2} and set(none.mode(wanted.heat_w)) == {2}
    np.testing.assert_allclose(partial.compressor_w[modes == 2], none.compressor_w[modes == 2])


def test_hold_by_passes_below_the_first_point_and_lets_go_past_the_last() -> None:
    held = hold([np.array([300.0, 320.0, 310.0]), np.array([290.0, 315.0, 300.0])], 305.0)
    assert held.along(np.array([0.2, 1.0])).tolist() == pytest.approx([0.2, 1.0, 0.6])
    assert held.outlet_k.tolist() == [305.0, 315.0, 305.0]


def test_losses_pass_along_the_chain() -> None:
    chain = Chain(
        (Bank("pdu", 2.0, 0.0, 0.0, 0.1),), (Bank("ups", 4.0, 0.01, 0.0, 0.0),), (Bank("t", 1.0, 0, 0.1, 0),)
    )
    lost = chain.losses_w(np.array([1.0]), np.array([0.5]))
    assert lost["pdu"][0] == pytest.approx(0.05) and lost["ups"][0] == pytest.approx(0.04)
    assert lost["t"][0] == pytest.approx(0.1 * 1.59) and chain.hall_loss_w(np.array([1.0]))[
        0
    ] == pytest.approx(0.05)


def test_reuse_of_heat_takes_it_from_the_plant() -> None:
    air = outdoor(np.full(24, 20.0))
    plain = run(design(10 * MW), air)
    given = run(chosen(plain.site, Choice(reuse_w=2 * MW, reuse_k=300.0)), air)
    too_cold = run(chosen(plain.site, Choice(reuse_w=2 * MW, reuse_k=340.0)), air)
    figures, before = k.kpis(given), k.kpis(plain)
    np.testing.assert_allclose(plain.flows[0].duty_w - given.flows[0].duty_w, 2 * MW)
    assert figures["pue"] < before["pue"] and figures["ere"] == pytest.approx(figures["pue"] - 0.2)
    assert k.kpis(too_cold)["ere"] == before["pue"]


def test_classes_of_supplies() -> None:
    year = run(design(10 * MW), outdoor(np.full(24, 15.0)))
    liquid, air = year.flows
    assert (k.narrowest_class(year, liquid), k.narrowest_class(year, air)) == ("W45", "recommended")
    warm = replace(
        year, flows=(replace(liquid, answer=liquid.answer._replace(outlet_k=np.full(24, 320.0))), air)
    )
    assert k.narrowest_class(warm, warm.flows[0]) == "W+"
    assert k.narrowest_class(year, replace(air, supply_k=np.full(24, 330.0))) == ""


def test_months_follow_the_calendar_and_refuse_a_second_year() -> None:
    year = run(design(10 * MW), outdoor(np.full(48, 15.0)), begin_s=30.0 * 86400.0)
    assert [(m["month"], round(m["hours"])) for m in k.months(year)] == [("Jan", 24), ("Feb", 24)]
    over_the_end: Year = replace(year, begin_s=364.0 * 86400.0)
    assert [m["month"] for m in k.months(over_the_end)] == ["Jan", "Dec"]
    too_long: Year = replace(year, step_s=np.full(48, 8e5))
    with pytest.raises(AnnualError, match="more than a year"):
        k.months(too_long)


def test_site_of_a_scenario(scenarios: Path) -> None:
    one = of_scenario(twin.load(scenarios / "gb200-hall.yaml"))
    twenty = of_scenario(twin.load(scenarios / "gb200-hall.yaml"), 20 * one.it_w)
    air = outdoor([-5.0, 20.0, 34.0])
    small, large = run(one, air), run(twenty, air)
    np.testing.assert_allclose(large.total_w, 20.0 * small.total_w)
    assert small.parts_w.keys() >= {"pdu", "ups", "transformer", "compressors"}
    assert one.it_w == pytest.approx(8 * 132e3 + 7408 + 15712)
    assert one.liquid_frac * one.it_w == pytest.approx(0.87 * 8 * 132e3)


def test_what_cannot_be_reckoned_is_refused_at_once() -> None:
    air = outdoor([10.0, 20.0])
    with pytest.raises(AnnualError) as error:
        run(design(MW), air, np.ones(3), np.ones(4))
    assert [fault.where for fault in error.value.faults] == ["it_w", "step_s"]
    with pytest.raises(AnnualError) as error:
        run(design(MW), air, 1.5 * MW)
    assert {fault.where for fault in error.value.faults} == {"cooling.liquid", "cooling.air"}
    with pytest.raises(AnnualError):
        run(design(MW), air, np.array([np.nan, 1.0]))
    with pytest.raises(ScenarioError) as wrong:
        sizing.build("dry-coler", MW, 1e5, "half")
    assert len(wrong.value.faults) == 2
    with pytest.raises(ScenarioError):
        sizing.build("tower", MW, 1e5, "full")
    with pytest.raises(ScenarioError):
        design(MW, 1.5)
    with pytest.raises(ScenarioError) as absent:
        chosen(design(MW, 0.0), Choice(air_plant="tower", air_economiser="none"))
    assert [fault.where for fault in absent.value.faults] == ["--air-plant", "--air-economiser"]


def test_warmer_air_never_has_a_lower_wet_bulb_about_freezing() -> None:
    dry_k = np.linspace(-3.0, 12.0, 3001) + CELSIUS
    for humidity in (0.0005, 0.001, 0.002, 0.003):
        moist = np.minimum(humidity, psychrometrics.saturated_ratio(dry_k[:1], np.array([9e4])))
        air = Outdoor.at(dry_k, np.full_like(dry_k, float(moist[0])), np.full_like(dry_k, 9e4))
        assert (np.diff(air.wet_bulb_k) > 0.0).all()
        assert (air.wet_bulb_k <= air.dry_bulb_k + 1e-9).all()
