"""Parameters of the serving models: checked and laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, ScenarioError
from twin.models.serving.records import ENGINE, LIMITS, Floats, Ints, Params
from twin.physics.inference import Iteration

COEFFICIENTS = np.dtype([(name, "f8") for name in Iteration._fields])
LIMIT_NUMBERS = 8
GRAPH_SIZES = (1, 2, 4, *range(8, 257, 8), *range(272, 513, 16))
"""Batch sizes for which engines capture CUDA graphs unless told otherwise (vLLM)."""


def first_come(request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> float:
    """Rank of a request in a queue without a policy: the instant of its routing."""
    return now_s


def everyone(
    totals: Ints, request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float
) -> bool:
    """Admission without a policy."""
    return True


def make_params(
    coefficients: Sequence[Iteration],
    choose: Callable[..., int],
    *,
    replicas: int | None = None,
    choose_decode: Callable[..., int] | None = None,
    rank: Callable[..., float] = first_come,
    admit: Callable[..., bool] = everyone,
    policy_limits: ArrayLike = (),
    graph_sizes: ArrayLike = GRAPH_SIZES,
    acceptance: ArrayLike = (),
    publish_s: float = 0.0,
    retry_s: float = 1.0,
    seed: int = 1,
    attached_frac: ArrayLike = ((),),
    trunk_bytes_per_s: ArrayLike = (),
    **limits: ArrayLike,
) -> Params:
    """Check and lay out parameters.

    Parameters
    ----------
    coefficients : sequence of Iteration
        One for each kind of replica.
    choose, choose_decode, rank, admit : callable
        Policies; the decode pool takes ``choose`` too if nothing else is given.
    replicas : int, optional
        How many; else as many as the longest of the limits.
    policy_limits : (limit,)
        Numbers for the admission and queue policies.
    graph_sizes : (size,)
        Batch sizes of captured CUDA graphs.
    acceptance : (draft,)
        Chance that at least so many drafts are accepted, descending, in [0, 1].
    publish_s, retry_s : float
        Zero or larger [s].
    seed : int
        Of the draws.
    attached_frac : (place, leaf)
        Share of the adapters of a replica at a place that hang on each leaf; rows add up to 1.
    trunk_bytes_per_s : (2 leaf,)
        Capacity of the links from each leaf to the spines, then of those back, larger than zero [bytes/s].
    **limits : (replica,) or scalar
        Fields of :data:`~twin.models.serving.records.LIMITS`; a scalar stands for all. By default every
        replica is a group of its own.

    Raises
    ------
    ScenarioError
        With every limit that is unknown or out of range.

    Examples
    --------
    >>> from twin.policies.routing.round_robin import choose
    >>> p = make_params([Iteration(overhead_s=0.01)], choose, replicas=2, max_batch=64, max_batched_tokens=512)
    >>> p.engines["max_batch"].tolist(), p.engines["group"].tolist()
    ([64, 64], [0, 1])
    """
    known = {limit.name for limit in LIMITS}
    if unknown := sorted(set(limits) - known):
        faults = [
            Fault("", 0, name, "an unknown limit", ", ".join(sorted(known)), "drop it") for name in unknown
        ]
        raise ScenarioError("replicas cannot run with these limits", faults)
    lengths = [len(v) for v in (np.atleast_1d(np.asarray(values)) for values in limits.values())]
    count = replicas if replicas is not None else max(lengths, default=1)
    engines = np.zeros(count, dtype=ENGINE)
    for limit in LIMITS:
        engines[limit.name] = limits.get(limit.name, limit.default)
    if "group" not in limits:
        engines["group"] = np.arange(count)
    numbers = np.zeros(max(LIMIT_NUMBERS, np.size(policy_limits)))
    numbers[: np.size(policy_limits)] = np.ravel(policy_limits)
    attached = np.atleast_2d(np.array(attached_frac, dtype=np.float64))
    trunks = np.array(trunk_bytes_per_s, dtype=np.float64)
    params = Params(
        coefficients=np.array([tuple(c) for c in coefficients], dtype=COEFFICIENTS),
        engines=engines,
        graph_sizes=np.sort(np.asarray(graph_sizes, dtype=np.int64)),
        acceptance=np.array(acceptance, dtype=np.float64),
        publish_s=float(publish_s),
        retry_s=float(retry_s),
        seed=int(seed),
        choose=choose,
        choose_decode=choose_decode or choose,
        rank=rank,
        admit=admit,
        limits=numbers,
        attached_frac=attached,
        trunk_bytes_per_s=trunks,
        narrow_trunks=_narrow(engines, attached, trunks),
    )
    if faults := _faults(params):
        raise ScenarioError("replicas cannot run with these limits", faults)
    return params


def _narrow(engines: NDArray[np.void], attached_frac: Floats, trunk_bytes_per_s: Floats) -> Ints:
    """Trunks that replicas could fill; none where places or trunks do not fit, which is a fault."""
    places, leaves = attached_frac.shape
    if len(trunk_bytes_per_s) != 2 * leaves or np.any(engines["place"] >= places) or leaves == 0:
        return np.zeros(0, dtype=np.int64)
    shares = attached_frac[engines["place"]]
    rates = [engines[f"{way}_bytes_per_s"][:, None] for way in ("send", "receive")]
    # a share of zero of an infinite rate is nothing
    below = [(shares * np.where(shares > 0.0, np.maximum(rate, 0.0), 0.0)).sum(axis=0) for rate in rates]
    return np.flatnonzero(trunk_bytes_per_s < np.concatenate(below) * (1.0 - 1e-9))


def _faults(params: Params) -> list[Fault]:
    engines = params.engines
    if len(engines) == 0:
        return [Fault("", 0, "replicas", "no replica", "at least one", "place a replica")]
    numbers = params.coefficients.view(np.float64)
    verify = params.coefficients["verify_tokens"][np.minimum(engines["kind"], len(params.coefficients) - 1)]
    groups, drafts = engines["group"], len(params.acceptance)
    checks: list[tuple[str, Any, str, str]] = [
        ("kind", (engines["kind"] < 0) | (engines["kind"] >= len(params.coefficients)),
         "an index of a coefficient set", "give each replica a kind"),
        ("coefficients", ~(np.isfinite(numbers) & (numbers >= 0.0)), "zero or larger", "check model, GPU and engine"),
        ("group", (np.diff(groups, prepend=-1) < 0) | (np.diff(groups, prepend=-1) > 1),
         "ascending without gaps from 0", "number the groups in order"),
        ("role", engines["role"] > 2, "0, 1 or 2", "choose BOTH, PREFILL or DECODE"),
        ("max_batched_tokens",
         (engines["is_chunked"] > 0) & (engines["max_batched_tokens"] < engines["max_batch"] * verify),
         "not below max_batch (times the tokens verified) with chunked prefill", "raise it to max_batch"),
        ("acceptance",
         (params.acceptance < 0.0) | (params.acceptance > 1.0) | (np.diff(params.acceptance, prepend=1.0) > 0.0),
         "0 to 1, descending", "give the chance that at least so many drafts are accepted"),
        ("verify_tokens", (verify > 1.0) & (verify != 1.0 + drafts), f"1, or 1 + {drafts} drafts",
         "give as many acceptance chances as drafts"),
        ("publish_s", not np.isfinite(params.publish_s) or params.publish_s < 0.0, "zero or larger", "0 for at once"),
        ("place", engines["place"] >= len(params.attached_frac), "a row of attached_frac", "add its row"),
        ("attached_frac", ~(params.attached_frac >= 0.0), "zero or larger", "give the share of adapters"),
        ("trunk_bytes_per_s", ~(params.trunk_bytes_per_s > 0.0) if len(params.trunk_bytes_per_s)
         == 2 * params.attached_frac.shape[1] else True, "above zero, up and down for each leaf",
         "give every leaf its links to the spines"),
        ("retry_s", not np.isfinite(params.retry_s) or params.retry_s < 0.0, "zero or larger", "0 for at once"),
    ]  # fmt: skip
    for limit in LIMITS:
        values = engines[limit.name]
        is_wrong = ~(values >= limit.least)
        if np.isfinite(limit.default):
            is_wrong |= ~np.isfinite(values)
        checks.append((limit.name, is_wrong, f"{limit.least:g} or larger", "give " + limit.meaning))
    return [
        Fault("", 0, f"{name}[{int(np.flatnonzero(is_wrong)[0])}]", "a value out of range", expected, mend)
        for name, is_wrong, expected, mend in checks
        if np.any(is_wrong)
    ]
