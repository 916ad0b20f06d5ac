"""Which cable a line is: of the family that is asked for, the one of the shortest reach that still reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.scenario.fabric import FAMILIES, Words
from twin.topology import constants as site
from twin.topology.fabric import constants as c
from twin.topology.fabric.arrays import Fabric, Floats

SLOW_LANE_BYTES_PER_S, FAST_LANE_BYTES_PER_S = 12.5e9, 25e9
"""Lanes of 100 and of 200 Gbit/s."""

COPPER = ("dac-200", "dac-400", "dac-1600", "acc-800")
ACTIVE = ("aoc",)
PLUGGABLE = {
    SLOW_LANE_BYTES_PER_S: (
        ("osfp-2x400-mm", "osfp-400-mm-nic"), ("osfp-2x400-sm", "osfp-400-nic"), ("plug-800-dr8", "plug-400-dr4"),
    ),
    FAST_LANE_BYTES_PER_S: (("plug-1600", "plug-1600"),),
}  # fmt: skip
"""Modules of a switch, and of an adapter of up to 400 Gbit/s, by the rate of a lane."""

SLOW_ADAPTER_BYTES_PER_S = 50e9
"""Adapters up to this rate take modules of one line."""


@dataclass(frozen=True)
class Medium:
    """A kind of cable with what is at its ends.

    Parameters
    ----------
    name : str
        For people: a copper or active cable's card, or the modules of both ends.
    lower, upper : str
        Optics cards of the ends; the same for a cable with fixed ends.
    cable : str
        What runs between: ``copper``, ``active optical``, ``multimode fibre`` or ``single-mode fibre``.
    reach_m : float
    latency_s, s_per_m : float
        Of signal processors of both ends together, and propagation.
    """

    name: str
    lower: str
    upper: str
    cable: str
    reach_m: float
    latency_s: float
    s_per_m: float

    def ends_w(self, rate_bytes_per_s: float) -> float:
        """Power of both ends of a line [W]."""
        return sum(end_w(card, rate_bytes_per_s) for card in (self.lower, self.upper))


def end_w(card: str, rate_bytes_per_s: float) -> float:
    """Power of an end of a line: the share of a module that it takes [W]."""
    return share(card, rate_bytes_per_s) * _watts(card)


@cache
def _watts(card: str) -> float:
    return float(catalog.get("optics", card).power_per_end_w)


@cache
def share(card: str, rate_bytes_per_s: float) -> float:
    """Share of a module that a line takes; 1 where the line is as fast or the ends are those of a cable.

    Examples
    --------
    >>> share("osfp-2x400-sm", 50e9)
    0.5
    """
    found = catalog.get("optics", card)
    module = float(found.get("rate_bytes_per_s") or rate_bytes_per_s)
    is_fixed = "copper" in found.medium or "active" in found.medium
    return 1.0 if is_fixed else min(1.0, rate_bytes_per_s / module)


def lane_rate(switch: str) -> float:
    """Rate of a lane of a switch [bytes/s], by the year it came.

    Examples
    --------
    >>> [lane_rate(name) for name in ("qm9700", "q3400")]
    [12500000000.0, 25000000000.0]
    """
    year = catalog.get("switch", switch).get("year", 0) if switch else 0
    return FAST_LANE_BYTES_PER_S if year >= c.FIRST_YEAR_OF_200G_LANES else SLOW_LANE_BYTES_PER_S


def cable_of(optics: str) -> str:
    """What runs between ends of a kind: copper, active optical, multimode or single-mode fibre.

    Examples
    --------
    >>> [cable_of(name) for name in ("dac-400", "osfp-2x400-mm", "cpo-1600")]
    ['copper', 'multimode fibre', 'single-mode fibre']
    """
    text = catalog.get("optics", optics).medium
    if "copper" in text:
        return "copper"
    if "active" in text:
        return "active optical"
    return "multimode fibre" if "multimode" in text else "single-mode fibre"


def _medium(lower: str, upper: str) -> Medium:
    cards = [catalog.get("optics", name) for name in (lower, upper)]
    cable = cable_of(upper)
    default_s = site.COPPER_S_PER_M if cable == "copper" else site.FIBRE_S_PER_M
    return Medium(
        lower if lower == upper else f"{lower} + {upper}", lower, upper, cable,
        min(float(card.get("reach_m", float("inf"))) for card in cards),
        sum(float(card.get("latency_s", 0.0)) for card in cards) / 2,  # half a pair each
        float(cards[1].get("propagation_s_per_m", default_s)),
    )  # fmt: skip


@cache
def ladder(
    asked: str, rate_bytes_per_s: float, lane_bytes_per_s: float, at_adapter: bool, adapter_bytes_per_s: float,
    nic_end: str,
) -> tuple[Medium, ...]:  # fmt: skip
    """Cables that may carry a line, those of the shortest reach first; of two, that of fewer watts.

    Parameters
    ----------
    asked : str
        One of ``FAMILIES``, or an optics card.
    rate_bytes_per_s : float
        Of the line.
    lane_bytes_per_s : float
        Of the switch, see :func:`lane_rate`.
    at_adapter : bool
        Whether the lower end is an adapter.
    adapter_bytes_per_s : float
        Of the adapter; 0 at switches.
    nic_end : str
        ``pluggable`` or ``cpo``: the adapter's end where the switch is co-packaged.
    """
    is_slow = (
        0 < adapter_bytes_per_s <= SLOW_ADAPTER_BYTES_PER_S and lane_bytes_per_s == SLOW_LANE_BYTES_PER_S
    )
    modules = PLUGGABLE[lane_bytes_per_s]
    if asked not in FAMILIES:
        pair = dict(modules) if is_slow and at_adapter else {}
        return (_medium(pair.get(asked, asked), asked),)
    made: list[Medium] = []
    families = ("copper", "aoc", "pluggable") if asked == "by-length" else (asked,)
    if "copper" in families:
        made += [_medium(n, n) for n in _fixed(COPPER, rate_bytes_per_s)]
    if "aoc" in families:
        made += [_medium(n, n) for n in _fixed(ACTIVE, rate_bytes_per_s)]
    if "pluggable" in families:
        made += [_medium(nic if at_adapter and is_slow else switch, switch) for switch, nic in modules]
    if "cpo" in families:
        is_plug = at_adapter and nic_end == "pluggable"
        plug = modules[-1][1] if is_slow else modules[-1][0]
        made.append(_medium(plug if is_plug else "cpo-1600", "cpo-1600"))
    return tuple(sorted(made, key=lambda m: (m.reach_m, m.ends_w(rate_bytes_per_s))))


def _fixed(cards: tuple[str, ...], rate_bytes_per_s: float) -> list[str]:
    """Cables with fixed ends that are as fast as a line, none that is passive and faster than another."""
    rates = {n: float(catalog.get("optics", n).rate_bytes_per_s) for n in cards}
    able = [n for n in cards if rates[n] >= rate_bytes_per_s * (1 - 1e-9)]
    slowest = min((rates[n] for n in able), default=0.0)
    return [n for n in able if rates[n] == slowest or not n.startswith("dac")]


def lay(fabric: Fabric, length_m: Floats | None = None) -> Fabric:
    """Return the fabric with its cables: lengths, the medium for each, and delays.

    A line that nothing reaches keeps the medium of the longest reach; the check tells.

    Parameters
    ----------
    fabric : Fabric
    length_m : array (link,), optional
        Length of each line [m]; as the floor of the fabric's words gives them if left out. Media that lines have
        already stay.
    """
    from twin.topology.fabric.floors import lengths

    if length_m is None:
        length_m = lengths(fabric)
    if fabric.media:
        fixed_s, per_m = ([getattr(m, name) for m in fabric.media] for name in ("latency_s", "s_per_m"))
        latency_s = np.asarray(fixed_s)[fabric.medium] + np.asarray(per_m)[fabric.medium] * length_m
        return replace(fabric, length_m=length_m, latency_s=latency_s)
    media: list[Medium] = []
    medium = np.full(fabric.links, -1, np.int16)
    latency_s = np.zeros(fabric.links)
    for links, steps in _choices(fabric):
        for at, step in zip(_reached(length_m[links], steps), steps, strict=True):
            if not at.any():
                continue
            if step not in media:
                media.append(step)
            medium[links[at]] = media.index(step)
            latency_s[links[at]] = step.latency_s + step.s_per_m * length_m[links[at]]
    return replace(fabric, length_m=length_m, medium=medium, latency_s=latency_s, media=tuple(media))


def _reached(length_m: Floats, steps: tuple[Medium, ...]) -> list[NDArray[np.bool_]]:
    """Which lines take which step: the first that reaches, or else the one of the longest reach."""
    left, found = np.ones(len(length_m), bool), []
    for step in steps:
        found.append(left & (length_m <= step.reach_m))
        left = left & ~found[-1]
    longest = max(range(len(steps)), key=lambda i: steps[i].reach_m)
    found[longest] |= left
    return found


def _choices(fabric: Fabric) -> list[tuple[NDArray[Any], tuple[Medium, ...]]]:
    """Links by part and layer, with the cables that they may be."""
    words = fabric.words
    found = []
    for part in range(len(fabric.parts)):
        for layer in range(len(fabric.layers)):
            links = np.flatnonzero((fabric.part == part) & (fabric.layer == layer))
            if len(links):
                steps = steps_of(words, fabric.parts[part], fabric.layers[layer], _card(fabric, links[0]),
                                 float(fabric.rate_bytes_per_s[links].max()))  # fmt: skip
                found.append((links, steps))
    return found


def _card(fabric: Fabric, link: int) -> str:
    return next(b.card for b in fabric.blocks if b.first <= fabric.b[link] < b.first + b.count)


def steps_of(
    words: Words | None, part: str, layer: str, switch: str, rate_bytes_per_s: float
) -> tuple[Medium, ...]:
    """Cables that a part of a layer may be."""
    if layer == "nvlink":
        far = "cpo-1600" if part == "nvswitch-nvswitch" else "nvl-copper"
        return (_medium(far, far),)
    beside = {"storage": words.storage, "north-south": words.north_south}.get(layer) if words else None
    at_adapter = part in ("node-leaf", "manager-leaf")
    nic = beside.nic if beside else words.adapter if words else ""
    adapter = float(catalog.get("nic", nic).rate_bytes_per_s) if nic and at_adapter else 0.0
    asked = words.optics_of(part) if words else "pluggable"
    if beside:
        tier = beside.leaf if at_adapter else beside.spine or beside.leaf
        asked = tier.optics or beside.optics
    nic_end = words.nic_end if words else "pluggable"
    return ladder(asked, rate_bytes_per_s, lane_rate(switch), at_adapter, adapter, nic_end)
