"""Kernel tables: predict each row from its configuration, or refuse it, and sum up the errors.

A table is recognised by its columns; the GPU is the column ``system`` or stands in the file name. Of a row only its
configuration is read; ``latency_ms`` and ``latency_us`` are read to compute errors and nothing else.

Constants of the kernel cards come from one half of the configuration groups, chosen by the parity of the CRC-32 of the
group (:func:`is_held_back` is true for the other half); groups are whole, never single rows.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.catalog import kernels as cards
from twin.errors import TwinError
from twin.physics import group_kernels, kernels
from twin.physics.group_kernels import AllToAll, Collective, Moe
from twin.physics.kernels import Decode, Device, Gemm, Prefill, Seconds

DATA = Path(__file__).parent / "data" / "kernels"
GPUS = {
    "a100_sxm": "a100-80g", "h100_sxm": "h100-sxm", "h200_sxm": "h200-sxm", "b200_sxm": "b200-sxm",
    "gb200": "b200-gb200", "b300_sxm": "b300-sxm", "gb300": "b300-gb300",
}  # fmt: skip
PRECISIONS = {
    "bfloat16": "bf16", "float16": "bf16", "half": "bf16", "fp8": "fp8", "fp8_block": "fp8-block", "nvfp4": "nvfp4",
    "w4a16_mxfp4": "w4a16-mxfp4", "w4a8_mxfp4_mxfp8": "w4a8-mxfp4", "fp4": "fp4", "default": "",
}  # fmt: skip
KV_BYTES = {"bf16": 2.0, "fp8": 1.0}
#: Kernels with constants apart from the usual ones of their precision.
SOURCES = {
    "FlashInferFp8BlockScaledMMKernel": "flashinfer", "CutlassFp8BlockScaledMMKernel": "cutlass",
    "moe_torch_flow_min_latency": "min-latency",
}  # fmt: skip
#: What a row may leave out.
MAY_BE_ZERO = {"step": "0", "window_size": "0", "head_dim": "128"}
Row = Mapping[str, str]
Columns = Mapping[str, NDArray[np.float64]]


class Refused(Exception):
    """A row that cannot be priced, and why."""


class Lookup(NamedTuple):
    """What names the constants of a row: as :func:`twin.catalog.kernels.measured` takes it, and its variant."""

    operation: str
    precision: str = ""
    source: str = ""
    variant: str = ""


class Prediction(NamedTuple):
    """Time of a row [s], and the share of it within which nine of ten rows lie."""

    latency_s: float
    band_frac: float


class Table(NamedTuple):
    """A kind of table: what it is known by, what tells constants and groups apart, and its relation."""

    columns: tuple[str, ...]
    kind: Callable[[Lookup], type[Any]]
    lookup: Callable[[Row], Lookup]
    group: tuple[str, ...]
    numbers: tuple[str, ...]
    peak: Callable[[Lookup], str]
    seconds: Callable[[Any, Device, Columns, Lookup], Seconds]


def _precision(written: str) -> str:
    if written not in PRECISIONS:
        raise Refused(f"precision {written!r} is not one of {', '.join(PRECISIONS)}")
    return PRECISIONS[written]


def _gemm(c: Gemm, on: Device, x: Columns, at: Lookup) -> Seconds:
    return kernels.gemm_s(c, on, x["m"], x["n"], x["k"], cards.PRECISIONS[at.precision][0])


def _attention_lookup(row: Row, operation: str = "") -> Lookup:
    operand = _precision(row.get("attn_dtype") or row["mla_dtype"])
    kv_cache = _precision(row["kv_cache_dtype"])
    if kv_cache not in KV_BYTES:
        raise Refused(f"KV cache in {row['kv_cache_dtype']!r} was never measured")
    is_decode = float(row.get("step") or 0) > 0 and float(row["isl"]) <= 1
    return Lookup(operation + ("decode" if is_decode else "prefill"), f"{operand}-kv-{kv_cache}")


def _attention(c: Any, on: Device, x: Columns, at: Lookup) -> Seconds:
    heads, kv_heads, dim = x["num_heads"], x["num_key_value_heads"], x["head_dim"]
    if at.operation == "prefill":
        dims = {
            "key_dim": dim,
            "value_dim": dim,
            "window_tokens": x["window_size"],
            "prefix_tokens": x["step"],
        }
        return kernels.prefill_attention_s(c, on, x["batch_size"], x["isl"], heads, kv_heads, **dims)
    kv_bytes = 2.0 * kv_heads * dim * KV_BYTES[at.precision.rpartition("-")[2]]
    context = np.minimum(x["step"] + 1.0, np.where(x["window_size"] > 0, x["window_size"], np.inf))
    return kernels.decode_attention_s(c, on, x["batch_size"], context, heads, kv_heads, kv_bytes, dim, dim)


def _latent_attention(c: Any, on: Device, x: Columns, at: Lookup) -> Seconds:
    b, h = x["batch_size"], x["num_heads"]
    if at.operation == "mla-prefill":
        return kernels.prefill_attention_s(c, on, b, x["isl"], h, h, 192.0, 128.0, prefix_tokens=x["step"])
    kv_bytes = 576.0 * KV_BYTES[at.precision.rpartition("-")[2]]
    return kernels.decode_attention_s(c, on, b, x["step"] + 1.0, h, 1.0, kv_bytes, 576.0, 512.0)


def _attention_kind(at: Lookup) -> type[Any]:
    return Decode if at.operation.endswith("decode") else Prefill


def _attention_peak(at: Lookup) -> str:
    is_latent_decode = at.operation == "mla-decode" and at.precision.endswith("fp8")
    return "fp8" if at.precision.startswith("fp8") or is_latent_decode else "bf16"


def _moe_lookup(row: Row) -> Lookup:
    routing = row["distribution"]
    if routing != "balanced" and not re.fullmatch(r"power_law_[\d.]+", routing):
        raise Refused(f"routing {routing!r} is neither balanced nor power_law_<exponent>")
    if int(row["num_experts"]) % int(row["moe_ep_size"]):
        raise Refused(f"{row['num_experts']} experts cannot be dealt out evenly to {row['moe_ep_size']} GPUs")
    return Lookup("moe", _precision(row["moe_dtype"]), SOURCES.get(row.get("kernel_source", ""), ""), routing)


def _moe(c: Moe, on: Device, x: Columns, at: Lookup) -> Seconds:
    exponent = 0.0 if at.variant == "balanced" else float(at.variant.rpartition("_")[2])
    shapes = zip(x["num_tokens"], x["topk"], x["num_experts"], x["moe_ep_size"], strict=True)
    loads = [
        group_kernels.expert_load(int(t), int(k), int(e), int(r), exponent, int(c.tile_rows))
        for t, k, e, r in shapes
    ]
    width, value_bytes = x["inter_size"] / x["moe_tp_size"], cards.PRECISIONS[at.precision][0]
    return group_kernels.moe_s(c, on, np.array(loads), x["num_tokens"], x["hidden_size"], width, value_bytes)


def _nccl_lookup(row: Row) -> Lookup:
    if int(row["num_gpus"]) < 2:
        raise Refused("a collective needs two GPUs or more")
    return Lookup("nccl-" + row["op_name"].replace("_", "-"), variant=_host(row["system"]))


def _all_reduce_lookup(row: Row) -> Lookup:
    if int(row["num_gpus"]) < 2:
        raise Refused("a collective needs two GPUs or more")
    return Lookup("all-reduce-" + row["variant"].replace("_", "-"), variant=_host(row["system"]))


def _host(system: str) -> str:
    return "grace" if system.startswith("gb") else ""


def _collective(c: Collective, on: Device, x: Columns, at: Lookup) -> Seconds:
    name = at.operation.removeprefix("nccl-").replace("-", "_")
    operation = name if at.operation.startswith("nccl-") else "one_shot_all_reduce"
    return group_kernels.collective_s(c, on, operation, x["num_gpus"], x["message_bytes"], bool(at.variant))


def _exchange_lookup(row: Row) -> Lookup:
    if int(row["node_num"]) > 1:
        raise Refused("only exchanges inside one NVLink domain were measured")
    operation = f"{row['phase']}-{row['comm_backend']}".replace("_", "-")
    return Lookup(operation, _precision(row["comm_dtype"]), variant=_host(row["system"]))


def _exchange(c: AllToAll, on: Device, x: Columns, at: Lookup) -> Seconds:
    sizes = (x["ep_size"], x["num_tokens"], x["hidden_size"], x["topk"])
    return group_kernels.all_to_all_s(c, on, *sizes, bool(at.variant))


_HEADS = ("num_heads", "batch_size", "isl", "step")
_ALL_TO_ALL = ("ep_size", "num_tokens", "hidden_size", "topk")
_MOE = ("num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size")
TABLES = {
    "gemm": Table(
        ("gemm_dtype", "m", "n", "k"), lambda _: Gemm,
        lambda r: Lookup("gemm", _precision(r["gemm_dtype"]), SOURCES.get(r.get("kernel_source", ""), "")),
        ("n", "k"), ("m", "n", "k"), lambda at: at.precision, _gemm,
    ),
    "attention": Table(
        ("attn_dtype", "kv_cache_dtype", "num_key_value_heads"), _attention_kind, _attention_lookup,
        ("num_heads", "num_key_value_heads", "batch_size"), (*_HEADS, "num_key_value_heads", "head_dim", "window_size"),
        _attention_peak, _attention,
    ),
    "mla": Table(
        ("mla_dtype", "kv_cache_dtype"), _attention_kind, lambda r: _attention_lookup(r, "mla-"),
        ("num_heads", "batch_size"), _HEADS, _attention_peak, _latent_attention,
    ),
    "moe": Table(
        ("moe_dtype", "moe_ep_size", "distribution"), lambda _: Moe, _moe_lookup,
        ("hidden_size", "inter_size", "moe_tp_size", "moe_ep_size", "distribution"), _MOE,
        lambda at: at.precision, _moe,
    ),
    "nccl": Table(
        ("op_name", "num_gpus", "message_bytes"), lambda _: Collective, _nccl_lookup, ("num_gpus", "message_bytes"),
        ("num_gpus", "message_bytes"), lambda _: "bf16", _collective,
    ),
    "all-reduce": Table(
        ("variant", "num_gpus", "message_bytes"), lambda _: Collective, _all_reduce_lookup,
        ("num_gpus", "message_bytes"), ("num_gpus", "message_bytes"), lambda _: "bf16", _collective,
    ),
    "all-to-all": Table(
        ("comm_backend", "phase", "ep_size"), lambda _: AllToAll, _exchange_lookup,
        ("hidden_size", "topk", "num_experts"), _ALL_TO_ALL, lambda _: "bf16", _exchange,
    ),
}  # fmt: skip
GOALS = {
    "gemm": 0.10,
    "attention": 0.12,
    "mla": 0.12,
    "moe": 0.20,
    "nccl": 0.12,
    "all-reduce": 0.12,
    "all-to-all": 0.12,
}


def recognise(columns: Iterable[str]) -> str | None:
    """Return the kind of kernel table that has these columns, or None.

    Examples
    --------
    >>> recognise(["gemm_dtype", "m", "n", "k", "latency_ms"])
    'gemm'
    """
    have = set(columns)
    return next((kind for kind, table in TABLES.items() if have.issuperset(table.columns)), None)


def system_of(name: str) -> str:
    """Return the system that a file name speaks of, empty without one.

    Examples
    --------
    >>> system_of("gemm_b200_sxm_trtllm.csv.gz"), system_of("gemm_gb200_trtllm.csv")
    ('b200_sxm', 'gb200')
    """
    return next((system for system in sorted(GPUS, key=len, reverse=True) if f"_{system}" in f"_{name}"), "")


def is_held_back(kind: str, row: Row) -> bool:
    """Return whether the configuration group of a row was kept from calibration."""
    group = "x".join(str(row[name]) for name in TABLES[kind].group)
    return zlib.crc32(group.encode()) % 2 == 1


def predict(kind: str, rows: list[Row], system: str = "") -> list[Prediction | str]:
    """Return a prediction, or the reason of a refusal, for each row of a table.

    Parameters
    ----------
    kind : str
        As :func:`recognise` returns it.
    rows : list of mapping
        Column to text.
    system : str
        Where the rows do not carry it; see :func:`system_of`.
    """
    out: list[Prediction | str] = ["" for _ in rows]
    alike: dict[tuple[str, Lookup], list[int]] = {}
    for i, row in enumerate(rows):
        try:
            where = row.get("system") or system
            if where not in GPUS:
                raise Refused(f"system {where!r} is not one of {', '.join(GPUS)}")
            numbers(kind, row)
            at = TABLES[kind].lookup({**row, "system": where})
            alike.setdefault((where, at), []).append(i)
        except (Refused, ValueError, KeyError) as error:
            out[i] = f"no {error} in the row" if isinstance(error, KeyError) else str(error)
    for (where, at), places in alike.items():
        for i, one in zip(places, _alike(kind, where, at, [rows[i] for i in places]), strict=True):
            out[i] = one
    return out


def _alike(kind: str, system: str, at: Lookup, rows: list[Row]) -> list[Prediction | str]:
    """Predictions of rows that share their constants."""
    try:
        gpu = catalog.get("gpu", GPUS[system])
        found = cards.measured(gpu, at.operation, at.precision, at.source)
        on = cards.device(gpu, TABLES[kind].peak(at), is_repeated=True)
        seconds = TABLES[kind].seconds(found.read(TABLES[kind].kind(at)), on, columns(kind, rows), at)
    except (TwinError, KeyError, ValueError) as error:
        return [str(error).splitlines()[0] for _ in rows]
    return [Prediction(float(s), found.band_frac) for s in np.broadcast_to(seconds, len(rows))]


def numbers(kind: str, row: Row) -> dict[str, float]:
    """Return the numbers of a configuration; all but the defaults of :data:`MAY_BE_ZERO` are above zero."""
    found = {name: float(row.get(name) or MAY_BE_ZERO.get(name, "nan")) for name in TABLES[kind].numbers}
    for name, value in found.items():
        if not np.isfinite(value) or value < 0.0 or (value == 0.0 and name not in MAY_BE_ZERO):
            raise Refused(f"{name} is {row.get(name) or 'not given'}, a number above zero is needed")
    return found


def columns(kind: str, rows: list[Row]) -> Columns:
    """Return the numbers of configurations as arrays."""
    found = [numbers(kind, row) for row in rows]
    return {name: np.array([one[name] for one in found]) for name in TABLES[kind].numbers}


def read(path: Path) -> list[Row]:
    """Return the rows of a CSV file, compressed or not."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


