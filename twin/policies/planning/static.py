"""The split stays as it is."""

from __future__ import annotations

from twin.policies.planning import Observed, Pools


def plan(observed: Observed, pools: Pools) -> int:
    """Keep the prefill replicas that there are.

    Parameters
    ----------
    observed : Observed
        Not looked at.
    pools : Pools
        The split now.

    Returns
    -------
    int
        Prefill replicas wanted.

    Examples
    --------
    >>> plan(Observed(interval_s=60.0), Pools(prefill=3, decode=5, prefill_tokens_per_s=1, decode_tokens_per_s=1))
    3
    """
    return pools.prefill
