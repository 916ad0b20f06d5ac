"""Fits an engine card to measurements of one's own, and says what they cannot tell.

Constants move in the logarithm, each drawn towards the value of the card one starts from, so that few measurements move
few constants. The fit is a robust least squares of the logarithms of predicted over measured values.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from twin import catalog
from twin.catalog import Card
from twin.catalog.kinds import KINDS, attribute
from twin.perf.calibration_files import NOISE, Measurement
from twin.perf.closed_loop import served
from twin.perf.configuration import Configuration, resolve

Array = NDArray[np.float64]

PRIOR = {
    "step_overhead": 0.5, "layer_overhead": 0.5, "sequence_overhead": 0.5, "all_reduce_latency": 0.5,
    "all_to_all_latency": 0.5, "memory_efficiency": 0.2, "fp4_memory_efficiency": 0.2, "moe_memory_efficiency": 0.3,
    "kv_efficiency": 0.3, "link_efficiency": 0.3, "bf16_compute_efficiency": 0.3, "fp8_compute_efficiency": 0.3,
    "fp4_compute_efficiency": 0.3, "moe_bf16_compute_efficiency": 0.4, "moe_fp8_compute_efficiency": 0.4,
    "moe_fp4_compute_efficiency": 0.4, "prompt_layer_overhead": 0.7, "edge_time": 0.7, "burst": 0.7,
}  # fmt: skip
"""Constants that may move, and how far from the card in the logarithm: wide beside what families differ by, 2026-11."""

LEAST_NOISE = 0.03
STEP = 1e-3
MOST_FACTOR = 10.0
FOLDS = 5
FEWEST_GROUPS = 4
LEAST_SHARE = 0.1
"""Of a constant, squared, in a direction that the measurements leave open: above it, it is named."""


class Constant(NamedTuple):
    """A constant of the card.

    Parameters
    ----------
    key : str
        Key in the card.
    before, after : float
        In SI.
    sd_frac : float
        Standard deviation of ``after``, relative.
    told : str
        ``told`` by the measurements, ``tangled`` with others, or ``unseen``.
    """

    key: str
    before: float
    after: float
    sd_frac: float
    told: str


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A fitted card.

    Parameters
    ----------
    card : Card
        With the fitted constants.
    rows, groups : int
        Measurements, and configurations among them without regard to load.
    before, after, held_out : dict of str to (float, float)
        Median and 90th percentile of the relative error of each column; ``held_out`` by fits without the
        configuration, empty with fewer than four of them.
    constants : tuple of Constant
        That the measurements touch.
    tangled : tuple of tuple of str
        Constants that are told only in combination, worst first: ``+`` rises while ``-`` falls, and nothing changes.
    """

    card: Card
    rows: int
    groups: int
    before: dict[str, tuple[float, float]]
    after: dict[str, tuple[float, float]]
    held_out: dict[str, tuple[float, float]]
    constants: tuple[Constant, ...]
    tangled: tuple[tuple[str, ...], ...]

    def sentences(self) -> list[str]:
        """What the measurements cannot tell, in words."""
        said = []
        for group in self.tangled:
            rising = " and ".join(key[1:] for key in group if key[0] == "+")
            falling = " and ".join(key[1:] for key in group if key[0] == "-")
            how = f"{rising} higher with {falling} lower" if falling else f"{rising} higher together"
            said.append(f"cannot be told apart: {how} gives much the same times")
        unseen = [c.key for c in self.constants if c.told == "unseen"]
        if unseen:
            said.append(f"hardly seen, so left near the card: {', '.join(unseen)}")
        full = [c.key for c in self.constants if c.before < c.after > 0.999 * KINDS["engine"][c.key].high]
        if full:
            said.append(f"as high as a card may hold, so something else is amiss: {', '.join(full)}")
        return said


