"""The page of public claims is what the model gives today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.validation import claims

PAGE = Path(__file__).parents[3] / "docs" / "performance-claims.md"


@pytest.mark.slow
def test_page_is_current() -> None:
    assert PAGE.read_text() == claims.page(), "write it anew: python -m tests.validation claims"


def test_verdicts() -> None:
    assert claims._agree(2.0, 3.0, 5.0) == "yes"
    assert claims._agree(10.0, 3.0, 5.0) == "no: ours is 2.0 times theirs"
    assert [claims._short(v) for v in (0.351, 4.44, 17.2, 2_460_164)] == ["0.35", "4.4", "17", "2,500,000"]
