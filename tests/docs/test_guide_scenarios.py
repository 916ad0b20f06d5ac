"""Every scenario in a guide loads, and its site and requests can be built."""

from __future__ import annotations

import doctest
import importlib.util
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


def test_examples_of_the_comparison_run() -> None:
    spec = importlib.util.spec_from_file_location("compare_simulators", ROOT / "docs/compare_simulators.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = doctest.testmod(module)
    assert found.failed == 0
    assert found.attempted > 8


def test_the_guide_to_serving_names_every_policy() -> None:
    text = (ROOT / "docs/serving.md").read_text()
    for kind in ("routing", "queueing", "admission", "planning", "placement"):
        for file in (ROOT / "twin/policies" / kind).glob("[a-z]*.py"):
            assert f"`{file.stem.replace('_', '-')}`" in text, f"{kind}: {file.stem}"


def test_the_guide_to_serving_names_every_key() -> None:
    from twin.scenario.serving import Serving

    text = (ROOT / "docs/serving.md").read_text()
    for key in Serving.model_fields:
        assert re.search(rf"\b{key}\b", text), key


def test_the_guide_to_metrics_names_every_serving_figure() -> None:
    from twin.report.kpis import DISPLAY

    text = (ROOT / "docs/metrics.md").read_text()
    for key, (group, *_) in DISPLAY.items():
        if group in ("requests", "throughput", "cache"):
            assert f"`{key}`" in text, key
