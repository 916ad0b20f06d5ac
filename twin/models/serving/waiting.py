"""The queue of a replica: a pairing heap by rank, in which who comes in order stands behind who came before.

With first come, first served the heap is then a chain, and its head goes without a search for the next one.
"""

from __future__ import annotations

from typing import Any

from twin.models.serving.draws import inner
from twin.models.serving.trees import NONE, goes_first, queue_pop, queue_push


@inner
def join_queue(s: Any, rep: Any, row: int) -> None:
    """Add a row to the queue of a replica."""
    last = rep.queue_last
    if last != NONE and goes_first(s.requests, last, row):
        s.requests[row].child = NONE
        s.requests[row].link = s.requests[last].child
        s.requests[last].child = row
    else:
        rep.queue_root = queue_push(s.requests, rep.queue_root, row)
    rep.queue_last = row


@inner
def pop_queue(s: Any, rep: Any) -> None:
    """Remove the head of the queue of a replica."""
    if rep.queue_last == rep.queue_root:
        rep.queue_last = NONE
    rep.queue_root = queue_pop(s.requests, rep.queue_root)
