"""Groups go around the domains, so that few of them share a rack, its cooling and its feed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from twin.policies.placement import across, within


def place(domains: Sequence[Sequence[str]], size: int, tensor: int) -> list[list[str]]:
    """Give each domain its first group before any gets its second.

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
    [['a', 'b'], ['e', 'f'], ['c', 'd'], ['g', 'h']]
    """
    if all(len(domain) < size for domain in domains):
        return across(domains, size, tensor)
    turns = zip_longest(*(within(domain, size) for domain in domains))
    return [group for turn in turns for group in turn if group is not None]
