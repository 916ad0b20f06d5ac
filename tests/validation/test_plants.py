"""Pages of cooling plants: whole, and their tables and pictures are current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.validation import exact_steps, plants

MEND = "write it anew: python -m tests.validation plants"
PAGES = [page for page in plants.pages() if page.parent.name == "plants" and page.name != "README.md"]
# a page without a table of errors says what was compared instead
HEADS = ("## Equations", "## In the code", "## How far it holds", "## Checked", "## Sources")
# those of reference cases are compared where the cases are solved: tests/validation/facility/test_cooling.py
TABLES = [block for block in plants.blocks() if block.name not in ("validation", "climates")]
YEARS = [block for block in plants.blocks() if block.name == "climates"]
SLOW = {"gigawatt"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_page_has_all_its_parts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert all(text.count(f"{head}\n") == 1 for head in HEADS)
    assert "```math" in text and re.search(r"\.\./images/(plants/)?[\w-]+\.(svg|png)", text)
    assert f"({page.name})" in (page.parent / "README.md").read_text(encoding="utf-8")
    assert re.search(r"`twin/(physics|facility|models)/\w+\.py`", text)


@pytest.mark.parametrize("block", TABLES, ids=lambda b: f"{b.page.stem}-{b.name}-{'-'.join(b.words)}"[:60])
def test_tables_are_current(block: plants.Block) -> None:
    assert block.text == plants.TABLES[block.name](*block.words), MEND


@pytest.mark.parametrize("block", YEARS, ids=lambda b: b.page.stem)
def test_years_are_current(block: plants.Block) -> None:
    """One climate of each row, another one in each, which takes a fifth of the time."""
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in block.text.splitlines()
    )
    assert head == ["plant", *plants.CLIMATES] and len(rows) == len(block.words)
    for i, (row, way) in enumerate(zip(rows, block.words, strict=True)):
        climate = head[1 + i % len(plants.CLIMATES)]
        assert row[head.index(climate)] == plants.year(*way.split(":"), climate), MEND


def test_a_wrong_equation_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    model = exact_steps.MODELS["water_loop"]
    wrong = model._replace(rate=lambda p, i, y: [1.001 * v for v in model.rate(p, i, y)])
    monkeypatch.setitem(exact_steps.MODELS, "water_loop", wrong)
    assert not exact_steps.worst_k("water_loop").startswith("below")


def test_every_family_of_reference_cases_stands_in_a_page() -> None:
    found = {block.words[0] for block in plants.blocks() if block.name == "validation"}
    power = {"power_loadflow", "power_loadflow_variants", "ramp_limited_storage"}
    assert found == {file.stem for file in plants.DATA.glob("*.json")} - power


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in plants.PICTURES]
)
def test_pictures_are_current_and_used(name: str) -> None:
    held = (plants.PICTURES_AT / f"{name}.svg").read_text(encoding="utf-8")
    assert held == plants.PICTURES[name](), MEND
    pages = "".join(page.read_text(encoding="utf-8") for page in plants.pages())
    assert f"images/plants/{name}.svg" in pages


@pytest.mark.parametrize("page", plants.pages(), ids=lambda p: p.stem)
def test_examples_in_pages_run(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        exec(compile(code, str(page), "exec"), {})
    assert "nan" not in capsys.readouterr().out
