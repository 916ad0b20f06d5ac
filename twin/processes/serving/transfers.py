"""KV on its way from where a prompt was computed to where it decodes."""

from __future__ import annotations

import math

import simpy

from twin.processes.serving.events import TRANSFER, Instant, at
from twin.processes.serving.replica import Replica
from twin.processes.serving.request import Request


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


class Transfers:
    """All transfers in progress; they share what their replicas can send and receive.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._running: list[_Transfer] = []

    def start(self, request: Request) -> None:
        """Begin to move the KV of a request from its source to where it was admitted."""
        assert request.source is not None
        self._running.append(_Transfer(request, request.source, request.at(), self._env.now))
        self._share()

    def abort(self, request: Request) -> None:
        """Forget the transfer of a request, if there is one."""
        staying = [transfer for transfer in self._running if transfer.request is not request]
        if len(staying) < len(self._running):
            self._running = staying
            self._share()

    def _end(self, transfer: _Transfer, event: simpy.Event) -> None:
        if transfer.event is not event or transfer not in self._running:
            return
        self._running.remove(transfer)
        transfer.source.total["sent_bytes"] += transfer.bytes
        transfer.source.let_go(transfer.request)
        transfer.source.wake()
        transfer.target.wake()
        self._share()

    def _share(self) -> None:
        """Rates of now; a transfer whose rate stays keeps its end."""
        now_s = self._env.now
        for transfer in self._running:
            sent = sum(other.source is transfer.source for other in self._running)
            received = sum(other.target is transfer.target for other in self._running)
            send = transfer.source.engine.send_bytes_per_s / sent
            rate = min(send, transfer.target.engine.receive_bytes_per_s / received)
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
