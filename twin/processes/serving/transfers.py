"""KV on its way from where a prompt was computed to where it decodes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import simpy

from twin.models.serving.flows import Link
from twin.models.serving.records import Floats, Params
from twin.processes.serving.events import TRANSFER, Instant, at
from twin.processes.serving.replica import Replica
from twin.processes.serving.request import Request
from twin.processes.serving.traffic import Traffic


class _Transfer:
    """A transfer in progress; ``left_bytes`` is that of ``since_s``."""

    def __init__(self, request: Request, source: Replica, target: Replica, now_s: float) -> None:
        self.request = request
        self.source = source
        self.target = target
        self.bytes = request.to_compute * source.engine.kv_bytes_per_token
        self.left_bytes = _left_bytes(self)
        self.since_s = now_s
        self.rate = -1.0
        self.event: Instant | None = None


def fair_rates(shares: Sequence[Mapping[Link, float]], capacity: Mapping[Link, float]) -> list[float]:
    """Max-min fair rates: all grow alike until a link is full; who crosses it stays, the others grow on.

    Parameters
    ----------
    shares : sequence of mapping of link to float
        For each transfer which share of it crosses which links, larger than zero.
    capacity : mapping of link to float
        Of each link [bytes/s], zero or larger.

    Examples
    --------
    >>> wire, port = ("up", 0), ("receive", 1)
    >>> fair_rates([{wire: 1.0}, {wire: 0.5, port: 1.0}], {wire: 6.0, port: 2.0})
    [5.0, 2.0]
    """
    rates = [math.nan] * len(shares)
    left = dict(capacity)
    growing = set(range(len(shares)))
    while growing:
        total: Counter[Link] = Counter()
        for n in growing:
            total.update(shares[n])
        level = {link: left[link] / share for link, share in total.items()}
        least = min(level.values())
        stay = [n for n in sorted(growing) if min(level[link] for link in shares[n]) <= least * (1.0 + 1e-12)]
        for n in stay:
            rates[n] = max(least, 0.0)
            growing.remove(n)
            if least < math.inf:
                for link, share in shares[n].items():
                    left[link] -= share * rates[n]
    return rates


class Transfers:
    """All transfers in progress; they share adapters, and the trunks between leaves and spines.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    params : Params
        What replicas and trunks can carry, and how replicas hang on the leaves.
    rows : int
        Requests of the run.
    loaded : callable
        Told of a replica whose weights have come.

    Attributes
    ----------
    traffic : Traffic
        What shares the links with transfers.
    trunk_bytes : (trunk,)
        What transfers that arrived have carried over each trunk [bytes].
    """

    def __init__(
        self, env: simpy.Environment, params: Params, rows: int, loaded: Callable[[int], None]
    ) -> None:
        self._env, self._params = env, params
        self._running: list[_Transfer] = []
        self.traffic = Traffic(env, params, rows, self.share, loaded)
        self.trunk_bytes: Floats = np.zeros(len(params.trunk_bytes_per_s))

    def start(self, request: Request) -> None:
        """Begin to move the KV of a request from its source to where it was admitted."""
        assert request.source is not None
        self._running.append(_Transfer(request, request.source, request.at(), self._env.now))
        self.share()

    def abort(self, request: Request) -> None:
        """Forget the transfer of a request, if there is one."""
        staying = [transfer for transfer in self._running if transfer.request is not request]
        if len(staying) < len(self._running):
            self._running = staying
            self.share()

    def _end(self, transfer: _Transfer, event: simpy.Event) -> None:
        if transfer.event is not event or transfer not in self._running:
            return
        self._running.remove(transfer)
        transfer.source.total["sent_bytes"] += transfer.bytes
        for (kind, index), share in self._shares(transfer).items():
            if kind == "trunk":
                self.trunk_bytes[index] += share * transfer.bytes
        transfer.source.let_go(transfer.request)
        transfer.source.wake()
        transfer.target.wake()
        self.share()

    def _shares(self, transfer: _Transfer) -> dict[Link, float]:
        """What a transfer crosses; what both ends have on the same leaf does not go up."""
        source, target, params = transfer.source, transfer.target, self._params
        beyond = (
            params.attached_frac[params.engines["place"][source.index]]
            - params.attached_frac[params.engines["place"][target.index]]
        )
        found = {("send", source.index): 1.0, ("receive", target.index): 1.0}
        for trunk, share in enumerate(np.concatenate([beyond, -beyond]).tolist()):
            if share > 0.0:
                found["trunk", trunk] = share
        return found

    def _capacity(self, link: Link) -> float:
        kind, index = link
        if kind in ("port", "cap"):
            return self.traffic.capacity(link)
        if kind == "trunk":
            return float(self._params.trunk_bytes_per_s[index])
        return float(self._params.engines[f"{kind}_bytes_per_s"][index])

    def share(self) -> None:
        """Find the rates of now; a transfer whose rate stays keeps its end."""
        now_s = self._env.now
        shares = [self._shares(transfer) for transfer in self._running]
        shares += self.traffic.shares()
        capacity = {link: self._capacity(link) for links in shares for link in links}
        rates = fair_rates(shares, capacity)
        count = len(self._running)
        self.traffic.set_levels(rates[count:])
        for transfer, rate in zip(self._running, rates[:count], strict=True):
            if rate == transfer.rate:
                continue
            if now_s > transfer.since_s:
                moved = transfer.rate * (now_s - transfer.since_s)
                transfer.left_bytes = max(0.0, transfer.left_bytes - moved)
            transfer.rate, transfer.since_s, transfer.event = rate, now_s, None
            lasts_s = _lasts_s(transfer.left_bytes, rate)
            if lasts_s < math.inf:
                transfer.event = self._schedule(transfer, now_s + lasts_s)

    def _schedule(self, transfer: _Transfer, end_s: float) -> Instant:
        row = transfer.request.row
        return at(self._env, end_s, TRANSFER, row, lambda event: self._end(transfer, event))


def _lasts_s(left_bytes: float, rate: float) -> float:
    if left_bytes == 0.0 or math.isinf(rate):
        return 0.0
    return left_bytes / rate if rate > 0.0 else math.inf


def _left_bytes(transfer: _Transfer) -> float:
    """What was not sent while the prompt was computed."""
    source = transfer.source.engine
    rate = min(source.send_bytes_per_s, transfer.target.engine.receive_bytes_per_s)
    if not source.pushes or math.isinf(rate):
        return float(transfer.bytes)
    pushed = rate * transfer.request.prompt_took_s
    return float(max(transfer.bytes / source.layers, transfer.bytes - pushed))
