"""Key figures and story of a supply, from a run of one rack that loses the grid and goes dark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twin
from twin.report import Run
from twin.report.html import write_html
from twin.report.supply import own_energy_j, story, supply_figures
from twin.report.tables import story_rows

from ...conftest import SCENARIOS


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A battery of some seconds, a generator after it, and the grid back before the end."""
    changes = {
        "time.duration": "80 s", "time.sample": "1 s", "workload.copies": 4, "power.reboot": "10 s",
        "power.ups": {"unit": "ups-500kw", "count": 2, "battery": "1 s"},
        "power.generators": {"unit": "diesel-1000kw", "count": 1, "retransfer": "5 s"},
        "events": {"loss": {"at": "20 s", "kind": "feed-loss", "duration": "30 s"}},
    }  # fmt: skip
    return twin.run(
        twin.load(SCENARIOS / "one-rack.yaml", set=changes), out=tmp_path_factory.mktemp("outage")
    )


def test_energies_by_source_are_those_of_the_balance(outage: Run) -> None:
    kpis, audit = outage.kpis(), outage.audit["supply"]
    assert abs(audit["residual_rel"]) < 1e-9
    assert kpis["energy_site_j"] + kpis["energy_generator_j"] == pytest.approx(audit["in"], rel=1e-5)
    battery = outage["ups.battery_w"].values.sum(axis=1, dtype=float)
    assert kpis["energy_battery_j"] == pytest.approx(np.maximum(battery, 0.0).sum(), rel=0.05)
    assert own_energy_j(outage.file) == pytest.approx(kpis["energy_generator_j"] + battery.sum(), rel=1e-5)
    assert 1.0 < kpis["pue"] < 2.0


def test_figures_tell_how_near_the_end_was(outage: Run) -> None:
    found = supply_figures(outage.file)
    assert found["battery_lowest_frac"] == found["autonomy_lowest_s"] == 0.0
    assert found["rack_dark_s"] == pytest.approx(outage["rack.dark_s"].values.sum())
    assert found["rack_dark_s"] > 1.0
    assert found["supply_trips"] == 0.0
    assert 0.9 < found["voltage_lowest_pu"] <= 1.0
    fuel_j = outage["generator.fuel_w"].values.sum(dtype=float)
    assert found["fuel_co2_kg"] == pytest.approx(7.41e-8 * fuel_j, rel=1e-6)
    # 0.15 of the rating at rest, and 2.63 of fuel for each unit given
    runs_s = np.count_nonzero(outage["generator.fuel_w"].values)
    assert fuel_j == pytest.approx(0.15 * 1e6 * runs_s + 2.63 * found["energy_generator_j"], rel=0.05)


def test_the_story_is_in_order_and_counts_replicas(outage: Run, tmp_path: Path) -> None:
    rows = story(outage.file)
    assert [at_s for at_s, *_ in rows] == sorted(at_s for at_s, *_ in rows)
    words = [f"{asset} {what}" for _, asset, what, _ in rows]
    order = ["feed the grid is gone", "ups-1 battery is empty", "rack-01 without power", "9 replicas die",
             "generator-1 has voltage", "feed the grid is back", "feed load returns to the grid"]  # fmt: skip
    assert [words.index(word) for word in order] == sorted(words.index(word) for word in order)
    table = story_rows(outage, 3)
    assert table is not None
    assert len(table.rows) == 3
    assert f"{len(rows) - 3} more" in table.note
    page = tmp_path / "run.html"
    write_html(outage, page)
    text = page.read_text()
    for title in ("what happened to the supply", "Charge of stores", "Lowest voltage over nominal"):
        assert title in text


def test_a_run_without_a_part_of_supply_has_none_of_it(short_run: Run) -> None:
    assert supply_figures(short_run.file) == {}
    assert story(short_run.file) == []
    assert story_rows(short_run) is None
    assert own_energy_j(short_run.file) == 0.0
    assert not {"rack_dark_s", "supply_trips"} & set(short_run.kpis())
    assert "supply" not in short_run.audit
