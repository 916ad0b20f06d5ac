"""Both pools equally loaded, by the tokens that come in and go out.

The steady-state balance of a disaggregated site: prompt tokens over prefill capacity against output tokens over
decode capacity. It looks at rates, not at queues, so it does not work off a backlog faster. Output counts as
generated: while the decode pool is saturated its demand is larger than what is seen.
"""

from __future__ import annotations

import math

from twin.policies.planning import Observed, Pools


def plan(observed: Observed, pools: Pools) -> int:
    """Split the replicas so that the busier pool is as little busy as can be.

    Parameters
    ----------
    observed : Observed
        Prompt tokens that arrived and output tokens that were generated.
    pools : Pools
        Replicas and the capacity of one.

    Returns
    -------
    int
        Prefill replicas wanted, within what both pools keep. Of two splits that are equally good the nearer
        one to the present; the present one without any load.

    Examples
    --------
    >>> pools = Pools(prefill=4, decode=4, prefill_tokens_per_s=50e3, decode_tokens_per_s=5e3)
    >>> plan(Observed(interval_s=10.0, prompt_tokens=1e6, output_tokens=3e5), pools)  # 2 and 6 replicas of work
    2
    """
    prefill_work = observed.prompt_tokens_per_s / pools.prefill_tokens_per_s
    decode_work = observed.output_tokens_per_s / pools.decode_tokens_per_s
    if prefill_work + decode_work == 0.0:
        return pools.bounded(pools.prefill)
    even = pools.total * prefill_work / (prefill_work + decode_work)

    def badness(prefill: int) -> tuple[float, int]:
        busier = max(_load(prefill_work, prefill), _load(decode_work, pools.total - prefill))
        return busier, abs(prefill - pools.prefill)

    return min((pools.bounded(n) for n in (math.floor(even), math.ceil(even))), key=badness)


def _load(work: float, replicas: int) -> float:
    """Work over replicas; what has no replicas is loaded without bound, unless there is no work."""
    if work == 0.0:
        return 0.0
    return work / replicas if replicas else math.inf
