"""Entry points of the flow kernels. Numba caches by this file alone; the digest in the closure adds the others."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numba as nb

from twin.models.flows import loop, routes


class Kernels(NamedTuple):
    """What Python calls."""

    advance: Any
    enrol: Any
    add_routes: Any
    rehash: Any
    move_pool: Any


@cache
def kernels() -> Kernels:
    """All entry points, compiled on their first call and kept on disk."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return _entries(hashlib.blake2b(b"".join(f.read_bytes() for f in files), digest_size=8).hexdigest())


def _entries(digest: str) -> Kernels:
    entry = nb.njit(cache=True, _nrt=False)  # type: ignore[call-overload]

    @entry
    def advance(s: Any, until_s: float) -> bool:
        loop.advance(s, until_s)
        return digest != ""

    @entry
    def enrol(s: Any, begin: int, end: int, first: Any, after: Any, edges: int) -> int:
        return loop.enrol(s, begin, end, first, after, edges) if digest != "" else 0

    @entry
    def add_routes(
        s: Any, table: Any, counts: Any, known: Any, first: Any, links: Any, parts: Any, weight: Any, ceiling: Any,
        spot: Any, numbers: Any,
    ) -> int:  # fmt: skip
        if digest == "":
            return 0
        return routes.add(
            s, table, counts, known[0], known[1], first, links, parts, weight, ceiling, spot, numbers
        )

    @entry
    def rehash(s: Any, table: Any, count: int) -> bool:
        routes.rehash(s, table, count)
        return digest != ""

    @entry
    def move_pool(s: Any, pool: Any, first: Any) -> bool:
        routes.move_pool(s, pool, first)
        return digest != ""

    return Kernels(advance, enrol, add_routes, rehash, move_pool)
