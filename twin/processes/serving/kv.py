"""Blocks of a replica's KV cache: what requests hold, cached prefixes, and the tiers below."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

HBM, HOST, STORAGE = range(3)
"""Where a cached prefix is found."""


class Entry:
    """A cached block of prompts.

    Parameters
    ----------
    ident : int
        Its hash.
    blocks : int
        What it takes of the cache.
    """

    __slots__ = ("blocks", "ident", "references")

    def __init__(self, ident: int, blocks: int) -> None:
        self.ident = ident
        self.blocks = blocks
        self.references = 1


class Lease:
    """What a request holds.

    Parameters
    ----------
    own : int
        Blocks of its own.
    entries : list of Entry
        Cached blocks that it references, in the order of its prompt.
    created : list of Entry
        Those of them that came with it.
    """

    __slots__ = ("created", "entries", "own")

    def __init__(self, own: int, entries: list[Entry], created: list[Entry]) -> None:
        self.own = own
        self.entries = entries
        self.created = created

    @property
    def blocks(self) -> int:
        """All that it holds."""
        return self.own + sum(entry.blocks for entry in self.entries)


class _Tier:
    """Entries below HBM, least recently used first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self.blocks: OrderedDict[int, int] = OrderedDict()

    def put(self, ident: int, blocks: int) -> list[tuple[int, int]]:
        """Keep an entry; returns what falls out."""
        if blocks > self.capacity:
            return [(ident, blocks)]
        self.blocks[ident] = blocks
        self.used += blocks
        out = []
        while self.used > self.capacity:
            oldest = self.blocks.popitem(last=False)
            self.used -= oldest[1]
            out.append(oldest)
        return out

    def forget(self, ident: int) -> None:
        self.used -= self.blocks.pop(ident, 0)


class Kv:
    """KV cache of a replica.

    Parameters
    ----------
    capacity : int
        Blocks.
    most_entries : int
        Bound on the number of cached prefixes.
    host_blocks, storage_blocks : int
        Sizes of the lower tiers.

    Examples
    --------
    >>> kv = Kv(4, 10, 0, 0)
    >>> first = kv.take(3, {7: 1, 8: 1})
    >>> first.own, kv.free, kv.take(2)
    (1, 1, None)
    >>> kv.release(first, is_complete=True)
    >>> kv.used, kv.available, kv.lookup([7, 8, 9])
    (0, 4, [0, 0])
    """

    def __init__(self, capacity: int, most_entries: int, host_blocks: int, storage_blocks: int) -> None:
        self.capacity = capacity
        self.most_entries = most_entries
        self._tier_sizes = (host_blocks, storage_blocks)
        self.clear()

    def clear(self) -> None:
        """Lose everything, the lower tiers too."""
        self.free = self.capacity
        self.entries: dict[int, Entry] = {}
        self.evictable: OrderedDict[int, Entry] = OrderedDict()  # least recently used first
        self.evictable_blocks = 0
        self.tiers = [_Tier(size) for size in self._tier_sizes]

    @property
    def available(self) -> int:
        """Blocks that are free or can be made so."""
        return self.free + self.evictable_blocks

    @property
    def used(self) -> int:
        """Blocks that requests hold, cached ones that they share counted once."""
        return self.capacity - self.available

    @property
    def idents(self) -> frozenset[int]:
        """All ids held in any tier."""
        return frozenset(self.entries).union(*(tier.blocks for tier in self.tiers))

    def lookup(self, idents: Sequence[int]) -> list[int]:
        """Where each of the leading ids is found, up to the first that is nowhere."""
        found = []
        for ident in idents:
            if ident in self.entries:
                found.append(HBM)
            elif ident in self.tiers[0].blocks:
                found.append(HOST)
            elif ident in self.tiers[1].blocks:
                found.append(STORAGE)
            else:
                break
        return found

    def lists(self, entries: int) -> bool:
        """Whether there is room among the cached prefixes for so many that are held, present or not."""
        return not entries or len(self.entries) - len(self.evictable) + entries <= self.most_entries

    def take(self, needed: int, sizes: Mapping[int, int] | None = None) -> Lease | None:
        """Hold blocks, or none at all where they do not suffice.

        Parameters
        ----------
        needed : int
            Blocks that the request must hold.
        sizes : mapping of int to int
            Ids of its prompt in order, and the blocks that an entry of each takes.
        """
        sizes = sizes or {}
        present = [self.entries[ident] for ident in sizes if ident in self.entries]
        absent = {ident: size for ident, size in sizes.items() if ident not in self.entries}
        own = max(0, needed - sum(entry.blocks for entry in present) - sum(absent.values()))
        fresh = own + sum(absent.values())
        idle = [entry for entry in present if entry.references == 0]
        surplus = len(self.entries) + len(absent) - self.most_entries
        if fresh > self.available - sum(entry.blocks for entry in idle):
            return None
        if surplus > len(self.evictable) - len(idle):
            return None
        for entry in present:
            entry.references += 1
        for entry in idle:
            del self.evictable[entry.ident]
            self.evictable_blocks -= entry.blocks
        for ident in absent:
            for tier in self.tiers:
                tier.forget(ident)
        self._evict(fresh, len(absent))
        self.free -= fresh
        created = [Entry(ident, size) for ident, size in absent.items()]
        self.entries.update((entry.ident, entry) for entry in created)
        return Lease(own, [self.entries[ident] for ident in sizes], created)

    def grow(self, lease: Lease, blocks: int) -> None:
        """Add blocks of its own to a lease; they must be available."""
        self._evict(blocks, 0)
        self.free -= blocks
        lease.own += blocks

    def release(self, lease: Lease, is_complete: bool) -> None:
        """Give all back; the entries of a complete prompt stay until they are evicted."""
        self.free += lease.own
        for entry in reversed(lease.entries):
            entry.references -= 1
            if entry.references:
                continue
            if not is_complete and entry in lease.created:
                del self.entries[entry.ident]
                self.free += entry.blocks
            else:
                self.evictable[entry.ident] = entry
                self.evictable_blocks += entry.blocks

    def _evict(self, blocks: int, entries: int) -> None:
        """Evict until so many blocks are free and so many entries may be added."""
        while self.free < blocks or (entries and len(self.entries) + entries > self.most_entries):
            ident, entry = self.evictable.popitem(last=False)
            self.evictable_blocks -= entry.blocks
            self.free += entry.blocks
            del self.entries[ident]
            falling = [(ident, entry.blocks)]
            for tier in self.tiers:
                falling = [out for each in falling for out in tier.put(*each)]
