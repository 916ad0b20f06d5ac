"""Max-Q: clocks, batch and racks with which a fixed feed gives the most tokens, or money.

Nameplate provisioning builds as many racks as the feed carries at their rating. Racks that serve draw less, and less
still at lower clocks, so more of them fit. Whole racks count, under limits on what users wait for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from twin.errors import Fault, ScenarioError
from twin.perf.configuration import Configuration
from twin.perf.fleets import Tier, own_precisions
from twin.perf.max_q_feed import Feed, Rack
from twin.perf.max_q_search import CLOCKS, Limits, explored, refined
from twin.perf.max_q_setting import Setting

SWEPT = (
    ("half the overhead", {"overhead": 0.5}), ("half as much overhead again", {"overhead": 1.5}),
    ("no margin", {"margin": 0.0}), ("margin of 10 %", {"margin": 0.1}),
    ("GPUs draw 10 % less", {"gpu": 0.9}), ("GPUs draw 10 % more", {"gpu": 1.1}),
)  # fmt: skip
"""What the answer is asked again for. Predicted GPU power is about 10 % off on models left out of its fit."""

MOST_REFINED = 4
"""Numbers of racks whose best setting is searched again in finer steps of the clock."""


@dataclass(frozen=True)
class MaxQ:
    """What a feed gives at best, beside nameplate provisioning.

    Parameters
    ----------
    title : str
        Model, lengths and system.
    feed : Feed
    rack : Rack
    tiers : tuple of Tier
        Prices; empty where tokens count.
    nameplate : Setting
        What a rack is worth most at, at full clock, within the limits; nameplate provisioning runs it.
    best : Setting
        What the feed is worth most at.
    cloud : tuple of Setting
        Every setting within the limits that was priced.
    """

    title: str
    feed: Feed
    rack: Rack
    tiers: tuple[Tier, ...]
    nameplate: Setting
    best: Setting
    cloud: tuple[Setting, ...]

    def racks(self, s: Setting) -> int:
        """Racks of a setting: as many as fit by their draw, or by their nameplate where those are more."""
        return _racks(self.feed, self.rack, s)

    def value(self, s: Setting) -> float:
        """What the feed is worth with racks of a setting: tokens/s, or USD per hour where there are prices."""
        return self.racks(s) * s.value(self.tiers)

    @property
    def nameplate_racks(self) -> int:
        """Racks that the feed carries at nameplate."""
        return _nameplate_racks(self.feed, self.rack, self.nameplate.rack_step)

    @property
    def tdp_racks(self) -> int:
        """Racks that the feed carries with every GPU at its TDP."""
        full_w = self.rack.base_w + self.rack.gpus * self.rack.tdp_w
        return self.feed.racks(full_w, self.nameplate.rack_step, is_nameplate=True)

    @cached_property
    def full_clock(self) -> Setting:
        """The best without touching clocks."""
        return max((s for s in self.cloud if s.clock_frac == s.prefill_clock_frac == 1.0), key=self.value)

    @cached_property
    def curve(self) -> tuple[Setting, ...]:
        """The setting of most value per watt at each clock, from the highest to the floor."""
        found = [[s for s in self.cloud if s.clock_frac == clock] for clock in CLOCKS]
        return tuple(max(held, key=lambda s: per_watt(self.feed, s, self.tiers)) for held in found if held)

    @property
    def gains(self) -> dict[str, float]:
        """How much more than nameplate provisioning, and from what [1].

        ``headroom``: as many racks of the same setting as fit by their draw. ``batch``: layout and batch chosen for
        the feed. ``clock``: clocks as well. These multiply to ``all``. ``unrounded``: with parts of racks.
        ``over_tdp``: over provisioning by TDP in place of nameplate.
        """
        base, held = self.nameplate.value(self.tiers), self.value(self.nameplate)
        nameplate = self.nameplate_racks * base
        full, best = self.value(self.full_clock), self.value(self.best)
        smooth = max(self.feed.fit(s.rack_power_w) * s.value(self.tiers) for s in self.cloud)
        return {
            "all": best / nameplate - 1.0,
            "headroom": held / nameplate - 1.0,
            "batch": full / held - 1.0,
            "clock": best / full - 1.0,
            "unrounded": smooth / (self.feed.fit(self.rack.nameplate_w, is_nameplate=True) * base) - 1.0,
            "over_tdp": best / (max(self.tdp_racks, self.nameplate_racks) * base) - 1.0,
        }

    def row(self, s: Setting, is_nameplate: bool = False) -> dict[str, Any]:
        """A setting as a row, units in the names; on as many racks as fit, or as nameplate provisioning builds."""
        racks = self.nameplate_racks if is_nameplate else self.racks(s)
        return s.row(self.feed, self.rack, racks, self.tiers)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Nameplate, optimum and curve."""
        kinds = (("nameplate", [self.nameplate]), ("optimum", [self.best]), ("curve", self.curve))
        for kind, held in kinds:
            yield from ({"kind": kind, **self.row(s, kind == "nameplate")} for s in held)

    def sensitivity(self) -> list[dict[str, Any]]:
        """The answer under other overheads, margins and GPU power."""
        return [{"what": what, **self._again(**change)} for what, change in SWEPT]

    def _again(
        self, overhead: float = 1.0, margin: float | None = None, gpu: float = 1.0
    ) -> dict[str, float]:
        feed, rack = self.feed, self.rack
        feed = replace(
            feed, overhead_frac=overhead * feed.overhead_frac, overhead_rack_w=overhead * (feed.overhead_rack_w or 0.0),
            overhead_w=overhead * feed.overhead_w, margin_frac=feed.margin_frac if margin is None else margin,
        )  # fmt: skip
        cloud = [_hungrier(s, rack, gpu) for s in (*self.cloud, self.best)]
        best = max(cloud, key=lambda s: (_racks(feed, rack, s) * s.value(self.tiers), -s.rack_power_w))
        racks = _nameplate_racks(feed, rack, self.nameplate.rack_step)
        value = _racks(feed, rack, best) * best.value(self.tiers)
        return {
            "gain_frac": value / (racks * self.nameplate.value(self.tiers)) - 1.0 if racks else float("nan"),
            "nameplate_racks": racks,
            "racks": _racks(feed, rack, best),
            "clock_frac": best.clock_frac,
        }

    def json(self) -> dict[str, Any]:
        """As plain values for machines."""
        from twin.perf.max_q_public import compared

        return {
            "title": self.title, "feed_w": self.feed.feed_w, "overhead_frac": self.feed.overhead_frac,
            "overhead_rack_w": self.feed.overhead_rack_w, "overhead_w": self.feed.overhead_w,
            "margin_frac": self.feed.margin_frac,
            "nameplate_rack_w": self.rack.nameplate_w, "rack_base_w": self.rack.base_w,
            "nameplate_racks": self.nameplate_racks, "tdp_racks": self.tdp_racks, "gains_frac": self.gains,
            "nameplate": self.row(self.nameplate, is_nameplate=True), "full_clock": self.row(self.full_clock),
            "optimum": self.row(self.best), "curve": [self.row(s) for s in self.curve],
            "sensitivity": self.sensitivity(), "public": [p._asdict() for p in compared(self)],
            "tried": len(self.cloud),
        }  # fmt: skip

    def write_csv(self, path: str | Path) -> None:
        """Write nameplate, optimum and curve as a table."""
        rows = list(self.rows())
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(rows)


