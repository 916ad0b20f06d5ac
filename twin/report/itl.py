"""Gaps between tokens, pooled over all tokens of a run, without ever writing the tokens out.

Inter-token latency has two definitions. Here is the one of the vLLM benchmark: all gaps of all requests in one
pool. The other, of AIPerf and GenAI-Perf, is the mean gap of each request, which this project calls TPOT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ResultsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXACT_TOKENS = 2**62


class Gaps:
    """Runs of iterations as a pool of gaps; gap ``j`` of a run is ``first_s + j * growth_s``.

    Parameters
    ----------
    columns : mapping
        ``sequences``, ``steps``, ``first_s`` [s], ``growth_s`` [s], each (run,), as in the table of gaps. Runs
        without sequences or steps hold no gap. No gap is below zero.
    file : str
        Where they were read, for messages.

    Raises
    ------
    ResultsError
        When a gap is negative or not a number, or a count is below zero.

    Examples
    --------
    >>> gaps = Gaps({"sequences": [2, 1], "steps": [3, 1], "first_s": [0.5, 4.0], "growth_s": [0.25, 0.0]})
    >>> gaps.count, gaps.mean_s, gaps.quantiles_s([0.5, 1.0]).tolist()
    (7, 1.2142857142857142, [0.75, 4.0])
    """

    def __init__(self, columns: Mapping[str, Any], file: str = "") -> None:
        sequences, steps = (np.asarray(columns[k], dtype=np.int64) for k in ("sequences", "steps"))
        first, growth = (np.asarray(columns[k], dtype=np.float64) for k in ("first_s", "growth_s"))
        _refuse(file, sequences, steps, first, growth)
        some = (sequences > 0) & (steps > 0)
        self._weight, self._steps = sequences[some], steps[some]
        self._first, self._growth = first[some], growth[some]

    @property
    def count(self) -> int:
        """Gaps in the pool."""
        return int(self._weight @ self._steps)

    @property
    def mean_s(self) -> float:
        """Mean gap [s]; NaN without gaps."""
        middle = self._first + self._growth * (self._steps - 1) / 2.0
        return float(self._weight * self._steps @ middle) / self.count if self.count else float("nan")

    @property
    def std_s(self) -> float:
        """Standard deviation of the pool [s], over n as the benchmarks take it; NaN without gaps."""
        if not self.count:
            return float("nan")
        n = self._steps.astype(float)
        middle = self._first + self._growth * (n - 1.0) / 2.0
        within = self._growth**2 * (n * n - 1.0) / 12.0
        squares = self._weight * n @ ((middle - self.mean_s) ** 2 + within)
        return float(np.sqrt(squares / self.count))

    def quantiles_s(self, shares: Sequence[float]) -> Floats:
        """Exact quantiles of the pool, as ``numpy.quantile(tokens, share, method="inverted_cdf")``.

        Parameters
        ----------
        shares : sequence of float
            0 to 1; 0 is the smallest gap, 1 the largest.

        Returns
        -------
        array (share,)
            Gaps that occur [s]; NaN where the pool is empty.
        """
        if not self.count:
            return np.full(len(shares), np.nan)
        ranks = [_rank(share, self.count) for share in shares]
        found = self._order_statistics(sorted(set(ranks)))
        return np.array([found[rank] for rank in ranks])

    def _order_statistics(self, ranks: list[int]) -> dict[int, float]:
        """Gaps by rank, from 1: the smallest value that at least so many gaps do not exceed."""
        runs = _Runs(self._weight, self._steps, self._first, self._growth)
        # floats from zero up are ordered as their bits are, so 63 halvings find any of them
        stack = [(_bits(runs.least().min()) - 1, _bits(runs.last().max()), 0, runs, ranks)]
        found: dict[int, float] = {}
        while stack:
            low, high, below, runs, wanted = stack.pop()
            if high - low <= 1:
                found |= dict.fromkeys(wanted, float(np.int64(high).view(np.float64)))
                continue
            middle = (low + high) // 2
            counts = runs.count_up_to(float(np.int64(middle).view(np.float64)))
            reached = below + int(runs.weight @ counts)
            if left := [rank for rank in wanted if rank <= reached]:
                stack.append((low, middle, below, runs.take(counts > 0), left))
            if right := [rank for rank in wanted if rank > reached]:
                is_whole = counts == runs.steps
                below += int(runs.weight[is_whole] @ counts[is_whole])
                stack.append((middle, high, below, runs.take(~is_whole), right))
        return found


class _Runs:
    """Runs that still matter to a search, each with its gaps in ascending order."""

    def __init__(self, weight: Ints, steps: Ints, first: Floats, growth: Floats) -> None:
        self.weight, self.steps, self._first, self._growth = weight, steps, first, growth

    def take(self, kept: NDArray[np.bool_]) -> _Runs:
        if kept.all():
            return self
        return _Runs(self.weight[kept], self.steps[kept], self._first[kept], self._growth[kept])

    def least(self) -> Floats:
        return self._value(np.zeros_like(self.steps))

    def last(self) -> Floats:
        return self._value(self.steps - 1)

    def _value(self, place: Ints) -> Floats:
        step = np.where(self._growth < 0.0, self.steps - 1 - place, place)
        return self._first + step * self._growth

    def count_up_to(self, limit: float) -> Ints:
        """Steps of each run that are not longer than the limit."""
        least, last = self.least(), self.last()
        is_flat = self._growth == 0.0
        rise = np.where(is_flat, 1.0, np.abs(self._growth))
        with np.errstate(over="ignore"):
            guess = np.clip((limit - least) / rise + 1.0, 0.0, self.steps)
            # the division is off by as many steps as fit into the rounding of a gap
            slack = 2.0 + 4.0 * np.spacing(np.maximum(last, limit)) / rise
        guess = np.where(is_flat, np.where(least <= limit, self.steps, 0), guess).astype(np.int64)
        slack = np.where(is_flat, 0, np.minimum(slack, self.steps)).astype(np.int64)
        low, high = np.maximum(guess - slack, 0), np.minimum(guess + slack, self.steps)
        while (low < high).any():
            middle = (low + high) // 2
            is_under = (self._value(middle) <= limit) & (low < high)
            low, high = np.where(is_under, middle + 1, low), np.where(is_under, high, middle)
        return low


def _bits(value: float) -> int:
    return int(np.float64(value + 0.0).view(np.int64))  # + 0.0 makes -0.0 the zero that is ordered


def _rank(share: float, count: int) -> int:
    """Rank from 1 that NumPy gives to a quantile by inverted_cdf."""
    place = share * count
    return min(max(int(np.ceil(place)), 1), count)


def _refuse(file: str, sequences: Ints, steps: Ints, first: Floats, growth: Floats) -> None:
    with np.errstate(invalid="ignore"):
        last = first + np.maximum(steps - 1, 0) * growth
    checks = (
        ("sequences", sequences < 0, "zero or more"),
        ("steps", steps < 0, "zero or more"),
        ("first_s", ~((first >= 0.0) & np.isfinite(first)), "a length of time"),
        ("growth_s", ~((last >= 0.0) & np.isfinite(last)), "no gap below zero"),
    )
    faults = [
        Fault(
            file,
            0,
            f"gaps: {name}[{int(np.flatnonzero(bad)[0])}]",
            "a value out of range",
            expected,
            "run again",
        )
        for name, bad, expected in checks
        if bad.any()
    ]
    if not faults and float(sequences @ steps.astype(float)) > EXACT_TOKENS:
        faults = [
            Fault(file, 0, "gaps", "too many tokens to count", f"up to {EXACT_TOKENS}", "split the run")
        ]
    if faults:
        raise ResultsError("gaps between tokens that cannot be", faults)
