"""``python -m tests.validation.power.fit``: the constants of timing and power, and the errors on rows left out.

Fits to all rows, and to either half of splits by groups, models or rows (:mod:`~tests.validation.power.split`). Times
are fitted first, a robust least squares of logarithms of mean and median inter-token latency; then power at the
measured times. Every constant has a middle value and a width of its logarithm, so that what the rows do not tell stays
at the middle value; both were chosen with all rows in view, the two scales of misses by leaving out thirds of the
groups of the calibration half of *groups*. Then the scales of what is left (:mod:`~tests.validation.power.pooling`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from tests.validation.power import rows, timing
from tests.validation.power.known import Known, fitted, known
from tests.validation.power.measured import CALIBRATIONS, Measured, measured
from tests.validation.power.watts import power_w
from twin import catalog
from twin.catalog.kinds import KINDS, attribute

Array = NDArray[np.float64]

FAMILIES = {"hopper": "H100", "blackwell": "B200"}
STEP, EVALUATIONS, TIME_SCALE, POWER_SCALE = 0.03, 9, 0.3, 0.14
"""Step of slopes, evaluations of a fit, and misses of a row that weigh as much as a constant one width off; rows that
miss by more count less than squared."""

ENGINE_WIDTHS = {
    "step_overhead": 1.5, "layer_overhead": 0.6, "fp8_layer_overhead": 0.7, "fp4_layer_overhead": 0.5,
    "moe_layer_overhead": 0.6, "sequence_overhead": 2.5, "all_reduce_latency": 0.7, "memory_efficiency": 0.1,
    "moe_memory_efficiency": 0.25, "kv_efficiency": 0.3, "bf16_compute_efficiency": 0.2,
    "fp8_compute_efficiency": 0.3, "moe_bf16_compute_efficiency": 0.6, "moe_fp8_compute_efficiency": 0.7,
    "moe_fp4_compute_efficiency": 0.5, "link_efficiency": 0.3, "prompt_layer_overhead": 0.6,
    "attention_efficiency": 0.3, "decode_attention_efficiency": 0.3, "moe_spread": 0.2,
}  # fmt: skip
"""Width of the logarithm of each engine constant around that of the product's card."""


class Prior(NamedTuple):
    """A constant: where it stands in the file, its middle value and the width of its logarithm."""

    path: tuple[str, ...]
    middle: float
    width: float
    high: float = np.inf


def _timing_priors() -> list[Prior]:
    card = catalog.get("engine", "vllm")
    isl = {
        "gpqa": 300.0,
        "lm-arena-chat": 150.0,
        "sourcegraph-fim": 1500.0,
        "image-chat": 1000.0,
        "video-chat": 1500.0,
    }
    out = [Prior(("prompt_tokens", task), tokens, 0.5) for task, tokens in isl.items()]
    out.append(Prior(("plain_encode_frac",), 0.3, 0.7))
    out += [Prior(("heard_video_factor",), 2.0, 0.7), Prior(("rank_step_s",), 5e-3, 1.0)]
    for family in FAMILIES:
        for name, width in ENGINE_WIDTHS.items():
            kind = KINDS["engine"].get(f"{family}_{name}")
            if kind and (value := card.values.get(attribute(f"{family}_{name}", kind))):
                high = np.inf if kind.high is None else float(kind.high)
                out.append(Prior(("families", family, "engine", name), float(value.si), width, high))
        out += [
            Prior(("families", family, "blocked_expert_slowness"), 2.0 if family == "hopper" else 3.0, 0.5),
            Prior(("families", family, "encode_s", "image-chat"), 0.03, 0.7),
            Prior(("families", family, "encode_s", "video-chat"), 0.05, 0.7),
            Prior(("families", family, "llama_4_layer_s"), 2e-5, 1.0),
            Prior(("families", family, "wide_tile_slowness"), 2.0, 0.4),
            Prior(("families", family, "blocked_layer_s"), 5e-5, 0.7),
        ]
    lone = (("lone_step_s", 0.03, 0.3), ("lone_sequence_s", 5e-5, 1.0))
    for task in ("image-chat", "video-chat"):
        out.append(Prior(("families", "blackwell", "lone_encode_s", task), 0.15, 0.7))
    return out + [Prior(("families", "blackwell", name), middle, width) for name, middle, width in lone]


