"""Measured rows as configurations: what a row states put in order, or why it cannot be priced.

Two tables are known here: serving runs with a column for each parallel size, and points whose sizes stand in one text.
Only the columns of :data:`READ` are looked at. Where the tables write down one thing and the servers ran another (see
:func:`layout_of`), the conversion is undone; what a row leaves open is taken from the benchmark's practice and said so.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from twin.catalog import huggingface
from twin.errors import Fault, ScenarioError, TwinError
from twin.perf.configuration import ALIASES, Configuration, gpu_of
from twin.physics.inference import Layout
from twin.plant import cards

Row = Mapping[str, str]

_SIZES = ("tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
_TOTALS = ("num_total_gpus", "total_gpus", "gpus")
_COMMON = ("backend", "backend_version", "system", "precision", "mode", "isl", "osl", "concurrency")
READ = {
    "runs": (
        *_COMMON, "id", "model_path", "batch_size", *_SIZES, "measured_by", "source_note", *_TOTALS, "num_drafts",
        *(f"{side}_{name}" for side in ("prefill", "decode") for name in ("num_workers", *_SIZES)), "decode_batch_size",
    ),
    "points": (*_COMMON, "source_id", "model", "parallelism", "measured", "measured_by", *_TOTALS, "num_drafts"),
}  # fmt: skip
"""Columns that are read, by table; of the dates of runs only that they tell software campaigns apart."""

NEEDED = {
    "runs": ("backend", "model_path", "system", "mode", "isl", "osl"),
    "points": ("backend", "model", "system", "mode", "isl", "osl", "parallelism"),
}
"""Columns by which a table is known."""

SAME_SHAPE = {"deepseek-v3": "deepseek-r1", "deepseek-v3.1": "deepseek-r1"}
"""Models of one shape: the tables hold the same runs under several of these names."""

PRECISIONS = {
    "": "bf16", "bfloat16": "bf16", "float16": "bf16", "fp16": "bf16", "fp8_block": "fp8", "nvfp4": "fp4",
    "mxfp4": "fp4", "int4_wo": "int4", "w4a16": "int4",
}  # fmt: skip
"""How tables write precisions; without one, runs are in that of the published weights (bf16 in the tables)."""

MOST_TENSOR = 16
"""Tensor parallel sizes above count the GPUs of several engines in the public tables, as runs at 28 to 64 show."""

DRAFTING = (("1.2.0rc6.post3", ""), ("1.1.0rc2.post2", "2026-01-01"))
"""TensorRT-LLM images and first days of DeepSeek runs with multi-token prediction: rows do not say so. Inferred from
campaigns that are about twice as fast as others of the same configuration, InferenceX 2025-11 to 2026-04."""

DRAFTS, DRAFTS_OF_RANKS = 3, 1
"""Tokens drafted by those runs, with tensor and with data parallel attention (recipes of the benchmark, 2026-02)."""

HELD_MODELS, HELD_TOKENS, HELD_BELOW = ("llama-3.1-70b", "llama-3.3-70b"), 1024.0, 8
"""TensorRT-LLM recipes of InferenceX that hold prompts back for 20 iterations to compute them together
(batch_wait_timeout_iters): prompts and answers of so many tokens, below so many GPUs. Source: InferenceX a267b4b,
benchmarks/70b_fp8_b200_trt_slurm.sh and its likes for fp4 and H200, 2026-11."""

_SHORT = {"tp": "tp_size", "pp": "pp_size", "adp": "attention_dp_size", "moe_tp": "moe_tp_size"}
_SHORT |= {"moe_ep": "moe_ep_size", "workers": "num_workers"}
_INFERENCEX = re.compile(r"_cfg\d+$|^\d{4}_\d\d_\d\d_")


class Asked(NamedTuple):
    """A row that can be priced.

    Parameters
    ----------
    configuration : Configuration
        What serves, or decodes.
    prefill : Configuration or None
        The prefill side, where there is one.
    """

    configuration: Configuration
    prefill: Configuration | None = None

    @property
    def model(self) -> str:
        """Card of the model, one for all of its shape."""
        name = huggingface.find(self.configuration.model).name
        return SAME_SHAPE.get(name, name)

    @property
    def group(self) -> str:
        """Configuration group: never divided between calibration and check."""
        c = self.configuration
        mode = "disagg" if self.prefill else "agg"
        where = ALIASES.get(c.system, c.system)
        return f"{where}|{self.model}|{c.precision}|{mode}|{c.engine}|{c.isl:g}|{c.osl:g}"

    @property
    def fold(self) -> int:
        """Which of ten fits never saw this group: from a hash of its name."""
        return int(hashlib.sha256(self.group.encode()).hexdigest(), 16) % 10


def refusal(found: str, expected: str, mend: str) -> ScenarioError:
    """Return an error about a row."""
    return ScenarioError(found, [Fault("", 0, "row", found, expected, mend)])


def rows_of(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file, compressed (``.gz``) or not, as texts."""
    path = Path(path)
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def recognise(columns: Iterable[str]) -> str | None:
    """Return which table has these columns, or None.

    Examples
    --------
    >>> recognise(["backend", "model_path", "system", "mode", "isl", "osl", "tp_size"])
    'runs'
    """
    have = set(columns)
    return next((kind for kind, needed in NEEDED.items() if have.issuperset(needed)), None)


