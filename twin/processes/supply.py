"""What a site does while its supply changes: trips, batteries, racks that go dark and come back.

Events say what the grid and broken parts do, and ring a bell. This process looks whenever it rings, at every tick, and
when a store or a trip is due: what the power chain has done by itself is told, and replicas die and start with their
racks.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final

import numpy as np

from twin.engine import Context

BELL: Final = "power"
TRIPPING: Final = ("feed", "transformer", "ups", "pdu", "generator")
BATTERIES: Final = {"ups": "battery", "feed": "battery of the site"}
A_MOMENT_S: Final = 1e-6
"""Later than what is due, so that rounding does not make it early [s]."""


def watch(ctx: Context, tick_s: float, reboot_s: float) -> Generator[Any, Any, None]:
    """Tell what the power chain does; let replicas die with their racks and start ``reboot_s`` after them.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    tick_s : float
        Length of a tick [s].
    reboot_s : float
        From power at all racks of a replica to its start [s].
    """
    seen = Watch(ctx, reboot_s)
    while True:
        for look in (seen.trips, seen.batteries, seen.racks, seen.replicas):
            look()
        tick_in_s = to_tick_s(float(ctx.env.now), tick_s)
        change_in_s = float(ctx.read("now.change_s")[0]) + A_MOMENT_S
        bell = ctx.bell(BELL)
        yield ctx.env.timeout(min(tick_in_s, change_in_s, seen.due_in_s())) | bell
        if bell.triggered:
            seen.cause = str(bell.value)


def to_tick_s(now_s: float, tick_s: float) -> float:
    """Time until the next tick [s].

    Examples
    --------
    >>> to_tick_s(3.0, 2.0), to_tick_s(4.0, 2.0)
    (1.0, 2.0)
    """
    return float((np.floor(now_s / tick_s + 1e-9) + 1.0) * tick_s - now_s)


class Watch:
    """What was seen at the last look.

    Parameters
    ----------
    ctx, reboot_s
        As for :func:`watch`.
    """

    def __init__(self, ctx: Context, reboot_s: float) -> None:
        self.ctx, self.reboot_s, self.racks_of = ctx, reboot_s, ctx.read("replica.in_rack")
        self.cause = ""
        self.load_frac = {kind: np.zeros(len(ctx.ids.get(kind, ()))) for kind in TRIPPING}
        self.carries = {kind: np.zeros(len(ctx.ids[kind]), dtype=bool) for kind in BATTERIES}
        self.is_lit = np.ones(self.racks_of.shape[1], dtype=bool)
        self.lit_at_s = np.full(self.racks_of.shape[1], -np.inf)
        self.is_down = np.zeros(len(self.racks_of), dtype=bool)

    def due_in_s(self) -> float:
        """Time until the next replica may start [s]."""
        waits_s = [at_s - float(self.ctx.env.now) for _, at_s in self._starts()]
        return max(min(waits_s, default=np.inf), A_MOMENT_S)

    def trips(self) -> None:
        """Open what has tripped for good, and tell at which load it did."""
        for kind in TRIPPING:
            for i in np.flatnonzero(self.ctx.read(f"now.{kind}.tripped") > 0.0):
                name = self.ctx.ids[kind][i]
                if self.ctx.value(f"{kind}.is_up", name):
                    self.ctx.write(f"{kind}.is_up", name, False)
                    load = self.load_frac[kind][i]
                    self.ctx.log(
                        kind, name, f"trips on overload, {load:.0%} of its rating when last seen", self.cause
                    )
                    self.ctx.ring(BELL, self.cause)
            self.load_frac[kind] = self.ctx.read(f"now.{kind}.load_frac")

    def batteries(self) -> None:
        """Tell when batteries take over, give back and are empty; one that is too weak for its load lets go."""
        for kind, title in BATTERIES.items():
            # beside its feeders a battery helps, and carries nothing
            given_w = self.ctx.read(f"now.{kind}.given_w") * (self.ctx.read(f"now.{kind}.in_w") == 0.0)
            left_j = self.ctx.read(f"now.{kind}.stored_j")
            too_weak = (given_w > self.ctx.read(f"now.{kind}.charge_w") * (1.0 + 1e-9)) & (kind == "feed")
            for i, name in enumerate(self.ctx.ids[kind]):
                what, carried = "", self.carries[kind][i]
                if too_weak[i]:
                    self.ctx.write(f"{kind}.is_eco", name, True)
                    what = f"{title} cannot give {given_w[i] / 1e3:.0f} kW, lets go"
                elif given_w[i] > 0.0 and not carried:
                    lasts_s = left_j[i] / given_w[i]
                    what = f"{title} carries {given_w[i] / 1e3:.0f} kW, {lasts_s:.0f} s left"
                elif given_w[i] == 0.0 and carried:
                    what = f"{title} is empty" if left_j[i] == 0.0 else f"{title} is relieved"
                if what:
                    self.ctx.log(kind, name, what, self.cause)
                if what.endswith("is empty"):
                    self.ctx.ring(BELL, self.cause)  # what it fed may have another source
            self.carries[kind] = given_w > 0.0

    def racks(self) -> None:
        """Racks that go dark take their replicas with them."""
        is_lit = self.ctx.read("now.psu.served") > 0.0
        for i in np.flatnonzero(is_lit != self.is_lit):
            what = "power is back" if is_lit[i] else "without power"
            self.ctx.log("rack", self.ctx.ids["rack"][i], what, self.cause)
            self.lit_at_s[i] = float(self.ctx.env.now)
        self.is_lit = is_lit
        for r in np.flatnonzero((self.racks_of & ~is_lit).any(axis=1) & ~self.is_down):
            name = self.ctx.ids["replica"][r]
            if self.ctx.value("replica.is_alive", name):
                self.is_down[r] = True
                self.ctx.write("replica.is_alive", name, False)
                self.ctx.log("replica", name, "replica dies", self.cause)

    def replicas(self) -> None:
        """Start replicas whose racks have had power for long enough."""
        for r, at_s in list(self._starts()):
            if float(self.ctx.env.now) >= at_s - A_MOMENT_S:
                self.is_down[r] = False
                name = self.ctx.ids["replica"][r]
                self.ctx.write("replica.is_alive", name, True)
                self.ctx.log("replica", name, "replica starts", self.cause)

    def _starts(self) -> Iterator[tuple[int, float]]:
        """Replicas that are down on racks with power, with the instants of their start [s]."""
        for r in np.flatnonzero(self.is_down & ~(self.racks_of & ~self.is_lit).any(axis=1)):
            yield int(r), float(self.lit_at_s[self.racks_of[r]].max()) + self.reboot_s


def out_of_order(ctx: Context, kind: str, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Switch an element off at ``event.at``, and on again ``event.duration`` later where that is given."""
    yield ctx.env.timeout(event.at)
    ctx.write(f"{kind}.is_up", event.asset, False)
    ctx.log(kind, event.asset, "fails", cause)
    ctx.ring(BELL, cause)
    if event.duration is None:
        return
    yield ctx.env.timeout(event.duration)
    ctx.write(f"{kind}.is_up", event.asset, True)
    ctx.log(kind, event.asset, "is repaired", cause)
    ctx.ring(BELL, cause)