def _frozen() -> dict[str, Any]:
    """All constants of the product's card, so that a later card does not move these answers."""
    card = catalog.get("engine", "vllm")
    return {
        "families": {
            family: {
                "engine": {
                    name.removeprefix(f"{family}_"): card.values[attribute(name, kind)].si
                    for name, kind in KINDS["engine"].items()
                    if name.startswith(family) and attribute(name, kind) in card.values
                }
            }
            for family in FAMILIES
        }
    }


def _power_priors() -> list[Prior]:
    """Being busy is taken to demand the same share of the range in both families."""
    out = [Prior(("prompt_power_frac", task), 1.0, 0.35) for task in rows.ANSWER_TOKENS]
    out.append(Prior(("power_shares", "active"), 0.06, 0.4))
    for family in FAMILIES:
        out += [
            Prior(("families", family, "power_shares", "link"), 0.09, 0.6),
            Prior(("families", family, "power_shares", "compute"), 4.5, 0.4),
            Prior(("families", family, "power_shares", "memory"), 0.85, 0.3),
            Prior(("families", family, "blocked_expert_power_frac"), 3.0, 0.5),
            Prior(("families", family, "unpack_share"), 0.1, 0.7),
        ]
    return out


def _put(held: dict[str, Any], priors: list[Prior], x: Array) -> dict[str, Any]:
    """Constants with values of some of them."""
    out: dict[str, Any] = json.loads(json.dumps(held))
    for prior, value in zip(priors, x, strict=True):
        at = out
        for key in prior.path[:-1]:
            at = at.setdefault(key, {})
        at[prior.path[-1]] = float(f"{min(prior.middle * np.exp(prior.width * value), prior.high):.6g}")
    return out


Misses = Callable[[dict[str, Any], NDArray[np.intp]], Array]


def _fit(
    held: dict[str, Any], priors: list[Prior], some: NDArray[np.intp], family: list[str], misses: Misses
) -> dict[str, Any]:
    """Least squares; a constant of a family of GPUs moves the rows of that family only."""
    of_row = np.array([family[i] for i in some])

    def at(x: Array, which: NDArray[np.intp]) -> Array:
        return misses(_put(held, priors, x), which)

    def slope(x: Array) -> Array:
        here = at(x, some)
        found = np.zeros((*here.shape, len(priors)))
        for j, prior in enumerate(priors):
            moved = x.copy()
            moved[j] += STEP
            own = [k for k, name in enumerate(of_row) if len(prior.path) < 3 or prior.path[1] in (name, "")]
            if own:
                found[own, :, j] = (at(moved, some[own]) - here[own]) / STEP
        return np.vstack([found.reshape(-1, len(priors)), np.eye(len(priors))])

    best = least_squares(
        lambda x: np.append(at(x, some).ravel(), x), np.zeros(len(priors)), jac=slope, loss="soft_l1",
        max_nfev=EVALUATIONS,
    )  # fmt: skip
    return _put(held, priors, best.x)


def fit(seen: Measured, some: NDArray[np.intp]) -> dict[str, Any]:
    """Constants fitted to some rows."""
    family = ["hopper" if c.configuration.system.startswith("h") else "blackwell" for c in seen.cases]

    def times(held: dict[str, Any], which: NDArray[np.intp]) -> Array:
        tried = timing.Constants(held)
        found = [tried.times(seen.cases[i]) for i in which]
        mean = np.log([t.step_s for t in found] / seen.mean_s[which])
        median = np.log([t.median_s for t in found] / seen.median_s[which])
        return np.stack([mean, 0.5 * median], 1) / TIME_SCALE

    held = _fit(_frozen(), _timing_priors(), some, family, times)
    timed = timing.Constants(held)
    time = [timed.times(case) for case in seen.cases]

    def powers(held: dict[str, Any], which: NDArray[np.intp]) -> Array:
        tried = timing.Constants(held)
        found = [power_w(seen.cases[i], time[i], tried, seen.mean_s[i]) for i in which]
        return np.log(found / seen.gpu_w[which])[:, None] / POWER_SCALE

    held = _fit(held, _power_priors(), some, family, powers)
    return held | {"scales": fitted(seen, timing.Constants(held), some)}


