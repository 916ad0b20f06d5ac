"""Files of the first layout still open; files changed by hand are answered with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from twin import report
from twin.errors import ResultsError
from twin.report import Run
from twin.results import TABLES

Serve = Callable[..., Run]
ADDED = [column.name for column in TABLES["requests"] if column.default is not None]


def use(path: Path, folder: Path) -> None:
    """Everything that a report does."""
    run = report.open_run(path)
    report.render_kpis(run)
    report.kpis_json(run)
    report.write_html(run, folder / "r.html")
    report.render_comparison(report.compare(run, run))
    assert len(run.requests)
    assert set(run.assets) and run.scenario and run.file.overlays is not None
    assert run.file.sources
    for name in run.file.series_names():
        run[name].to_pandas()


def test_a_file_of_the_first_layout_opens(serve: Serve, tmp_path: Path) -> None:
    new = serve()
    known = new.kpis()
    new.file.close()
    with h5py.File(tmp_path / "trace.h5", "r+") as file:
        file.attrs["schema_version"] = 1
        for name in ADDED:
            del file[f"requests/{name}"]
        for name in ("labels", "tiers", "sampling"):
            del file.attrs[name]
        del file["gaps"]
    use(tmp_path, tmp_path)
    old = report.open_run(tmp_path)
    assert (old.requests["attempts"] == 1).all() and old.requests["admitted_at_s"].isna().all()
    assert old.requests["session"].dtype == np.int32
    kpis = old.kpis()
    assert kpis["ttft_p50_s"] == known["ttft_p50_s"]
    assert not {"queue_p50_s", "itl_p50_s", "cache_hit_frac"} & set(kpis), "what it does not hold has no key"
    assert kpis["good_frac"] == pytest.approx(3 / 8), "by the limits of the site: 0, 1 and 3"
    assert "Queue Time (ms)" not in report.aiperf_table(old).index


def _without(*names: str) -> Callable[[h5py.File], None]:
    def damage(file: h5py.File) -> None:
        for name in names:
            if name in file.attrs:
                del file.attrs[name]
            else:
                del file[name]

    return damage


def _attr(name: str, value: object) -> Callable[[h5py.File], None]:
    def damage(file: h5py.File) -> None:
        file.attrs[name] = value

    return damage


def _no_rows(file: h5py.File) -> None:
    del file["requests"].attrs["rows"]


def _shorter(file: h5py.File) -> None:
    file["requests/status"].resize(3, axis=0)


def _no_unit(file: h5py.File) -> None:
    del file["series/10s/site.power_w"].attrs["units"]


def _other_type(file: h5py.File) -> None:
    del file["requests"]
    file["requests"] = 1.0


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_without("slo"), ["slo"]),
        (_without("slo", "economics", "scenario"), ["slo", "economics"]),
        (_without("run_id", "seed", "duration_s"), ["run_id", "seed", "duration_s"]),
        (_without("schema_version"), ["schema_version"]),
        (_attr("schema_version", "two"), ["attributes"]),
        (_attr("slo", "{ttft_s: 1"), ["slo", "ttft_s: 1"]),
        (_attr("slo", "[1, 2]"), ["slo", "list"]),
        (_attr("economics", '{"electricity_usd_per_j": "dear"}'), ["economics", "electricity_usd_per_j"]),
        (_attr("tiers", "7"), ["tiers"]),
        (_attr("tiers", '[{"ttft_s": "soon"}]'), ["tiers"]),
        (_attr("labels", '{"tenants": 3}'), ["labels"]),
        (_attr("sampling", '{"requests_frac": "half"}'), ["sampling"]),
        (_attr("seed", "one"), ["seed"]),
        (_without("requests/status", "requests/done_at_s"), ["requests"]),
        (_no_rows, ["requests"]),
        (_shorter, ["status", "3 of 8 rows"]),
        (_other_type, ["requests"]),
        (_no_unit, ["site.power_w"]),
        (_without("series/10s/time_s"), ["series"]),
        (_without("series/10s/replica_id"), ["replica"]),
        (
            _without("series/10s/site.power_w", "series/10s/gpu.clock_frac"),
            ["site.power_w", "gpu.clock_frac"],
        ),
        (_without("assets/gpu"), ["gpu"]),
        (_without("assets"), ["assets"]),
        (_without("assets/replica/id"), ["replica"]),
        (_without("sources"), ["sources"]),
        (_without("audit/residual_rel"), ["audit"]),
        (_without("gaps/steps"), ["gaps"]),
    ],
)
def test_damage_is_told_with_file_and_mend(
    serve: Serve, tmp_path: Path, damage: Callable[[h5py.File], None], named: list[str]
) -> None:
    serve("renamed.h5")
    with h5py.File(tmp_path / "renamed.h5", "r+") as file:
        damage(file)
    with pytest.raises(ResultsError) as caught:
        use(tmp_path / "renamed.h5", tmp_path)
    told = str(caught.value)
    assert "renamed.h5" in told
    assert all(name in told for name in named), told
    assert all(fault.mend for fault in caught.value.faults)
