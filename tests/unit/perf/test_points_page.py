"""The page about points that were run: it tells what was kept, and that is what was asked for."""

from __future__ import annotations

import pytest

from tests.validation import points
from tests.validation.__main__ import POINTS

KEPT = points.kept_runs()


def test_the_page_tells_what_was_seen() -> None:
    assert POINTS.read_text() == points.page(KEPT)


def test_every_frontier_was_run() -> None:
    assert len(KEPT) == len(points.CASES + points.UNSEEN)
    assert all(5 <= len(found) <= points.MOST_POINTS for found in KEPT.values())


@pytest.mark.parametrize("name", KEPT)
def test_points_at_part_of_their_load_run_as_predicted(name: str) -> None:
    """Time per output token within 10 %, and most of them much closer."""
    off = sorted(abs(seen_s / expected_s - 1.0) for expected_s, seen_s, _ in KEPT[name])
    assert off[-1] < 0.1
    assert off[len(off) // 2] < 0.03


def test_a_page_without_runs_says_so() -> None:
    assert points.page({}).count("None of them was run yet.") == 2
