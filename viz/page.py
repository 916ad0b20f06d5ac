"""What is drawn over the picture: title, colour bar, course over time, legend, scale bar, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from viz import look
from viz.site import Shown, Site, nice_step

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """Words that belong to a point of the picture.

    Parameters
    ----------
    text : str
        What is written.
    at_px : tuple of float
        Point from the top left [px].
    room_px : float
        Width that is free for it when it is written right onto the point; 0 for a tag above it.
    on : tuple of int
        Colour under it, where it is written onto something.
    accent : str
        Colour of the mark of a tag.
    """

    text: str
    at_px: tuple[float, float]
    room_px: float = 0.0
    on: tuple[int, int, int] = (0, 0, 0)
    accent: str = ""


def number(value: float, step: float) -> str:
    """Write a number with as many digits as a step needs.

    Examples
    --------
    >>> number(117.24, 0.5), number(120000.0, 1000.0), number(float("nan"), 1.0)
    ('117.2', '120,000', '–')
    """
    if not np.isfinite(value):
        return "–"
    digits = max(0, int(np.ceil(-np.log10(step) - 1e-9))) if step > 0 else 0
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def clock(at_s: float) -> str:
    """Write an instant of the run.

    Examples
    --------
    >>> clock(1510.0), clock(90061.0)
    ('0:25:10', '25:01:01')
    """
    seconds = round(at_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


class Page:
    """A picture that is written on; sizes are given for a height of 1080 and scaled to the real one.

    Parameters
    ----------
    image : PIL.Image
        The rendered scene.
    theme : Theme
        Colours.
    """

    def __init__(self, image: Any, theme: look.Theme) -> None:
        from PIL import ImageDraw

        self.image = image.convert("RGB")
        self.theme = theme
        self.k = min(image.height / 1080, image.width / 1440)
        self._draw = ImageDraw.Draw(self.image)
        self.taken: list[Box] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float,
        *,
        colour: str = "",
        bold: bool = False,
        anchor: str = "ls",
    ) -> Box:
        """Write words; returns the box that they fill [px]."""
        font = look.font(max(6, round(size * self.k)), bold)
        self._draw.text((x, y), words, font=font, fill=colour or self.theme.ink, anchor=anchor)
        box = self._draw.textbbox((x, y), words, font=font, anchor=anchor)
        return (float(box[0]), float(box[1]), float(box[2]), float(box[3]))

    def width(self, words: str, size: float, bold: bool = False) -> float:
        """Width of words [px]."""
        return float(look.font(max(6, round(size * self.k)), bold).getlength(words))

    def title(self, site: Site, shown: Shown, part: str = "") -> None:
        """Write the name of the site, the quantity and the instant."""
        k, q = self.k, shown.quantity
        left = 44 * k
        boxes = [self.text(left, 66 * k, f"{site.name}  ·  {part}" if part else site.name, 34, bold=True)]
        how = {
            "mean": "mean of the sample",
            "sum": "total of the sample",
            "point": "at that instant",
            "max": "largest of the sample",
            "min": "smallest of the sample",
        }[q.kind]
        boxes.append(self.text(left, 101 * k, f"{q.meaning[:1].upper()}{q.meaning[1:]}", 20))
        when = f"{clock(shown.at_s)} into the run, {how}"
        if site.start_iso:
            local = datetime.fromisoformat(site.start_iso) + timedelta(seconds=shown.at_s)
            when = f"{local:%Y-%m-%d %H:%M:%S}   ·   {when}"
        boxes.append(self.text(left, 130 * k, when, 16, colour=self.theme.faint))
        self.taken += boxes

    def colour_bar(self, shown: Shown, colours: np.ndarray) -> None:
        """Draw the colour bar with round ticks, and beside it a mark for each asset."""
        from PIL import Image

        k, (low, high) = self.k, shown.limits
        width, height = 26 * k, 480 * k
        x0, y0 = self.image.width - 152 * k, (self.image.height - height) / 2 + 10 * k
        ramp = Image.fromarray(colours[::-1].reshape(256, 1, 3)).resize((round(width), round(height)))
        self.image.paste(ramp, (round(x0), round(y0)))
        self._draw.rectangle(
            (x0, y0, x0 + width, y0 + height), outline=self.theme.ink, width=max(1, round(k))
        )
        self.text(x0, y0 - 18 * k, shown.quantity.shown_as, 22, bold=True)
        step = nice_step((high - low) / 7)
        for tick in np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step:
            y = y0 + height * (high - tick) / (high - low)
            self._draw.line(
                (x0 + width, y, x0 + width + 7 * k, y), fill=self.theme.ink, width=max(1, round(1.5 * k))
            )
            self.text(x0 + width + 12 * k, y, number(float(tick), step), 17, anchor="lm")
        for share in shown.shares(shown.values[np.isfinite(shown.values)]):
            y = y0 + height * (1 - float(share))
            self._draw.line(
                (x0 - 15 * k, y, x0 - 5 * k, y), fill=self.theme.ink, width=max(1, round(1.2 * k))
            )
        bottom = self._statistics(shown, x0, y0 + height)
        self.taken.append((x0 - 20 * k, y0 - 45 * k, float(self.image.width), bottom))

    def _statistics(self, shown: Shown, x: float, y: float) -> float:
        """Write highest, mean and lowest under the bar; returns where they end."""
        known = shown.values[np.isfinite(shown.values)]
        if not len(known):
            return y
        k, step = self.k, (shown.limits[1] - shown.limits[0]) / 200
        rows = (
            [("max", known.max()), ("mean", known.mean()), ("min", known.min())]
            if len(known) > 1
            else [("now", known[0])]
        )
        if shown.quantity.unit == "W" and len(known) > 1:
            rows.append(("sum", known.sum()))
        for i, (name, value) in enumerate(rows):
            line = y + (38 + 24 * i) * k
            self.text(x - 14 * k, line, name, 15, colour=self.theme.faint)
            self.text(x + 112 * k, line, number(float(value), step), 15, anchor="rs")
        return float(y + (44 + 24 * len(rows)) * k)

    def course(self, shown: Shown) -> None:
        """Draw how the mean went over the run, with a mark at the instant."""
        if len(shown.time_s) < 3:
            return
        k = self.k
        width, height = 300 * k, 54 * k
        x0, y0 = self.image.width - width - 48 * k, 44 * k
        low, high = nice_low_high(shown.mean)
        t = (shown.time_s - shown.time_s[0]) / np.ptp(shown.time_s)
        xs, ys = x0 + t * width, y0 + height * (1 - (shown.mean - low) / (high - low))
        points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True) if np.isfinite(y)]
        foot = y0 + height
        self._draw.line((x0, foot, x0 + width, foot), fill=self.theme.faint, width=max(1, round(k)))
        if len(points) > 1:
            self._draw.line(points, fill=self.theme.ink, width=max(1, round(2 * k)), joint="curve")
        now = int(np.argmin(np.abs(shown.time_s - shown.at_s)))
        x, y = float(xs[now]), float(ys[now])
        if np.isfinite(y):
            r = 5 * k
            self._draw.line((x, y0, x, foot), fill=self.theme.hot, width=max(1, round(1.5 * k)))
            self._draw.ellipse((x - r, y - r, x + r, y + r), fill=self.theme.hot)
        kind = look.kind_name(shown.quantity.asset_kind)
        kind = kind if kind.isupper() else kind.lower()
        unit, step = shown.quantity.shown_as, (high - low) / 20
        caption = f"mean of {len(shown.ids):,} {_plural(kind) if len(shown.ids) > 1 else kind}: "
        caption += f"{number(low, step)} to {number(high, step)} {unit}"
        self.text(x0 + width, foot + 22 * k, caption, 14, colour=self.theme.faint, anchor="rs")
        self.taken.append((x0 - 10 * k, 0.0, float(self.image.width), foot + 28 * k))

    def legend(self, entries: Sequence[tuple[str, np.ndarray, str]]) -> None:
        """Write swatches with names in one line; the mark is ``box`` or ``line``."""
        k = self.k
        x, y = 44 * k, self.image.height - 40 * k
        for name, rgb, mark in entries:
            colour = "#{:02x}{:02x}{:02x}".format(*rgb)
            half = 8 * k if mark == "box" else 2.5 * k
            self._draw.rectangle(
                (x, y - half, x + 22 * k, y + half), fill=colour,
                outline=self.theme.edge if mark == "box" else None, width=max(1, round(k)),
            )  # fmt: skip
            x = self.text(x + 31 * k, y, name, 16, colour=self.theme.faint, anchor="lm")[2] + 28 * k
        self.taken.append((0.0, y - 20 * k, x, float(self.image.height)))

    def scale_bar(self, m_per_px: float) -> None:
        """Draw a length that can be laid on the ground, across the picture."""
        k = self.k
        length = nice_step(110 * k * m_per_px)
        x1, y = self.image.width - 48 * k, self.image.height - 40 * k
        x0 = x1 - length / m_per_px
        pen = {"fill": self.theme.ink, "width": max(1, round(2 * k))}
        self._draw.line((x0, y, x1, y), **pen)
        for x in (x0, x1):
            self._draw.line((x, y - 6 * k, x, y + 6 * k), **pen)
        self.text((x0 + x1) / 2, y - 10 * k, f"{length:g} m", 16, anchor="ms")
        self.taken.append((x0 - 20 * k, y - 40 * k, float(self.image.width), float(self.image.height)))

    def keep_free(self, boxes: np.ndarray) -> None:
        """Let no tag cover boxes (box, x0 y0 x1 y1) of the picture [px]."""
        self.taken += [tuple(box) for box in boxes.tolist()]

    def labels(self, labels: Sequence[Label]) -> int:
        """Write labels, the first ones first; one that finds no free place is left out. Returns how many stand."""
        return sum(self._onto(label) if label.room_px else self._tag(label) for label in labels)

    def _onto(self, label: Label) -> bool:
        """Write a label onto the thing itself if it fits there."""
        size = next((s for s in (15, 13, 11, 9) if self.width(label.text, s, True) < label.room_px), 0)
        if not size:
            return False
        bright = 0.299 * label.on[0] + 0.587 * label.on[1] + 0.114 * label.on[2] > 140
        self.text(
            *label.at_px, label.text, size, colour="#11161d" if bright else "#ffffff", bold=True, anchor="mm"
        )
        return True

    def _tag(self, label: Label) -> bool:
        """Write a label on a tag above its point, the lowest free one of a few."""
        k = self.k
        half, height = self.width(label.text, 15) / 2 + 13 * k, 24 * k
        x, y = label.at_px
        for lift in (12 * k, -36 * k, 38 * k, 64 * k, 92 * k, 122 * k):
            box = (x - half, y - lift - height, x + half, y - lift)
            if (
                box[0] < 0
                or box[1] < 0
                or box[2] > self.image.width
                or any(_overlap(box, b) for b in self.taken)
            ):
                continue
            self.taken.append(box)
            self._draw.line((x, y, x, y - lift), fill=self.theme.faint, width=max(1, round(1.3 * k)))
            self._draw.rounded_rectangle(
                box, radius=6 * k, fill=self.theme.panel, outline=self.theme.wall, width=max(1, round(k))
            )
            middle = (box[1] + box[3]) / 2
            self._draw.rounded_rectangle(
                (box[0] + 7 * k, middle - 6 * k, box[0] + 11 * k, middle + 6 * k),
                radius=2 * k,
                fill=label.accent or self.theme.faint,
            )
            self.text(x + 4 * k, middle, label.text, 15, anchor="mm")
            return True
        return False


def nice_low_high(values: np.ndarray) -> tuple[float, float]:
    """Lowest and highest finite value, apart from each other."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    pad = 1e-6 * max(abs(low), 1.0)
    return (low, high) if high - low > pad else (low - pad, high + pad)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _plural(kind: str) -> str:
    return "leaves" if kind == "leaf" else f"{kind}s"
