"""What a request is while it is in the house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.processes.serving.kv import Lease
from twin.requests import Requests

if TYPE_CHECKING:
    from twin.processes.serving.replica import Replica

AWAY, TRAVELLING, READY, QUEUED, LOADING, COMPUTING, DECODING = range(7)
"""Where a request is: at no replica, on the way, waiting for a boundary to join the queue, in the queue, admitted
but its KV still on the way, in prefill, in decode."""

WAITING = (TRAVELLING, READY, QUEUED)


class Request:
    """A request with all that changes about it.

    Parameters
    ----------
    requests : Requests
        Columns of the run.
    row : int
        Which one it is.

    Examples
    --------
    >>> from twin.requests import make
    >>> columns = make([0.0], [5], [2], prefix_blocks=2, prefix_ids=[3, 4], prefix_block_tokens=4)
    >>> Request(columns, 0).idents
    {3: 4, 4: 1}
    """

    def __init__(self, requests: Requests, row: int) -> None:
        self.row = row
        self.prompt = int(requests.prompt_tokens[row])
        self.output = int(requests.output_tokens[row])
        self.adapter = int(requests.adapter[row])
        self.idents = _idents(requests, row)
        self.generated = 0
        self.rank = 0.0
        self.state = AWAY
        self.visit = 0  # counts its ways, so that one it no longer walks is known
        self.replica: Replica | None = None
        self.lease: Lease | None = None
        self.source: Replica | None = None  # where its prompt was computed, until its KV has left there
        self.source_lease: Lease | None = None
        self.order = 0  # of its admission
        self.is_swapped = False
        self.has_given_up = False
        self.to_compute = 0  # its prompt to compute
        self.present = 0  # of those, tokens found in the cache or computed
        self.computed = 0  # tokens of prompt and output that the loss of its KV would waste
        self.counted_prompt = 0  # what PROMPT_TOKENS of its replica counts of it
        self.hits = 0  # found at its last admission
        self.prompt_began_s: float | None = None  # start of the iteration with its first prompt tokens
        self.prompt_took_s = 0.0
        self.last_token_s: float | None = None
        self.phase: str | None = None
        self.since_s = 0.0

    @property
    def context(self) -> int:
        """Prompt and all generated tokens; outside the decode also the prompt to compute [tokens]."""
        return self.prompt + self.generated

    @property
    def lacks(self) -> int:
        """Output tokens still to come."""
        return self.output - self.generated

    @property
    def tokens(self) -> int:
        """What it counts as outstanding [tokens]."""
        return self.prompt + self.output

    def at(self) -> Replica:
        """The replica it is at; only for those that are at one."""
        assert self.replica is not None
        return self.replica


def _idents(requests: Requests, row: int) -> dict[int, int]:
    """Hashes of its prompt, each with the tokens it covers."""
    start, size = int(requests.prefix_start[row]), requests.prefix_block_tokens
    prompt, shift = int(requests.prompt_tokens[row]), int(requests.prefix_shift[row])
    count = min(int(requests.prefix_blocks[row]), -(-prompt // size))
    idents = (requests.prefix_ids[start : start + count].astype(int) + shift).tolist()
    return {ident: min(size, prompt - i * size) for i, ident in enumerate(idents)}
