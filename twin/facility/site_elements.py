"""What a load flow says of each element of a site."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.facility.load_flow import LoadFlow
from twin.facility.site import CONVERTERS, Wiring, ends

Array = NDArray[np.float64]


class Element(NamedTuple):
    """An element or a load, or all cables between two kinds of them.

    Parameters
    ----------
    name, kind : str
        Its id, and its kind or ``cable``.
    is_up : bool
        Whether it has supply.
    in_w, out_w, loss_w : float
        Power drawn, passed on and lost [W]; a load passes on nothing.
    loading_frac : float
        Over its rating [1]: current of transformers, PDUs and cables, power of the feed, of UPS and of power shelves;
        0 for other loads.
    power_factor : float
        At its input [1].
    in_pu, out_pu : float
        Voltage before and behind it, the lowest where there are several, over nominal [1]; NaN where none is.
    """

    name: str
    kind: str
    is_up: bool
    in_w: float
    out_w: float
    loss_w: float
    loading_frac: float
    power_factor: float
    in_pu: float
    out_pu: float


class Read:
    """Load flows of a site by the names of its elements.

    Parameters
    ----------
    wiring : Wiring
        The site.
    before, behind : LoadFlow
        From the grid to the UPS, and behind them where some UPS has supply; a step a case.
    ups_w : mapping of str to pair of array (case)
        Output and loss of each UPS that has supply in some case [W].
    """

    def __init__(
        self,
        wiring: Wiring,
        before: LoadFlow,
        behind: LoadFlow | None,
        ups_w: Mapping[str, tuple[Array, Array]],
    ) -> None:
        self.wiring, self.ups_w = wiring, ups_w
        self.above = _Side(wiring, before)
        self.below = None if behind is None else _Side(wiring, behind)

    def elements(self, case: int, dead: Collection[str]) -> Iterator[Element]:
        """Feed, transformers, UPS, PDUs, loads, then cables of one case."""
        parts = self.wiring.parts
        for kind in CONVERTERS:
            for name in parts[kind]:
                yield _dead(name, kind) if name in dead else self._converter(name, kind, case)
        for kind, names in parts.items():
            if kind not in CONVERTERS:
                for name in names:
                    yield _dead(name, kind) if name in dead else self._load(name, kind, case, dead)
        for side in (self.above, self.below):
            if side is not None:
                yield from side.cables(case)

    def _converter(self, name: str, kind: str, case: int) -> Element:
        if kind == "feed":
            return self.above.feed(name, case)
        if kind == "ups":
            return self._ups(name, case)
        side = self.above if kind == "transformer" else self.below
        assert side is not None, "a PDU with supply has a UPS with supply"
        (source,) = self.wiring.sources[name]
        return side.branch(name, kind, source, case)

    def _ups(self, name: str, case: int) -> Element:
        out_w, loss_w = (float(figure[case]) for figure in self.ups_w[name])
        loading = out_w / self.wiring.graph.nodes[name]["rating_w"]
        in_pu = min(self.above.pu(ends(source, name), case) for source in self.wiring.sources[name])
        factor = self.wiring.power_factor(name)
        return Element(name, "ups", True, out_w + loss_w, out_w, loss_w, loading, factor, in_pu, 1.0)

    def _load(self, name: str, kind: str, case: int, dead: Collection[str]) -> Element:
        side = self.below if self.wiring.is_behind_ups(name) else self.above
        assert side is not None, "a load with supply has a source with supply"
        inlets = [ends(source, name) for source in self.wiring.sources[name] if source not in dead]
        in_w = sum(side.drawn_w(inlet, case) for inlet in inlets)
        in_pu = min(side.pu(inlet, case) for inlet in inlets)
        rating_w = self.wiring.graph.nodes[name].get("rating_w") or math.inf
        factor = self.wiring.power_factor(name)
        return Element(name, kind, True, in_w, 0.0, 0.0, in_w / rating_w, factor, in_pu, math.nan)


class _Side:
    """One network of the two."""

    def __init__(self, wiring: Wiring, flow: LoadFlow) -> None:
        self.wiring, self.flow = wiring, flow
        self.bus = {bus.name: i for i, bus in enumerate(flow.network.buses)}
        self.place = {part.name: i for i, part in enumerate(flow.network.branches)}
        self.volts_pu, self.loading_frac = np.abs(flow.voltage_pu), flow.loading_frac
        groups: dict[str, list[tuple[int, int]]] = {}
        sections = wiring.ring.sections if wiring.ring is not None else ()
        for line in flow.network.lines:
            if line.name in sections:
                groups[line.name] = [(self.place[line.name], self.bus[line.to_bus])]
        for name, at in self.place.items():
            source, arrow, target = name.partition(" > ")
            if arrow:
                kinds = f"{wiring.kind(source)} to {wiring.kind(target)}"
                groups.setdefault(kinds, []).append((at, self.bus[ends(source, target)]))
        self.groups = {kinds: np.array(found).T for kinds, found in groups.items()}

    def pu(self, bus: str, case: int) -> float:
        return float(self.volts_pu[case, self.bus[bus]])

    def drawn_w(self, bus: str, case: int) -> float:
        return float(self.flow.load_va[case, self.bus[bus]].real)

    def feed(self, name: str, case: int) -> Element:
        power = complex(self.flow.source_va[case, 0])
        loading, volt = power.real / self.wiring.graph.nodes[name]["rating_w"], self.pu(name, case)
        return Element(name, "feed", True, power.real, power.real, 0.0, loading, _factor(power), volt, volt)

    def branch(self, name: str, kind: str, source: str, case: int) -> Element:
        """A transformer or a PDU; what a PDU loses besides its load loss hangs on its bus."""
        at = self.place[name]
        entering = complex(self.flow.from_va[case, at])
        steady_w = self.drawn_w(name, case) if kind == "pdu" else 0.0
        loss_w = float(self.flow.from_va[case, at].real + self.flow.to_va[case, at].real) + steady_w
        return Element(
            name, kind, True, entering.real, entering.real - loss_w, loss_w, float(self.loading_frac[case, at]),
            _factor(entering), self.pu(ends(source, name), case), self.pu(name, case),
        )  # fmt: skip

    def cables(self, case: int) -> Iterator[Element]:
        """All cables between two kinds as one element, with the lowest voltage at a far end."""
        for kinds, (at, far) in self.groups.items():
            entering = complex(self.flow.from_va[case, at].sum())
            leaving = -complex(self.flow.to_va[case, at].sum())
            if entering.real < 0.0:  # a section of a ring that is fed from its far end
                entering, leaving = -leaving, -entering
            lowest = float(self.volts_pu[case, far].min())
            if lowest > 0.0:
                yield Element(
                    kinds, "cable", True, entering.real, leaving.real, entering.real - leaving.real,
                    float(self.loading_frac[case, at].max()), _factor(entering), math.nan, lowest,
                )  # fmt: skip


def _dead(name: str, kind: str) -> Element:
    return Element(name, kind, False, 0.0, 0.0, 0.0, 0.0, 1.0, math.nan, math.nan)


def _factor(power: complex) -> float:
    return abs(power.real) / abs(power) if power else 1.0
