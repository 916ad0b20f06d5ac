"""Speed, memory and windows on large loads: ``python -m tests.validation.network.loads [--write] [NAME ...]``.

Fat trees of 50 GB/s links with 0.5 us each; sizes are lognormal (sigma 0.5) or equal, paths hashed unless it says so.
Every load runs in a process of its own, so that its memory is its own; the fastest of up to three runs counts.
"""

from __future__ import annotations

import csv
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from tests.validation.network import reference
from twin.models.flows import Completion, simulate
from twin.network.fat_tree import FatTree, Paths

RECORD = reference.DATA / "speed.csv"
LONG_S = 3.0
"""CPU seconds after which a load is not run again."""


class Load(NamedTuple):
    """Flows on a fat tree; each may wait for others."""

    tree: FatTree
    paths: Paths
    size_bytes: np.ndarray | float
    start_at_s: np.ndarray | float = 0.0
    after_first: np.ndarray | None = None
    after: np.ndarray | tuple[int, ...] = ()


class Told(NamedTuple):
    """How a run went; errors are those of a window against the exact mode, where that was run."""

    name: str
    window_s: float
    flows: int
    cpu_s: float
    peak_bytes: int
    mean_fct_s: float
    makespan_s: float
    error_frac: float
    bias_frac: float

    @property
    def flows_per_s(self) -> float:
        """Flows a CPU second."""
        return self.flows / self.cpu_s


def run(load: Load, window_s: float = 0.0) -> Completion:
    """Simulate a load; all paths of a flow have as many links."""
    hops = np.add.reduceat(load.paths.parts, load.paths.first[:-1])
    return simulate(
        np.full(load.tree.links, reference.CAPACITY_BYTES_PER_S), load.paths.first, load.paths.links, load.size_bytes,
        load.start_at_s, parts=load.paths.parts, delay_s=hops * reference.LATENCY_S, after_first=load.after_first,
        after=load.after, window_s=window_s,
    )  # fmt: skip


def public(name: str) -> Load:
    """A public workload."""
    table = np.loadtxt(reference.DATA / reference.WORKLOADS[name].file, delimiter=",", skiprows=1)
    _, src, dst, size, start, x, y = table.T
    tree = FatTree(reference.WORKLOADS[name].k)
    return Load(tree, tree.paths(*(v.astype(int) for v in (src, dst, x, y))), size, start)


def lognormal(count: int, mean_bytes: float, sigma: float = 0.5) -> np.ndarray:
    """Sizes with a mean."""
    return mean_bytes * np.random.default_rng(7).lognormal(-(sigma**2) / 2.0, sigma, count)


def permutations(k: int, count: int, lasts_s: float) -> Load:
    """Every host sends to another, ``count`` times, at instants drawn from a span."""
    tree, rng = FatTree(k), np.random.default_rng(1)
    orders = [rng.permutation(tree.hosts) for _ in range(count)]
    src, dst = np.concatenate(orders), np.concatenate([np.roll(order, 1) for order in orders])
    start = rng.uniform(0.0, lasts_s, len(src)) if lasts_s else 0.0
    return Load(tree, tree.ecmp(src, dst), lognormal(len(src), 8e6), start)


def poisson(k: int, count: int, load_frac: float = 0.6, mean_bytes: float = 2e6) -> Load:
    """Random pairs, heavy tail, at a share of the capacity of all hosts."""
    tree, rng = FatTree(k), np.random.default_rng(1)
    src = rng.integers(tree.hosts, size=count)
    dst = (src + rng.integers(1, tree.hosts, size=count)) % tree.hosts
    gap_s = mean_bytes / (load_frac * tree.hosts * reference.CAPACITY_BYTES_PER_S)
    return Load(
        tree, tree.ecmp(src, dst), lognormal(count, mean_bytes, 1.5), np.cumsum(rng.exponential(gap_s, count))
    )


