"""Points of frontiers, each run as a scenario at part of its load: how far the run is from the prediction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

import twin
from twin import catalog
from twin.perf import Configuration, Prediction, at_load, frontier, settings

SCENARIO = Path(__file__).parents[2] / "scenarios" / "one-rack.yaml"
SHARE = 0.7
MOST_POINTS = 12
"""Points of one frontier that are run: its ends and some between them."""

RACKS = 8
COUNTS = {
    "power.transformer.count": 1, "power.ups.count": 2, "power.pdu.count": 4, "network.leaf.count": 8,
    "network.spine.count": 4, "cooling.liquid.cdu.count": 2, "cooling.liquid.dry_cooler.count": 4,
    "cooling.air.crah.count": 3, "cooling.air.chiller.count": 1,
}  # fmt: skip
"""Units that the site has for so many racks; larger ones have as many times more."""

LONG_S, TICK_S = 600.0, 2
"""Runs that last longer take longer ticks: the plant around the GPUs is not what is looked at."""


TEXT = """# Points, run as scenarios

Each point of a [frontier](performance.md#ask-for-a-frontier) is a prediction. Here points are run: `settings` of
`twin.perf` writes the scenario that brings {share} of the requests of a point one by one, and the mean time per output
token (TPOT) of the run is divided by that of `at_load`, the prediction at that load. A run prices its iterations with
the same relations, so what differs is what a closed form cannot know: how many requests meet, when prompts come, how
they wait. Of each frontier its ends and points between them are run, twelve at most. Runs last until chance counts for
some 3 %.

`python -m tests.validation points` in a checkout writes this page anew.

TPOT of the run over the prediction:

{table}

What is in it: prompts of 8,192 tokens at replicas that stand alone come out a few percent above the prediction, for
requests and prompts that clump by chance slow each other down. Few requests on wide ranks come out on it. The one
point beyond 10 % is the first of DeepSeek-R1 on Vera Rubin: four ranks with hundreds of sequences each, where prompts
take most of the time and 1 % more requests cost 5 % more of it, so that a small error of their turns becomes large.
"""


class Case(NamedTuple):
    """A frontier: system, model and lengths; layouts and loads are searched, with prefill apart if asked."""

    system: str
    model: str
    precision: str
    isl: int
    osl: int
    is_apart: bool = False
    drafts: int = 0


class Ran(NamedTuple):
    """A point that was run: its prediction at part of the load, and what the run took for a token [s]."""

    point: Prediction
    expected: Prediction
    requests: int
    tpot_s: float

    @property
    def ratio(self) -> float:
        """Run over prediction."""
        return self.tpot_s / self.expected.tpot_s


CASES = (
    Case("dgx-h100", "llama-3.3-70b", "fp8", 1024, 1024),
    Case("dgx-h100", "llama-3.1-8b", "fp8", 8192, 1024),
    Case("dgx-h200", "deepseek-r1", "fp8", 1024, 1024),
    Case("dgx-h200", "gpt-oss-120b", "fp4", 1024, 8192),
    Case("dgx-h200", "llama-3.3-70b", "fp8", 1024, 8192),
    Case("dgx-b200", "qwen3-235b-a22b", "fp4", 8192, 1024),
    Case("dgx-b200", "gemma-3-27b", "fp8", 8192, 1024),
    Case("gb200-nvl72", "deepseek-r1", "fp4", 1024, 1024),
    Case("gb200-nvl72", "deepseek-r1", "fp4", 8192, 1024),
    Case("gb200-nvl72", "deepseek-r1", "fp4", 8192, 1024, is_apart=True),
    Case("gb200-nvl72", "gpt-oss-120b", "fp4", 1024, 1024),
    Case("gb200-nvl72", "llama-3.3-70b", "fp8", 1024, 1024, drafts=3),
    Case("gb300-nvl72", "deepseek-r1", "fp4", 1024, 8192),
    Case("gb300-nvl72", "kimi-k2", "fp4", 1024, 1024),
    Case("gb300-nvl72", "kimi-k2", "fp4", 8192, 1024, is_apart=True),
    Case("vr-nvl72", "deepseek-r1", "fp4", 1024, 1024),
    Case("vr-nvl72", "llama-3.1-405b", "fp4", 8192, 1024),
    Case("vr-nvl72", "qwen3-235b-a22b", "fp4", 1024, 8192),
)


def points(case: Case, most: int = MOST_POINTS) -> list[Prediction]:
    """Points of a frontier, from most tokens per megawatt to most per user."""
    asked = Configuration(case.system, case.model, 1, case.isl, case.osl, 1, precision=case.precision)
    drafts = (0, case.drafts) if case.drafts else ()
    found = frontier(asked, drafts=drafts, is_apart=case.is_apart).points
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    return [found[i] for i in chosen]


def run(point: Prediction, out: Path, share: float = SHARE) -> Ran:
    """Run a point at a share of its load on a site that is just large enough."""
    given = point.configuration
    racks = sum(_racks(side) for side in (point.prefill, given) if side)
    site: dict[str, Any] = {
        "racks.nvl72.system": given.system,
        "racks.nvl72.count": racks,
        "power.feed.capacity": "50 MW",
        "time.sample": "30 s",
    }
    if (times := math.ceil(racks / RACKS)) > 1:
        site |= {path: times * count for path, count in COUNTS.items()}
    wanted = settings(point, share)
    if float(wanted["time.duration"].removesuffix(" s")) > LONG_S:
        site |= {"time.tick": f"{TICK_S} s"}
    told = twin.run(twin.load(SCENARIO, set=site | wanted), out=out).kpis()
    return Ran(point, at_load(point, share), int(told["requests_finished"]), float(told["tpot_mean_s"]))


def _racks(side: Configuration) -> int:
    """Racks or servers for engines that do not lie across two of them where they fit into one."""
    each, size = int(catalog.get("system", side.system).gpu_packages), side.layout.gpus
    return math.ceil(side.engines / (each // size)) if size <= each else math.ceil(side.gpus / each)


def ran(case: Case, most: int = MOST_POINTS) -> list[Ran]:
    """Points of a frontier, run."""
    found = []
    for point in points(case, most):
        with TemporaryDirectory() as folder:
            found.append(run(point, Path(folder)))
    return found


def page(say: Callable[[str], None] = print) -> str:
    """The page of the documentation: how far runs of points are from their predictions; many minutes."""
    rows, every = [], []
    for case in CASES:
        ratios = [one.ratio for one in ran(case)]
        every += ratios
        rows.append(_row(_named(case), ratios))
        say(rows[-1])
    head = ("frontier", "points run", "lowest", "median", "highest", "within 5 %", "within 10 %")
    table = [_line(head), _line(["---"] + ["---:"] * (len(head) - 1)), *rows, _row("all", every)]
    return TEXT.format(share=f"{SHARE:.0%}".replace("%", " %"), table="\n".join(table))


def _named(case: Case) -> str:
    more = [f"{case.drafts} drafts or none"] * (case.drafts > 0) + ["prefill apart or not"] * case.is_apart
    return ", ".join(
        [f"{case.system}, {case.model} {case.precision}, {case.isl:,} in, {case.osl:,} out", *more]
    )


def _row(name: str, ratios: Sequence[float]) -> str:
    off = np.abs(np.array(ratios) - 1.0)
    sizes = (np.min(ratios), np.median(ratios), np.max(ratios))
    return _line(
        [
            name,
            str(len(ratios)),
            *(f"{x:.3f}" for x in sizes),
            *(str(int(np.sum(off <= x))) for x in (0.05, 0.1)),
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
