"""Diagram of cooling loops as SVG: from what gives heat, through exchangers, to where the heat goes."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from twin.facility.loop_parts import Box, Lane, Pipe, celsius, mass_flow, power

BOX_PX, GAP_PX, LEFT_PX, TOP_PX = 132, 148, 20, 66
LANE_PX, APART_PX, LINE_PX, ICON_PX = 236, 26, 16, 34
SINK_PX, HEADER_PX = 96, 26
COLOURS = {
    "warm": "#c0453c", "cold": "#2f6fb0", "line": "#37474f", "box": "#f6f8f9", "sink": "#e8f1f8", "water": "#1f9aa8",
}  # fmt: skip
STYLE = (
    "text{font:12px sans-serif;fill:#263238;text-anchor:middle}.n{font-weight:600}.t{font-size:16px;font-weight:600;"
    "text-anchor:start}.s{text-anchor:start}.q{fill:#607d8b}.l{fill:none;stroke:#37474f;stroke-width:1.5}"
    ".w,.c{fill:none;stroke:#c0453c;stroke-width:2.5}.c{stroke:#2f6fb0}.a{stroke-dasharray:7 4}"
)
ICONS = {
    "rack": "M-11 -14h22v28h-22zM-11 -7h22M-11 0h22M-11 7h22",
    "exchanger": "M-14 -14h28v28h-28zM-14 14l28 -28M-14 0l14 -14M0 14l14 -14",
    "coil": "M-16 10l5 -18l6 18l5 -18l6 18l5 -18l5 18M-10 -12a10 4 0 0 0 20 0a10 4 0 0 0 -20 0",
    "pads": "M-16 10l5 -18l6 18l5 -18l6 18l5 -18l5 18M-17 -14v28M-20 -14v28M-7 -13h14",
    "tower": "M-16 14h32l-6 -28h-20zM-12 -2h24M-8 -8l16 0M-13 4h26",
    "compressor": "M-14 0a14 14 0 1 0 28 0a14 14 0 1 0 -28 0M-12 -7l22 3M-12 7l22 -3",
    "fan": "M-14 0a14 14 0 1 0 28 0a14 14 0 1 0 -28 0M0 0q-12 -2 -9 -8q6 0 9 8q12 2 9 8q-6 0 -9 -8",
    "board": "M-13 -6h26v20h-26zM-7 -6v-7M0 -6v-7M7 -6v-7M-8 2h16M-8 8h16",
    "panel": "M-16 -12h32v24h-32zM-16 -4h32M-16 4h32M0 -12v24",
    "tank": "M-11 -10v20a11 4 0 0 0 22 0v-20a11 4 0 0 0 -22 0a11 4 0 0 0 22 0",
    "house": "M-14 14v-14l14 -13l14 13v14zM-4 14v-8h8v8",
    "door": "M-9 -14h10v28h-10zM1 -14l10 4v20l-10 4M4 -4l4 2M4 4l4 2",
}  # fmt: skip


class Picture(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    title, told : str
        First and second line.
    sources : tuple of Box
        What gives heat.
    lanes : tuple of Lane
        Loops, the names of their sources among those.
    sink : tuple of str
        Where the heat goes, with its temperature.
    """

    title: str
    told: str
    sources: tuple[Box, ...]
    lanes: tuple[Lane, ...]
    sink: tuple[str, ...]


def svg(picture: Picture) -> str:
    """Draw loops from left to right: red carries heat away, blue comes back, broken lines are air.

    Parameters
    ----------
    picture : Picture
        From :func:`twin.facility.loop_graph.picture`, or put together by hand.

    Returns
    -------
    str
        An SVG document.

    Examples
    --------
    >>> pipe = Pipe("coolant", 328.15, 318.15, 33.6)
    >>> one = Lane(("racks",), (Box("CDU", ("1.3 MW",), "exchanger"),), (pipe,), 1.3e6)
    >>> text = svg(Picture("a loop", "", (Box("racks", (), "rack"),), (one,), ("outdoors",)))
    >>> text[:4], "33.6 kg/s" in text, "55.0 °C" in text
    ('<svg', True, True)
    """
    return _Drawing(picture).text()


