"""Key figures against sums done by hand, comparison, HTML, Perfetto."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

import twin
from twin import report
from twin.errors import ResultsError
from twin.report import Run
from twin.report.html import _over_time as over_time
from twin.report.kpis import DISPLAY
from twin.results import Writer

TTFT = np.array([0.1, 0.2, 0.3, 4.0])
E2E = np.array([1.1, 2.2, 0.3, 9.0])
TOKENS = np.array([11, 21, 1, 51])


def write(folder: Path, shift_s: float = 0.0, complete: bool = True, stage: str = "whole") -> Run:
    """Six requests and two samples; a stage short of ``whole`` stops before the series or the samples."""
    folder.mkdir(parents=True, exist_ok=True)
    with Writer(
        folder / "trace.h5", run_id=folder.name, scenario_text="scenario: x", overlays=[], seed=1,
        start_iso="2022-07-20 13:00", numbers_version="1", sources=[],
    ) as writer:  # fmt: skip
        prices = {
            "electricity_usd_per_j": 1e-6, "input_price_usd_per_token": 0.01, "output_price_usd_per_token": 0.1,
        }  # fmt: skip
        writer.attrs({
            "scenario": "x", "description": "by hand", "fidelity": "event", "duration_s": 20.0, "tick_s": 1.0,
            "arrivals": 6, "economics": json.dumps(prices), "slo": json.dumps({"ttft_s": 1.0, "tpot_s": 0.15}),
        })  # fmt: skip
        writer.assets("gpu", ["g1", "g2"], np.zeros((2, 3)), np.ones((2, 3)), ["", ""], ["", ""])
        series = {
            "site.power_w": [[1000.0], [3000.0]], "site.it_power_w": [[800.0], [2200.0]],
            "site.cooling_power_w": [[150.0], [600.0]], "site.loss_w": [[50.0], [200.0]], "site.pue": [[1.25], [1.36]],
            "gpu.temperature_k": [[340.0, 350.0], [345.0, 365.0]], "gpu.clock_frac": [[1.0, 1.0], [1.0, 0.5]],
            "gpu.throttled_s": [[0.0, 0.0], [0.0, 10.0]],
            "outdoor.dry_bulb_k": [[300.0], [302.0]], "replica.output_tokens": [[40.0], [44.0]],
            "replica.prefill_tokens": [[100.0], [300.0]], "replica.batch_requests": [[2.0], [4.0]],
            "replica.queue_requests": [[0.0], [1.0]], "replica.kv_frac": [[0.1], [0.3]],
        }  # fmt: skip
        if stage == "before the series":
            return opened(writer, folder)
        for name, values in series.items():
            writer.open_series(name, ["g1", "g2"][: len(values[0])], 10.0)
        if stage == "before the samples":
            writer.expect("requests", 6)
            return opened(writer, folder)
        writer.append_series(np.array([10.0, 20.0]), {k: np.array(v) for k, v in series.items()})
        arrived = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
        nan = [np.nan, np.nan]
        writer.append("requests", {
            "request": np.arange(6), "arrived_at_s": arrived,
            "first_token_at_s": np.concatenate([arrived[:4] + TTFT + shift_s, nan]),
            "done_at_s": np.concatenate([arrived[:4] + E2E + shift_s, nan]),
            "input_tokens": [100] * 6, "output_tokens": [*TOKENS, 7, 7], "replica": [0, 0, 0, 0, -1, 0],
            "status": [0, 0, 0, 0, 1, 2],
            "admitted_at_s": np.concatenate([arrived[:4] + 0.05, nan]), "cached_tokens": [40, 0, 0, 60, 0, 0],
            "generated_tokens": [*TOKENS, 0, 0], "entry_replica": [0, 0, 0, 0, -1, 0], "tenant": [0] * 6,
            "tier": [0] * 6, "kind": [0] * 6, "session": [-1] * 6, "attempts": [1] * 6,
        })  # fmt: skip
        writer.append("spans", {"request": [0], "hop": ["prefill"], "from_s": [0.5], "to_s": [0.75]})
        writer.append(
            "audit", {"name": ["energy"], "in": [1.0], "out": [1.0], "inside": [0.0], "residual_rel": [0.0]}
        )
        writer.close(complete=complete)
    return report.open_run(folder)


def opened(writer: Writer, folder: Path) -> Run:
    writer.close(complete=False, error="PhysicalRangeError: too hot")
    return report.open_run(folder)


def text_of(shown: RenderableType) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(shown)
    return console.export_text()


def test_kpis_equal_sums_by_hand(tmp_path: Path) -> None:
    kpis = write(tmp_path / "a").kpis()
    assert [kpis[f"requests_{k}"] for k in ("arrived", "finished", "rejected", "in_flight")] == [6, 4, 1, 1]
    assert kpis["ttft_mean_s"] == pytest.approx(TTFT.mean())
    assert kpis["ttft_p50_s"] == pytest.approx(np.percentile(TTFT, 50))
    tpot = ((E2E - TTFT) / (TOKENS - 1).clip(1))[TOKENS > 1]
    assert kpis["tpot_p99_s"] == pytest.approx(np.percentile(tpot, 99))
    assert kpis["late_requests"] == 3  # first token after 4 s; rejected; waiting for 15 s at the end
    assert kpis["goodput_requests_per_s"] == pytest.approx(3 / 20)
    assert kpis["energy_site_j"] == pytest.approx(40_000.0)
    assert kpis["pue"] == pytest.approx(40_000 / 30_000)
    assert kpis["output_tokens_per_s"] == pytest.approx(84 / 20)
    assert kpis["energy_per_output_token_j"] == pytest.approx(40_000 / 84)
    assert kpis["output_tokens_per_s_per_mw"] == pytest.approx(4.2 / 0.002)
    assert kpis["throttled_gpu_s"] == 10.0
    assert kpis["gpu_temperature_max_k"] == 365.0
    assert kpis["electricity_usd"] == pytest.approx(0.04)
    assert kpis["revenue_usd"] == pytest.approx(84 * 0.1 + 400 * 0.01)
    assert set(kpis) <= set(DISPLAY)


def test_terminal_json_and_html_show_every_figure(tmp_path: Path) -> None:
    run = write(tmp_path / "a")
    text = text_of(report.render_kpis(run))
    assert "…" not in text, "fits into 100 columns"
    for key in run.kpis():
        assert DISPLAY[key][1] in text, key
    data = report.kpis_json(run)
    assert json.loads(json.dumps(data))["display"]["pue"] == "1.333"
    report.write_html(run, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "Plotly.newPlot" in page
    assert "https://cdn" not in page.split("</script>")[-1], "works offline"
    with pytest.raises(ResultsError):
        report.write_html(run, tmp_path / "no" / "such" / "folder.html")


def test_html_is_the_same_for_the_same_run(tmp_path: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        report.write_html(write(tmp_path / "a"), tmp_path / name)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_a_torso_says_so_and_does_not_count_what_it_lacks(tmp_path: Path) -> None:
    run = write(tmp_path / "t", complete=False)
    assert "incomplete" in text_of(report.render_kpis(run))
    assert np.isnan([run.kpis()["requests_arrived"], run.kpis()["requests_in_flight"]]).all()
    assert run.kpis()["requests_finished"] == 4


@pytest.mark.parametrize("stage", ["before the series", "before the samples"])
def test_a_torso_without_samples_still_reports(tmp_path: Path, stage: str) -> None:
    run = write(tmp_path / "t", stage=stage)
    assert "too hot" in text_of(report.render_kpis(run))
    assert report.kpis_json(run)["complete"] is False
    report.write_html(run, tmp_path / "r.html")
    assert "too hot" in (tmp_path / "r.html").read_text().split("</script>")[1]
    assert text_of(report.render_comparison(report.compare(run, write(tmp_path / "a"))))


@given(st.lists(st.tuples(st.floats(0.1, 1e4), st.floats(0.0, 1e3)), min_size=1, max_size=400))
def test_slices_of_time_keep_every_value_within_its_slice(points: list[tuple[float, float]]) -> None:
    at_s, values = np.array(points).T
    minutes, p50, p99 = over_time(at_s, values)
    assert (np.diff(minutes) > 0.0).all()
    assert minutes[-1] * 60.0 <= at_s.max()
    assert (values.min() <= p50).all() and (p50 <= p99).all() and (p99 <= values.max()).all()


def test_slices_of_time_are_medians_by_hand() -> None:
    minutes, p50, _ = over_time(np.array([1.0, 2.0, 240.0, 239.5]), np.array([5.0, 7.0, 1.0, 3.0]))
    assert minutes * 60.0 == pytest.approx([1.5, 2.5, 239.5])
    assert p50 == pytest.approx([5.0, 7.0, 2.0])


def test_study_is_summed_up_by_case_with_student_intervals(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = ["run,variant,seed,run_id,pue,ttft_p50_s"]
    rows += [f"hot a=1,hot,{s},x,{pue},0.2" for s, pue in enumerate((1.1, 1.2, 1.3))]
    rows += ["hot a=2,hot,0,x,1.5,0.3", "cold,cold,0,x,,"]
    table.write_text("\n".join(rows) + "\n")
    cases = report.study_json(table)["cases"]
    assert list(cases) == ["hot a=1", "hot a=2", "cold"]
    assert cases["hot a=1"]["mean"]["pue"] == pytest.approx(1.2)
    # t(0.975, 2) = 4.3027, NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2
    assert cases["hot a=1"]["half_width"]["pue"] == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)
    assert np.isnan(cases["hot a=2"]["half_width"]["pue"]), "one seed has no interval"
    assert np.isnan(cases["cold"]["mean"]["pue"])
    text = text_of(report.render_study(table))
    assert "1.20 ± 0.25" in text
    assert "–" in text, "a failed case has no figures"


def test_comparison_is_paired_by_request(tmp_path: Path) -> None:
    compared = report.compare(write(tmp_path / "a"), write(tmp_path / "b", shift_s=0.25))
    assert compared["paired"]["requests"] == 4
    assert compared["paired"]["ttft_difference_p50_s"] == pytest.approx(0.25)
    assert "The same 4 requests" in text_of(report.render_comparison(compared))
    row = compared["kpis"]["ttft_mean_s"]
    assert row["difference"] == pytest.approx(0.25)
    assert row["ratio"] == pytest.approx((TTFT.mean() + 0.25) / TTFT.mean())


def test_spans_become_trace_events(tmp_path: Path) -> None:
    run = write(tmp_path / "a")
    report.write_perfetto(run, tmp_path / "spans.json")
    events = json.loads((tmp_path / "spans.json").read_text())["traceEvents"]
    assert events[1] == {
        "name": "prefill", "cat": "request", "ph": "X", "pid": 0, "tid": 0, "ts": 500000.0, "dur": 250000.0,
    }  # fmt: skip


def test_spans_that_cannot_be_written_say_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="--perfetto"):
        report.write_perfetto(write(tmp_path / "a"), tmp_path / "no" / "such" / "folder.json")


def test_a_run_without_spans_says_how_to_get_them(short_run: Run, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="fidelity event"):
        report.write_perfetto(short_run, tmp_path / "spans.json")


def test_labelled_arrays(short_run: Run) -> None:
    power = short_run["rack.power_w"]
    assert power.unit == "W"
    assert np.asarray(power).shape == (len(power.time_s), len(power.ids))
    assert power.to_pandas()[power.ids[0]].iloc[-1] == power.of(power.ids[0])[-1]
    assert power.to_xarray().attrs["units"] == "W"
    assert short_run.assets["rack"].loc[power.ids[0], "catalog"] == "gb200-nvl72"
    with pytest.raises(ResultsError, match=r"rack\.power_w"):
        short_run["rack.power"]
    assert twin.open_run(short_run.path).attrs["run_id"] == short_run.attrs["run_id"]