def max_q(
    system: str,
    model: str,
    isl: float,
    osl: float,
    feed: Feed,
    *,
    engine: str = "trtllm",
    precisions: Sequence[str] = (),
    kv_cache: str | None = None,
    limits: Limits | None = None,
    tiers: Sequence[Tier] = (),
    is_apart: bool = False,
) -> MaxQ:
    """Choose clocks, layout, batch and racks so that a fixed feed gives the most tokens, or money.

    Parameters
    ----------
    system : str
        A system of the catalog: the rack, or the server, that is counted.
    model, isl, osl, engine, kv_cache
        As in :class:`Configuration`.
    feed : Feed
        What there is, and what goes beside the racks.
    precisions : sequence of str
        What is tried; what the GPU computes of fp8 and fp4 if left out, else bf16.
    limits : Limits, optional
        Mean time to first token, and per output token; none if left out.
    tiers : sequence of Tier
        Prices; with some the feed is to earn the most, and serves the dearest tier that its users are fast enough for.
    is_apart : bool
        Prefill on engines of its own as well, each phase at a clock of its own. On one GPU both phases share a clock.

    Raises
    ------
    TwinError
        When the model does not fit, nothing keeps the limits, no tier is reached, or the feed carries no rack.

    Examples
    --------
    >>> found = max_q("gb200-nvl72", "llama-3.1-405b", 1024, 1024, Feed(1.45e6), limits=Limits(tpot_s=0.05))
    >>> found.nameplate_racks, found.racks(found.best) > 8, found.gains["all"] > 0.1
    (8, True, True)
    """
    rack = Rack.of(system)
    feed = feed.of(rack)
    asked = [limits or Limits(), *((limits or Limits()).reaching(t.tokens_per_s_per_user) for t in tiers)]
    tried = tuple(precisions) or own_precisions(system, engine)
    cloud: list[Setting] = []
    refused: list[ScenarioError] = []
    for precision, limit in ((p, held) for held in asked for p in tried):
        given = Configuration(system, model, 1, isl, osl, 1, engine, precision, kv_cache)
        try:
            cloud += explored(given, rack, limit, lambda s: per_watt(feed, s, tiers), is_apart)
        except ScenarioError as error:
            refused.append(error)
    if not cloud:
        raise refused[0]
    nameplate = _nameplate(cloud, feed, rack, tiers)

    def value(s: Setting) -> tuple[float, float]:
        return _racks(feed, rack, s) * s.value(tiers), -s.rack_power_w

    by_racks = {_racks(feed, rack, s): s for s in sorted(cloud, key=value)}
    tops = sorted(by_racks.values(), key=value)[-MOST_REFINED:]
    fine = (near for s in tops for limit in asked for near in refined(s, rack, limit))
    best = max([*tops, *fine], key=value)
    title = f"{model} on {system} with {engine}, {isl:,.0f} tokens in, {osl:,.0f} out"
    return MaxQ(title, feed, rack, tuple(tiers), nameplate, best, tuple(cloud))