def predicted(given: Configuration, card: Card) -> dict[str, float]:
    """The measured columns as an engine card predicts them, in the units of their names.

    Examples
    --------
    >>> chat = Configuration("h100-sxm", "llama-3.1-8b", 1, 1000, 200, 8)
    >>> sorted(predicted(chat, catalog.get("engine", "trtllm")))
    ['tokens_per_s_per_gpu', 'tpot_ms', 'ttft_ms']
    """
    loop = served(resolve(given, card))
    tokens_per_s = given.concurrency * given.osl / (loop.ttft_s + given.osl * loop.tpot_s)
    return {
        "tpot_ms": loop.tpot_s * 1e3,
        "ttft_ms": loop.ttft_s * 1e3,
        "tokens_per_s_per_gpu": tokens_per_s / given.gpus,
    }


class _Fit:
    """Constants ``card * exp(x)`` of the families that the measurements ran on."""

    def __init__(self, rows: Sequence[Measurement], card: Card) -> None:
        self.card, self.noise = card, dict(NOISE)
        families = sorted({resolve(m.given, card).family for m in rows})
        names = [(f"{family}_{name}", sd) for family in families for name, sd in PRIOR.items()]
        values = {key: card.get(_name(key), 0.0) for key, _ in names}
        self._keep([(key, sd) for key, sd in names if values[key] > 0.0])
        seen = np.abs(self.jacobian(rows, np.zeros(len(self.keys)))).max(0) > 1e-3
        self._keep([(k, s) for k, s, is_seen in zip(self.keys, self.sd, seen, strict=True) if is_seen])

    def _keep(self, names: Iterable[tuple[str, float]]) -> None:
        pairs = list(names)
        self.keys = [key for key, _ in pairs]
        self.sd = np.array([sd for _, sd in pairs], dtype=np.float64)
        self.start = np.array([self.card.get(_name(key)) for key in self.keys], dtype=np.float64)

    def at(self, x: Array) -> Card:
        """The card with moved constants."""
        values = dict(self.card.values)
        for key, value in zip(self.keys, self.start * np.exp(x), strict=True):
            values[_name(key)] = dataclasses.replace(values[_name(key)], si=float(value))
        return dataclasses.replace(self.card, values=values)

    def misses(self, rows: Sequence[Measurement], x: Array) -> Array:
        """Logarithms of predicted over measured, over their noise."""
        card, found = self.at(x), []
        for m in rows:
            now = predicted(m.given, card)
            found += [math.log(now[name] / value) / self.noise[name] for name, value in m.values.items()]
        return np.array(found)

    def listen(self, rows: Sequence[Measurement], x: Array) -> None:
        """Take the noise of a column from what a fit leaves over, where rows are many beside constants."""
        misses, columns = self.misses(rows, x), np.array([name for m in rows for name in m.values])
        for name in set(columns):
            left = np.abs(misses[columns == name])
            if len(left) >= 2 * len(self.keys):
                self.noise[name] = max(1.4826 * float(np.median(left)) * self.noise[name], LEAST_NOISE)

    def jacobian(self, rows: Sequence[Measurement], x: Array) -> Array:
        """Derivative of :meth:`misses`; backward, so that shares never pass 1."""
        here = self.misses(rows, x)
        moved = [(here - self.misses(rows, x - STEP * unit)) / STEP for unit in np.eye(len(x))]
        return np.stack(moved, 1) if moved else np.zeros((len(here), 0))

    def solve(self, rows: Sequence[Measurement], x0: Array, most: int) -> Array:
        """Robust least squares, drawn towards the card."""
        if not self.keys:
            return x0
        fields = [KINDS["engine"][key] for key in self.keys]
        high = np.log([min(f.high / v, MOST_FACTOR) for f, v in zip(fields, self.start, strict=True)])
        bounds = (np.full(len(high), -math.log(MOST_FACTOR)), np.maximum(high, 1e-9))
        found = least_squares(
            lambda x: np.append(self.misses(rows, x), x / self.sd),
            np.clip(x0, *bounds), lambda x: np.vstack([self.jacobian(rows, x), np.diag(1.0 / self.sd)]),
            bounds, loss="soft_l1", max_nfev=most, xtol=1e-6, ftol=1e-6,
        )  # fmt: skip
        return np.asarray(found.x, dtype=np.float64)


