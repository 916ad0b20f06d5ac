"""Every scenario in a guide loads, and its site and requests can be built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import twin
from twin.simulate.prepare import prepare, prove

ROOT = Path(__file__).parents[2]
BLOCKS = [
    pytest.param(block, id=f"{guide.stem}-{block.split()[1]}")
    for guide in sorted((ROOT / "docs").glob("*.md"))
    for block in re.findall(r"^```yaml\n(scenario: .*?)^```", guide.read_text(), re.M | re.S)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like that of the shipped scenarios, in which a user would save another one."""
    made = tmp_path_factory.mktemp("scenarios")
    for entry in (ROOT / "scenarios").iterdir():
        (made / entry.name).symlink_to(entry)
    return made


@pytest.mark.parametrize("block", BLOCKS)
def test_scenarios_of_guides_can_run(folder: Path, block: str) -> None:
    file = folder / f"guide-{block.split()[1]}.yaml"
    file.write_text(block)
    ready = prepare(twin.load(file, set={"time.duration": "1 min"}))
    prove(ready)
    assert ready.requests.rows > 10


def test_guides_hold_scenarios() -> None:
    assert len(BLOCKS) > 20