def per_watt(feed: Feed, s: Setting, tiers: Sequence[Tier] = ()) -> float:
    """Value of a setting for each watt of the feed."""
    return s.value(tiers) / feed.site_w(s.rack_power_w)


def _racks(feed: Feed, rack: Rack, s: Setting) -> int:
    by_draw = feed.racks(s.rack_power_w, s.rack_step)
    if s.rack_power_w > rack.nameplate_w:
        return by_draw
    return max(by_draw, _nameplate_racks(feed, rack, s.rack_step))


def _nameplate_racks(feed: Feed, rack: Rack, step: int) -> int:
    return feed.racks(rack.nameplate_w, step, is_nameplate=True)


def _nameplate(cloud: Sequence[Setting], feed: Feed, rack: Rack, tiers: Sequence[Tier]) -> Setting:
    """The best use of a rack at full clock; refuses feeds and tiers that leave nothing to compare with."""
    full = [s for s in cloud if s.clock_frac == s.prefill_clock_frac == 1.0]
    best = max(full, key=lambda s: s.value(tiers))
    if best.value(tiers) <= 0.0:
        fastest = min(cloud, key=lambda s: s.tpot_s)
        expected = " or ".join(f"{t.tokens_per_s_per_user:g} tokens/s ({t.name})" for t in tiers)
        found = f"{1.0 / fastest.tpot_s:.3g} tokens/s a user at best"
        raise ScenarioError(
            "no tier is reached", [Fault("", 0, "tier", found, expected, "add a tier that is slower")]
        )
    if not _nameplate_racks(feed, rack, best.rack_step):
        needed_w = best.rack_step * feed.site_w(rack.nameplate_w) + feed.overhead_w
        what = "a rack" if best.rack_step == 1 else f"the {best.rack_step} racks of an engine"
        expected = f"{needed_w / 1e6:.3g} MW or more, for {what} at nameplate"
        fault = Fault(
            "", 0, "feed", f"{feed.feed_w / 1e6:g} MW", expected, f"write {1.01 * needed_w / 1e6:.3g} MW"
        )
        raise ScenarioError("the feed carries nothing", [fault])
    return best


def _hungrier(s: Setting, rack: Rack, factor: float) -> Setting:
    """The same with GPUs that draw more or less than predicted, up to their TDP."""
    drawn_w = min(factor * s.mean_gpu_w, rack.tdp_w)
    return replace(s, rack_power_w=s.rack_power_w + rack.gpus * (drawn_w - s.mean_gpu_w))
