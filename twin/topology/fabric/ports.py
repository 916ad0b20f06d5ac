"""Ports of switches, and the lines into which they can be broken out."""

from __future__ import annotations

from dataclasses import dataclass

from twin import catalog

Loads = list[tuple[int, int]]
"""Numbers of nodes, each with its number of lines."""


@dataclass(frozen=True)
class Ports:
    """Ports of a switch, and the lanes into which each can be broken out."""

    count: int
    lanes: int
    rate_bytes_per_s: float

    def lines(self, rate_bytes_per_s: float) -> int:
        """Lines of a rate that a port carries; 0 where it cannot.

        Examples
        --------
        >>> Ports(64, 2, 100e9).lines(50e9), Ports(64, 2, 100e9).lines(200e9)
        (2, 0)
        """
        ratio = self.rate_bytes_per_s / rate_bytes_per_s
        if ratio < 1 - 1e-9 or abs(ratio - round(ratio)) > 1e-9:
            return 0
        return min(round(ratio), self.lanes)


def ports(switch: str) -> Ports:
    """Return the ports of a switch card.

    Examples
    --------
    >>> ports("sn5600")
    Ports(count=64, lanes=2, rate_bytes_per_s=100000000000.0)
    """
    card = catalog.get("switch", switch)
    count = int(card.ports)
    return Ports(count, max(1, int(card.get("radix", count)) // count), float(card.port_rate_bytes_per_s))


def deal(total: int, parts: int) -> Loads:
    """How many of some parts get how many of a total that is dealt in one go.

    Examples
    --------
    >>> deal(10, 4)
    [(2, 2), (2, 3)]
    """
    low, more = divmod(total, parts)
    return [(count, lines) for count, lines in ((parts - more, low), (more, low + 1)) if count and lines]
