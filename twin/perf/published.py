"""Published throughputs as configurations: benchmark entries that state GPU, model, precision, lengths and load.

Two kinds of load are understood. With all requests queued (or MLPerf Offline) a replica decodes as many sequences as
its KV cache holds, up to what engines allow. MLPerf Server and Interactive serve as many as keep the time per output
token within the rule. Where a layout is not stated, the best one of the GPUs is taken: submitters searched for theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from twin.catalog import huggingface
from twin.errors import TwinError
from twin.perf.configuration import Configuration, resolve
from twin.perf.measurements import Row, kv_cache, precision_of, refusal
from twin.perf.prediction import Prediction, predict

READ = (
    "generation", "system", "gpus", "model", "precision", "isl", "osl", "concurrency", "parallelism", "framework",
    "scenario", "metric", "notes",
)  # fmt: skip
"""Columns that are read; of the notes only the name of the accelerator."""

NEEDED = ("generation", "gpus", "model", "precision", "parallelism", "scenario", "metric")
"""Columns by which a table is known."""

SYSTEMS = {
    "A100": "a100-80g", "H100": "h100-sxm", "H200": "h200-sxm", "H800": "h800-sxm", "GH200": "gh200-96",
    "B200": "b200-sxm", "GB200": "gb200-nvl72", "B300": "b300-sxm", "GB300": "gb300-nvl72", "VR200": "vr-nvl72",
}  # fmt: skip
MODELS = {"DeepSeek-V3/R1": "deepseek-r1", "Mixtral-8x7B": "mixtral-8x7b", "gpt-oss-120b": "gpt-oss-120b"}
ENGINES = {"tensorrt": "trtllm", "vllm": "vllm", "sglang": "sglang"}

MOST_SEQUENCES = 2048
"""Sequences that an engine decodes at once at most: default of trtllm-bench 1.0 (max_batch_size), 2025-09."""

MOST_RANKS = 8
"""GPUs of an engine whose layout is searched: a board."""

PROMPT_TOKENS = {"Llama-2-70B": 294.0, "Mixtral-8x7B": 294.0}
"""Mean prompt of MLPerf tasks whose entries do not state one. An assumption: prompts of OpenOrca as long as its answers
(294 tokens, MLPerf Inference reference, 2024-03)."""

TPOT_LIMIT_S = {
    ("Llama-2-70B", "Server"): 0.200, ("Llama-2-70B", "Interactive"): 0.040, ("Mixtral-8x7B", "Server"): 0.200,
    ("Llama-3.1-405B", "Server"): 0.175, ("Llama-3.1-405B", "Interactive"): 0.080,
    ("Llama-3.1-8B", "Server"): 0.100, ("Llama-3.1-8B", "Interactive"): 0.030,
    ("DeepSeek-R1", "Server"): 0.080, ("DeepSeek-R1", "Interactive"): 0.015,
}  # fmt: skip
"""Time per output token that MLPerf Inference allows [s]: rules of v4.1 to v6.0 (2024-08 to 2026-04), from memory. The
rule is for the 99th percentile; here the mean keeps it."""


class Load(NamedTuple):
    """What a published figure was measured under.

    Parameters
    ----------
    base : Configuration
        With the sizes of one engine as far as they are stated, and one request in flight.
    layouts : tuple of (int, int, int)
        Tensor, experts and attention data sizes that may have served.
    flight : float or None
        Requests in flight over all GPUs; None: as many as fit.
    tpot_limit_s : float or None
        Time per output token that may not be exceeded [s].
    """

    base: Configuration
    layouts: tuple[tuple[int, int, int], ...]
    flight: float | None
    tpot_limit_s: float | None


def recognise(columns: Iterable[str]) -> bool:
    """Return whether a table of published figures has these columns.

    Examples
    --------
    >>> recognise(["gemm_dtype", "m", "n", "k"])
    False
    """
    return set(columns).issuperset(NEEDED)


def read(row: Row) -> Load:
    """Return the load that a row states.

    Raises
    ------
    TwinError
        With the reason, when it cannot be priced.
    """
    stated = {name: (row.get(name) or "").strip() for name in READ}
    _refuse_other_kinds(stated)
    flight, limit_s = _load(stated)
    model = MODELS.get(stated["model"], stated["model"])
    card = huggingface.find(model)
    isl = _value(stated, "isl") or PROMPT_TOKENS.get(stated["model"], 0.0)
    osl = _value(stated, "osl")
    if isl < 1.0 or osl < 1.0:
        raise refusal("lengths of prompts or answers not stated", "isl and osl", "give both")
    gpus = int(_value(stated, "gpus"))
    if gpus < 1:
        raise refusal("number of GPUs not stated", "gpus", "give it")
    system, engine = _system(stated), _engine(stated)
    precision = precision_of(stated["precision"])
    layouts = _layouts(stated["parallelism"], gpus, card.heads, bool(card.get("experts", 0)))
    kept = kv_cache(system, engine, precision)
    base = Configuration(system, card.name, gpus, isl, osl, 1.0, engine, precision, kept, is_offline=True)
    return Load(base, layouts, flight, limit_s)


@lru_cache(1024)
def price(load: Load) -> tuple[Prediction, float]:
    """Return the prediction and its output tokens per second and GPU, under the best of the layouts [tokens/s].

    Raises
    ------
    TwinError
        When no layout can serve it.
    """
    found, faults = [], []
    for tensor, experts, data in load.layouts:
        one = replace(load.base, tensor=tensor, experts=experts, attention_data=data)
        try:
            found.append(_at_load(one, load))
        except TwinError as error:
            faults.append(error)
    if not found:
        raise faults[-1]
    return max(found, key=lambda one: one[1])


def _at_load(one: Configuration, load: Load) -> tuple[Prediction, float]:
    """One layout under its load."""
    lanes = one.engines * one.attention_data
    if load.flight is not None:
        got = predict(replace(one, concurrency=load.flight, is_offline=False))
        return got, got.tokens_per_s_per_gpu
    room = resolve(one).room_tokens / (one.isl + one.osl)
    batch = min(room, MOST_SEQUENCES / one.attention_data)
    if batch < 1.0:
        raise refusal(f"KV cache for {room:.2f} requests", "1 or more", "use more GPUs an engine")
    got = predict(replace(one, concurrency=batch * lanes))
    low, high = 1.0, batch
    if load.tpot_limit_s is not None and got.tpot_s > load.tpot_limit_s:
        for _ in range(10):
            batch = (low * high) ** 0.5
            got = predict(replace(one, concurrency=batch * lanes))
            low, high = (batch, high) if got.tpot_s <= load.tpot_limit_s else (low, batch)
        got = predict(replace(one, concurrency=low * lanes))
    # slots are never empty: prompts are part of the time per output token, waiting is not
    return got, got.batch * lanes / got.tpot_s / one.gpus


def _refuse_other_kinds(row: Row) -> None:
    """Training, collectives, phases alone, sweeps."""
    other = (
        ("Training" in row["scenario"], "a training run"),
        (row["scenario"] == "collective", "a collective"),
        ("bandwidth" in row["scenario"], "a bandwidth"),
        (row["parallelism"] == "best of sweep", "the best of a sweep: no single configuration"),
        (row["scenario"].startswith("prefill"), "prompts alone: no output tokens"),
        (row["metric"].startswith("input_tokens"), "prompts alone: no output tokens"),
        (row["scenario"].startswith("decode"), "decode alone: batch and context not stated"),
    )
    for is_so, what in other:
        if is_so:
            raise refusal(what, "serving under a stated load", "leave it out")


def _load(row: Row) -> tuple[float | None, float | None]:
    """Requests in flight, None for as many as fit, and the limit on time per output token."""
    if "all requests queued" in row["concurrency"] or row["scenario"] == "MLPerf Offline":
        return None, None
    kind = row["scenario"].removeprefix("MLPerf ")
    if row["scenario"].startswith("MLPerf"):
        if (row["model"], kind) not in TPOT_LIMIT_S:
            raise refusal(f"no rule is known for {row['model']} {kind}", "a known task", "leave it out")
        return None, TPOT_LIMIT_S[row["model"], kind]
    if re.fullmatch(r"\d+(\.\d+)?", row["concurrency"]):
        return float(row["concurrency"]), None
    raise refusal("load not stated", "concurrency, or all requests queued", "give concurrency")


def _system(row: Row) -> str:
    accelerator = " ".join(re.findall(r"accelerator ([^;]+)", row["notes"]))
    named = f"{row['system']} {accelerator}"
    if row["generation"] not in SYSTEMS:
        raise refusal(f"GPU {row['generation']}", ", ".join(SYSTEMS), "name one of these")
    if re.search(r"[HB][12]00[-_ ](NVL|PCIe)\b|[HB][12]00[-_ ]NVL[-_ ]|[HB][12]00_NVL", named):
        raise refusal(
            f"{row['generation']} on a PCIe card, whose power limit slows it", "SXM", "give an SXM part"
        )
    return "gh200-144" if row["generation"] == "GH200" and "144" in named else SYSTEMS[row["generation"]]


def _engine(row: Row) -> str:
    text = f"{row['framework']} {row['system']}".casefold()
    found = next((engine for word, engine in ENGINES.items() if word in text), "")
    if not found and not row["scenario"].startswith("MLPerf"):
        raise refusal(f"engine {row['framework'] or 'not stated'}", ", ".join(ENGINES), "name one of these")
    return found or "trtllm"


def _layouts(text: str, gpus: int, heads: int, has_experts: bool) -> tuple[tuple[int, int, int], ...]:
    """Sizes of an engine: those stated, else all that the GPUs allow."""
    if tensor := re.search(r"\bTP(\d+)", text):
        return ((int(tensor[1]), 1, 1),)
    if data := re.search(r"\bDEP(\d+)", text):
        return ((1, int(data[1]), int(data[1])),)
    sizes = [n for n in (1, 2, 4, 8) if gpus % n == 0 and n <= MOST_RANKS]
    whole = [(n, 1, 1) for n in sizes if heads % n == 0]
    return (*whole, *((1, n, n) for n in sizes if has_experts and n > 1))


def _value(row: Row, name: str) -> float:
    try:
        return float(row[name] or 0.0)
    except ValueError as error:
        raise refusal(f"{name} {row[name]!r} is no number", "a number", "mend the cell") from error
