"""Points of frontiers, each run as a scenario at part of its load: how far the run is from the prediction."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

import twin
from twin import catalog
from twin.perf import Configuration, Prediction, at_load, frontier, settings

SCENARIO = Path(__file__).parents[2] / "scenarios" / "one-rack.yaml"
SHARE = 0.7
MOST_POINTS = 12
"""Points of one frontier that are run: its ends and some between them."""

LONG_S, TICK_S = 600.0, 2
"""Runs that last longer take longer ticks: the plant around the GPUs is not what is looked at."""


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
    gpus = given.gpus + (point.prefill.gpus if point.prefill else 0)
    each = int(catalog.get("system", given.system).gpu_packages)
    site = {
        "racks.nvl72.system": given.system,
        "racks.nvl72.count": math.ceil(gpus / each),
        "time.sample": "30 s",
        "power.feed.capacity": "50 MW",
    }
    wanted = settings(point, share)
    if float(wanted["time.duration"].removesuffix(" s")) > LONG_S:
        site |= {"time.tick": f"{TICK_S} s"}
    told = twin.run(twin.load(SCENARIO, set=site | wanted), out=out).kpis()
    return Ran(point, at_load(point, share), int(told["requests_finished"]), float(told["tpot_mean_s"]))


def ran(case: Case, most: int = MOST_POINTS) -> list[Ran]:
    """Points of a frontier, run."""
    found = []
    for point in points(case, most):
        with TemporaryDirectory() as folder:
            found.append(run(point, Path(folder)))
    return found
