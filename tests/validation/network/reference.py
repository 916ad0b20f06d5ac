"""Error and speed tables of flows: ``python -m tests.validation.network.reference`` prints both."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from twin.models.flows import simulate
from twin.network.fat_tree import FatTree
from twin.network.flow_completion import FlowGap, FlowOptions, errors, flow_times

DATA = Path(__file__).parent / "data"
CASES = sorted(DATA.glob("P*.json"))
CAPACITY_BYTES_PER_S, LATENCY_S = 50e9, 0.5e-6


class Workload(NamedTuple):
    """Flows on a fat tree, with the mean completion time and last end of exact max-min fairness."""

    file: str
    k: int
    mean_fct_s: float
    makespan_s: float


WORKLOADS = {
    "B0": Workload("B0_ft4_perm160.csv.gz", 4, 0.000360064, 0.001426339),
    "B1": Workload("B1_ft16_burst_perm10240.csv.gz", 16, 0.001547542, 0.003671993),
    "B6": Workload("B6_ft8_stagger_perm1280.csv.gz", 8, 0.000815267, 0.003695873),
}


class Timed(NamedTuple):
    """Completion times (flow), last end [s], and CPU seconds of the simulation."""

    fct_s: np.ndarray
    makespan_s: float
    cpu_s: float


def run(name: str, window_s: float = 0.0) -> Timed:
    """Simulate a workload; reading its file is not timed."""
    load = WORKLOADS[name]
    table = np.loadtxt(DATA / load.file, delimiter=",", skiprows=1)
    _, src, dst, size, start, x, y = table.T
    tree = FatTree(load.k)
    began_s = time.process_time()
    paths = tree.paths(*(v.astype(int) for v in (src, dst, x, y)))
    found = simulate(
        np.full(tree.links, CAPACITY_BYTES_PER_S), paths.first, paths.links, size, start,
        delay_s=np.diff(paths.first) * LATENCY_S, window_s=window_s,
    )  # fmt: skip
    cpu_s = time.process_time() - began_s
    return Timed(found.fct_s, float(found.finished_at_s.max()), cpu_s)


def gaps(case: Path) -> list[tuple[str, FlowGap]]:
    """Errors of a case against all its references, by weighting."""
    return [
        (weighting, gap)
        for weighting in ("equal", "rtt")
        for gap in errors(flow_times(case, FlowOptions(weighting=weighting)))
    ]


def main() -> None:
    """Print both tables."""
    for case in CASES:
        for weighting, gap in gaps(case):
            print(f"{case.stem:24} {weighting:6} {gap.reference:22} max {gap.max_frac:8.2g}  "
                  f"mean {gap.mean_frac:8.2g}  bias {gap.bias_frac:+8.2g}")  # fmt: skip
    for name, load in WORKLOADS.items():
        run(name)
        exact = run(name)
        print(f"{name} {len(exact.fct_s):6,} flows {len(exact.fct_s) / exact.cpu_s:8,.0f} flows a CPU second, "
              f"mean {exact.fct_s.mean():.9f} s ({load.mean_fct_s}), last {exact.makespan_s:.9f} s")  # fmt: skip
        for window_s in (2e-7, 1e-6, 1e-5):
            found = run(name, window_s)
            off, bias = np.abs(found.fct_s / exact.fct_s - 1.0), found.fct_s.mean() / exact.fct_s.mean() - 1.0
            print(f"   window {window_s:g} s {len(found.fct_s) / found.cpu_s:8,.0f} flows a CPU second, error "
                  f"mean {off.mean():.2e} largest {off.max():.2e} bias {bias:+.2e}")  # fmt: skip


if __name__ == "__main__":
    main()
