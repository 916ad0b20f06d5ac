"""A medium-voltage ring from the feed past the transformers and back: who has supply, and who loses it at a fault."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Ring(NamedTuple):
    """Sections in their order, with a stop between each two.

    Parameters
    ----------
    sections : tuple of str
        From the feed past all stops back to it; one more than stops.
    stops : tuple of str
        Transformers.
    open_at : tuple of str
        Sections that are normally open; none in a closed ring.
    rated_a : float
        Rated current of a section [A].
    length_m : float
        Length of a section [m].
    """

    sections: tuple[str, ...]
    stops: tuple[str, ...]
    open_at: tuple[str, ...]
    rated_a: float
    length_m: float

    def opened(self, out: Collection[str]) -> frozenset[str]:
        """Sections that are open once switches have moved: those that are out, else the open point."""
        lost = frozenset(self.sections) & frozenset(out)
        return lost or frozenset(self.open_at)

    def fed(self, opened: Collection[str]) -> set[str]:
        """Stops that the feed reaches from either side.

        Examples
        --------
        >>> ring = Ring(("r1", "r2", "r3"), ("a", "b"), ("r2",), 630.0, 100.0)
        >>> sorted(ring.fed({"r2"})), sorted(ring.fed({"r1", "r2"}))
        (['a', 'b'], ['b'])
        """
        cut = [i for i, name in enumerate(self.sections) if name in opened]
        first, last = (cut[0], cut[-1]) if cut else (len(self.sections), -1)
        return {name for i, name in enumerate(self.stops) if i < first or i >= last}

    def carried(self, drawn: Sequence[float], opened: Collection[str]) -> list[float]:
        """What each section carries, in the order of sections, in the unit of what stops draw.

        Parameters
        ----------
        drawn : sequence of float
            Current of each stop, of one power factor.
        opened : collection of str
            Sections that are open. In a closed ring the sections, which are alike, share by their impedance.

        Examples
        --------
        >>> ring = Ring(("r1", "r2", "r3", "r4"), ("a", "b", "c"), ("r3",), 630.0, 100.0)
        >>> ring.carried([1.0, 2.0, 4.0], {"r3"}), ring.carried([1.0, 2.0, 4.0], {"r4"})
        ([3.0, 2.0, 0.0, 4.0], [7.0, 6.0, 4.0, 0.0])
        >>> ring.carried([4.0, 0.0, 0.0], ())
        [3.0, 1.0, 1.0, 1.0]
        """
        cut = [i for i, name in enumerate(self.sections) if name in opened]
        count = len(self.sections)
        if not cut:
            flow = [sum(amount * (count - 1 - k) / count for k, amount in enumerate(drawn))]
            for amount in drawn:
                flow.append(flow[-1] - amount)
            return [abs(amount) for amount in flow]
        first, last = cut[0], cut[-1]
        left = [sum(drawn[i:first]) for i in range(first)]
        right = [sum(drawn[last:i]) for i in range(last + 1, count)]
        return [*left, *[0.0] * (last + 1 - first), *right]

    def lost(self, section: str, opened: Collection[str]) -> set[str]:
        """Stops that a fault takes with it until switches have moved; none in a ring without an open point.

        Examples
        --------
        >>> ring = Ring(("r1", "r2", "r3", "r4"), ("a", "b", "c"), ("r3",), 630.0, 100.0)
        >>> sorted(ring.lost("r1", {"r3"})), ring.lost("r3", {"r3"}), ring.lost("r1", ())
        (['a', 'b'], set(), set())
        """
        at = self.sections.index(section)
        cut = [i for i, name in enumerate(self.sections) if name in opened]
        if not cut or at in cut:
            return set()
        left = max((i for i in cut if i < at), default=-1)
        right = min((i for i in cut if i > at), default=len(self.sections))
        return {name for i, name in enumerate(self.stops) if left <= i < right}
