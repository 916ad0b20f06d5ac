"""How far off a prediction may be: quantiles of the residuals of its calibration group.

A calibration group is a family of GPUs under an engine. Its residuals are those of the ledger: measured over predicted,
of runs whose configuration group the fit had not seen. GPUs that take the constants of another generation get a band
twice as wide, in the logarithm, since nothing of theirs was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from twin.perf.closed_loop import Loop
from twin.perf.configuration import Resolved

FILE = Path(__file__).parent / "data" / "bands.json"
QUANTILES = (0.1, 0.9)
"""Four of five measurements lie between."""

MEASURED_ARCHITECTURES = ("Hopper", "Blackwell")
"""Generations that the shipped measurements hold; the others inherit constants."""

INHERITED = 2.0
"""Factor on the logarithm of a band where constants are inherited: an assumption, 2026-11."""

QUANTITIES = ("tpot_s", "ttft_s", "tokens_per_s_per_gpu")


def learn(residuals: Iterable[tuple[str, str, Mapping[str, float]]]) -> dict[str, dict[str, list[float]]]:
    """Return bands by calibration group, and for all of them together under ``any``.

    Parameters
    ----------
    residuals : iterable of (family, engine, mapping of quantity to measured over predicted)

    Examples
    --------
    >>> one = {name: 1.2 for name in QUANTITIES}
    >>> learn([("hopper", "vllm", one)])["hopper|vllm"]["tpot_s"]
    [1.2, 1.2]
    """
    groups: dict[str, list[Mapping[str, float]]] = {}
    for family, engine, ratios in residuals:
        for key in (f"{family}|{engine}", "any"):
            groups.setdefault(key, []).append(ratios)
    return {
        key: {
            name: [round(float(x), 4) for x in np.quantile([one[name] for one in held], QUANTILES)]
            for name in QUANTITIES
        }
        for key, held in sorted(groups.items())
    }


def ratios(r: Resolved) -> dict[str, tuple[float, float]]:
    """Low and high end of measured over predicted, by quantity of :data:`QUANTITIES`."""
    table = _shipped()
    held = table.get(f"{r.family}|{r.engine.name}", table["any"])
    power = 1.0 if r.gpu.architecture in MEASURED_ARCHITECTURES else INHERITED
    return {name: (low**power, high**power) for name, (low, high) in held.items()}


def band_of(r: Resolved, loop: Loop) -> dict[str, tuple[float, float]]:
    """Return the low and high end of time per output token and to first token.

    Parameters
    ----------
    r : Resolved
        What decodes.
    loop : Loop
        Its times.

    Returns
    -------
    dict of str to (float, float)
        ``tpot_s`` and ``ttft_s``; four of five measurements like it lie between [s].
    """
    held = ratios(r)
    return {
        name: (value * held[name][0], value * held[name][1])
        for name, value in (("tpot_s", loop.tpot_s), ("ttft_s", loop.ttft_s))
    }


@cache
def _shipped() -> dict[str, dict[str, tuple[float, float]]]:
    found: dict[str, dict[str, tuple[float, float]]] = json.loads(FILE.read_text())["bands"]
    return found
