"""Every example in a docstring runs, and the guides name only what exists."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import twin
import viz

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    m.name
    for p in (twin, viz)
    for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")
    if "__main__" not in m.name
)
GUIDES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("name", ["twin", "viz", *MODULES])
def test_docstring_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(name)
    assert doctest.testmod(module, extraglobs={"twin": twin, "np": np}).failed == 0


@pytest.mark.parametrize("guide", GUIDES, ids=lambda p: p.name)
def test_guides_name_files_that_exist(guide: Path) -> None:
    text = guide.read_text()
    for path in re.findall(r"\b(?:scenarios|twin|tests|docs)/[\w\-./]+\.(?:yaml|py|md|png|json)\b", text):
        assert (ROOT / path).exists(), f"{guide.name} names {path}"
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (guide.parent / target).exists(), f"{guide.name} links to {target}"


def test_guides_name_commands_that_exist() -> None:
    from typer.main import get_command

    from twin.cli.main import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    for guide in GUIDES:
        for command in re.findall(r"^(?:\.venv/bin/)?twin ([a-z]+)", guide.read_text(), re.M):
            assert command in known, f"{guide.name}: twin {command}"
