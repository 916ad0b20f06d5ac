"""The shipped hall as text, to be broken in one place at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[3] / "scenarios"


@pytest.fixture
def hall_text() -> str:
    data = os.fspath(SCENARIOS / "data")
    return (SCENARIOS / "gb200-hall.yaml").read_text().replace("data/", f"{data}/")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file into a temporary folder and return its path."""

    def _write(text: str, name: str = "site.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return _write


@pytest.fixture
def broken(hall_text: str, write: Callable[..., Path]) -> Callable[[str, str], Path]:
    """The hall with one text replaced."""

    def _broken(old: str, new: str) -> Path:
        assert old in hall_text
        return write(hall_text.replace(old, new, 1))

    return _broken


@pytest.fixture
def line_of(hall_text: str) -> Callable[[str], int]:
    """Line, counted from 1, of the first line that holds a text."""
    return lambda text: next(i for i, line in enumerate(hall_text.splitlines(), 1) if text in line)
