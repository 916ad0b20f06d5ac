"""One-line diagram of a solved site as SVG: drawn from its graph, coloured by loading."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from html import escape
from itertools import pairwise

from twin.facility.site_elements import Element
from twin.facility.site_flow import SiteFlow
from twin.topology.assets import edges_of
from twin.topology.power import RESERVE, PowerTree
from twin.topology.ring import Ring

SLOT_PX = 128
ROWS_PX = {"feed": 96, "transformer": 206, "board": 268, "ups": 356, "pdu": 470, "load": 548}
BUSY_FRAC = 0.8
COLOURS = {"calm": "#2e7d32", "busy": "#b26a00", "over": "#c62828", "dead": "#9e9e9e", "line": "#37474f"}
STYLE = (
    "text{font:12px sans-serif;fill:#263238;text-anchor:middle}.n{font-weight:600}.t{font-size:16px;font-weight:600;"
    "text-anchor:start}.s{text-anchor:start}.l{fill:none;stroke:#37474f;stroke-width:1.5}"
)


def one_line(flow: SiteFlow, title: str) -> str:
    """Draw a site from its feed down to its loads.

    Parameters
    ----------
    flow : SiteFlow
        Its load flow; figures and colours are from it.
    title : str
        First line of the drawing.

    Returns
    -------
    str
        An SVG document. Loads hang on each PDU that feeds them, with the power that they draw there.

    Examples
    --------
    >>> from twin.facility import solve_site
    >>> from twin.scenario import load
    >>> from twin.topology import build
    >>> one_line(solve_site(build(load("scenarios/one-rack.yaml"))), "one rack")[:4]
    '<svg'
    """
    return _Drawing(flow).svg(title)


class _Drawing:
    def __init__(self, flow: SiteFlow) -> None:
        self.flow, self.wiring = flow, flow.wiring
        self.element = {e.name: e for e in flow.elements}
        self.tree = PowerTree.of(self.wiring.graph)  # as built: switches move nothing in the drawing
        self.drawn: list[str] = []
        self.x: dict[str, float] = {}
        self.plant_x: dict[str, float] = {}
        self.width_px = self._place()

    def _place(self) -> float:
        """Give each PDU, and the plant of each transformer, a slot; what feeds them stands above their middle."""
        at = SLOT_PX * 0.75
        for unit in self.wiring.parts["transformer"]:
            middle: list[float] = []
            below = [name for name, _ in self.tree.below[unit]]
            for block in (name for name in below if self.wiring.kind(name) == "ups"):
                pdus = [name for name, _ in self.tree.below[block]]
                for i, pdu in enumerate(pdus or [block]):
                    self.x[pdu] = at + SLOT_PX * i
                at += SLOT_PX * max(len(pdus), 1)
                self.x[block] = (self.x[pdus[0]] + self.x[pdus[-1]]) / 2 if pdus else self.x[block]
                middle.append(self.x[block])
            if any(self.wiring.kind(name) != "ups" for name in below):
                self.plant_x[unit] = at
                middle.append(at)
                at += SLOT_PX
            self.x[unit] = (middle[0] + middle[-1]) / 2 if middle else at
            at += 0.0 if middle else SLOT_PX
        units = [self.x[unit] for unit in self.wiring.parts["transformer"]]
        self.x[self.wiring.parts["feed"][0]] = (units[0] + units[-1]) / 2
        return max(at + SLOT_PX * 0.25, 620.0)

    def svg(self, title: str) -> str:
        feed = self.wiring.parts["feed"][0]
        units = self.wiring.parts["transformer"]
        self._feed(feed, units)
        for unit in units:
            self._transformer(unit)
        self._switches()
        deepest = max(
            [self._loads(pdu, self.x[pdu], ROWS_PX["load"]) for pdu in self.wiring.parts["pdu"]], default=1
        )
        plant = max([self._plant(unit) for unit in self.plant_x], default=1)
        height_px = ROWS_PX["load"] + 46 + 16 * max(deepest, plant)
        totals = self.flow.totals
        lost = sum(totals[f"{kind}_loss_w"] for kind in ("transformer", "ups", "pdu", "cable")) / max(
            totals["grid_w"], 1.0
        )
        told = (
            f"{_kw(totals['grid_w'])} from the grid at power factor {totals['power_factor']:.3f}; "
            f"{lost:.1%} lost between grid and loads"
        )
        self._legend(height_px - 14)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width_px:.0f} {height_px}" '
            f'width="{self.width_px:.0f}" height="{height_px}"><style>{STYLE}</style>'
            f'<rect width="100%" height="100%" fill="#ffffff"/>'
            f'<text class="t" x="16" y="26">{escape(title)}</text><text class="s" x="16" y="46">{escape(told)}</text>'
        )
        return head + "\n" + "\n".join(self.drawn) + "\n</svg>\n"

    def _feed(self, name: str, units: list[str]) -> None:
        x, y = self.x[name], ROWS_PX["feed"]
        colour = _colour(self.element[name])
        self.drawn.append(
            f'<path d="M{x - 14:.0f} {y - 14}h28l-14 24z" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        self._label(name, x + 74, y - 8)
        ends = [self.x[unit] for unit in units] + [x]
        bar = ROWS_PX["feed"] + 40
        if self.wiring.ring is None:
            self._line((x, y + 10), (x, bar))
            self._bar(min(ends) - 20, max(ends) + 20, bar)
        else:
            self._ring(self.wiring.ring, x, bar)
        self._generators(x - 150, y, min(*ends, x) - 20, bar)

    def _ring(self, ring: Ring, x: float, bar: float) -> None:
        """Sections along a bar whose two ends meet at the feed; one that is open is dashed."""
        stops = [self.x[name] for name in ring.stops]
        ends = [min(*stops, x) - 60, *stops, max(*stops, x) + 60]
        self._line((x, bar - 30), (x, bar - 16))
        self._line((ends[0], bar - 16), (ends[-1], bar - 16))
        for end in (ends[0], ends[-1]):
            self._line((end, bar - 16), (end, bar))
        opened = ring.opened(self.wiring.out)
        for name, (a, b) in zip(ring.sections, pairwise(ends), strict=True):
            if name in opened:
                self._dashed((a, bar), (b, bar))
            else:
                self._bar(a, b, bar)
            loading = f"{self.element[name].loading_frac:.0%}" if name in self.element else ""
            told = f"{name} open" if name in opened else f"{name} {loading}"
            self.drawn.append(f'<text x="{(a + b) / 2:.0f}" y="{bar + 16}">{told}</text>')

    def _generators(self, x: float, y: float, bar_x: float, bar_y: float) -> None:
        """Standby generators of the site as one symbol with an open switch."""
        graph = self.wiring.graph
        units = [name for name, kind in graph.nodes(data="kind") if kind == "generator"]
        if not units:
            return
        self.drawn.append(
            f'<circle cx="{x:.0f}" cy="{y}" r="14" fill="none" stroke="{COLOURS["line"]}" stroke-width="2"/>'
            f'<text x="{x:.0f}" y="{y + 4}">G</text>'
        )
        rating = _kw(graph.nodes[units[0]]["rating_w"])
        self.drawn.append(f'<text x="{x - 90:.0f}" y="{y + 4}">{len(units)} × {rating} standby</text>')
        self._line((x, y + 14), (x, bar_y - 14))
        self._line((x, bar_y - 14), (x + 12, bar_y - 4))
        self._line((x, bar_y), (bar_x, bar_y))

    def _transformer(self, name: str) -> None:

        x, y = self.x[name], ROWS_PX["transformer"]
        colour = _colour(self.element[name])
        self._line((x, ROWS_PX["feed"] + 40), (x, y - 24))
        for middle in (y - 10, y + 10):
            self.drawn.append(
                f'<circle cx="{x:.0f}" cy="{middle}" r="14" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
        self._label(name, x + 70, y - 8)
        blocks = [n for n, _ in self.tree.below[name] if self.wiring.kind(n) == "ups"]
        ends = [self.x[block] for block in blocks] + [x] + [self.plant_x[name]] * (name in self.plant_x)
        self._line((x, y + 24), (x, ROWS_PX["board"]))
        self._bar(min(ends) - 20, max(ends) + 20, ROWS_PX["board"])
        for block in blocks:
            self._ups(block)

    def _ups(self, name: str) -> None:
        x, y = self.x[name], ROWS_PX["ups"]
        colour = _colour(self.element[name])
        self._line((x, ROWS_PX["board"]), (x, y - 20))
        self.drawn.append(
            f'<rect x="{x - 24:.0f}" y="{y - 20}" width="48" height="40" fill="none" stroke="{colour}" '
            f'stroke-width="2"/><path class="l" d="M{x - 24:.0f} {y + 20}l48 -40"/>'
            f'<text x="{x - 11:.0f}" y="{y - 4}">~</text><text x="{x + 12:.0f}" y="{y + 14}">~</text>'
        )
        self._label(name, x + 76, y - 8)
        pdus = [pdu for pdu, _ in self.tree.below[name]]
        if pdus:
            bar = y + 50
            self._line((x, y + 20), (x, bar))
            self._bar(self.x[pdus[0]] - 20, self.x[pdus[-1]] + 20, bar)
        for pdu in pdus:
            self._pdu(pdu, y + 50)

    def _pdu(self, name: str, bar: float) -> None:
        x, y = self.x[name], ROWS_PX["pdu"]
        self._line((x, bar), (x, y))
        self.drawn.append(
            f'<rect x="{x - 30:.0f}" y="{y}" width="60" height="8" fill="{_colour(self.element[name])}"/>'
        )
        self._label(name, x, y + 26)

    def _switches(self) -> None:
        """Static transfer switches before PDUs, with the side on which they are, and the line from their reserves."""
        reserves: dict[str, list[str]] = defaultdict(list)
        for source, name, _ in edges_of(self.wiring.graph, RESERVE):
            if name in self.x:  # racks are not drawn one by one
                reserves[source].append(name)
        bars = {source: i for i, source in enumerate(reserves)}
        for source, names in reserves.items():
            x, y = self.x[source], ROWS_PX["ups"] + 62 + 5 * (bars[source] % 4)
            ends = [x + 30, *(self.x[name] + 10 for name in names)]
            self._dashed((x + 30, ROWS_PX["ups"] + 20), (x + 30, y))
            self._dashed((min(ends), y), (max(ends), y))
            for name in names:
                at = self.x[name]
                self._dashed((at + 10, y), (at + 10, ROWS_PX["pdu"] - 24))
                side = 2 if name in self.wiring.on_reserve else 1
                self.drawn.append(
                    f'<rect x="{at - 20:.0f}" y="{ROWS_PX["pdu"] - 24}" width="40" height="16" fill="#ffffff" '
                    f'stroke="{COLOURS["line"]}"/><text x="{at:.0f}" y="{ROWS_PX["pdu"] - 12}">STS {side}</text>'
                )

    def _dashed(self, a: tuple[float, float], b: tuple[float, float]) -> None:
        path = f"M{a[0]:.0f} {a[1]:.0f}L{b[0]:.0f} {b[1]:.0f}"
        self.drawn.append(f'<path class="l" stroke-dasharray="4 3" d="{path}"/>')

    def _plant(self, unit: str) -> int:
        x = self.plant_x[unit]
        self._line((x, ROWS_PX["board"]), (x, ROWS_PX["load"] - 18))
        return self._loads(unit, x, ROWS_PX["load"])

    def _loads(self, source: str, x: float, y: float) -> int:
        """Arrow with a line of text a kind of load; returns how many lines."""
        counts: Counter[str] = Counter()
        power_w: dict[str, float] = defaultdict(float)
        alive = {name: element.is_up for name, element in self.element.items()}
        for name, _ in self.wiring.tree.below[source]:
            kind = self.wiring.kind(name)
            if kind == "ups":
                continue
            sources = [s for s in self.wiring.sources[name] if alive[s]]
            whole = sum(self.wiring.sources[name][s] for s in sources)
            share = self.wiring.sources[name][source] / whole if source in sources else 0.0
            counts[kind] += 1
            power_w[kind] += self.element[name].in_w * share
        if not counts:
            return 0
        self.drawn.append(f'<path d="M{x - 6:.0f} {y - 18}h12l-6 10z" fill="{COLOURS["line"]}"/>')
        for row, (kind, count) in enumerate(counts.items()):
            shown = "rack" if kind == "psu" else kind.replace("_", " ")
            text = f"{count} {shown}, {_kw(power_w[kind])}"
            self.drawn.append(f'<text x="{x:.0f}" y="{y + 8 + 16 * row:.0f}">{escape(text)}</text>')
        return len(counts)

    def _label(self, name: str, x: float, y: float) -> None:
        element = self.element[name]
        self.drawn.append(f'<text class="n" x="{x:.0f}" y="{y:.0f}">{escape(name)}</text>')
        if not element.is_up:
            self.drawn.append(f'<text x="{x:.0f}" y="{y + 15:.0f}">without supply</text>')
            return
        volt = element.in_pu if element.kind == "ups" else element.out_pu
        figures = f"{element.loading_frac:.0%}, {volt:.3f} pu" if not math.isnan(volt) else ""
        self.drawn.append(f'<text x="{x:.0f}" y="{y + 15:.0f}">{figures}</text>')
        if element.kind != "pdu":
            self.drawn.append(f'<text x="{x:.0f}" y="{y + 30:.0f}">{_kw(element.in_w)}</text>')

    def _line(self, a: tuple[float, float], b: tuple[float, float]) -> None:
        self.drawn.append(f'<path class="l" d="M{a[0]:.0f} {a[1]:.0f}L{b[0]:.0f} {b[1]:.0f}"/>')

    def _bar(self, left: float, right: float, y: float) -> None:
        self.drawn.append(
            f'<path d="M{left:.0f} {y:.0f}H{right:.0f}" stroke="{COLOURS["line"]}" stroke-width="5"/>'
        )

    def _legend(self, y: float) -> None:
        words = {
            "calm": "below 80 % of its rating",
            "busy": "80 to 100 %",
            "over": "above",
            "dead": "without supply",
        }
        x = 16.0
        for name, text in words.items():
            self.drawn.append(
                f'<rect x="{x:.0f}" y="{y - 9:.0f}" width="10" height="10" fill="{COLOURS[name]}"/>'
            )
            self.drawn.append(f'<text class="s" x="{x + 15:.0f}" y="{y:.0f}">{text}</text>')
            x += 36 + 6 * len(text)


def _colour(element: Element) -> str:
    if not element.is_up:
        return COLOURS["dead"]
    if element.loading_frac > 1.0:
        return COLOURS["over"]
    return COLOURS["busy" if element.loading_frac > BUSY_FRAC else "calm"]


def _kw(power_w: float) -> str:
    return f"{power_w / 1e6:,.2f} MW" if power_w >= 1e6 else f"{power_w / 1e3:,.0f} kW"
