"""A site of several halls: the halls add up to the site, and each of them is a run of its own."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import twin
from twin import launch, report, results, simulate
from twin.errors import ScenarioError
from twin.report import Run
from twin.requests import Requests
from twin.scenario import Hall, Scenario, requests

HALLS = 3
SETS = {"hall.count": HALLS, "time.duration": "2 min", "workload.copies": 12}
CHAT = {"synthetic": {"arrivals": {"rate": "30 1/s"}}, "kind": "chat"}
TALKS = {"synthetic": {"arrivals": {"rate": "3 1/s"}}, "kind": "agentic"}
BURSTS = {"synthetic": {"arrivals": {"process": "gamma", "rate": "30 1/s", "cv": 3}}, "kind": "chat"}
USERS = {"synthetic": {"closed": {"users": 50, "think": "10 s"}}, "kind": "chat"}


@pytest.fixture(scope="module")
def site(scenarios: Path) -> Scenario:
    events = {"trip": {"at": "20 s", "kind": "replica-death", "asset": "hall-02/replica-004"}}
    return twin.load(scenarios / "one-rack.yaml", set={**SETS, "events": events})


@pytest.fixture(scope="module")
def whole(site: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return report.open_run(simulate.run(site, out=tmp_path_factory.mktemp("site")))


@pytest.fixture(scope="module")
def halls(whole: Run) -> list[Run]:
    return [report.open_run(whole.folder / "halls" / f"hall-0{i + 1}") for i in range(HALLS)]


def test_halls_add_up_to_the_site(whole: Run, halls: list[Run]) -> None:
    assert whole.complete and whole.attrs["halls"] == HALLS
    for name in ("requests_arrived", "requests_finished", "energy_site_j", "revenue_usd", "throttled_gpu_s"):
        assert whole.kpis()[name] == pytest.approx(sum(h.kpis()[name] for h in halls), rel=1e-6)
    assert len(whole.assets["gpu"]) == HALLS * 72
    np.testing.assert_array_equal(
        whole["gpu.power_w"].values, np.hstack([hall["gpu.power_w"].values for hall in halls])
    )
    assert whole["rack.power_w"].ids == tuple(f"hall-0{i + 1}/rack-01" for i in range(HALLS))
    for name, row in whole.audit.items():
        assert row["in"] == pytest.approx(sum(h.audit[name]["in"] for h in halls))
        assert abs(row["residual_rel"]) < 1e-9, name


def test_rows_are_numbered_on(whole: Run, halls: list[Run]) -> None:
    assert whole.requests.index.is_unique
    replicas = whole.file.asset("replica")["id"]
    for i, hall in enumerate(halls):
        mine = [replicas[r] for r in whole.requests["replica"] if replicas[r].startswith(f"hall-0{i + 1}/")]
        assert len(mine) == (hall.requests["replica"] >= 0).sum()


def test_an_event_strikes_its_hall_alone(whole: Run, halls: list[Run]) -> None:
    assert set(whole.events["asset"]) == {"hall-02/replica-004"}
    assert [int(h.kpis()["requests_retried"]) > 0 for h in halls] == [False, True, False]


def test_an_event_names_its_hall(scenarios: Path) -> None:
    events = {"trip": {"at": "20 s", "kind": "pump-trip", "asset": "cdu-1"}}
    with pytest.raises(ScenarioError) as caught:
        simulate.prepare(twin.load(scenarios / "one-rack.yaml", set={**SETS, "events": events}))
    assert "hall-01/cdu-1" in caught.value.faults[0].mend


def test_processes_give_the_same_site_and_take_up_what_is_left(
    site: Scenario, whole: Run, tmp_path: Path
) -> None:
    ready = simulate.prepare(site)
    first = tmp_path / ready.run_id / "halls" / "hall-01"
    shutil.copytree(whole.folder / "halls" / "hall-01", first)
    written = (first / "trace.h5").stat().st_mtime_ns
    done: list[float] = []
    again = report.open_run(
        launch.run_site(ready, tmp_path, workers=2, progress=lambda now, _: done.append(now))
    )
    assert again.kpis() == whole.kpis()
    assert (first / "trace.h5").stat().st_mtime_ns == written
    assert done == [120.0, 240.0, 360.0]


def test_a_sample_counts_for_all(site: Scenario, whole: Run, tmp_path: Path) -> None:
    share = {"requests": 0.25, "gaps": 0.5}
    recording = site.recording.model_copy(update=share)
    sampled = report.open_run(simulate.run(site.model_copy(update={"recording": recording}), out=tmp_path))
    all_, few = whole.kpis(), sampled.kpis()
    assert few["requests_arrived"] == all_["requests_arrived"]
    assert len(sampled.requests) == pytest.approx(0.25 * len(whole.requests), rel=0.1)
    assert few["requests_finished"] == pytest.approx(all_["requests_finished"], rel=0.02)
    assert few["revenue_usd"] == pytest.approx(all_["revenue_usd"], rel=0.1)
    assert few["itl_mean_s"] == pytest.approx(all_["itl_mean_s"], rel=0.02)
    assert few["energy_site_j"] == all_["energy_site_j"]
    assert json.loads(sampled.attrs["sampling"]) == {"requests_frac": 0.25, "gaps_frac": 0.5}


@pytest.mark.parametrize(
    "streams", [{"bursts": BURSTS}, {"talks": TALKS, "bursts": BURSTS}], ids=["one", "two"]
)
def test_what_is_dealt_adds_up_to_every_request(scenarios: Path, streams: dict[str, object]) -> None:
    drawn = _of(scenarios, streams)
    alone, parts = drawn(), [drawn(hall=Hall(i, HALLS)) for i in range(HALLS)]
    if "talks" not in streams:
        assert sum(p.rows for p in parts) == alone.rows
        times = np.sort(np.concatenate([p.arrived_at_s for p in parts]))
        np.testing.assert_array_equal(times, alone.arrived_at_s)
    for part in parts:  # whoever follows is where its predecessor is
        assert len(part.follower) == 0 or part.follower.max() < part.rows
    assert sum(p.rows for p in parts) == pytest.approx(alone.rows, rel=0.2)


@pytest.mark.parametrize("stream", [CHAT, TALKS, USERS], ids=["poisson", "sessions", "users"])
def test_parts_carry_the_load_of_the_site(scenarios: Path, stream: dict[str, object]) -> None:
    drawn = _of(scenarios, {"one": stream})
    alone, parts = drawn(), [drawn(hall=Hall(i, HALLS)) for i in range(HALLS)]
    assert sum(p.rows for p in parts) == pytest.approx(alone.rows, rel=0.1)
    assert parts[0].rows != parts[1].rows or not np.array_equal(
        parts[0].prompt_tokens, parts[1].prompt_tokens
    )


def test_copies_of_a_trace_are_shared_out(scenarios: Path) -> None:
    scenario = twin.load(scenarios / "one-rack.yaml", set=SETS)
    alone = requests(scenario)
    parts = [requests(scenario, hall=Hall(i, HALLS)) for i in range(HALLS)]
    times = np.sort(np.concatenate([p.arrived_at_s for p in parts]))
    np.testing.assert_array_equal(times, alone.arrived_at_s)


def test_a_limit_holds_for_the_site(scenarios: Path) -> None:
    scenario = twin.load(scenarios / "one-rack.yaml", set={**SETS, "workload.limit": 500})
    assert sum(requests(scenario, hall=Hall(i, HALLS)).rows for i in range(HALLS)) == 500


def test_a_site_moved_elsewhere_still_opens(whole: Run, tmp_path: Path) -> None:
    moved = shutil.copytree(whole.folder, tmp_path / "elsewhere")
    assert report.open_run(moved).kpis() == whole.kpis()
    assert results.is_complete(moved)


def _of(scenarios: Path, streams: dict[str, object]) -> partial[Requests]:
    sets = {"time.duration": "5 min", "workload": {"streams": streams}}
    return partial(requests, twin.load(scenarios / "one-rack.yaml", set=sets))
