"""Predictions for every row of a measured table: serving runs, benchmark points, published throughputs, kernels.

A table is recognised by its columns. Before anything reads a row, all columns but those of its configuration are
dropped. Every row gets a prediction or ``{"refused": reason}``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.validation import kernels
from twin.errors import TwinError
from twin.perf import bands, measurements, published
from twin.perf.configuration import resolve
from twin.perf.measurements import Row
from twin.perf.prediction import Prediction, predict

KERNEL_COLUMNS = (
    "system", "gemm_dtype", "m", "n", "k", "kernel_source", "attn_dtype", "mla_dtype", "kv_cache_dtype", "num_heads",
    "num_key_value_heads", "head_dim", "batch_size", "isl", "step", "window_size", "moe_dtype", "num_tokens",
    "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size", "distribution", "op_name",
    "num_gpus", "message_bytes", "variant", "comm_backend", "comm_dtype", "phase", "ep_size", "node_num",
)  # fmt: skip
"""Columns of kernel tables that state a configuration."""

Answer = dict[str, Any]


def answers(path: Path) -> dict[str, Answer]:
    """Return an answer for each row of a CSV file, by its number from 0 as text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "what.csv"
    ...     _ = file.write_text("colour,size\\nred,3\\n")
    ...     answers(file)["0"]["refused"][:30]
    'no table is known with the col'
    """
    rows = measurements.rows_of(path)
    if not rows:
        return {}
    columns = list(rows[0])
    if kind := measurements.recognise(columns):
        found = _each(rows, measurements.READ[kind], lambda row: _serving(kind, row))
    elif published.recognise(columns):
        found = _each(rows, published.READ, _published)
    elif table := kernels.recognise(columns):
        found = _kernels(table, rows, kernels.system_of(path.name))
    else:
        known = {**measurements.NEEDED, "published": published.NEEDED}
        known |= {name: one.columns for name, one in kernels.TABLES.items()}
        wanted = "; ".join(f"{name}: {', '.join(needed)}" for name, needed in known.items())
        reason = (
            f"no table is known with the columns {', '.join(columns)}; known by their columns are {wanted}"
        )
        found = [{"refused": reason} for _ in rows]
    return {str(i): answer for i, answer in enumerate(found)}


def stripped(row: Row, kept: tuple[str, ...]) -> dict[str, str]:
    """Return a row with nothing but some columns."""
    return {name: value for name, value in row.items() if name in kept and isinstance(value, str)}


def _each(rows: list[dict[str, str]], kept: tuple[str, ...], price: Callable[[Row], Answer]) -> list[Answer]:
    """Answers of rows, one at a time; equal configurations are priced once."""
    seen: dict[tuple[str, ...], Answer] = {}
    out = []
    for row in rows:
        stated = stripped(row, kept)
        key = tuple(f"{name}={value}" for name, value in stated.items())
        if key not in seen:
            try:
                seen[key] = price(stated)
            except TwinError as error:
                seen[key] = {"refused": measurements.reason(error)}
            except (KeyError, ValueError, OverflowError, ZeroDivisionError) as error:
                seen[key] = {"refused": f"the row cannot be read: {error!r}"}
        out.append(seen[key])
    return out


def _serving(kind: str, row: Row) -> Answer:
    asked = measurements.read(kind, row)
    got = predict(asked.configuration, asked.prefill)
    return _answer(got, got.tokens_per_s_per_gpu)


def _published(row: Row) -> Answer:
    return _answer(*published.price(published.read(row)))


def _answer(got: Prediction, tokens_per_s_per_gpu: float) -> Answer:
    low, high = bands.ratios(resolve(got.configuration))["tokens_per_s_per_gpu"]
    speed = (tokens_per_s_per_gpu * low, tokens_per_s_per_gpu * high)
    return {
        "ttft_s": got.ttft_s,
        "tpot_s": got.tpot_s,
        "tokens_per_s_per_gpu": tokens_per_s_per_gpu,
        "gpu_power_w": got.gpu_power_w,
        "band": {**got.band, "tokens_per_s_per_gpu": speed},
    }


def _kernels(kind: str, rows: list[dict[str, str]], system: str) -> list[Answer]:
    out: list[Answer] = []
    for one in kernels.predict(kind, [stripped(row, KERNEL_COLUMNS) for row in rows], system):
        if isinstance(one, str):
            out.append({"refused": one})
            continue
        share = one.band_frac
        band = {"latency_s": (one.latency_s * (1.0 - share), one.latency_s * (1.0 + share))}
        out.append({"latency_s": one.latency_s, "band": band})
    return out