class _Drawing:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.drawn: list[str] = []
        lanes = picture.lanes
        self.first_px = LEFT_PX + BOX_PX + GAP_PX + HEADER_PX * (len(lanes) - 1)
        most = max(len(lane.boxes) for lane in lanes)
        self.sink_px = self.first_px + most * (BOX_PX + GAP_PX) - GAP_PX + 92
        heights = [_box_height(box) for box in picture.sources]
        needed = sum(heights) + 40 * len(heights)
        self.lane_px = max(LANE_PX, needed / len(lanes))
        self.height_px = TOP_PX + self.lane_px * len(lanes) + 34

    def text(self) -> str:
        picture = self.picture
        places = self._sources()
        for row, lane in enumerate(picture.lanes):
            self._lane(row, lane, [places[name] for name in lane.sources])
        self._sink()
        self._legend()
        width = self.sink_px + SINK_PX + 20
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {self.height_px:.0f}" '
            f'width="{width:.0f}" height="{self.height_px:.0f}"><style>{STYLE}</style>'
            f'<rect width="100%" height="100%" fill="#ffffff"/>'
            f'<text class="t" x="16" y="26">{escape(picture.title)}</text>'
            f'<text class="s" x="16" y="46">{escape(picture.told)}</text>'
        )
        return head + "\n" + "\n".join(self.drawn) + "\n</svg>\n"

    def _sources(self) -> dict[str, tuple[float, float]]:
        """Draw what gives heat, one above the other; returns top and bottom by name."""
        heights = [_box_height(box) for box in self.picture.sources]
        lanes_px = self.lane_px * len(self.picture.lanes)
        gap = (lanes_px - sum(heights)) / (len(heights) + 1)
        y, places = TOP_PX + gap, {}
        for box, height in zip(self.picture.sources, heights, strict=True):
            self._box(box, LEFT_PX, y)
            places[box.name] = (y, y + height)
            y += height + gap
        return places

    def _lane(self, row: int, lane: Lane, sources: list[tuple[float, float]]) -> None:
        middle = TOP_PX + self.lane_px * (row + 0.5)
        ys = (middle - APART_PX, middle + APART_PX)
        starts = self._headers(row, lane, sources, ys)
        x = self.first_px
        for i, (pipe, box) in enumerate(zip(lane.pipes, lane.boxes, strict=True)):
            into = x + 0.5 * BOX_PX - 30.0 if box.is_aside else x
            self._pipe(pipe, starts, (x, into), ys, " a" if lane.is_air and i == 0 else "")
            if box.is_aside:
                self._aside(box, x, *ys)
            else:
                self._box(box, x, middle - 0.5 * _box_height(box))
                self._streams(box, x, middle)
            starts = (x + BOX_PX, x + BOX_PX)
            x += BOX_PX + GAP_PX
        end = x - GAP_PX
        self._line("w a", f"M{end:.0f} {middle:.0f}H{self.sink_px - 8:.0f}")
        self._arrow(self.sink_px - 2, middle, 1, COLOURS["warm"])
        self._text(end + 46, middle - 8, power(lane.out_w))

    def _headers(
        self, row: int, lane: Lane, sources: list[tuple[float, float]], ys: tuple[float, float]
    ) -> tuple[float, float]:
        """Join the sources of a lane to its first pipe; returns where return and supply begin."""
        right, air = LEFT_PX + BOX_PX, " a" if lane.is_air else ""
        starts = (right + 12 + HEADER_PX * row, right + 24 + HEADER_PX * row)
        share = (row + 1) / (len(self.picture.lanes) + 1)
        at = [top + share * (bottom - top) for top, bottom in sources]
        for kind, aside, x, y in zip("wc", (-6.0, 6.0), starts, ys, strict=True):
            stubs = "".join(f"M{right:.0f} {one + aside:.0f}H{x:.0f}" for one in at)
            ends = [y, *(one + aside for one in at)]
            self._line(kind + air, f"{stubs}M{x:.0f} {min(ends):.0f}V{max(ends):.0f}")
        for one in at:
            self._arrow(right + 1, one + 6.0, -1, COLOURS["cold"])
        return starts

    def _pipe(
        self,
        pipe: Pipe,
        starts: tuple[float, float],
        ends: tuple[float, float],
        ys: tuple[float, float],
        air: str,
    ) -> None:
        (warm_y, cold_y), (end, into) = ys, ends
        middle = 0.5 * (max(self.first_px - GAP_PX, *starts) + end)
        self._line("w" + air, f"M{starts[0]:.0f} {warm_y:.0f}H{into - 8:.0f}")
        self._line("c" + air, f"M{starts[1]:.0f} {cold_y:.0f}H{end:.0f}")
        self._arrow(into - 1, warm_y, 1, COLOURS["warm"])
        self._text(middle, warm_y - 24, pipe.name, "q")
        self._text(middle, warm_y - 8, celsius(pipe.warm_k))
        self._text(middle, 0.5 * (warm_y + cold_y) + 4, mass_flow(pipe.flow_kg_per_s))
        self._text(middle, cold_y + 18, celsius(pipe.cold_k))
        if pipe.pump_w > 0.0:
            self._pump(end - 18, cold_y)
            self._text(middle, cold_y + 34, f"pumps {power(pipe.pump_w)}")

    def _box(self, box: Box, x: float, y: float) -> None:
        height, centre = _box_height(box), x + 0.5 * BOX_PX
        self.drawn.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX_PX}" height="{height:.0f}" rx="6" fill="{COLOURS["box"]}" '
            f'stroke="{COLOURS["line"]}" stroke-width="1.5"/>'
        )
        self._icon(box.shape, centre, y + 8 + 0.5 * ICON_PX)
        line = y + ICON_PX + 24
        self._text(centre, line, box.name, "n")
        for i, words in enumerate(box.lines):
            self._text(centre, line + LINE_PX * (i + 1), words)

    def _aside(self, box: Box, x: float, warm_y: float, cold_y: float) -> None:
        """A box that only the return passes; the supply runs under it."""
        centre = x + 0.5 * BOX_PX
        self.drawn.append(
            f'<rect x="{centre - 30:.0f}" y="{warm_y - 22:.0f}" width="60" height="44" rx="6" '
            f'fill="{COLOURS["box"]}" stroke="{COLOURS["line"]}" stroke-width="1.5"/>'
        )
        self._icon(box.shape, centre, warm_y)
        self._line("w", f"M{centre + 30:.0f} {warm_y:.0f}H{x + BOX_PX:.0f}")
        self._line("c", f"M{x:.0f} {cold_y:.0f}H{x + BOX_PX:.0f}")
        for i, words in enumerate((box.name, *box.lines)):
            self._text(centre, warm_y - 32 - LINE_PX * (len(box.lines) - i), words, "n" if i == 0 else "")

    def _streams(self, box: Box, x: float, middle: float) -> None:
        """Streams that leave upwards and enter from below."""
        half, centre = 0.5 * _box_height(box), x + 0.5 * BOX_PX
        for words, y, up in (
            *((w, middle - half, True) for w in box.gives),
            *((w, middle + half, False) for w in box.takes),
        ):
            streams = box.gives if up else box.takes
            place = streams.index(words)
            at = centre + (place - 0.5 * (len(streams) - 1)) * 44
            colour = COLOURS["water"]
            tip, tail = (y - 20, y) if up else (y + 2, y + 22)
            self.drawn.append(
                f'<path d="M{at:.0f} {tail:.0f}V{tip + 6:.0f}" stroke="{colour}" stroke-width="2"/>'
                f'<path d="M{at - 5:.0f} {tip + 8:.0f}l5 -9l5 9z" fill="{colour}"/>'
            )
            label_y = y - 26 - LINE_PX * (len(streams) - 1 - place) if up else y + 36
            self._text(at if len(streams) == 1 else centre, label_y, words)

    def _sink(self) -> None:
        lines, bottom = self.picture.sink, TOP_PX + self.lane_px * len(self.picture.lanes)
        self.drawn.append(
            f'<rect x="{self.sink_px:.0f}" y="{TOP_PX}" width="{SINK_PX}" height="{bottom - TOP_PX:.0f}" rx="10" '
            f'fill="{COLOURS["sink"]}"/>'
        )
        y = 0.5 * (TOP_PX + bottom) - 0.5 * LINE_PX * (len(lines) - 1) + 4
        for i, words in enumerate(lines):
            self._text(self.sink_px + 0.5 * SINK_PX, y + LINE_PX * i, words, "n" if i == 0 else "")

    def _legend(self) -> None:
        y, x = self.height_px - 14, 16.0
        is_air = "air" in self.picture.sink[0]
        for kind, words in (
            ("w", "carries heat away"),
            ("c", "comes back"),
            ("w a", "air" if is_air else "radiation"),
        ):
            self._line(kind, f"M{x:.0f} {y - 4:.0f}h26")
            self.drawn.append(f'<text class="s" x="{x + 32:.0f}" y="{y:.0f}">{words}</text>')
            x += 56 + 6.4 * len(words)

    def _pump(self, x: float, y: float) -> None:
        self.drawn.append(
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="9" fill="#ffffff" stroke="{COLOURS["line"]}" stroke-width="1.5"/>'
            f'<path d="M{x + 4:.0f} {y - 7:.0f}l-12 7l12 7z" fill="{COLOURS["line"]}"/>'
        )

    def _icon(self, shape: str, x: float, y: float) -> None:
        self.drawn.append(f'<path class="l" transform="translate({x:.0f} {y:.0f})" d="{ICONS[shape]}"/>')

    def _arrow(self, x: float, y: float, towards: int, colour: str) -> None:
        self.drawn.append(f'<path d="M{x:.0f} {y:.0f}l{-10 * towards} -5v10z" fill="{colour}"/>')

    def _line(self, kind: str, path: str) -> None:
        self.drawn.append(f'<path class="{kind}" d="{path}"/>')

    def _text(self, x: float, y: float, words: str, kind: str = "") -> None:
        given = f' class="{kind}"' if kind else ""
        self.drawn.append(f'<text{given} x="{x:.0f}" y="{y:.0f}">{escape(words)}</text>')


def _box_height(box: Box) -> float:
    return ICON_PX + 36 + LINE_PX * len(box.lines)
