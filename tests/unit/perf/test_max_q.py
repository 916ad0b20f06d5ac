"""Max-Q: the optimum is one, more feed never gives less, clocks enter as in runs, faults are clear."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from twin.cli.main import app
from twin.errors import TwinError
from twin.perf import Configuration, Feed, Limits, MaxQ, Tier, max_q, predict, resolve
from twin.perf.max_q_charts import write_html, write_png
from twin.perf.max_q_feed import Rack, of_scenario
from twin.perf.max_q_public import compared
from twin.perf.max_q_setting import clocked, price, price_apart
from twin.physics import inference
from twin.physics.constants import CLOCK_FLOOR_FRAC

HALL = Path(__file__).parents[3] / "scenarios" / "gb200-hall.yaml"
LIMITS = Limits(ttft_s=5.0, tpot_s=0.05)
RACK = Rack.of("gb200-nvl72")


def study(feed: Feed, model: str = "deepseek-r1", **options: object) -> MaxQ:
    """DeepSeek-R1 on a GB200 hall, answers as long as prompts."""
    asked = {"limits": LIMITS, "precisions": ["fp4"]} | options
    return max_q("gb200-nvl72", model, 1024, 1024, feed, **asked)


@pytest.fixture(scope="module")
def hall() -> MaxQ:
    return study(of_scenario(HALL))


def test_a_gb200_hall_gives_a_tenth_more_than_nameplate_provisioning(hall: MaxQ) -> None:
    assert hall.gains["all"] > 0.1
    assert hall.gains["unrounded"] > 0.1
    assert hall.racks(hall.best) > hall.nameplate_racks


def test_also_with_the_workload_that_the_shipped_hall_serves() -> None:
    found = max_q(
        "gb200-nvl72",
        "llama-3.1-405b",
        1155,
        211,
        of_scenario(HALL),
        precisions=["fp8"],
        limits=Limits(2.0, 0.06),
    )
    assert found.nameplate_racks == 9
    assert found.gains["all"] > 0.1


def test_no_setting_is_worth_more_than_the_optimum(hall: MaxQ) -> None:
    assert all(hall.value(s) <= hall.value(hall.best) for s in hall.cloud)
    assert hall.best.rack_tokens_per_s <= hall.nameplate.rack_tokens_per_s


def test_limits_feed_floor_and_ceiling_hold(hall: MaxQ) -> None:
    for s in (*hall.cloud, hall.best):
        assert LIMITS.keep(s)
        assert CLOCK_FLOOR_FRAC <= s.clock_frac <= 1.0
        assert RACK.idle_w < s.gpu_power_w <= 1.001 * RACK.tdp_w
        assert hall.row(s)["site_power_w"] <= hall.feed.feed_w
    assert hall.row(hall.best)["site_power_w"] <= 0.95 * hall.feed.feed_w


def test_the_gains_multiply(hall: MaxQ) -> None:
    whole = 1.0
    for part in ("headroom", "batch", "clock"):
        whole *= 1.0 + hall.gains[part]
    assert whole == pytest.approx(1.0 + hall.gains["all"])


def test_the_curve_goes_from_full_clock_to_the_floor_and_watts_fall(hall: MaxQ) -> None:
    clocks = [s.clock_frac for s in hall.curve]
    assert (clocks[0], clocks[-1]) == (1.0, CLOCK_FLOOR_FRAC)
    watts = [s.mean_gpu_w for s in hall.curve]
    assert watts == sorted(watts, reverse=True)


def test_more_feed_never_gives_fewer_tokens(hall: MaxQ) -> None:
    worth = [
        max(replace(hall, feed=replace(hall.feed, feed_w=w)).value(s) for s in hall.cloud)
        for w in (1.2e6, 1.3e6, 1.45e6, 2.0e6, 3.1e6)
    ]
    assert worth == sorted(worth)


def test_overhead_margin_and_hungry_gpus_cost_tokens(hall: MaxQ) -> None:
    found = {row["what"]: row for row in hall.sensitivity()}
    assert (
        found["no margin"]["gain_frac"]
        >= hall.gains["all"] - 1e-9
        >= found["margin of 10 %"]["gain_frac"] - 1e-9
    )
    assert found["GPUs draw 10 % less"]["gain_frac"] > found["GPUs draw 10 % more"]["gain_frac"]
    assert found["half the overhead"]["racks"] > found["half as much overhead again"]["racks"]


@given(st.floats(CLOCK_FLOOR_FRAC, 1.0), st.integers(1, 200), st.integers(0, 4000))
def test_the_clock_enters_as_in_runs(clock: float, batch: int, prompt: int) -> None:
    r = resolve(Configuration("gb200-nvl72", "gpt-oss-120b", 4, 1024, 512, 64, tensor=4))
    load = (batch, 900.0 * batch, prompt, float(prompt > 0), prompt * prompt / 2)
    assert inference.iteration_s(clocked(r, clock).coefficients, 1.0, *load) == pytest.approx(
        inference.iteration_s(r.coefficients, clock, *load), rel=1e-12
    )


def test_at_full_clock_a_setting_is_the_prediction() -> None:
    asked = Configuration("gb200-nvl72", "llama-3.1-405b", 4, 1024, 1024, 128, tensor=4)
    one, known = price(resolve(asked), RACK, 1.0), predict(asked)
    assert one.gpu_power_w == pytest.approx(known.gpu_power_w)
    assert one.rack_tokens_per_s == pytest.approx(72 * known.tokens_per_s_per_gpu)
    assert one.rack_power_w == pytest.approx(18 * known.power_w)


def test_gpus_that_no_engine_takes_idle() -> None:
    asked = Configuration("gb200-nvl72", "llama-3.1-405b", 16, 1024, 1024, 128, tensor=16)
    one = price(resolve(asked), RACK, 1.0)
    assert one.rack_power_w == pytest.approx(RACK.base_w + 64 * one.gpu_power_w + 8 * RACK.idle_w)


def test_phases_have_clocks_of_their_own() -> None:
    decode = resolve(Configuration("gb200-nvl72", "llama-3.1-405b", 8, 2048, 256, 128, tensor=4))
    ahead = resolve(Configuration("gb200-nvl72", "llama-3.1-405b", 16, 2048, 256, 128, tensor=4))
    full, eased = (price_apart(decode, ahead, RACK, clock, 1.0) for clock in (1.0, 0.7))
    assert eased.gpu_power_w < full.gpu_power_w
    assert eased.prefill_gpu_power_w == pytest.approx(full.prefill_gpu_power_w, rel=0.02)
    found = study(Feed(3e6), "llama-3.1-405b", precisions=["fp8"], is_apart=True)
    assert any(s.prefill and s.clock_frac != s.prefill_clock_frac for s in found.cloud)
    assert found.value(found.best) >= max(map(found.value, found.cloud))


def test_money_counts_where_there_are_prices() -> None:
    tiers = [Tier("slow", 10.0, 1.0), Tier("fast", 100.0, 40.0)]
    found = study(Feed(1.45e6), tiers=tiers)
    assert found.best.tpot_s <= 0.01
    assert found.row(found.best)["usd_per_hour"] == pytest.approx(found.value(found.best))
    with pytest.raises(TwinError, match="no tier is reached"):
        study(Feed(1.45e6), tiers=[Tier("absurd", 1e5, 1.0)])


def test_racks_at_most() -> None:
    found = study(Feed(1.45e6, most_racks=9))
    assert found.racks(found.best) == 9


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"limits": Limits(tpot_s=1e-4)}, "limits"),
        ({"feed": Feed(1e5)}, "feed"),
        ({"model": "nothing"}, "llm"),
    ],
)
def test_what_cannot_be_is_told(change: dict[str, object], where: str) -> None:
    asked = {"feed": Feed(1.45e6), "model": "llama-3.1-405b", "precisions": ["fp8"], **change}
    with pytest.raises(TwinError) as caught:
        study(**asked)
    assert where in [fault.where for fault in caught.value.faults]
    assert all(fault.mend for fault in caught.value.faults)


def test_all_faults_of_a_feed_come_at_once() -> None:
    with pytest.raises(TwinError) as caught:
        Feed(-1.0, overhead_frac=-0.1, margin_frac=1.0, most_racks=0)
    assert [fault.where for fault in caught.value.faults] == ["feed", "overhead", "margin", "racks"]
    with pytest.raises(TwinError, match="nameplate"):
        Rack.of("h100-sxm")


def test_public_figures_say_what_differs(hall: MaxQ) -> None:
    rows = compared(hall)
    assert {row.agrees for row in rows} == {True, False}
    assert all(row.source and row.why and row.ours >= 0.0 for row in rows)


def test_the_pictures(hall: MaxQ, tmp_path: Path) -> None:
    page = write_html(hall, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "nameplate" in page
    pytest.importorskip("matplotlib")
    assert write_png(hall, tmp_path / "a.png").stat().st_size > 10_000


def test_the_command(tmp_path: Path) -> None:
    asked = ["perf", "max-q", "--system", "gb200-nvl72", "--model", "llama-3.1-405b", "--precision", "fp8", "--isl",
             "1155", "--osl", "211", "--slo-tpot", "60ms"]  # fmt: skip
    done = CliRunner().invoke(
        app, [*asked, "--scenario", str(HALL), "--csv", str(tmp_path / "a.csv"), "--json"]
    )
    told = json.loads(done.stdout)
    assert told["gains_frac"]["all"] > 0.1
    assert told["optimum"]["racks"] == 10
    with (tmp_path / "a.csv").open(newline="") as file:
        kinds = [row["kind"] for row in csv.DictReader(file)]
    assert kinds[:3] == ["nameplate", "optimum", "curve"]
    words = CliRunner().invoke(app, [*asked, "--megawatts", "1.45", "--at-racks"])
    assert "over nameplate provisioning" in words.stdout
    assert CliRunner().invoke(app, asked).exception.faults[0].where == "--megawatts"  # type: ignore[union-attr]
