"""The compiled plant: inputs reach the asset that they name, and what has no power does nothing."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin import engine, plant, simulate
from twin.errors import ScenarioError
from twin.plant._over_gpus import total


def compiled(path: Path, **overrides: Any) -> plant.Plant:
    ready = simulate.prepare(twin.load(path, set={"workload.limit": 10, **overrides}))
    return plant.compile_plant(ready.graph, ready.scenario, ready.requests, ready.weather)


@pytest.mark.parametrize(("hall", "transformers"), [("gb200-hall", 1), ("gb200-hall", 2), ("h100-hall", 1)])
@pytest.mark.parametrize("kind", ["ups", "pdu", "transformer"])
def test_an_outage_hits_the_asset_that_it_names(
    scenarios: Path, hall: str, transformers: int, kind: str
) -> None:
    site = compiled(scenarios / f"{hall}.yaml", **{"power.transformer.count": transformers})
    for i in range(len(site.ids[kind])):
        site.inputs[f"{kind}.is_up"][i] = False
        site.step(1e-3)
        assert np.flatnonzero(site.served(kind) == 0.0).tolist() == [i], site.ids[kind][i]
        site.inputs[f"{kind}.is_up"][i] = True


def test_a_blackout_stops_everything(scenarios: Path, tmp_path: Path) -> None:
    """Nothing is cooled, served or lit without power; what was cut off in the tick of the outage is booked."""

    def blackout(ctx: engine.Context) -> None:
        def occur() -> Generator[Any, Any, None]:
            yield ctx.env.timeout(60.0)
            ctx.write("transformer.is_up", "transformer-1", 0.0)

        ctx.env.process(occur())

    scenario = twin.load(scenarios / "one-rack.yaml", set={"time.duration": "2 min"})
    run = twin.open_run(simulate.run(scenario, out=tmp_path, extra=blackout))
    for name in ("site.power_w", "rack.power_w", "gpu.power_w", "rack.air_heat_w", "cdu.power_w", "crah.power_w",
                 "chiller.power_w", "chiller.heat_w", "dry_cooler.power_w", "replica.output_tokens"):  # fmt: skip
        values = run[name].values
        assert values[:11].max() > 0.0, f"{name} before"
        assert abs(values[-6:]).max() < 1.0, f"{name} in the dark"
    audit = run.audit
    assert abs(audit["energy"]["residual_rel"]) < 1e-9
    assert 0.0 < audit["unserved"]["in"] < 2.0 * run["site.power_w"].values.max(), (
        "at most the tick of the outage"
    )


def test_one_ups_less_moves_its_load_to_the_other(scenarios: Path, tmp_path: Path) -> None:
    def outage(ctx: engine.Context) -> None:
        def occur() -> Generator[Any, Any, None]:
            yield ctx.env.timeout(60.0)
            ctx.write("ups.is_up", "ups-2", 0.0)

        ctx.env.process(occur())

    scenario = twin.load(scenarios / "one-rack.yaml", set={"time.duration": "2 min"})
    run = twin.open_run(simulate.run(scenario, out=tmp_path, extra=outage))
    ups, rack = run["ups.power_w"].values, run["rack.power_w"].values
    assert ups[-1, 1] == 0.0
    assert ups[-1, 0] > 1.5 * ups[10, 0]
    assert rack[-1, 0] > 0.8 * rack[10, 0]


def test_a_tick_that_swings_the_cooling_is_refused(scenarios: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        compiled(scenarios / "gb200-hall.yaml", **{"time.tick": "10 s"})
    assert {f.where for f in caught.value.faults} == {"time.tick"}
    assert "2.7 s" in caught.value.faults[0].mend


def test_a_model_that_does_not_fit_is_refused(scenarios: Path) -> None:
    with pytest.raises(ScenarioError, match="GB are missing"):
        compiled(scenarios / "h100-hall.yaml", **{"serving.weights": "bf16"})


@pytest.mark.parametrize("sample", ["1 s", "10 s"])
def test_throttling_is_measured_and_not_sampled(scenarios: Path, tmp_path: Path, sample: str) -> None:
    overrides = {"time.duration": "3 min", "time.sample": sample, "events.pump-trip.at": "1 min"}
    kpis = twin.run(twin.load(scenarios / "cdu-pump-trip.yaml", set=overrides), out=tmp_path).kpis()
    expected = _KPIS.setdefault("first", kpis)
    for key in (
        "throttled_gpu_s",
        "gpu_clock_min_frac",
        "gpu_temperature_max_k",
        "energy_site_j",
        "ttft_p99_s",
    ):
        assert kpis[key] == pytest.approx(expected[key], rel=1e-6), key
    assert kpis["throttled_gpu_s"] > 0.0


_KPIS: dict[str, dict[str, float]] = {}


def test_totals_over_a_map_leave_out_what_belongs_to_nobody() -> None:
    assert total(np.array([1.0, 2.0, 4.0]), np.array([0, -1, 1]), 3).tolist() == [1.0, 4.0, 0.0]
