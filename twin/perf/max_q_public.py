"""Public figures on watts and tokens beside what a study finds."""

from __future__ import annotations

from typing import NamedTuple

from twin.perf.max_q import MaxQ

WITHIN = 1.0 / 3.0
"""Relative difference up to which two figures agree: choice of this product (2026-11)."""

KEPT_FRAC, MAXLPS_POWER_FRAC = 0.97, 0.69
"""Tokens that the published Max-Q profiles keep, and power of a GPU beside others in the MaxLPS example [1]."""


class Public(NamedTuple):
    """A public figure beside ours.

    Parameters
    ----------
    what : str
    theirs, ours : float
        In ``unit``.
    unit : str
    source : str
        Where theirs was read.
    agrees : bool
        Whether both are within a third.
    why : str
        What differs between the two.
    """

    what: str
    theirs: float
    ours: float
    unit: str
    source: str
    agrees: bool
    why: str


def compared(found: MaxQ) -> list[Public]:
    """Public figures beside those of a study, in the order of how close their conditions are.

    Parameters
    ----------
    found : MaxQ

    Examples
    --------
    >>> from twin.perf.max_q import Feed, max_q
    >>> rows = compared(max_q("gb200-nvl72", "llama-3.1-405b", 1024, 1024, Feed(5e6)))
    >>> [row.unit for row in rows]
    ['%', '%', '%', '%', 'W']
    """
    gains = found.gains
    rows = (
        ("more GPUs in the same inference budget", 30.0,
         100.0 * (found.racks(found.best) / found.nameplate_racks - 1.0), "%", "POLCA, arXiv 2308.12908",
         "theirs: A100 servers under a trace with idle times; ours: full load all the time, whole racks"),
        ("more throughput under a facility cap, by power profiles", 13.0,
         100.0 * ((1.0 + gains["batch"]) * (1.0 + gains["clock"]) - 1.0), "%",
         "Blackwell power profiles, paper f01fb7aa at newx.sg",
         "theirs: up to, of several workloads; ours: over full clock on racks counted by draw"),
        ("energy saved at 97 % of the tokens", 15.0, 100.0 * _saved(found), "%",
         "Blackwell power profiles, paper f01fb7aa at newx.sg",
         "theirs: up to; ours: all that computes slows with the clock, even where the limiter already held it back"),
        ("tokens of a GPU at 69 % of its site power", 91.5, 100.0 * _kept(found), "%",
         "NVIDIA DSX MaxLPS example, by arithmetic on two totals",
         "theirs: revenue of a site with its tiers; ours: tokens of one model, racks keep their constant share"),
        ("power of a GPU that does best", 960.0, found.best.mean_gpu_w, "W",
         "Meta GB200 cluster provisioned at 960 of 1,200 W, arXiv 2605.24461",
         "theirs: training, all GPUs in step; ours: serving, and the rest of rack and site counts as well"),
    )  # fmt: skip
    return [
        Public(what, theirs, ours, unit, source, abs(ours / theirs - 1.0) <= WITHIN, why)
        for what, theirs, ours, unit, source, why in rows
    ]


def _saved(found: MaxQ) -> float:
    """Share of the GPUs' power that the most frugal setting saves which keeps 97 % of the tokens of a rack."""
    full = found.nameplate
    least = KEPT_FRAC * full.rack_tokens_per_s
    return 1.0 - min(s.mean_gpu_w for s in found.cloud if s.rack_tokens_per_s >= least) / full.mean_gpu_w


def _kept(found: MaxQ) -> float:
    """Share of its tokens that a rack keeps at best on 69 % of the site power of nameplate; 0 where none is so low."""
    feed, rack = found.feed, found.rack
    shared_w = feed.overhead_w / found.nameplate_racks
    most_w = MAXLPS_POWER_FRAC * (feed.site_w(rack.nameplate_w) + shared_w)
    held = [s.rack_tokens_per_s for s in found.cloud if feed.site_w(s.rack_power_w) + shared_w <= most_w]
    return max(held, default=0.0) / found.nameplate.rack_tokens_per_s
