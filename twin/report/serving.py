"""Requests of a run with what the field measures of each: latencies, limits, worth.

Definitions are those of the usual benchmarks. TTFT, request latency and TPOT: AIPerf and GenAI-Perf of NVIDIA, the
serving benchmark of vLLM, MLPerf Inference (server scenario). Goodput, requests that keep every limit of their
tier: DistServe (OSDI 2024) and Mooncake (FAST 2025). Hit rate: cached over queried prompt tokens, as vLLM counts.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ResultsError
from twin.report.itl import Gaps
from twin.report.source import Source
from twin.requests import CANCELLED, FINISHED, INSIDE, REJECTED, SHED

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

GROUPINGS = {"tier": "tiers", "tenant": "tenants", "kind": "kinds", "replica": ""}
"""Columns by which requests are grouped, and where their names are."""

TIER_VALUES = {
    "ttft_s": ("slo", "ttft_s"),
    "tpot_s": ("slo", "tpot_s"),
    "input_usd_per_token": ("economics", "input_price_usd_per_token"),
    "output_usd_per_token": ("economics", "output_price_usd_per_token"),
}
"""What a tier may say, and which attribute speaks for tiers that do not."""


class Serving:
    """Requests of a run and what follows from their columns; all arrays are (request,).

    Parameters
    ----------
    file : Source
        An opened result file.

    Notes
    -----
    A request is *good* when it finished within the TTFT and the TPOT of its tier. It is *late* when it did not,
    when it was rejected, shed or cancelled, or when its first token is overdue at the end.
    """

    def __init__(self, file: Source) -> None:
        self.file = file
        self.columns = file.requests()
        self.status: NDArray[np.int8] = self.columns["status"]

    @cached_property
    def lasted_s(self) -> float:
        """Instant up to which the run was recorded [s]; NaN before the first sample."""
        if "site.power_w" not in self.file.series_names():
            return float("nan")
        time_s = self.file.series("site.power_w").time_s
        return float(time_s[-1]) if len(time_s) else float("nan")

    @cached_property
    def weight(self) -> float:
        """How many requests one written request stands for; 1 unless a sample was written."""
        share = float(self.file.json("sampling").get("requests_frac", 1.0))
        if share >= 1.0:
            return 1.0
        book = self.file.audit().get("requests")  # counts all of them; a torso has no balances
        return book["in"] / len(self.status) if book and len(self.status) else 1.0 / share

    @cached_property
    def done(self) -> Bools:
        """Finished."""
        is_done: Bools = self.status == FINISHED
        return is_done

    @cached_property
    def ttft_s(self) -> Floats:
        """First token at the gateway minus arrival [s]; NaN without a first token."""
        waited: Floats = self.columns["first_token_at_s"] - self.columns["arrived_at_s"]
        return waited

    @cached_property
    def queue_s(self) -> Floats:
        """First admission minus arrival [s]; NaN for those never admitted."""
        waited: Floats = self.columns["admitted_at_s"] - self.columns["arrived_at_s"]
        return waited

    @cached_property
    def e2e_s(self) -> Floats:
        """Last token at the gateway minus arrival [s]; NaN unless finished."""
        return np.where(self.done, self.columns["done_at_s"] - self.columns["arrived_at_s"], np.nan)

    @cached_property
    def tpot_s(self) -> Floats:
        """(last token - first token) / (tokens - 1) [s]; NaN unless finished with two tokens or more."""
        columns, tokens = self.columns, self.columns["output_tokens"]
        mean = (columns["done_at_s"] - columns["first_token_at_s"]) / np.maximum(tokens - 1, 1)
        return np.where(self.done & (tokens > 1), mean, np.nan)

    @cached_property
    def good(self) -> Bools:
        """Finished within every limit of its tier."""
        is_fluent = (self.tpot_s <= self._of_tier("tpot_s")) | (self.columns["output_tokens"] == 1)
        is_good: Bools = self.done & (self.ttft_s <= self._of_tier("ttft_s")) & is_fluent
        return is_good

    @cached_property
    def late(self) -> Bools:
        """Missed a limit, was turned away or gave up, or has waited too long when the record ends."""
        first = self.columns["first_token_at_s"]
        waited = np.where(np.isnan(first), self.lasted_s, first) - self.columns["arrived_at_s"]
        is_overdue = (self.status == INSIDE) & (waited > self._of_tier("ttft_s"))
        is_lost = np.isin(self.status, (REJECTED, SHED, CANCELLED))
        is_late: Bools = (self.done & ~self.good) | is_lost | is_overdue
        return is_late

    @cached_property
    def gaps(self) -> Gaps:
        """Gaps between all tokens of all requests."""
        return Gaps(self.file.gaps(), str(self.file.path))

    @property
    def knows_queue(self) -> bool:
        """Whether the file says when requests were admitted, and what they found cached."""
        return self.file.has("requests", "admitted_at_s")

    @property
    def knows_gaps(self) -> bool:
        """Whether the file holds gaps between tokens."""
        return self.file.has("gaps", "first_s")

    def _tier_values(self, name: str) -> Floats:
        """A value of every tier, or of the whole site where the tier does not say, array (tier)."""
        attribute, key = TIER_VALUES[name]
        listed = self.file.json("tiers")
        tiers = max(int(self.columns["tier"].max(initial=0)) + 1, len(listed))
        values = np.full(tiers, float(self.file.json(attribute)[key]))
        for place, said in enumerate(listed):
            if said.get(name) is not None:
                values[place] = said[name]
        return values

    def _of_tier(self, name: str) -> Floats:
        each: Floats = self._tier_values(name)[np.maximum(self.columns["tier"], 0)]
        return each

    def revenue_usd(self, rows: NDArray[np.int64] | slice = slice(None)) -> float:
        """Prompts and outputs of those finished, at the prices of their tiers [USD]."""
        done = self.done[rows]
        tier = np.maximum(self.columns["tier"][rows][done], 0)
        total = 0.0
        for name in ("output", "input"):
            prices = self._tier_values(f"{name}_usd_per_token")
            tokens = np.bincount(tier, self.columns[f"{name}_tokens"][rows][done], minlength=len(prices))
            total += float(tokens @ prices)
        return total * self.weight

    def by(self, grouping: str, most: int | None = None) -> dict[str, dict[str, float]]:
        """What each tier, tenant, kind or replica got.

        Parameters
        ----------
        grouping : {"tier", "tenant", "kind", "replica"}
            A request without replica is in none of them.
        most : int, optional
            Only the first so many groups.

        Returns
        -------
        dict
            By name, in the order of the file: figures as in :meth:`figures`.

        Raises
        ------
        ResultsError
            When requests cannot be grouped by it.
        """
        if grouping not in GROUPINGS:
            fault = Fault(str(self.file.path), 0, "by", grouping, ", ".join(GROUPINGS), "write by('tier')")
            raise ResultsError("requests are not grouped by that", [fault])
        column, names = self.columns[grouping], self._names(grouping)
        order = np.argsort(column, kind="stable")
        places, starts = np.unique(column[order], return_index=True)
        pieces = np.split(order, starts[1:]) if len(order) else []
        return {
            names.get(int(place), str(place)): self.figures(rows)
            for place, rows in islice(((p, r) for p, r in zip(places, pieces, strict=True) if p >= 0), most)
        }

    def groups(self, grouping: str) -> int:
        """How many groups :meth:`by` gives."""
        places = np.unique(self.columns[grouping])
        return int((places >= 0).sum())

    def _names(self, grouping: str) -> dict[int, str]:
        if grouping == "replica":
            is_there = "replica" in self.file.kinds()
            return dict(enumerate(self.file.asset("replica")["id"] if is_there else ()))
        return dict(enumerate(self.file.names(GROUPINGS[grouping])))

    def figures(self, rows: NDArray[np.int64]) -> dict[str, float]:
        """Key figures of some of the requests.

        Parameters
        ----------
        rows : (n,)
            Places in the columns.

        Returns
        -------
        dict
            SI units, the unit in every key; NaN where there is nothing to measure.
        """
        status, good, tokens = self.status[rows], self.good[rows], self.columns["output_tokens"][rows]
        done, late, weight = self.done[rows], self.late[rows], self.weight
        found = {"requests": weight * len(rows), "requests_finished": weight * float(done.sum())}
        for name, value in (("rejected", REJECTED), ("shed", SHED), ("cancelled", CANCELLED)):
            found[f"requests_{name}"] = weight * float((status == value).sum())
        found["good_frac"] = ratio(float(good.sum()), float(good.sum() + late.sum()))
        found["goodput_requests_per_s"] = ratio(weight * float(good.sum()), self.lasted_s)
        for name, mine in (("goodput", good), ("finished_output", done)):
            found[f"{name}_tokens_per_s"] = ratio(
                weight * float(tokens[mine].sum(dtype=float)), self.lasted_s
            )
        for name in ("ttft_s", "tpot_s", "e2e_s", "queue_s"):
            levels = percentiles(known(getattr(self, name)[rows]), (50, 99))
            found |= {f"{name[:-2]}_p{p}_s": float(v) for p, v in zip((50, 99), levels, strict=True)}
        tokens_frac, _ = self.hits(rows)
        return found | {"cache_hit_frac": tokens_frac, "revenue_usd": self.revenue_usd(rows)}

    def hits(self, rows: NDArray[np.int64] | slice = slice(None)) -> tuple[float, float]:
        """Share of prompt tokens found in the cache, and share of requests that found any; of those admitted."""
        admitted = np.isfinite(self.columns["admitted_at_s"][rows])
        cached, prompt = (self.columns[k][rows][admitted] for k in ("cached_tokens", "input_tokens"))
        total = float(prompt.sum(dtype=float))
        return ratio(float(cached.sum(dtype=float)), total), ratio(
            float((cached > 0).sum()), float(len(cached))
        )


def ratio(a: float, b: float) -> float:
    """Quotient, NaN where nothing is divided by.

    Examples
    --------
    >>> ratio(1.0, 4.0), ratio(1.0, 0.0)
    (0.25, nan)
    """
    return a / b if b else float("nan")


def known(values: Floats) -> Floats:
    """Values that are there.

    Examples
    --------
    >>> known(np.array([1.0, np.nan])).tolist()
    [1.0]
    """
    return values[~np.isnan(values)]


def percentiles(values: Floats, levels: tuple[float, ...]) -> Floats:
    """Percentiles, linear between order statistics as the benchmarks take them; NaN of nothing.

    Examples
    --------
    >>> percentiles(np.array([1.0, 2.0]), (50,)).tolist(), percentiles(np.array([]), (50,)).tolist()
    ([1.5], [nan])
    """
    return np.percentile(values, levels) if len(values) else np.full(len(levels), np.nan)
