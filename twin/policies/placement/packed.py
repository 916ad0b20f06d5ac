"""One domain after the other is filled."""

from __future__ import annotations

from collections.abc import Sequence

from twin.policies.placement import across, within


def place(domains: Sequence[Sequence[str]], size: int, tensor: int) -> list[list[str]]:
    """Fill the first domain with groups, then the next.

    Parameters
    ----------
    domains : sequence of sequence of str
        GPUs of each NVLink domain.
    size : int
        GPUs of a group, at least 1.
    tensor : int
        GPUs that must lie in one domain; divides ``size``.

    Returns
    -------
    list of list of str
        GPUs of each group; empty when none fits.

    Examples
    --------
    >>> place(["abcd", "efgh"], 2, 2)
    [['a', 'b'], ['c', 'd'], ['e', 'f'], ['g', 'h']]
    """
    if all(len(domain) < size for domain in domains):
        return across(domains, size, tensor)
    return [group for domain in domains for group in within(domain, size)]
