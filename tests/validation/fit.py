"""``python -m tests.validation fit``: the constants of the engine cards, and those of fits that left something out.

A constant of an engine on a family of GPUs is a middle value times deviations of the family, of the engine, and of
the pair, all log-normal with the widths of :data:`PRIORS`; a pair with few runs so stays near what the others share.
The fit is a robust least squares of the logarithms of predicted over measured times of the shipped runs, by the
product's own relations. No fit sees anything of the runs that it leaves out, nor does the fit that it starts from.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from twin import catalog
from twin.catalog import Card, huggingface
from twin.catalog.kinds import KINDS, attribute
from twin.errors import TwinError
from twin.perf import ledger, measurements
from twin.perf.closed_loop import apart, served
from twin.perf.configuration import Configuration, Resolved, gpu_of, resolve
from twin.perf.measurements import Asked
from twin.plant import cards

Array = NDArray[np.float64]

ENGINES = ("sglang", "trtllm", "vllm")
FAMILIES = ("blackwell", "hopper")
PAIRS = tuple((family, engine) for family in FAMILIES for engine in ENGINES)
WHOLE = "engine cards"
FOLDS_FILE = ledger.DATA / "folds.json"
CARDS = Path(catalog.__file__).parent / "engine"

TPOT_SCALE, TTFT_SCALE, TTFT_WEIGHT = 0.1, 0.15, 0.4
"""Logarithmic misses from which a run counts less than squared, and what a time to first token weighs: its spread
between repeated runs is wider. Chosen once, 2026-11; the ten-fold errors hardly depend on them."""

STEP, RADIUS, LEAST_GAIN_FRAC, MOST_STEPS, MOST_SLOPES = 1e-5, 10.0, 2e-3, 8, 12
"""Step of derivatives, first radius of trust, the share of the squares that a step or a slope must gain for another,
and the most of both."""


class Prior(NamedTuple):
    """Middle value of a constant and standard deviations of its logarithm: pooled, family, engine, pair."""

    middle: float
    pooled: float
    family: float = 0.0
    engine: float = 0.0
    pair: float = 0.0


PRIORS = {
    "step_overhead": Prior(5e-4, 1.0, 0.3, 0.6, 0.4), "layer_overhead": Prior(14e-6, 0.5, 0.2, 0.3, 0.2),
    "latent_layer_overhead": Prior(14e-6, 0.6, 0.2, 0.3, 0.2), "moe_layer_overhead": Prior(20e-6, 0.5, 0.2, 0.3, 0.3),
    "fp8_layer_overhead": Prior(7e-6, 0.6, 0.2, 0.3, 0.2), "fp4_layer_overhead": Prior(7e-6, 0.6, 0.2, 0.3, 0.2),
    "sequence_overhead": Prior(8e-6, 1.0, 0.3, 0.6, 0.4), "all_reduce_latency": Prior(7e-6, 0.4, 0.2, 0.3, 0.2),
    "all_to_all_latency": Prior(15e-6, 0.6, 0.2, 0.3, 0.2),
    "memory_efficiency": Prior(0.8, 0.15, 0.05, 0.05, 0.05), "fp4_memory_efficiency": Prior(0.75, 0.2),
    "kv_efficiency": Prior(0.75, 0.25, 0.15, 0.15, 0.1), "moe_memory_efficiency": Prior(0.75, 0.2, 0.1, 0.15, 0.1),
    "moe_int4_memory_efficiency": Prior(0.8, 0.3, 0.2), "moe_spread": Prior(0.8, 0.4, 0.0, 0.1),
    "bf16_compute_efficiency": Prior(0.65, 0.1, 0.05, 0.1, 0.05), "fp8_compute_efficiency": Prior(0.95, 0.1, 0.05),
    "fp4_compute_efficiency": Prior(0.7, 0.1), "moe_bf16_compute_efficiency": Prior(0.25, 0.5, 0.15, 0.2, 0.15),
    "moe_fp8_compute_efficiency": Prior(0.75, 0.3, 0.3), "moe_fp4_compute_efficiency": Prior(0.6, 0.4),
    "attention_efficiency": Prior(0.45, 0.3, 0.1, 0.2, 0.1), "link_efficiency": Prior(0.6, 0.3, 0.1, 0.2, 0.1),
    "decode_attention_efficiency": Prior(0.4, 0.4, 0.1, 0.1, 0.1),
    "prompt_layer_overhead": Prior(50e-6, 0.6, 0.2, 0.4, 0.2),
    "prompt_latent_layer_overhead": Prior(50e-6, 0.8, 0.3, 0.5, 0.3),
    "prompt_moe_layer_overhead": Prior(30e-6, 0.8, 0.3, 0.5, 0.3),
    "draft_acceptance": Prior(0.7, 0.1), "draft_layers": Prior(1.5, 0.4),
    "edge_time": Prior(0.02, 0.6, 0.3, 0.5, 0.3), "wait_iterations": Prior(1.5, 0.4, 0.2, 0.3, 0.2),
    "poll_iterations": Prior(20.0, 0.3, 0.2, 0.0, 0.2), "rank_wait_iterations": Prior(5.0, 0.6, 0.1, 0.5, 0.2),
    "burst": Prior(0.1, 0.3, 0.1, 0.3, 0.1), "steady_burst": Prior(0.1, 0.5, 0.1, 0.3, 0.1),
    "clump": Prior(0.5, 0.5, 0.2, 0.3, 0.2), "handoff_time": Prior(0.1, 0.7, 0.2, 0.4, 0.2),
    "handoff_iterations": Prior(3.0, 0.5, 0.1, 0.3, 0.1),
}  # fmt: skip
"""Of constants of the engine cards, in SI. Middle values: launches of microseconds, shares of peak of common kernels
(of dense parts: of the measured ones in the catalog, and near them), ten waves of requests a run. Widths: wide where
engines are known to differ; chosen with all runs in view, 2026-11."""

SHARE_OF = {
    "fp4_memory_efficiency": "memory_efficiency", "moe_int4_memory_efficiency": "moe_memory_efficiency",
    "fp8_compute_efficiency": "bf16_compute_efficiency", "fp4_compute_efficiency": "bf16_compute_efficiency",
    "moe_fp8_compute_efficiency": "moe_bf16_compute_efficiency",
    "moe_fp4_compute_efficiency": "moe_bf16_compute_efficiency",
}  # fmt: skip
"""Constants whose prior is that of their ratio to another."""

KERNELS = {"bf16": "bf16", "fp8": "fp8", "fp4": "nvfp4"}
"""Precisions and the measured matrix kernels whose compute efficiency no dense part of an engine may exceed."""

NAMES = tuple(PRIORS)
HIGH = np.array([float(KINDS["engine"][f"blackwell_{name}"].high) for name in NAMES])


class Run(NamedTuple):
    """A measured run: what was asked, both times [s], and its weight: repeated runs count once together."""

    asked: Asked
    tpot_s: float
    ttft_s: float
    weight: float


def runs() -> list[Run]:
    """All shipped runs that can be priced."""
    found: list[tuple[Asked, float, float]] = []
    for row in measurements.rows_of(ledger.DATA / "serving.csv.gz"):
        try:
            asked = measurements.read("runs", row)
            for side in filter(None, asked):
                resolve(side)
        except TwinError:
            continue
        found.append((asked, float(row["silicon_tpot_ms"]) * 1e-3, float(row["silicon_ttft_ms"]) * 1e-3))
    same = [(a.model, *(replace(side, model="") if side else None for side in a)) for a, _, _ in found]
    count = Counter(same)
    return [Run(a, tpot, ttft, 1.0 / count[key]) for (a, tpot, ttft), key in zip(found, same, strict=True)]


def table_of(x: Array) -> Array:
    """Constants by pair and name, within what a card may hold."""
    widths = np.array([prior[1:] for prior in PRIORS.values()]).T
    pooled, family, engine, pair = np.split(x.reshape(-1, len(NAMES)), (1, 3, 6))
    logs = np.log([prior.middle for prior in PRIORS.values()]) + pooled * widths[0]
    logs = logs + np.repeat(family, 3, 0) * widths[1] + np.tile(engine, (2, 1)) * widths[2] + pair * widths[3]
    return np.asarray(np.minimum(np.exp(logs), HIGH), dtype=np.float64)


def cards_of(table: Array) -> dict[str, Card]:
    """Engine cards with these constants."""
    out = {engine: catalog.get("engine", engine) for engine in ENGINES}
    for (family, engine), column in zip(PAIRS, table, strict=True):
        held, values = dict(zip(NAMES, column, strict=True)), dict(out[engine].values)
        for name in NAMES:
            key = f"{family}_{name}"
            if key not in KINDS["engine"] or (at := attribute(key, KINDS["engine"][key])) not in values:
                continue
            value = held[name] * (held[SHARE_OF[name]] if name in SHARE_OF else 1.0)
            values[at] = replace(values[at], si=min(value, limit(family, name)))
        out[engine] = replace(out[engine], values=values)
    return out


@cache
def limit(family: str, name: str) -> float:
    """Highest value that a constant of a card may have."""
    high = float(KINDS["engine"][f"{family}_{name}"].high)
    kernel = f"{family}-gemm-{KERNELS.get(name.removesuffix('_compute_efficiency'), '')}"
    if kernel in catalog.names("kernel"):
        high = min(high, float(catalog.get("kernel", kernel).compute_efficiency_frac))
    return high


class Fit:
    """The least squares over some runs."""

    def __init__(self, held: list[Run]) -> None:
        self.measured = np.log([(run.tpot_s, run.ttft_s) for run in held])
        self.scale = np.array([TPOT_SCALE, TTFT_SCALE])
        self.weight = (np.array([[run.weight] for run in held]) * np.array([1.0, TTFT_WEIGHT])).ravel()
        given = [run.asked.configuration for run in held]
        self.pair = np.array(
            [PAIRS.index((cards.family_of(gpu_of(g.system)[0], g.engine), g.engine)) for g in given]
        )
        self.touched = {name: np.array([touches(name, run.asked) for run in held]) for name in NAMES}
        # what was measured often is priced once, and looked up once for all loads
        places: dict[Configuration, int] = {}
        for run in held:
            for side in filter(None, run.asked):
                places.setdefault(_any_load(side), len(places))
        self.sides = list(places)
        self.asked = [
            [(side, places[_any_load(side)]) for side in run.asked if side is not None] for run in held
        ]
        self.keys = [tuple((place, side.concurrency) for side, place in asked) for asked in self.asked]

    def logs(self, table: Array, some: NDArray[np.bool_] | None = None) -> Array:
        """Logarithms of predicted times, by run and (TPOT, TTFT); of all runs or of some."""
        engines = cards_of(table)
        known: dict[int, Resolved] = {}
        found: dict[tuple[tuple[int, float], ...], tuple[float, float]] = {}

        def at(side: Configuration, place: int) -> Resolved:
            if place not in known:
                known[place] = resolve(self.sides[place], engines[side.engine])
            return replace(known[place], given=side)

        wanted = np.flatnonzero(np.ones(len(self.keys), np.bool_) if some is None else some)
        for i in wanted:
            if self.keys[i] not in found:
                decode, *prefill = (at(side, place) for side, place in self.asked[i])
                loop = apart(prefill[0], decode) if prefill else served(decode)
                found[self.keys[i]] = loop.tpot_s, loop.ttft_s
        times = [found[self.keys[i]] for i in wanted]
        return np.asarray(np.log(np.reshape(times, (-1, 2))), dtype=np.float64)

    def misses(self, x: Array) -> Array:
        """Logarithms of predicted over measured in units of their scale, TPOT and TTFT of run after run."""
        return np.asarray(((self.logs(table_of(x)) - self.measured) / self.scale).ravel(), dtype=np.float64)

    def slope(self, x: Array) -> Array:
        """Derivative of :meth:`misses`."""
        table = table_of(x)
        here = self.logs(table)
        by_constant = np.zeros((*here.shape, len(NAMES)))
        for i, name in enumerate(NAMES):
            less, some = table.copy(), self.touched[name] & (table[self.pair, i] < HIGH[i])
            less[:, i] *= 1.0 - STEP
            by_constant[some, :, i] = (here[some] - self.logs(less, some)) / STEP / self.scale
        return self._by_deviation(by_constant.reshape(-1, len(NAMES)))

    def _by_deviation(self, by_constant: Array) -> Array:
        """From derivatives by the constants of a run's pair to those by all deviations."""
        pair = np.repeat(self.pair, 2)
        switch = np.zeros((len(pair), 12))
        rows = np.arange(len(pair))
        for offset, index in ((0, 0 * pair), (1, pair // 3), (3, pair % 3), (6, pair)):
            switch[rows, offset + index] = 1.0
        widths = np.array([prior[1:] for prior in PRIORS.values()]).T[[0, 1, 1, 2, 2, 2, *[3] * 6]]
        spread = by_constant[:, None, :] * switch[:, :, None] * widths
        return np.asarray(spread.reshape(len(pair), -1), dtype=np.float64)

    def solve(self, start: Array | None = None) -> Array:
        """Deviations of the best fit, sought from a start, or from the middle values.

        The slope is what costs time: each one serves for as long as steps by it gain.
        """
        x, best = np.zeros(12 * len(NAMES)) if start is None else start, np.inf
        for _ in range(MOST_SLOPES):
            found = self._along(self.slope(x), x)
            x, last, best = np.asarray(found.x, dtype=np.float64), best, float(found.fun)
            if last - best < LEAST_GAIN_FRAC * best:
                break
        return x

    def _along(self, slope: Array, x: Array) -> OptimizeResult:
        """The best fit as far as one slope leads to it."""

        @lru_cache(1)
        def bent(at: bytes) -> tuple[Array, Array]:
            misses = self.misses(np.frombuffer(at))
            return misses, np.sqrt(1.0 + misses**2)

        def cost(x: Array) -> float:
            return float(2.0 * self.weight @ (bent(x.tobytes())[1] - 1.0) + x @ x)

        def gradient(x: Array) -> Array:
            misses, bend = bent(x.tobytes())
            return np.asarray(2.0 * (slope.T @ (self.weight * misses / bend) + x), dtype=np.float64)

        def curve(x: Array) -> Array:
            weight = self.weight / bent(x.tobytes())[1]
            return np.asarray(2.0 * (slope.T @ (slope * weight[:, None]) + np.eye(len(x))), dtype=np.float64)

        return minimize(
            cost, x, method="trust-exact", jac=gradient, hess=curve, callback=Patience(),
            options={"maxiter": MOST_STEPS, "initial_trust_radius": RADIUS},
        )  # fmt: skip


class Patience:
    """Ends a fit when a step gained little; steps that were not taken do not count."""

    def __init__(self) -> None:
        self.last = np.inf

    def __call__(self, intermediate_result: OptimizeResult) -> None:
        cost = float(intermediate_result.fun)
        if 0.0 < self.last - cost < LEAST_GAIN_FRAC * cost:
            raise StopIteration
        self.last = cost


def _any_load(side: Configuration) -> Configuration:
    return replace(side, concurrency=1.0)


def touches(name: str, asked: Asked) -> bool:
    """Whether a constant can matter to a run at all."""
    given = asked.configuration
    model = huggingface.find(given.model)
    needs = {
        "moe": bool(model.get("experts", 0)), "latent": bool(model.get("kv_lora_rank", 0)),
        "all": given.attention_data > 1 or given.tensor > 1 or bool(asked.prefill), "fp8": given.precision == "fp8",
        "int4": given.precision == "int4", "fp4": given.precision in ("fp4", "int4"),
        "handoff": bool(asked.prefill), "draft": given.drafts > 0,
        "rank": given.attention_data > 1, "poll": given.is_polled, "steady": given.is_steady,
    }  # fmt: skip
    return all(needs.get(word, True) for word in name.split("_"))


def parts(held: list[Run]) -> Iterator[tuple[str, Callable[[Asked], bool]]]:
    """Names of the fits that leave something out, and which runs each of them sees."""
    for fold in range(10):
        yield f"fold {fold}", partial(_other, "fold", fold)
    for model in sorted({run.asked.model for run in held}):
        yield f"without {model}", partial(_other, "model", model)


def _other(name: str, value: object, asked: Asked) -> bool:
    return bool(getattr(asked, name) != value)


def fitted(name: str) -> Array:
    """Constants by pair and name of a fit that leaves something out, or of the engine cards."""
    held = runs()
    if name == WHOLE:
        return table_of(Fit(held).solve())
    some = dict(parts(held))
    return table_of(
        Fit([run for run in held if some[name](run.asked)]).solve(_start(beside(name, list(some))))
    )


def beside(name: str, names: list[str]) -> tuple[str, ...]:
    """Fits that share a start with this one: half of those that leave out the same kind of thing."""
    kind = [other for other in names if other[:4] == name[:4]]
    half = (len(kind) + 1) // 2
    return tuple(kind[:half] if name in kind[:half] else kind[half:])


@lru_cache(1)
def _start(names: tuple[str, ...]) -> Array:
    """Deviations of a fit that sees only what all of these fits see."""
    held = runs()
    some = dict(parts(held))
    return Fit([run for run in held if all(some[name](run.asked) for name in names)]).solve()


def write(say: Callable[[str], None] = print) -> None:
    """Fit and write the engine cards and ``folds.json``; ten minutes of CPU, on all cores."""
    names = [WHOLE, *(name for name, _ in parts(runs()))]
    tables, began_at_s = {}, time.monotonic()
    with ProcessPoolExecutor() as pool:
        for name, table in zip(names, pool.map(fitted, names), strict=True):
            tables[name] = table
            say(f"{time.monotonic() - began_at_s:5.0f} s  {name}: {len(tables)} of {len(names)} fits")
    save(tables)


def save(tables: dict[str, Array]) -> None:
    """Write the constants of all fits."""
    whole = cards_of(tables[WHOLE])
    fields = KINDS["engine"]
    held = {attribute(key, fields[key]) for f in FAMILIES for n in NAMES if (key := f"{f}_{n}") in fields}
    names, fits = [name for name in whole[ENGINES[0]].values if name in held], {}
    for name, table in tables.items():
        if name != WHOLE:
            got = cards_of(table)
            fits[name] = {e: [float(f"{_si(got[e], n):.4g}") for n in names] for e in ENGINES}
    FOLDS_FILE.write_text(_text(names, fits))
    for engine, card in whole.items():
        _write_card(CARDS / f"{engine}.yaml", card)


def _si(card: Card, at: str) -> float:
    return float(card.values[at].si)


def _text(names: list[str], fits: dict[str, dict[str, list[float]]]) -> str:
    note = (
        "Constants of fits that did not see a part of the measurements: 'fold N' without the configuration groups "
        "whose hash ends in N, 'without M' without all runs of model M. Same form and priors as the engine cards; SI "
        "units as the names say."
    )
    head = "".join(
        f" {json.dumps(key)}: {json.dumps(value)},\n"
        for key, value in (("note", note), ("date", "2026-11"), ("names", names))
    )
    body = ",\n".join(f"  {json.dumps(name)}: {json.dumps(held)}" for name, held in fits.items())
    return f'{{\n{head} "fits": {{\n{body}\n }}\n}}\n'


def _write_card(path: Path, card: Card) -> None:
    """Put the constants into the text of a card; all else stays."""

    def renewed(match: re.Match[str]) -> str:
        key = match[1]
        at = attribute(key, KINDS["engine"][key])
        if key.split("_", 1)[1] not in NAMES:
            return match[0]
        si = _si(card, at)
        size, unit = (1e3, " ms") if key.endswith("_time") else (1e6, " us")
        text = f"{si * size:.4g}{unit}" if at.endswith("_s") else f"{si:.4g}"
        return f"  {key}: {{value: {text}, source: serving}}"

    path.write_text(re.sub(r"  (\w+): \{value: [^,]*, source: serving\}", renewed, path.read_text()))