def all_to_all(k: int, route: str, size_bytes: float, is_equal: bool) -> Load:
    """Every pair of hosts at once."""
    tree = FatTree(k)
    src, dst = np.divmod(np.arange(tree.hosts**2), tree.hosts)
    src, dst = src[src != dst], dst[src != dst]
    if route == "spray":
        paths = tree.spray(src, dst)
    elif route == "hashed":
        paths = tree.ecmp(src, dst)
    else:  # every link of a tier with the same number of flows
        paths = tree.paths(
            src, dst, (src + dst) % tree.half, (src // tree.half + dst // tree.half) % tree.half
        )
    return Load(tree, paths, size_bytes if is_equal else lognormal(len(src), size_bytes))


def shifts(k: int, count: int, gap_s: float | None) -> Load:
    """Host i to i + 1, then to i + 2, and so on: at given instants, or each when the one before is done."""
    tree = FatTree(k)
    src = np.tile(np.arange(tree.hosts), count)
    shift = np.repeat(np.arange(count), tree.hosts)
    load = Load(tree, tree.ecmp(src, (src + shift + 1) % tree.hosts), lognormal(len(src), 1e6))
    if gap_s is not None:
        return load._replace(start_at_s=shift * gap_s)
    first = np.maximum(np.arange(len(src) + 1) - tree.hosts, 0)
    return load._replace(after_first=first, after=np.arange(len(src) - tree.hosts))


def ring(k: int, steps: int) -> Load:
    """A piece goes round all hosts; each step waits for the one before of the neighbour behind."""
    tree = FatTree(k)
    step, src = np.divmod(np.arange(tree.hosts * steps), tree.hosts)
    paths = tree.paths(src, (src + 1) % tree.hosts, src % tree.half, src % tree.half)
    first = np.maximum(np.arange(len(src) + 1) - tree.hosts, 0)
    waits = step > 0
    return Load(tree, paths, 1e6, 0.0, first, ((step - 1) * tree.hosts + (src - 1) % tree.hosts)[waits])


LOADS: dict[str, tuple[Callable[[], Load], tuple[float, ...]]] = {
    "B1: 1,024 hosts, ten permutations at once": (lambda: public("B1"), (0.0, 1e-6)),
    "B6: 128 hosts, ten permutations over 2 ms": (lambda: public("B6"), (0.0, 1e-6)),
    "1,024 hosts, ten permutations over 2 ms": (lambda: permutations(16, 10, 2e-3), (0.0, 1e-6)),
    "8,192 hosts, ten permutations at once": (lambda: permutations(32, 10, 0.0), (0.0,)),
    "1,024 hosts, Poisson at load 0.6": (lambda: poisson(16, 100_000), (0.0, 1e-6)),
    "8,192 hosts, Poisson at load 0.6": (lambda: poisson(32, 100_000), (0.0,)),
    "128 hosts, all-to-all at once, equal": (lambda: all_to_all(8, "hashed", 1e6, True), (0.0,)),
    "128 hosts, all-to-all at once, equal, sprayed": (lambda: all_to_all(8, "spray", 1e6, True), (0.0,)),
    "128 hosts, all-to-all at once": (lambda: all_to_all(8, "hashed", 1e6, False), (0.0, 1e-6)),
    "1,024 hosts, 97 shifts, one in 20 us": (lambda: shifts(16, 97, 2e-5), (0.0, 1e-6)),
    "1,024 hosts, 97 shifts, each after the one before": (lambda: shifts(16, 97, None), (0.0,)),
    "1,024 hosts, 97 shifts at once": (lambda: shifts(16, 97, 0.0), (1e-6, 1e-5)),
    "1,024 hosts, symmetric all-to-all at once": (lambda: all_to_all(16, "even", 1e5, True), (0.0,)),
    "ring of 1,024, a thousand steps": (lambda: ring(16, 1000), (0.0,)),
}
"""Loads by name, and the windows in which they are run; 0 is exact."""

SIMGRID_FLOWS_PER_S = {
    "B1: 1,024 hosts, ten permutations at once": 70.0,
    "B6: 128 hosts, ten permutations over 2 ms": 2560.0,
    "1,024 hosts, ten permutations over 2 ms": 63.0,
    "1,024 hosts, Poisson at load 0.6": 97.0,
    "128 hosts, all-to-all at once": 121.0,
}
"""SimGrid 4.1 (release build, explicit routes, lazy updates) on the first two, and on flows to the same description."""


def told(name: str, window_s: float) -> Told:
    """Run a load, against the exact mode if it has one."""
    make, windows = LOADS[name]
    run(permutations(4, 1, 0.0))  # compiled, or read from disk
    load, cpu_s = make(), np.inf
    for _ in range(3):
        began_s = time.process_time()
        found = run(load, window_s)
        cpu_s = min(cpu_s, time.process_time() - began_s)
        if cpu_s > LONG_S:
            break
    peak_bytes = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = bias = np.nan
    if window_s and windows[0] == 0.0:
        exact = run(load).fct_s
        error, bias = np.abs(found.fct_s / exact - 1.0).mean(), found.fct_s.mean() / exact.mean() - 1.0
    means = (float(found.fct_s.mean()), float(found.finished_at_s.max()), float(error), float(bias))
    return Told(name, window_s, len(found.fct_s), cpu_s, peak_bytes, *means)


def recorded() -> list[Told]:
    """Runs as they were written down."""
    with RECORD.open(newline="") as file:
        return [
            Told(row["name"], float(row["window_s"]), int(row["flows"]), float(row["cpu_s"]),
                 int(row["peak_bytes"]), *(float(row[key]) for key in Told._fields[5:]))
            for row in csv.DictReader(file)
        ]  # fmt: skip


def line(t: Told) -> str:
    """One run as text."""
    mode = f"window {t.window_s * 1e6:g} us" if t.window_s else "exact"
    error = "" if np.isnan(t.error_frac) else f", error {t.error_frac:.2%}, bias {t.bias_frac:+.2%}"
    speed = f"{t.cpu_s:7.2f} s {t.flows_per_s:8,.0f} flows/s {t.peak_bytes / 1e6:6,.0f} MB"
    times = f"mean {t.mean_fct_s * 1e3:.6f} ms, last {t.makespan_s * 1e3:.6f} ms"
    return f"{t.name:50} {mode:13} {t.flows:9,} flows {speed}, {times}{error}"


def _in_a_process(work: Callable[..., Any], *given: Any) -> Any:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def _write(runs: list[Told]) -> None:
    """Write runs down in place of those of the same load and window."""
    known = {(t.name, t.window_s): t for t in [*(recorded() if RECORD.exists() else []), *runs]}
    order = [(name, window_s) for name, (_, windows) in LOADS.items() for window_s in windows]
    with RECORD.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(Told._fields)
        for key in order:
            if key in known:
                rows.writerow(format(v, ".6g") if isinstance(v, float) else v for v in known[key])


def main() -> None:
    """Print a line a load and window; write them down if asked."""
    names = [name for name in sys.argv[1:] if name != "--write"]
    runs = []
    _in_a_process(told, next(iter(LOADS)), 0.0)  # compiles, so that no other run has that memory
    for name in names or LOADS:
        for window_s in LOADS[name][1]:
            runs.append(_in_a_process(told, name, window_s))
            print(line(runs[-1]), flush=True)
    if "--write" in sys.argv:
        _write(runs)


if __name__ == "__main__":
    main()
