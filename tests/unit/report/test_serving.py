"""Serving figures against sums by hand: latencies, limits by tier, cache, money, tables."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console, RenderableType

from twin import report
from twin.errors import ResultsError
from twin.report import Run
from twin.report.kpis import DISPLAY
from twin.results import open_file

Serve = Callable[..., Run]


def text_of(shown: RenderableType, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(shown)
    return console.export_text()


def test_requests_are_judged_by_the_limits_of_their_tier(serve: Serve) -> None:
    kpis = serve().kpis()
    # gold: 0 keeps both limits, 1 takes 0.9 s to its first token; economy: 2 takes 5 s of 10 s, and its
    # tpot of 0.1 s keeps the 0.15 s of the site; 3 has one token
    good, late = 3, 5
    assert kpis["good_frac"] == pytest.approx(good / (good + late))
    assert kpis["late_requests"] == late, "too slow, rejected, shed, cancelled, waiting for 13 s"
    assert kpis["goodput_requests_per_s"] == pytest.approx(good / 20)
    assert kpis["goodput_tokens_per_s"] == pytest.approx((11 + 11 + 1) / 20)
    counts = [
        kpis[f"requests_{k}"]
        for k in ("arrived", "finished", "rejected", "shed", "cancelled", "retried", "in_flight")
    ]
    assert counts == [8, 4, 1, 1, 1, 1, 1]


def test_latencies_are_taken_over_those_that_have_them(serve: Serve) -> None:
    kpis = serve().kpis()
    assert kpis["ttft_mean_s"] == pytest.approx(np.mean([0.4, 0.9, 5.0, 0.2, 0.1]))
    assert kpis["tpot_p50_s"] == pytest.approx(np.median([0.04, 0.04, 0.1]))
    assert kpis["queue_p99_s"] == pytest.approx(np.percentile([0.1, 0.5, 4.0, 0.1, 0.05], 99))
    gaps = np.concatenate(
        [np.repeat(0.04 + 0.001 * np.arange(10), 2), [0.5], np.repeat(0.1 - 0.01 * np.arange(4), 3)]
    )
    assert kpis["itl_mean_s"] == pytest.approx(gaps.mean())
    for level in (50, 90, 95, 99):
        assert kpis[f"itl_p{level}_s"] == np.percentile(gaps, level, method="inverted_cdf")


def test_revenue_follows_the_price_of_the_tier(serve: Serve) -> None:
    gold, economy = 200 * 0.02 + 22 * 0.2, 300 * 0.01 + 12 * 0.1
    run = serve()
    assert run.kpis()["revenue_usd"] == pytest.approx(gold + economy)
    by_tier = run.by("tier")
    assert by_tier["revenue_usd"].to_dict() == pytest.approx({"gold": gold, "economy": economy})


def test_cache_and_losses_are_totals_of_their_series(serve: Serve) -> None:
    kpis = serve().kpis()
    assert kpis["cached_tokens"] == 150
    assert kpis["input_tokens_cached_per_s"] == pytest.approx(150 / 20)
    assert kpis["cache_hit_frac"] == pytest.approx(150 / 600), "of the prompts that were admitted"
    assert kpis["cache_hit_requests_frac"] == pytest.approx(2 / 5)
    assert (kpis["preemptions"], kpis["lost_tokens"], kpis["sent_bytes"]) == (2, 7, 1e9)


def test_a_run_without_the_later_series_reports_what_it_has(serve: Serve) -> None:
    kpis = serve(series=14).kpis()
    assert not {"preemptions", "lost_tokens", "sent_bytes"} & set(kpis)
    assert kpis["cached_tokens"] == 150, "from the requests"


def test_groups_add_up_to_the_run(serve: Serve) -> None:
    run = serve()
    for grouping in ("tier", "tenant", "kind"):
        table = run.by(grouping)
        assert table["requests"].sum() == 8
        assert table["goodput_tokens_per_s"].sum() == pytest.approx(run.kpis()["goodput_tokens_per_s"])
    assert list(run.by("tenant").index) == ["acme", "zeta"]
    assert run.by("replica")["requests"].to_dict() == {"replica-1": 3, "replica-2": 3}
    assert run.by("tier").loc["gold", "good_frac"] == pytest.approx(1 / 6)
    with pytest.raises(ResultsError, match="tenant"):
        run.by("color")


def test_the_table_of_a_load_generator(serve: Serve, tmp_path: Path) -> None:
    table = report.aiperf_table(serve())
    row = table.loc["Time to First Token (ms)"]
    ttft = np.array([400.0, 900.0, 5000.0, 200.0, 100.0])
    assert row["avg"] == pytest.approx(ttft.mean())
    assert row["std"] == pytest.approx(ttft.std())
    assert row[["p99", "p75", "p1"]].tolist() == pytest.approx(np.percentile(ttft, [99, 75, 1]).tolist())
    assert table.loc["Inter Token Latency (ms)", "max"] == pytest.approx(100.0)
    assert table.loc["Gap Between Tokens (ms)", "max"] == pytest.approx(500.0)
    assert table.loc["Request Throughput (requests/s)", "avg"] == pytest.approx(4 / 20)
    assert np.isnan(table.loc["Request Count (requests)", "p99"])
    table.to_csv(tmp_path / "profile.csv")
    assert (tmp_path / "profile.csv").read_text().startswith("Metric,avg,min,max,p99,p95,p90,p75,p50")


def test_every_figure_is_shown_and_nothing_is_cut(serve: Serve, tmp_path: Path) -> None:
    run = serve()
    text = text_of(report.render_kpis(run))
    assert "…" not in text
    assert all(DISPLAY[key][1] in text for key in run.kpis())
    for word in ("Gap Between Tokens (ms)", "by tier", "economy", "by tenant", "by replica"):
        assert word in text
    assert "by kind" not in text, "there is one kind"
    data = json.loads(json.dumps(report.kpis_json(run)))
    assert data["metrics"]["ttft_s"]["max"] == pytest.approx(5.0)
    assert data["by"]["tier"]["economy"]["requests_finished"] == 2
    report.write_html(run, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text().split("</script>", 1)[1]
    for word in (
        "Input tokens found in the cache",
        "Preemptions in a sample",
        "KV cache of a replica",
        "by tenant",
    ):
        assert word in page


def test_a_page_draws_only_what_was_recorded(serve: Serve, tmp_path: Path) -> None:
    report.write_html(serve(series=14), tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text().split("</script>", 1)[1]
    assert "KV cache of a replica" in page
    assert "Preemptions in a sample" not in page and "found in the cache" not in page


def test_a_sample_says_that_it_is_one(serve: Serve, tmp_path: Path) -> None:
    run = serve(sampling=json.dumps({"requests_frac": 0.25, "gaps_frac": 1.0, "seed": 0}))
    assert "25 % of requests" in text_of(report.render_kpis(run))
    assert report.kpis_json(run)["sampling"]["requests_frac"] == 0.25
    report.write_html(run, tmp_path / "r.html")
    assert "25 % of requests" in (tmp_path / "r.html").read_text().split("</script>", 1)[1]
    assert "Sampled" not in text_of(report.render_kpis(serve("whole.h5")))


def test_a_run_under_another_name_opens_everywhere(serve: Serve, tmp_path: Path) -> None:
    run = serve("renamed.h5")
    assert report.open_run(run.path).kpis() == run.kpis()
    assert open_file(report.kpis_json(run)["run"]).attrs["run_id"] == "serving-1"
    (run.path.rename(tmp_path / "renamed.trace"))
    again = report.open_run(tmp_path / "renamed.trace")
    assert report.compare(again, again)["paired"]["ttft_difference_p50_s"] == 0.0
    report.write_html(again, tmp_path / "r.html")


def test_a_study_cuts_no_name(tmp_path: Path) -> None:
    names = [f"serving.max_batch={2**i} cooling.liquid.supply=4{i} C weather.offset=8 K" for i in range(7)]
    names += ["NA", "1.0", "short"]
    table = tmp_path / "table.csv"
    table.write_text("run,variant,seed,run_id,pue\n" + "".join(f"{name},v,0,x,1.25\n" for name in names))
    assert list(report.study_json(table)["cases"]) == names
    for width in (60, 80, 100, 200):
        text = text_of(report.render_study(table), width)
        assert "…" not in text
        shown = "".join(text.split())
        assert text.count("1.250") == len(names), "every case has its figure"
        assert all(word in text for word in ("NA", "1.0", "short"))
        if width == 200:
            assert all(f"max_batch={2**i}" in shown for i in range(7))
        assert max(map(len, text.splitlines())) <= width


def test_a_study_without_table_says_so(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("case,pue\na,1\n")
    for path in (tmp_path / "table.csv", tmp_path / "none.csv"):
        with pytest.raises(ResultsError, match="run the study again"):
            report.render_study(path)
