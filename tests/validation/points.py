"""Points of frontiers, each run as a scenario at part of its load: how far the run is from the prediction."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

import twin
from twin import catalog
from twin.perf import Configuration, Prediction, at_load, frontier, settings

SCENARIO = Path(__file__).parents[2] / "scenarios" / "one-rack.yaml"
KEPT = Path(__file__).parent / "data" / "points.json"
"""What was run last, by frontier: predicted and seen TPOT [s], and requests, of each point."""

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
some 2 %.

`python -m tests.validation points` in a checkout runs all of them and writes this page anew; `points --resume` runs
those that an interrupted one left, `points 3 17` the third and the seventeenth.

TPOT of the run over the prediction; off is how far it is from 1:

{seen}

{seen_told}

The last three of them were named before any of their points was run, and came out within 3.1 %. Then how short
prompts share iterations was told better, which moved no prediction above by more than 0.5 %, and the frontiers below
were named, again before any of their points was run:

{unseen}

{unseen_told}

What is in it:

- Requests clump by chance: who comes in a slow stretch makes it slower. The prediction counts that as in a
  population whose members bring others; how many prompts share an iteration it counts turn by turn.
- Runs begin empty. Where an iteration grows much with its sequences, as with long answers on wide ranks, the first
  lives of a request are faster, and a run of twelve lives comes out 1 to 2 % below the prediction.
- Prompts of 8,192 tokens at replicas that stand alone still come out a little above it. All runs draw their requests
  with the same seed, so the chance in them is partly the same.
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


Kept = dict[str, list[tuple[float, float, int]]]

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
    Case("dgx-b300", "minimax-m2.5", "fp4", 4096, 512),
    Case("dgx-h200", "gpt-oss-120b", "fp4", 8192, 1024),
    Case("gb300-nvl72", "qwen3.5-397b-a17b", "fp4", 2048, 2048, is_apart=True),
)
UNSEEN = (
    Case("dgx-h200", "qwen3-30b-a3b", "fp8", 512, 256),
    Case("gb200-nvl72", "glm-5", "fp4", 4096, 1024),
    Case("vr-nvl72", "minimax-m2.5", "fp4", 16384, 512),
)
"""Added when the relations had been settled with those above, before any of their points was run."""


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


def write(to: Path, places: Iterable[int] = (), is_resumed: bool = False) -> None:
    """Run frontiers, keep what was seen after each, and write their page of the documentation; many minutes for all.

    Parameters
    ----------
    to : Path
        The page.
    places : iterable of int
        Which of :data:`CASES` and :data:`UNSEEN`, from 1; all without any. Of others what was seen last is kept.
    is_resumed : bool
        Only those of which nothing is kept.
    """
    every = CASES + UNSEEN
    wanted = [every[place - 1] for place in places] or list(every)
    kept = kept_runs() if places or is_resumed else {}
    for case in wanted:
        if is_resumed and _named(case) in kept:
            continue
        kept[_named(case)] = [(one.expected.tpot_s, one.tpot_s, one.requests) for one in ran(case)]
        KEPT.write_text(_written(kept))
        print(_row(_named(case), _ratios(kept, [case])), flush=True)
    to.write_text(page(kept_runs()))


def kept_runs() -> Kept:
    """What was run last."""
    found = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    return {name: [tuple(one) for one in points] for name, points in found.items()}


def page(kept: Kept) -> str:
    """The page of the documentation: how far runs of points are from their predictions."""
    seen, unseen = ([case for case in group if _named(case) in kept] for group in (CASES, UNSEEN))
    told = {"seen": seen, "unseen": unseen}
    return TEXT.format(
        share=f"{SHARE:.0%}".replace("%", " %"),
        **{name: _table(kept, cases) for name, cases in told.items()},
        **{f"{name}_told": _told(_ratios(kept, cases)) for name, cases in told.items()},
    )


def _written(kept: Kept) -> str:
    """As text of a line for each point."""
    parts = [
        f"{json.dumps(name)}: [\n" + ",\n".join(f"[{a:.6g}, {b:.6g}, {n}]" for a, b, n in found) + "\n]"
        for name, found in kept.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _ratios(kept: Kept, cases: Iterable[Case]) -> list[float]:
    return [seen_s / expected_s for case in cases for expected_s, seen_s, _ in kept[_named(case)]]


def _table(kept: Kept, cases: Sequence[Case]) -> str:
    if not cases:
        return "None of them was run yet."
    head = (
        "frontier",
        "points run",
        "lowest",
        "median",
        "highest",
        "off, median",
        "off, p90",
        "within 5 %",
        "within 10 %",
    )
    rows = [_row(_named(case), _ratios(kept, [case])) for case in cases]
    return "\n".join(
        [_line(head), _line(["---"] + ["---:"] * (len(head) - 1)), *rows, _row("all", _ratios(kept, cases))]
    )


def _told(ratios: Sequence[float]) -> str:
    if not ratios:
        return ""
    off = np.abs(np.array(ratios) - 1.0)
    shares = [f"{100.0 * x:.1f} %" for x in (np.median(off), np.quantile(off, 0.9), np.max(off))]
    return (
        f"Of {len(off)} points {np.sum(off <= 0.1)} are within 10 %; half of them are within {shares[0]}, nine of ten"
        f" within {shares[1]}, and the worst is {shares[2]} off."
    )


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
            *(f"{100.0 * x:.1f} %" for x in (np.median(off), np.quantile(off, 0.9))),
            *(str(int(np.sum(off <= x))) for x in (0.05, 0.1)),
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
