"""Shipped fabrics against the published tables, every row, counted and built."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from twin.topology.fabric import bill, build, check_fabric, preset, sizes

PUBLISHED = pd.read_csv(Path(__file__).parent / "published.csv", comment="#")
ROWS = [pytest.param(row, id=f"{row.preset}-{row.units}") for row in PUBLISHED.itertuples()]
PARTS = {"node_leaf": "node-leaf", "leaf_spine": "leaf-spine", "spine_core": "spine-core"}


@pytest.mark.parametrize("row", ROWS)
def test_counts_are_the_published_ones(row) -> None:
    words = preset(row.preset, units=row.units)
    found = sizes(words)[0]
    assert words.gpu_count == row.gpus
    assert [found.switches().get(t, 0) for t in ("leaf", "spine", "core")] == [row.leaf, row.spine, row.core]
    for column, part in PARTS.items():
        wanted = getattr(row, column)
        if pd.notna(wanted):
            assert found.cables().get(part, 0) == wanted, part


@pytest.mark.parametrize("row", ROWS)
def test_what_is_built_has_them_too(row) -> None:
    fabric = build(preset(row.preset, units=row.units))
    made = bill(fabric)
    assert [made.count("switch", t) for t in ("leaf", "spine", "core")] == [row.leaf, row.spine, row.core]
    for column, part in PARTS.items():
        wanted = getattr(row, column)
        if pd.notna(wanted):
            assert made.count("cable", part) == wanted, part
    assert check_fabric(fabric) == []


def test_h100_has_the_switch_plan_of_b200_and_its_managers() -> None:
    h100, b200 = (sizes(preset(name, units=4))[0] for name in ("dgx-h100-superpod", "dgx-b200-superpod"))
    assert h100.switches() == b200.switches()
    assert h100.cables()["leaf-spine"] == 1024
    assert h100.cables()["manager-leaf"] == 4


def test_a_scalable_unit_of_gb200_is_eight_racks() -> None:
    words = preset("dgx-gb200-superpod")
    assert (words.gpu_count, words.node_gpus, words.nodes) == (576, 4, 144)


def test_optics_at_400g_draw_what_the_data_sheets_add_up_to() -> None:
    """NIC end 9 W, leaf end 8.5 W and 17 W for each tier above: 34.5 W at two tiers, 51.5 W at three."""
    for units, watts in ((4, 34.5), (16, 51.5)):
        made = bill(build(preset("dgx-b200-superpod", units=units, optics="osfp-2x400-sm")))
        assert made.total("power_w", "module") / made.gpus == pytest.approx(watts)


def test_prices_are_those_of_the_sheet() -> None:
    """2,560 USD a GPU for cables and modules at two tiers, 3,800 USD at three; 96 switches for 3.46 MUSD."""
    for units, usd in ((8, 2560.0), (64, 3800.0)):
        made = bill(build(preset("dgx-b200-superpod", units=units, optics="osfp-2x400-sm")))
        assert made.total("price_usd", "module") / made.gpus == pytest.approx(usd)
    made = bill(build(preset("dgx-b200-superpod", units=8)))
    assert made.count("switch") == 96
    assert made.total("price_usd", "switch") == pytest.approx(3.46e6, rel=0.01)