def errors(seen: Measured, held: dict[str, Any], some: NDArray[np.bool_] | None = None) -> dict[str, Array]:
    """Absolute errors of each row as shares of what was measured.

    Parameters
    ----------
    seen : Measured
    held : dict
        Constants.
    some : array (row) of bool, optional
        Rows that tell of others of their configuration; none when left out.
    """
    telling = known(seen, timing.Constants(held), np.flatnonzero([] if some is None else some))
    said = [_said(telling, case, step_s) for case, step_s in zip(seen.cases, seen.mean_s, strict=True)]
    given, power, step_s, median_s, flight = np.array(said).T
    asked = np.array([c.configuration.concurrency for c in seen.cases])
    energy = power * step_s / flight / (seen.gpu_w * seen.mean_s / asked)
    return {
        "power at the measured time": np.abs(given / seen.gpu_w - 1.0),
        "power": np.abs(power / seen.gpu_w - 1.0),
        "energy per output token": np.abs(energy - 1.0),
        "mean latency": np.abs(step_s / seen.mean_s - 1.0),
        "median latency": np.abs(median_s / seen.median_s - 1.0),
    }


def _said(telling: Known, case: rows.Case, measured_s: float) -> tuple[float, ...]:
    """Power at the measured time and at the said one, mean and median time of a step, sequences in flight."""
    held = telling.held
    time, demand = telling.corrected(case, held.times(case))
    given = time.resolved.given
    flight = time.batch * given.layout.replicas * given.engines
    powers = (power_w(case, time, held, step_s, demand) for step_s in (measured_s, time.step_s))
    return *powers, time.step_s, time.median_s, flight


def write() -> None:
    """Fit, write ``constants.json``, and print the errors."""
    seen = measured()
    kept: dict[str, dict[str, Any]] = {}
    sides = {"all": np.ones(len(seen.cases), dtype=bool)}
    for split, half in seen.halves.items():
        sides |= {split: half, f"other {split}": ~half}
    for name, some in sides.items():
        kept[name] = fit(seen, np.flatnonzero(some))
        print(page(seen, name, kept[name], some), flush=True)
    held = {name: kept[split or "all"] for name, split in CALIBRATIONS.items()}
    timing.CONSTANTS.write_text(json.dumps(held, indent=1) + "\n")


def page(seen: Measured, name: str, held: dict[str, Any], some: NDArray[np.bool_]) -> str:
    """Errors of a fit, without and with what its rows tell of others of their configurations."""
    out = [
        f"\nfit to {name}: mean absolute error in percent, H100, B200, both; in the fit, and left out of it"
    ]
    for title, telling in (("relations alone", None), ("and own measurements", some)):
        out += [title, *_lines(seen, errors(seen, held, telling), some)]
    return "\n".join(out)


def _lines(seen: Measured, found: dict[str, Array], some: NDArray[np.bool_]) -> list[str]:
    is_hopper = np.array([c.configuration.system.startswith("h") for c in seen.cases])
    out = []
    for what, share in found.items():
        cells = [
            f"{100.0 * share[gpus & side].mean():7.1f}"
            for side in ((some, ~some) if not some.all() else (some,))
            for gpus in (is_hopper, ~is_hopper, np.ones_like(is_hopper))
        ]
        out.append(f"  {what:28s}" + "".join(cells))
    return out


if __name__ == "__main__":
    write()