def read(kind: str, row: Row) -> Asked:
    """Return the configuration that a row states.

    Parameters
    ----------
    kind : str
        As :func:`recognise` returns it.
    row : mapping of str to str
        Column to text; what :data:`READ` does not name is not looked at.

    Raises
    ------
    TwinError
        With the reason, when a row cannot be priced.

    Examples
    --------
    >>> row = {"backend": "vllm", "model_path": "Qwen/Qwen3-32B", "system": "h100_sxm", "mode": "agg", "isl": "1024",
    ...        "osl": "1024", "precision": "fp8", "tp_size": "2", "concurrency": "16", "measured_by": "NVIDIA"}
    >>> read("runs", row).configuration.tensor
    2
    """
    stated = {name: (row.get(name) or "").strip() for name in READ[kind]}
    if kind == "points":
        stated = _spelled_out(stated)
    return _apart(stated) if stated["mode"] == "disagg" else _together(stated)


def layout_of(row: Row, side: str, has_experts: bool) -> tuple[int, int, int]:
    """Return tensor, attention data and expert parallelism of an engine.

    Two conversions of the tables are undone: a tensor size multiplied by the expert size (TP8 EP8 on 8 GPUs became
    64), and a data-parallel flag that became a factor (DP4 EP4 on 4 GPUs became 16).

    Examples
    --------
    >>> layout_of({"tp_size": "64", "moe_tp_size": "8", "moe_ep_size": "8"}, "", True)
    (8, 1, 8)
    """
    names = ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    tensor, data, cut, spread = (max(int(_number(row.get(side + name, ""))), 1) for name in names)
    if not has_experts:
        return tensor, data, 1
    if cut == spread > 1 and tensor * data == cut * spread:
        return (spread, 1, spread) if data == 1 else (1, spread, spread)
    if tensor == data > 1 and spread == tensor * data:
        return 1, tensor, tensor
    # ranks of data parallel attention share the experts, whatever the row says of their cut
    return tensor, data, tensor * data if data > 1 else spread


def _together(row: Row) -> Asked:
    """Engines that compute prompts and decode."""
    at = _layout(row, "")
    batch, flight = _number(row.get("batch_size", "")), _number(row["concurrency"])
    # concurrency may count all replicas of a deployment, the batch is of one
    has_batch = batch > 0 and _number(row.get("attention_dp_size", "")) <= 1
    gpus, total = at.gpus, int(_total(row))
    if not has_batch and total > gpus and total % gpus == 0:
        gpus = total
    drafts = _drafts(row, at.attention_data)
    return Asked(_configuration(row, at, gpus, batch if has_batch else flight, drafts))


def _apart(row: Row) -> Asked:
    """Prefill engines that hand over to decode engines."""
    decode, prefill = _layout(row, "decode_"), _layout(row, "prefill_")
    many = [int(_number(row.get(f"{side}_num_workers", ""))) for side in ("prefill", "decode")]
    if min(many) < 1:
        many = list(_workers(prefill.gpus, decode.gpus, int(_total(row))))
    flight = _number(row["concurrency"])
    if flight <= 0:
        flight = _number(row.get("decode_batch_size", "")) * many[1] * decode.attention_data
    made = [
        _configuration(row, at, at.gpus * count, flight, 0)
        for at, count in ((prefill, many[0]), (decode, many[1]))
    ]
    return Asked(made[1], made[0])