def calibrate(rows: Sequence[Measurement], base: Card | None = None) -> Calibration:
    """Fit an engine card.

    Parameters
    ----------
    rows : sequence of Measurement
        One or more, of one engine.
    base : Card, optional
        To start from; that of the catalog if left out.

    Examples
    --------
    >>> chat = Configuration("h100-sxm", "llama-3.1-8b", 1, 1000, 200, 8)
    >>> found = calibrate([Measurement(2, chat, {"tpot_ms": 12.0})])
    >>> found.after["tpot_ms"][0] < found.before["tpot_ms"][0]
    True
    """
    card = base or catalog.get("engine", rows[0].given.engine)
    fit = _Fit(rows, card)
    x = fit.solve(rows, np.zeros(len(fit.keys)), 40)
    fit.listen(rows, x)
    x = fit.solve(rows, x, 40)
    slope = fit.jacobian(rows, x)
    scale = max(1.0, 1.4826 * float(np.median(np.abs(fit.misses(rows, x)))))
    spread = scale * np.sqrt(np.diag(np.linalg.inv(slope.T @ slope + np.diag(fit.sd**-2.0))))
    is_seen, tangled = _told(fit.keys, slope * fit.sd / scale)
    mixed = {key[1:] for group in tangled for key in group}
    constants = tuple(
        Constant(key, float(v), float(v * math.exp(dx)), float(sd),
                 "tangled" if key in mixed else "told" if seen else "unseen")
        for key, v, dx, sd, seen in zip(fit.keys, fit.start, x, spread, is_seen, strict=True)
    )  # fmt: skip
    groups = list(dict.fromkeys(m.group for m in rows))
    return Calibration(
        fit.at(x), len(rows), len(groups), _errors(rows, lambda _: card), _errors(rows, lambda _: fit.at(x)),
        _held_out(fit, rows, groups), constants, tangled,
    )  # fmt: skip


def _told(keys: Sequence[str], slope: Array) -> tuple[Array, tuple[tuple[str, ...], ...]]:
    """Which constants the measurements see at all, and which of these they cannot tell apart, worst first.

    ``slope`` is how many standard deviations of the measurements one of the prior makes. Directions that make less than
    one are left open: along each, the constants with a fair share of it trade off.
    """
    seen = np.linalg.norm(slope, axis=0) > 1.0
    names = np.array(keys)[seen]
    if not len(names):
        return seen, ()
    _, sizes, turned = np.linalg.svd(slope[:, seen], full_matrices=True)
    sizes = np.append(sizes, np.zeros(len(names) - len(sizes)))
    groups = []
    for direction in turned[sizes < 1.0][::-1]:
        order = [i for i in np.argsort(-np.abs(direction)) if direction[i] ** 2 > LEAST_SHARE]
        signs = np.sign(direction[order] * direction[order[0]])
        groups.append(
            tuple(f"{'+' if sign > 0 else '-'}{names[i]}" for sign, i in zip(signs, order, strict=True))
        )
    return seen, tuple(group for group in groups if len(group) > 1)


def _errors(
    rows: Sequence[Measurement], card_for: Callable[[Measurement], Card]
) -> dict[str, tuple[float, float]]:
    """Median and 90th percentile of the relative error, by column."""
    found: dict[str, list[float]] = {}
    for m in rows:
        now = predicted(m.given, card_for(m))
        for name, value in m.values.items():
            found.setdefault(name, []).append(abs(now[name] / value - 1.0))
    return {n: (float(np.median(e)), float(np.quantile(e, 0.9))) for n, e in found.items()}


def _held_out(
    fit: _Fit, rows: Sequence[Measurement], groups: Sequence[Configuration]
) -> dict[str, tuple[float, float]]:
    """Errors of each configuration by a fit without it, or without it and others where there are many."""
    if len(groups) < FEWEST_GROUPS:
        return {}
    fold = {group: i % FOLDS for i, group in enumerate(groups)}
    cards = {}
    for i in set(fold.values()):
        others = [m for m in rows if fold[m.group] != i]
        cards[i] = fit.at(fit.solve(others, np.zeros(len(fit.keys)), 6))
    return _errors(rows, lambda m: cards[fold[m.group]])


def _name(key: str) -> str:
    return attribute(key, KINDS["engine"][key])
