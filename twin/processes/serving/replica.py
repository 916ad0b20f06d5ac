"""A replica: its queue, its batch, its KV cache, and what the next iteration computes."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import NamedTuple

from twin.models.serving.draws import uniform
from twin.models.serving.records import AMOUNTS, LAST_ADMITTED, PREFILL, Params
from twin.physics.inference import Iteration
from twin.processes.serving.adapters import Adapters
from twin.processes.serving.kv import HOST, STORAGE, Kv
from twin.processes.serving.request import COMPUTING, DECODING, LOADING, QUEUED, READY, WAITING, Request


class Plan(NamedTuple):
    """What a replica computes in an iteration.

    Parameters
    ----------
    decode : sequence of (Request, int)
        Sequences in decode and the tokens each of them will get.
    pieces : sequence of (Request, int)
        Prompts and how many tokens of each are computed.
    padded : int
        Sequences of the decode, with the padding of CUDA graphs.
    """

    decode: Sequence[tuple[Request, int]] = ()
    pieces: Sequence[tuple[Request, int]] = ()
    padded: int = 0

    @property
    def context(self) -> int:
        """Context of the sequences in decode [tokens]."""
        return sum(request.context for request, _ in self.decode)

    @property
    def chunk(self) -> int:
        """Prompt tokens."""
        return sum(tokens for _, tokens in self.pieces)

    @property
    def pairs(self) -> int:
        """Query-key pairs of the prompt tokens."""
        return sum(tokens * r.present + tokens * (tokens + 1) // 2 for r, tokens in self.pieces)

    @property
    def output(self) -> int:
        """Tokens that it yields."""
        complete = sum(r.present + tokens == r.to_compute for r, tokens in self.pieces)
        return complete + sum(tokens for _, tokens in self.decode)


def place(request: Request) -> tuple[float, int]:
    """Place in a queue."""
    return request.rank, request.row


class Replica:
    """What a replica holds.

    Parameters
    ----------
    params : Params
        Of all replicas.
    index : int
        Which one it is.
    """

    def __init__(self, params: Params, index: int) -> None:
        names = params.engines.dtype.names or ()
        self.engine = SimpleNamespace(**{name: params.engines[name][index].item() for name in names})
        kind = params.coefficients[self.engine.kind]
        self.coef = Iteration(**{name: float(kind[name]) for name in kind.dtype.names or ()})
        self.wake: Callable[[], None] = lambda: None  # set by its group
        self.index = index
        self.role = int(self.engine.role)
        self.is_up = self.is_alive = True
        self.clock_frac = 1.0
        self._params = params
        self._admissions = 0
        self.total = dict.fromkeys(AMOUNTS, 0.0)
        self.current: dict[str, float] = {}  # amounts of the running iteration
        self.outstanding_tokens = self.outstanding_requests = self.prompt_tokens = 0
        self.clear()

    def clear(self) -> None:
        """Be as at the start, but for what has been counted."""
        engine = self.engine
        self.waiting: list[Request] = []  # on the way or ready, not in the queue
        self.queue: list[Request] = []
        self.loading: list[Request] = []
        self.prefill: list[Request] = []  # in order of admission
        self.decode: list[Request] = []
        self.held: list[Request] = []  # computed here, their KV not yet sent
        self.is_short = False  # a victim had to go at this boundary
        self.extra_s = 0.0
        self.plan = Plan()
        self.kv = Kv(engine.kv_blocks, engine.cache_entries, engine.host_blocks, engine.storage_blocks)
        self.adapters = Adapters(engine.adapter_slots)

    def see_links(self) -> None:
        """Read what its adapters carry, after that was changed."""
        for name in ("send_bytes_per_s", "receive_bytes_per_s"):
            setattr(self.engine, name, self._params.engines[name][self.index].item())

    @property
    def batch(self) -> int:
        """Admitted requests."""
        return len(self.loading) + len(self.prefill) + len(self.decode)

    @property
    def waits(self) -> int:
        """Requests routed here and not admitted."""
        return len(self.waiting) + len(self.queue)

    def blocks(self, tokens: int) -> int:
        """Blocks that so many tokens take."""
        return -(-tokens // int(self.engine.block_tokens))

    def fits_ever(self, request: Request) -> bool:
        """Whether a request could be served here, were the replica empty."""
        tokens = request.context if self.role == PREFILL else request.tokens
        return self.blocks(tokens) <= int(self.engine.kv_blocks)

    # requests come and go

    def expect(self, request: Request) -> None:
        """Count a request as routed here."""
        request.replica = self
        self.waiting.append(request)
        self.outstanding_tokens += request.tokens
        self.outstanding_requests += 1

    def count_prompt(self, request: Request) -> None:
        """Count its prompt to compute, all that it has so far."""
        self.prompt_tokens += request.context - request.counted_prompt
        request.to_compute = request.counted_prompt = request.context

    def complete_prompt(self, request: Request) -> None:
        """Its prompt has been computed."""
        self.prompt_tokens -= request.counted_prompt
        request.counted_prompt = 0

    def enqueue(self, request: Request) -> None:
        """Put a request into the queue, by rank."""
        request.state = QUEUED
        insort(self.queue, request, key=place)

    def remove(self, request: Request, now_s: float) -> None:
        """Take a request out, with its blocks and all that is counted of it."""
        if request.state in WAITING:
            (self.queue if request.state == QUEUED else self.waiting).remove(request)
        else:
            self.leave_batch(request, now_s)
            self._release(request)
        self.prompt_tokens -= request.counted_prompt
        request.counted_prompt = 0
        self.outstanding_tokens -= request.tokens
        self.outstanding_requests -= 1
        request.replica = None

    def leave_batch(self, request: Request, now_s: float) -> None:
        """Take a request out of the batch; its blocks stay."""
        batches = {LOADING: self.loading, COMPUTING: self.prefill, DECODING: self.decode}
        batches[request.state].remove(request)
        self.adapters.release(request.adapter, now_s)

    def _release(self, request: Request) -> None:
        assert request.lease is not None
        self.kv.release(request.lease, is_complete=request.counted_prompt == 0)
        request.lease = None

    def hold(self, request: Request, now_s: float) -> None:
        """Keep only the blocks of a request that is to decode elsewhere."""
        self.leave_batch(request, now_s)
        self.held.append(request)
        request.source, request.source_lease, request.lease = self, request.lease, None

    def let_go(self, request: Request) -> None:
        """Free the blocks of a request that was held."""
        assert request.source_lease is not None
        self.held.remove(request)
        self.kv.release(request.source_lease, is_complete=True)
        request.source = request.source_lease = None
        self.outstanding_tokens -= request.tokens
        self.outstanding_requests -= 1

    @property
    def requests(self) -> list[Request]:
        """All that are here, held ones too."""
        return self.waiting + self.queue + self.loading + self.prefill + self.decode + self.held

    def queue_ready(self) -> None:
        """Let those that are ready join the queue."""
        for request in [r for r in self.waiting if r.state == READY]:
            self.waiting.remove(request)
            self.enqueue(request)

    def join_loaded(self) -> list[Request]:
        """Let those whose KV has arrived join the decode."""
        loaded = [request for request in self.loading if request.source is None]
        for request in loaded:
            self.loading.remove(request)
            self.start_decode(request)
        return loaded

    # growth

    def grow(self, now_s: float) -> list[Request]:
        """Give the sequences in decode the blocks of the next iteration; returns whom it cost theirs."""
        victims: list[Request] = []
        self.is_short = False
        if not self.engine.is_paged:
            return victims
        while sum(map(self._missing, self.decode)) > self.kv.available:
            by_order = self.engine.victim == LAST_ADMITTED
            batch = self.prefill + self.decode
            victims.append(max(batch, key=(lambda r: (float(r.order), 0)) if by_order else place))
            self._preempt(victims[-1], now_s)
        for request in self.decode:
            if request.lease and (missing := self._missing(request)):
                self.kv.grow(request.lease, missing)
        self.is_short = bool(victims)
        return victims

    def _missing(self, request: Request) -> int:
        assert request.lease is not None
        return max(0, self.blocks(request.context) - request.lease.blocks)

    def _preempt(self, victim: Request, now_s: float) -> None:
        self.total["preemptions"] += 1.0
        self.leave_batch(victim, now_s)
        self._release(victim)
        if victim.state == DECODING and self.engine.swap_s_per_token > 0.0:
            victim.is_swapped = True
            self.extra_s += victim.context * self.engine.swap_s_per_token
        else:
            self.waste(victim)
            self.count_prompt(victim)
        self.enqueue(victim)

    def waste(self, request: Request) -> None:
        """Count what was computed for a request in vain."""
        self.total["lost_tokens"] += request.computed
        request.computed = 0
        request.is_swapped = False

    # admission

    @property
    def is_ready(self) -> bool:
        """Whether the head of the queue is a prompt that can start now, whatever of it is cached."""
        if not self.queue or self.is_short or self.batch >= self.engine.max_batch:
            return False
        head = self.queue[0]
        if head.counted_prompt == 0 or not self.adapters.fits(head.adapter):
            return False
        return self._needed(head) <= self.kv.available and self.kv.lists(len(self._idents(head)))

    def admit(self, starts: bool) -> list[Request]:
        """Admit from the head of the queue what fits, prompts only where they start; none beside victims."""
        admitted: list[Request] = []
        while self.queue and not self.is_short and self.batch < self.engine.max_batch:
            head = self.queue[0]
            if (head.counted_prompt > 0 and not starts) or not self._admits(head):
                break
            admitted.append(self.queue.pop(0))
        return admitted

    def _admits(self, request: Request) -> bool:
        if not self.adapters.fits(request.adapter):
            return False
        is_prompt = request.counted_prompt > 0
        idents = self._idents(request) if is_prompt else {}
        found = self.kv.lookup(list(idents))
        sizes = {ident: self.blocks(tokens) for ident, tokens in idents.items()}
        request.lease = self.kv.take(self._needed(request), sizes)
        if request.lease is None:
            return False
        if is_prompt:
            self._hit(request, found, list(idents.values()))
        self.extra_s += self.engine.admission_s
        if self.adapters.use(request.adapter):
            self.extra_s += self.engine.adapter_load_s
        if request.is_swapped:
            self.extra_s += request.context * self.engine.swap_s_per_token
            request.is_swapped = False
        self._join_batch(request, is_prompt)
        return True

    def _idents(self, request: Request) -> dict[int, int]:
        """Hashes of a prompt that the prefix cache takes."""
        is_cached = self.engine.has_prefix_cache and len(request.idents) <= self.engine.cache_entries
        return request.idents if is_cached else {}

    def _needed(self, request: Request) -> int:
        if self.engine.is_paged:
            return self.blocks(request.context)
        return self.blocks(request.context if self.role == PREFILL else request.tokens)

    def _hit(self, request: Request, found: list[int], tokens: list[int]) -> None:
        hits = min(sum(tokens[: len(found)]), request.to_compute - 1)
        request.present = request.hits = hits
        request.prompt_began_s = None
        self.total["cached_tokens"] += hits
        cost_s = {HOST: self.engine.host_s_per_token, STORAGE: self.engine.storage_s_per_token}
        self.extra_s += sum(cost_s.get(tier, 0.0) * n for tier, n in zip(found, tokens, strict=False))

    def _join_batch(self, request: Request, is_prompt: bool) -> None:
        self._admissions += 1
        request.order = self._admissions
        if request.source is not None:
            request.state = LOADING
            self.loading.append(request)
        elif is_prompt:
            request.state = COMPUTING
            self.prefill.append(request)
        else:
            self.start_decode(request)

    def start_decode(self, request: Request) -> None:
        """Let a request with all its KV decode."""
        request.state = DECODING
        self.decode.append(request)

    # composition

    def compose(self) -> Plan:
        """What the next iteration computes."""
        is_separate = not self.engine.is_chunked
        pieces = self._whole_prompts() if is_separate else self._chunks()
        decode = [] if pieces and is_separate else [(r, self._tokens_of(r)) for r in self.decode]
        padded = len(decode)
        if self.engine.uses_graphs and decode and not pieces:
            sizes = self._params.graph_sizes.tolist()
            padded = next(iter(sizes[bisect_left(sizes, padded) :]), padded)
        self.plan = Plan(decode, pieces, padded)
        return self.plan

    def _whole_prompts(self) -> list[tuple[Request, int]]:
        pieces: list[tuple[Request, int]] = []
        room = self.engine.max_batched_tokens
        for request in self.prefill:
            left = request.to_compute - request.present
            if pieces and left > room:
                break
            pieces.append((request, left))
            room -= left
        return pieces

    def _chunks(self) -> list[tuple[Request, int]]:
        pieces: list[tuple[Request, int]] = []
        room = self.engine.max_batched_tokens - len(self.decode) * int(self.coef.verify_tokens)
        for request in self.prefill:
            if room <= 0:
                break
            pieces.append((request, min(request.to_compute - request.present, room)))
            room -= pieces[-1][1]
        return pieces

    def _tokens_of(self, request: Request) -> int:
        """Tokens that an iteration of its decode yields."""
        drafts = int(self.coef.verify_tokens) - 1
        if drafts <= 0:
            return 1
        draw = uniform(self._params.seed, request.row, request.generated)
        thresholds = self._params.acceptance[:drafts].tolist()
        accepted = next((k for k, chance in enumerate(thresholds) if draw >= chance), len(thresholds))
        return min(1 + accepted, request.lacks)

    # counting

    def amounts(self, share: float) -> list[float]:
        """Totals, with a share of the running iteration."""
        return [self.total[name] + share * self.current.get(name, 0.0) for name in AMOUNTS]

    def settle(self, share: float) -> None:
        """Add a share of the running iteration to the totals, and end it."""
        self.total = dict(zip(AMOUNTS, self.amounts(share), strict=True))
        self.current = {}
