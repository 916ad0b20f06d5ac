"""The pictures of the documentation can be drawn again, and show what was recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.validation import pictures
from tests.validation.network import loads
from twin.network import FatTree

DOCS = Path(__file__).parents[2] / "docs"
SLOW = {"flow-windows", "collective-bandwidth"}


@pytest.mark.parametrize("name", sorted(pictures.PICTURES.keys() - SLOW))
def test_every_picture_is_drawn(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / f"{name}.png"
    pictures.save(pictures.PICTURES[name](), file)
    assert 5_000 < file.stat().st_size < 250_000


def test_every_picture_stands_in_a_page_and_is_small() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    for name in pictures.PICTURES:
        assert f"(images/{name}.png)" in pages
        assert (DOCS / f"images/{name}.png").stat().st_size < 250_000


def test_hashing_leaves_less_than_spraying() -> None:
    dst = (np.arange(128) + 64) % 128
    one, four, spread = (pictures.rates(FatTree(8), dst, pairs).mean() for pairs in (1, 4, None))
    assert one < four < spread == pytest.approx(1.0)


def test_all_loads_were_recorded() -> None:
    asked = {(name, window_s) for name, (_, windows) in loads.LOADS.items() for window_s in windows}
    runs = loads.recorded()
    assert {(run.name, run.window_s) for run in runs} == asked
    assert set(loads.SIMGRID_FLOWS_PER_S) <= loads.LOADS.keys()
    assert all(run.flows_per_s > 1000.0 for run in runs if run.name[:2] in {"B1", "B6"})