def _workers(prefill_gpus: int, decode_gpus: int, total: int) -> tuple[int, int]:
    """Smallest numbers of engines that make up all GPUs."""
    fits = (
        (p, (total - p * prefill_gpus) // decode_gpus)
        for p in range(1, total // prefill_gpus + 1)
        if total > p * prefill_gpus and (total - p * prefill_gpus) % decode_gpus == 0
    )
    found = min(fits, key=sum, default=None)
    if found is None:
        mend = "give prefill_num_workers and decode_num_workers, or num_total_gpus"
        raise refusal("numbers of prefill and decode workers not stated", "both, or all GPUs", mend)
    return found


def _layout(row: Row, side: str) -> Layout:
    model = huggingface.find(_model(row))
    tensor, data, experts = layout_of(row, side, bool(model.get("experts", 0)))
    if tensor > MOST_TENSOR or model.heads % tensor:
        why = "counts the GPUs of several engines" if tensor > MOST_TENSOR else "does not divide the heads"
        raise refusal(
            f"tensor parallel {tensor} of {model.heads} heads {why}",
            f"at most {MOST_TENSOR}, a divisor of the heads",
            "give the sizes of one engine",
        )
    stages = max(int(_number(row.get(f"{side}pp_size", ""))), 1)
    return Layout(tensor, stages, experts, data)


def _configuration(row: Row, at: Layout, gpus: int, flight: float, drafts: int) -> Configuration:
    if flight <= 0:
        raise refusal("neither batch nor concurrency stated", "one of them", "give concurrency")
    engine, precision = row["backend"], precision_of(row["precision"])
    is_open = _is_inferencex(row)
    return Configuration(
        row["system"], _model(row), gpus, _number(row["isl"]), _number(row["osl"]), flight, engine, precision,
        kv_cache(row["system"], engine, precision), at.tensor, at.pipeline, at.experts,
        at.attention_data, drafts, is_steady=not is_open, is_polled=is_open and _is_polled(row, at),
    )  # fmt: skip


def _is_polled(row: Row, at: Layout) -> bool:
    """Whether a recipe of InferenceX lets prompts wait for several iterations: those of SGLang do on Blackwell
    (scheduler-recv-interval), while those for Hopper set no interval; for TensorRT-LLM see :data:`HELD_MODELS`."""
    if row["backend"] == "sglang":
        return cards.family_of(gpu_of(row["system"])[0], "sglang") == "blackwell"
    is_even = _number(row["isl"]) == _number(row["osl"]) == HELD_TOKENS
    is_held = row["backend"] == "trtllm" and is_even and at.tensor < HELD_BELOW
    return is_held and huggingface.find(_model(row)).name in HELD_MODELS


def precision_of(written: str) -> str:
    """Return a precision as configurations name it.

    Examples
    --------
    >>> precision_of("nvfp4"), precision_of("")
    ('fp4', 'bf16')
    """
    return PRECISIONS.get(written.casefold(), written.casefold())


def kv_cache(system: str, engine: str, precision: str) -> str:
    """Return the precision of the KV cache that an engine takes by default: fp8 beside narrow weights, but for SGLang
    before Blackwell.

    Examples
    --------
    >>> kv_cache("h100_sxm", "sglang", "fp8"), kv_cache("h100_sxm", "vllm", "fp8")
    ('bf16', 'fp8')
    """
    is_old = cards.family_of(gpu_of(system)[0], engine) == "hopper"
    return "bf16" if precision == "bf16" or (engine == "sglang" and is_old) else "fp8"


def _model(row: Row) -> str:
    found = row.get("model_path") or row.get("model", "")
    if not found:
        raise refusal("model not stated", "a model card or a name on the hub", "give it")
    return found


def _is_inferencex(row: Row) -> bool:
    """Runs of InferenceX start all requests at once; those that NVIDIA measured did not."""
    if row.get("measured_by"):
        return "NVIDIA" not in row["measured_by"]
    name = row.get("source_id") or row.get("id") or ""
    return bool(_INFERENCEX.search(name)) if name else True


def _drafts(row: Row, data: int) -> int:
    """Tokens drafted, as stated or as the campaign is known to have done."""
    if row.get("num_drafts"):
        return int(_number(row["num_drafts"]))
    if row["backend"] != "trtllm" or not huggingface.find(_model(row)).name.startswith("deepseek"):
        return 0
    day = re.search(r"measured=(\d{4}-\d\d-\d\d)", row.get("source_note", ""))
    ran = day[1] if day else row.get("measured", "")
    is_drafting = any(row["backend_version"] == version and ran >= since for version, since in DRAFTING)
    return (DRAFTS_OF_RANKS if data > 1 else DRAFTS) if is_drafting else 0


def _total(row: Row) -> float:
    return next((_number(row[name]) for name in _TOTALS if row.get(name)), 0.0)


def _number(text: str) -> float:
    """Number in a cell; 0 where it is blank."""
    try:
        value = float(text or 0.0)
    except ValueError as error:
        raise refusal(f"{text!r} is no number", "a number", "mend the cell") from error
    if math.isinf(value):
        raise refusal(f"{text!r} is no number", "a number", "mend the cell")
    return 0.0 if math.isnan(value) else value


def _spelled_out(row: Row) -> dict[str, str]:
    """Point with its sizes in columns of their own."""
    out = dict(row)
    for name, value in re.findall(r"(\w+)=(\S+)", row["parallelism"]):
        side = {"P_": "prefill_", "D_": "decode_"}.get(name[:2], "")
        short = name[2:] if side else name
        if short in _SHORT:
            out[side + _SHORT[short]] = value
    return out


def reason(error: TwinError) -> str:
    """Return an error in one line, as the reason of a refusal.

    Examples
    --------
    >>> reason(refusal("neither batch nor concurrency stated", "one of them", "give concurrency"))
    'neither batch nor concurrency stated'
    """
    found = [
        f"{fault.where}: {fault.found or 'blank'} (expected {fault.expected})"
        for fault in error.faults
        if fault.where != "row"
    ]
    return "; ".join(found) or error.message.splitlines()[0]