def latency_s(row: Row) -> float:
    """Return what was measured [s]."""
    return float(row["latency_ms"]) * 1e-3 if "latency_ms" in row else float(row["latency_us"]) * 1e-6


class Errors(NamedTuple):
    """Relative errors of a table over rows that are priced."""

    kind: str
    rows: int
    refused: int
    median_frac: float
    mean_frac: float
    p90_frac: float


def errors(path: Path, held_back: bool | None = True) -> Errors:
    """Return the errors of a measured table.

    Parameters
    ----------
    path : pathlib.Path
        Of the table.
    held_back : bool or None
        Of the half kept from calibration, of the other half, or of all rows (None).

    Raises
    ------
    ValueError
        When the columns are those of no kernel table.
    """
    rows = read(path)
    kind = recognise(rows[0])
    if kind is None:
        raise ValueError(f"{path}: no kernel table has the columns {', '.join(rows[0])}")
    kept = [row for row in rows if held_back is None or is_held_back(kind, row) == held_back]
    priced = [
        abs(got.latency_s / latency_s(row) - 1.0)
        for got, row in zip(predict(kind, kept, system_of(path.name)), kept, strict=True)
        if isinstance(got, Prediction)
    ]
    middle, high = np.quantile(priced, [0.5, 0.9])
    return Errors(
        kind, len(priced), len(kept) - len(priced), float(middle), float(np.mean(priced)), float(high)
    )


def ledger(folder: Path = DATA) -> dict[str, Errors]:
    """Return the errors of the held-back half of each table in a folder, by file name."""
    return {path.name.partition(".")[0]: errors(path) for path in sorted(folder.glob("*.csv*"))}
