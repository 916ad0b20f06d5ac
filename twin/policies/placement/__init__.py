"""Where replicas stand: one file a policy, each with ``place(domains, size, tensor)``.

A policy gets the GPUs of each NVLink domain and returns GPUs for as many groups of replicas as fit, in the order
in which they are taken. A group that a domain can hold lies in one; a larger one goes across domains, with
every ``tensor`` GPUs of it in one. It is plain Python, called once for each kind of rack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

__all__ = ["Place", "across", "within"]

Place: TypeAlias = Callable[[Sequence[Sequence[str]], int, int], list[list[str]]]


def within(domain: Sequence[str], size: int) -> list[list[str]]:
    """Groups of one domain; what is left over serves nothing.

    Examples
    --------
    >>> within("abcde", 2)
    [['a', 'b'], ['c', 'd']]
    """
    return [list(domain[i : i + size]) for i in range(0, len(domain) - size + 1, size)]


def across(domains: Sequence[Sequence[str]], size: int, tensor: int) -> list[list[str]]:
    """Groups over domains in their order, no ``tensor`` GPUs of which are torn apart.

    Examples
    --------
    >>> across(["abc", "def"], 4, 2)
    [['a', 'b', 'd', 'e']]
    """
    whole = [gpu for domain in domains for part in within(domain, tensor) for gpu in part]
    return within(whole, size)
