"""One replica at a time moves to where more requests wait."""

from __future__ import annotations

from twin.policies.planning import Observed, Pools

# A pool must have twice the queue of the other, so that the split does not swing around the balance.
RATIO = 2.0
# Shorter queues are the ordinary coming and going of requests.
LEAST_PER_REPLICA = 1.0


def plan(observed: Observed, pools: Pools) -> int:
    """Move one replica to the pool with the longer queue per replica, if it is clearly longer.

    One step an interval avoids overshooting: moved replicas show their effect only after they are empty.

    Parameters
    ----------
    observed : Observed
        Requests that wait in each pool.
    pools : Pools
        The split now.

    Returns
    -------
    int
        Prefill replicas wanted: one more, one less or as many as now, within what both pools keep.

    Examples
    --------
    >>> pools = Pools(prefill=4, decode=4, prefill_tokens_per_s=50e3, decode_tokens_per_s=5e3)
    >>> [plan(Observed(interval_s=10.0, prefill_queue=n, decode_queue=20), pools) for n in (0, 30, 50)]
    [3, 4, 5]
    """
    prefill = observed.prefill_queue / max(pools.prefill, 1)
    decode = observed.decode_queue / max(pools.decode, 1)
    wanted = pools.prefill
    if prefill >= LEAST_PER_REPLICA and prefill > RATIO * decode:
        wanted += 1
    elif decode >= LEAST_PER_REPLICA and decode > RATIO * prefill:
        wanted -= 1
    return pools.bounded(wanted)
