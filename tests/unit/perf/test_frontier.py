"""Frontiers: nothing on them is dominated, every point can be priced again, limits and prices hold."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from twin.cli.main import app
from twin.errors import TwinError
from twin.perf import Fleets, Frontier, Tier, charts, frontiers, predict
from twin.perf.feeding import near, ratio


@pytest.fixture(scope="module")
def fleets() -> Fleets:
    return frontiers(
        ["dgx-h100", "gb200-nvl72", "lpx"], "gpt-oss-120b", 1024, 512, drafts=[0, 3], is_apart=True,
        most_ttft_s=5.0, most_tpot_s=0.05, megawatts=2.0,
    )  # fmt: skip


@pytest.fixture(params=[0, 1], ids=["dgx-h100", "gb200-nvl72"])
def one(fleets: Fleets, request: pytest.FixtureRequest) -> Frontier:
    index: int = request.param
    return fleets.priced[index]


def test_no_point_is_dominated(one: Frontier) -> None:
    speeds = [p.tokens_per_s_per_user for p in one.points]
    yields = [p.tokens_per_s_per_mw for p in one.points]
    assert len(one.points) > 5
    assert speeds == sorted(set(speeds))
    assert yields == sorted(set(yields), reverse=True)


def test_every_point_is_priced_the_same_again(one: Frontier) -> None:
    assert all(predict(p.configuration, p.prefill) == p for p in one.points)


def test_limits_hold(one: Frontier) -> None:
    assert all(p.ttft_s <= 5.0 and p.tpot_s <= 0.05 for p in one.points)


def test_the_search_takes_prefill_apart_and_drafts_where_they_pay(one: Frontier) -> None:
    assert any(p.prefill for p in one.points)
    assert any(p.configuration.drafts for p in one.points)


def test_the_knee_is_the_largest_product(one: Frontier) -> None:
    products = [p.tokens_per_s_per_mw * p.tokens_per_s_per_user for p in one.points]
    assert one.points[products.index(max(products))] is one.knee


def test_refused_systems_are_named(fleets: Fleets) -> None:
    assert [f.system for f in fleets.priced] == ["dgx-h100", "gb200-nvl72"]
    assert "Groq LPU" in fleets.refused["lpx"]
    with pytest.raises(TwinError, match="Groq LPU"):
        frontiers(["lpx"], "gpt-oss-120b", 1024, 512)


def test_rows_speak_of_the_site(fleets: Fleets, tmp_path: Path) -> None:
    fleets.write_csv(tmp_path / "all.csv")
    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(f.points) for f in fleets.priced)
    for row in rows:
        power_w = float(row["site_gpus"]) / float(row["gpus"]) * float(row["power_w"])
        assert power_w == pytest.approx(2e6)
        assert float(row["site_tokens_per_s"]) == pytest.approx(2.0 * float(row["tokens_per_s_per_mw"]))
    assert sum(row["is_knee"] == "True" for row in rows) == 2
    json.dumps(fleets.json())


def test_a_tier_earns_from_the_best_point_that_is_fast_enough(one: Frontier) -> None:
    speed = one.points[3].tokens_per_s_per_user
    earned = Tier("fast", speed, 2.0).usd_per_hour(one)
    assert earned == pytest.approx(one.points[3].tokens_per_s_per_mw * 3600 * 2.0 / 1e6)
    assert Tier("never", 1e6, 2.0).usd_per_hour(one) == 0.0


@pytest.mark.parametrize("text", ["", "a:b:c", "a:1", "a:-1:2", "a:nan:2"])
def test_wrong_tiers_are_refused(text: str) -> None:
    with pytest.raises(TwinError, match="tier"):
        Tier.parse(text)


def test_limits_that_nothing_keeps_are_refused_with_what_is_best() -> None:
    with pytest.raises(TwinError, match="at best"):
        frontiers(["dgx-h100"], "llama-3.1-8b", 1024, 512, most_tpot_s=1e-5)


def test_a_model_beyond_one_domain_is_served_by_several() -> None:
    found = frontiers(["dgx-h100"], "deepseek-r1", 1024, 512)
    assert min(p.configuration.layout.gpus for p in found.priced[0].points) == 16


def test_charts_show_every_system(fleets: Fleets, tmp_path: Path) -> None:
    names = {trace.name for trace in charts.figure(fleets).data}
    assert {"dgx-h100", "gb200-nvl72", charts.KNEE} <= names
    assert charts.write_html(fleets, tmp_path / "a.html").stat().st_size > 1e5
    pytest.importorskip("matplotlib")
    assert charts.write_png(fleets, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_png_without_a_library_names_the_line_that_mends_it(
    fleets: Fleets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "find_spec", lambda _: None)
    with pytest.raises(TwinError, match="pip install matplotlib"):
        charts.write_png(fleets, tmp_path / "a.png")


@given(st.floats(1e-3, 1e2))
def test_prompt_engines_keep_up(wanted: float) -> None:
    prompts, decodes = ratio(wanted)
    assert prompts / decodes >= min(wanted, 1 / 64) * (1 - 1e-9)
    assert prompts / decodes >= wanted * (1 - 1e-9) or decodes == 64


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=1, max_size=30))
def test_near_keeps_all_that_nothing_beats(spots: list[tuple[float, float]]) -> None:
    kept = near(spots, lambda at: at, 0.8)
    for at in spots:
        if not any(o != at and o[0] >= at[0] and o[1] >= at[1] for o in spots):
            assert at in kept


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    words = ["perf", "frontier", "--system", "dgx-h100", "--system", "lpx", "--model", "llama-3.1-8b"]
    lengths = ["--isl", "512", "--osl", "128", "--tier", "chat:50:1", "--csv", str(tmp_path / "a.csv")]
    done = CliRunner().invoke(app, words + lengths)
    assert done.exit_code == 0, done.output
    assert "left out: lpx" in done.output
    assert "max-Q" in done.output
    assert (tmp_path / "a.csv").exists()


def test_the_command_of_a_point_prints_where_time_goes() -> None:
    words = "perf point --system dgx-h100 --gpus 8 --model llama-3.1-8b --isl 512 --osl 128 --concurrency 8"
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 0, done.output
    assert "binds" in done.output
    assert "[ms]" in done.output
