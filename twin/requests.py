"""Requests of a run as columns, and what can become of them.

The one shape in which workloads hand requests to the serving models, whichever fidelity computes them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, ScenarioError

FINISHED, REJECTED, INSIDE, SHED, CANCELLED, COMING = range(6)
"""What became of a request: done; can never be served; in the house; turned away; given up by the client;
not arrived yet."""

STATUS = ("finished", "rejected", "inside", "shed", "cancelled", "coming")

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


class Requests(NamedTuple):
    """Columns of the requests of a run; made by :func:`make`.

    Parameters
    ----------
    arrived_at_s : (request,) of float64
        Instant at the gateway [s]; NaN where it follows other requests. The rest is sorted.
    prompt_tokens, output_tokens : (request,) of int32
        1 or larger.
    priority : (request,) of int8
        Smaller goes first where the queue looks at it.
    tenant, tier, kind : (request,) of int16
        Index into ``tenants``, ``tiers``, ``kinds``.
    session : (request,) of int32
        Requests of one conversation or agent; -1 for none.
    adapter : (request,) of int16
        Adapter (LoRA) it needs; -1 for the base model.
    patience_s : (request,) of float32
        The client gives up this long after the arrival [s]; infinite for never.
    prefix_start : (request,) of int64
        Where its block hashes begin in ``prefix_ids``.
    prefix_blocks, prefix_shift : (request,) of int32
        How many they are, and what is added to each, so that copies of a trace share no prefix.
    prefix_ids : (hash,) of int32
        Hashes as dense numbers from 0; equal ids in the same leading positions are a shared prefix.
    prefix_block_tokens : int
        Tokens of a hashed block; the last of a prompt may be partial.
    follows : (edge,) of int32
        With ``follower``: the request that must be done first ...
    follower : (edge,) of int32
        ... and the one that waits for it, and for all its other predecessors.
    pause_s : (request,) of float32
        From the end of its last predecessor to its arrival: tool or think time [s].
    tenants, tiers, kinds : tuple of str
        Names behind the indices.
    """

    arrived_at_s: Floats
    prompt_tokens: Ints
    output_tokens: Ints
    priority: NDArray[np.int8]
    tenant: NDArray[np.int16]
    tier: NDArray[np.int16]
    kind: NDArray[np.int16]
    session: Ints
    adapter: NDArray[np.int16]
    patience_s: NDArray[np.float32]
    prefix_start: NDArray[np.int64]
    prefix_blocks: Ints
    prefix_shift: Ints
    prefix_ids: Ints
    prefix_block_tokens: int
    follows: Ints
    follower: Ints
    pause_s: NDArray[np.float32]
    tenants: tuple[str, ...] = ("all",)
    tiers: tuple[str, ...] = ("standard",)
    kinds: tuple[str, ...] = ("request",)

    @property
    def rows(self) -> int:
        """Number of requests."""
        return len(self.arrived_at_s)

    @property
    def distinct_prefixes(self) -> int:
        """One above the largest shifted hash id."""
        if not len(self.prefix_ids):
            return 0
        used = self.prefix_blocks > 0
        return int(self.prefix_ids.max()) + int(self.prefix_shift[used].max(initial=0)) + 1


_DEFAULTS = {
    "priority": (np.int8, 0),
    "tenant": (np.int16, 0),
    "tier": (np.int16, 0),
    "kind": (np.int16, 0),
    "session": (np.int32, -1),
    "adapter": (np.int16, -1),
    "patience_s": (np.float32, np.inf),
    "prefix_start": (np.int64, 0),
    "prefix_blocks": (np.int32, 0),
    "prefix_shift": (np.int32, 0),
    "pause_s": (np.float32, 0.0),
}
_LISTS = ("prefix_ids", "follows", "follower")


def make(
    arrived_at_s: ArrayLike,
    prompt_tokens: ArrayLike,
    output_tokens: ArrayLike,
    *,
    prefix_block_tokens: int = 512,
    names: dict[str, tuple[str, ...]] | None = None,
    **columns: ArrayLike,
) -> Requests:
    """Check and lay out requests; a column left out takes its default, a single value stands for all.

    Parameters
    ----------
    arrived_at_s, prompt_tokens, output_tokens : (request,)
        As in :class:`Requests`.
    prefix_block_tokens : int
        Tokens of a hashed block.
    names : dict
        ``tenants``, ``tiers``, ``kinds``.
    **columns
        Any other column of :class:`Requests`.

    Raises
    ------
    ScenarioError
        With the first row of each thing that is wrong.

    Examples
    --------
    >>> r = make([0.0, 1.5], [100, 200], [10, 20], tenant=[0, 1], names={"tenants": ("a", "b")})
    >>> r.rows, r.patience_s.tolist(), r.tenants
    (2, [inf, inf], ('a', 'b'))
    """
    arrived = np.array(arrived_at_s, dtype=np.float64)
    prompts, outputs = (np.array(c, dtype=np.int64) for c in (prompt_tokens, output_tokens))
    if not arrived.shape == prompts.shape == outputs.shape or arrived.ndim != 1:
        found = f"{arrived.shape}, {prompts.shape}, {outputs.shape}"
        fault = Fault("", 0, "requests", found, "three equal columns", "trim them")
        raise ScenarioError("request columns differ in length", [fault])
    filled = {
        name: np.broadcast_to(np.asarray(columns.get(name, default), dtype), arrived.shape)
        for name, (dtype, default) in _DEFAULTS.items()
    }
    lists = {name: np.ascontiguousarray(columns.get(name, ()), np.int32) for name in _LISTS}
    if faults := _faults(arrived, prompts, outputs, filled, lists):
        raise ScenarioError("requests cannot be served as they stand", faults)
    return Requests(
        arrived_at_s=arrived,
        prompt_tokens=prompts.astype(np.int32),
        output_tokens=outputs.astype(np.int32),
        prefix_block_tokens=prefix_block_tokens,
        **filled,  # type: ignore[arg-type]
        **lists,
        **(names or {}),  # type: ignore[arg-type]
    )


def _faults(
    arrived: Floats,
    prompts: NDArray[np.int64],
    outputs: NDArray[np.int64],
    columns: dict[str, NDArray[np.generic]],
    lists: dict[str, Ints],
) -> list[Fault]:
    largest, rows = np.iinfo(np.int32).max, len(arrived)
    waits = np.zeros(rows, dtype=bool)
    edges = np.concatenate([lists["follows"], lists["follower"]])
    is_edge_wrong = (edges < 0) | (edges >= rows)
    waits[lists["follower"][: len(lists["follower"])] if not is_edge_wrong.any() else []] = True
    timed = np.where(waits, np.inf, arrived)
    given = timed[~waits]
    ends = columns["prefix_start"].astype(np.int64) + columns["prefix_blocks"].astype(np.int64)
    repeats = _repeated(columns["prefix_start"], columns["prefix_blocks"], lists["prefix_ids"], ends)
    checks = (
        ("arrived_at_s", ~waits & ~np.isfinite(arrived), "finite", "shift the trace"),
        ("arrived_at_s of those that follow none", np.diff(given, prepend=-np.inf) < 0.0, "sorted",
         "sort by arrival"),
        ("prompt_tokens", (prompts < 1) | (prompts > largest), "1 or larger", "drop the request"),
        ("output_tokens", (outputs < 1) | (outputs > largest), "1 or larger", "drop the request"),
        ("patience_s", ~(columns["patience_s"].astype(float) > 0.0), "above zero", "give the client some patience"),
        ("pause_s", ~(columns["pause_s"].astype(float) >= 0.0), "zero or larger", "check the think times"),
        ("prefix_start", (ends > len(lists["prefix_ids"])) | (columns["prefix_start"].astype(np.int64) < 0),
         "hashes within prefix_ids", "check the hash lists"),
        ("prefix_ids", repeats, "each hash once in a prompt", "hash blocks with all that stands before them"),
        ("follows or follower", is_edge_wrong, "a row of a request", "check the sessions"),
    )  # fmt: skip
    return [
        Fault("", 0, f"{name}[{int(np.flatnonzero(is_wrong)[0])}]", "a value out of range", expected, mend)
        for name, is_wrong, expected, mend in checks
        if np.any(is_wrong)
    ]


def _repeated(
    starts: NDArray[np.generic], counts: NDArray[np.generic], ids: Ints, ends: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Requests whose prompt has the same hash twice; lists that many requests share are looked at once."""
    rows = len(ends)
    if not len(ids) or np.any(ends > len(ids)):
        return np.zeros(rows, dtype=bool)
    key = starts.astype(np.int64) * (len(ids) + 1) + counts.astype(np.int64)
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    sizes = counts[first].astype(np.int64)
    owner = np.repeat(np.arange(len(first)), sizes)
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    pairs = owner * (int(ids.max()) + 1) + ids[starts[first].astype(np.int64)[owner] + place]
    ordered = np.sort(pairs)
    twice = ordered[1:][ordered[1:] == ordered[:-1]] // (int(ids.max()) + 1)
    found: NDArray[np.bool_] = np.isin(np.arange(len(first)), twice)[of_row.reshape(-1)]
    return found
