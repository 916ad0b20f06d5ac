"""The error ledger: what predictions miss, rebuilt from the shipped measurements.

Every serving run is priced by the fit that saw no run of its configuration group (GPU, model shape, precision, mode,
engine, lengths); a second time by the fit that saw no run of its model; a third time by the engine cards as shipped,
which were fitted to all of them. Published throughputs were not calibrated on, but for one constant, and are priced by
the cards.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from twin import catalog
from twin.catalog import Card
from twin.errors import TwinError
from twin.perf import bands, measurements, published
from twin.perf.configuration import ALIASES, gpu_of
from twin.perf.measurements import Asked
from twin.perf.prediction import predict
from twin.plant import cards

DATA = Path(__file__).parent / "data"
BY = ("gpu", "engine", "model", "precision", "mode", "source")
"""By what the ledger is divided."""


class Line(NamedTuple):
    """A priced run: where it belongs, and predicted over measured of its three quantities."""

    gpu: str
    engine: str
    model: str
    precision: str
    mode: str
    source: str
    family: str
    group: str
    tpot: float
    ttft: float
    throughput: float


class Errors(NamedTuple):
    """Relative errors of some runs: median, mean and 90th percentile of their size."""

    median_frac: float
    mean_frac: float
    p90_frac: float

    @classmethod
    def of(cls, predicted_over_measured: Iterable[float]) -> Errors:
        """Errors of ratios of predicted to measured.

        Examples
        --------
        >>> Errors.of([1.1, 0.9, 1.0]).median_frac
        0.1
        """
        size = np.abs(np.array(list(predicted_over_measured)) - 1.0)
        return cls(*(round(float(x), 4) for x in (np.median(size), np.mean(size), np.quantile(size, 0.9))))


class Entry(NamedTuple):
    """A line of a table of the ledger."""

    name: str
    runs: int
    groups: int
    tpot: Errors
    ttft: Errors
    throughput: Errors


class Published(NamedTuple):
    """Errors of published throughputs."""

    name: str
    rows: int
    errors: Errors


class Ledger(NamedTuple):
    """All tables.

    Parameters
    ----------
    whole : dict of str to Entry
        All runs: unseen groups, unseen models, unseen groups of InferenceX, and calibrated.
    tables : dict of str to list of Entry
        Unseen groups, by each name of :data:`BY`.
    models : list of Entry
        Each model by the fit without it.
    published : list of Published
        All, by source and by model.
    refused : dict of str to dict of str to int
        Reasons and how many rows, of runs and of published figures.
    """

    whole: dict[str, Entry]
    tables: dict[str, list[Entry]]
    models: list[Entry]
    published: list[Published]
    refused: dict[str, dict[str, int]]

    def json(self) -> dict[str, Any]:
        """As plain values for machines."""
        return {
            "whole": {name: _plain(one) for name, one in self.whole.items()},
            "tables": {name: [_plain(one) for one in held] for name, held in self.tables.items()},
            "models_left_out": [_plain(one) for one in self.models],
            "published": [_plain(one) for one in self.published],
            "refused": self.refused,
        }


def build() -> Ledger:
    """Price all shipped measurements and sum up; a few seconds.

    Returns
    -------
    Ledger
    """
    unseen, refused = lines(lambda asked: f"fold {asked.fold}")
    without, _ = lines(lambda asked: f"without {asked.model}")
    calibrated, _ = lines(lambda _: "")
    whole = {
        "unseen configuration groups": unseen,
        "of them InferenceX": [line for line in unseen if line.source == "InferenceX"],
        "unseen models": without,
        "calibrated on": calibrated,
    }
    priced, refused_published = published_ratios()
    return Ledger(
        {name: entry(name, held) for name, held in whole.items()},
        {name: divided(unseen, name) for name in BY},
        divided(without, "model"),
        _published(priced),
        {"runs": refused, "published": refused_published},
    )


def lines(fit_of: Callable[[Asked], str]) -> tuple[list[Line], dict[str, int]]:
    """Price all shipped runs.

    Parameters
    ----------
    fit_of : callable
        Name of the fit that prices a run, empty for the engine cards as they are.

    Returns
    -------
    list of Line
    dict of str to int
        Reasons of refusals and how many rows each has.
    """
    priced: list[Line] = []
    refused: Counter[str] = Counter()
    for row in measurements.rows_of(DATA / "serving.csv.gz"):
        try:
            asked = measurements.read("runs", row)
            name = fit_of(asked)
            priced.append(_line(row, asked, fit(name, asked.configuration.engine) if name else None))
        except TwinError as error:
            refused[measurements.reason(error)] += 1
    return priced, counted(refused)


def _line(row: measurements.Row, asked: Asked, constants: Card | None) -> Line:
    given = asked.configuration
    got = predict(given, asked.prefill, constants)
    tpot_s, ttft_s = float(row["silicon_tpot_ms"]) * 1e-3, float(row["silicon_ttft_ms"]) * 1e-3
    # the requests in flight make throughput of the two times, measured as well as predicted
    cycle = (got.ttft_s + given.osl * got.tpot_s) / (ttft_s + given.osl * tpot_s)
    source = "NVIDIA" if "NVIDIA" in row["measured_by"] else "InferenceX"
    mode = "disaggregated" if asked.prefill else "aggregated"
    return Line(
        ALIASES.get(given.system, given.system), given.engine, asked.model, given.precision, mode, source,
        cards.family_of(gpu_of(given.system)[0], given.engine), asked.group,
        got.tpot_s / tpot_s, got.ttft_s / ttft_s, 1.0 / cycle,
    )  # fmt: skip


@cache
def _fits() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "folds.json").read_text())
    return found


@cache
def fit(name: str, engine: str) -> Card:
    """Return an engine card with the constants of a fit that left something out.

    Parameters
    ----------
    name : str
        ``fold 0`` to ``fold 9``, or ``without`` and the card of a model.
    engine : str
        Card of the engine.

    Examples
    --------
    >>> fit("fold 3", "vllm").hopper_memory_efficiency_frac < 1.0
    True
    """
    card, held = catalog.get("engine", engine), _fits()
    if name not in held["fits"]:  # a model without a run that could be priced
        return card
    constants = dict(zip(held["names"], held["fits"][name][engine], strict=True))
    values = {
        key: replace(one, si=constants[key], as_written=str(constants[key])) if key in constants else one
        for key, one in card.values.items()
    }
    return replace(card, values=values)


def counted(reasons: Mapping[str, int]) -> dict[str, int]:
    """Return reasons that differ in numbers only as one, most frequent first.

    Examples
    --------
    >>> counted({"3.1 GB are missing": 2, "40 GB are missing": 1})
    {'N GB are missing': 3}
    """
    out: Counter[str] = Counter()
    for reason, count in reasons.items():
        out[re.sub(r"(?<![\w.-])\d[\d.,]*\b", "N", reason)] += count
    return dict(out.most_common())


def learned(held: Iterable[Line]) -> dict[str, dict[str, list[float]]]:
    """Bands of predictions from runs priced by fits that had not seen them."""
    return bands.learn(
        (one.family, one.engine, dict(zip(bands.QUANTITIES, _measured_over_predicted(one), strict=True)))
        for one in held
    )


def _measured_over_predicted(line: Line) -> tuple[float, float, float]:
    return 1.0 / line.tpot, 1.0 / line.ttft, 1.0 / line.throughput


def entry(name: str, held: Sequence[Line]) -> Entry:
    """Errors of some runs."""
    return Entry(
        name, len(held), len({line.group for line in held}), Errors.of(line.tpot for line in held),
        Errors.of(line.ttft for line in held), Errors.of(line.throughput for line in held),
    )  # fmt: skip


def divided(held: Iterable[Line], by: str) -> list[Entry]:
    """Errors by one name of :data:`BY`."""
    parts: dict[str, list[Line]] = {}
    for line in held:
        parts.setdefault(getattr(line, by), []).append(line)
    return [entry(name, part) for name, part in sorted(parts.items())]


def published_ratios() -> tuple[list[tuple[measurements.Row, float]], dict[str, int]]:
    """Published rows that can be priced with predicted over measured throughput, and reasons of the others."""
    priced: list[tuple[measurements.Row, float]] = []
    refused: Counter[str] = Counter()
    for row in measurements.rows_of(DATA / "published.csv.gz"):
        try:
            _, tokens_per_s_per_gpu = published.price(published.read(row))
        except TwinError as error:
            refused[measurements.reason(error)] += 1
            continue
        if row["metric"].startswith("output_tokens_per_s"):
            priced.append((row, tokens_per_s_per_gpu / float(row["per_gpu"])))
        else:
            refused[f"measured in {row['metric']}"] += 1
    return priced, counted(refused)


def _published(priced: list[tuple[measurements.Row, float]]) -> list[Published]:
    parts: dict[str, list[float]] = {"all": []}
    for row, ratio in priced:
        is_mlperf = row["scenario"].startswith("MLPerf")
        source = row["scenario"] if is_mlperf else "TensorRT-LLM 1.0, all requests queued"
        for name in ("all", source, f"model {row['model']}"):
            parts.setdefault(name, []).append(ratio)
    return [Published(name, len(held), Errors.of(held)) for name, held in sorted(parts.items())]


def _plain(one: Any) -> Any:
    if hasattr(one, "_asdict"):
        return {name: _plain(value) for name, value in one._asdict().items()}
    return one
