"""Rows of the ML.ENERGY serving table: the configuration that each states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.validation.power.split import group_of
from twin.errors import Fault, ScenarioError
from twin.perf.configuration import Configuration

NEEDED = ("task", "model_id", "weight_precision", "gpu_model", "num_gpus", "max_num_seqs")
STATED = (*NEEDED, "expert_parallel", "data_parallel", "avg_batch_size", "avg_output_len")
"""Columns that are read: the configuration, the sequences in flight, and how long the answers of the workload are."""

PRECISIONS = {"bfloat16": "bf16", "bf16": "bf16", "fp8": "fp8", "mxfp4": "fp4", "fp4": "fp4"}
GPUS = {"H100": "h100-sxm", "H200": "h200-sxm", "B200": "b200-sxm"}

TEXT_MODELS = {
    "qwen/qwen3-vl-8b-instruct": "qwen3-8b",
    "qwen/qwen3-vl-32b-instruct": "qwen3-32b",
    "qwen/qwen3-vl-30b-a3b-instruct": "qwen3-30b-a3b",
    "qwen/qwen3-omni-30b-a3b-instruct": "qwen3-30b-a3b",
    "qwen/qwen3-vl-235b-a22b-instruct": "qwen3-235b-a22b",
    "qwen/qwen3-vl-235b-a22b-instruct-fp8": "qwen3-235b-a22b",
    "nvidia/nvidia-nemotron-nano-12b-v2-vl-bf16": "nemotron-nano-12b-v2",
}
"""Models that see or hear: the model that writes their answers has the shape of this one (model cards, 2026-11)."""

ANSWER_TOKENS = {
    "gpqa": 6000.0, "lm-arena-chat": 700.0, "sourcegraph-fim": 250.0, "image-chat": 900.0, "video-chat": 400.0,
}  # fmt: skip
"""Output tokens of a request where a row states none: medians over the models of the calibration half."""


class Case(NamedTuple):
    """What a row states.

    Parameters
    ----------
    task, model : str
    configuration : Configuration
        Prompts of one token until the workload is known.
    is_blocked : bool
        Routed experts with a scale for each block of FP8 values, which the engine computes with a slower kernel.
    is_tiled : bool
        Images of any size become as many tokens as they have tiles, rather than a fixed number.
    is_omni, is_llama_4 : bool
        Models that hear, and those of the Llama-4 family, whose expert kernel was not tuned.
    is_in_flight : bool
        The row states how many sequences were in flight, rather than how many were allowed.
    group : str
        The configuration but for its task and batch.
    """

    task: str
    model: str
    configuration: Configuration
    is_blocked: bool
    is_tiled: bool
    is_omni: bool
    is_llama_4: bool
    is_in_flight: bool
    group: str


def read(row: Mapping[str, str]) -> Case:
    """Read a row.

    Raises
    ------
    ScenarioError
        When it names something that is not known.

    Examples
    --------
    >>> row = dict(task="gpqa", model_id="Qwen/Qwen3-14B", weight_precision="bfloat16", gpu_model="B200",
    ...            num_gpus="1", max_num_seqs="8", avg_batch_size="7.9")
    >>> read(row).configuration.concurrency
    7.9
    """
    faults = [
        Fault("", 0, column, row.get(column, ""), ", ".join(known), "this table is not priced for others")
        for column, known in (
            ("gpu_model", GPUS), ("weight_precision", PRECISIONS), ("task", ANSWER_TOKENS),
        )
        if row.get(column, "") not in known
    ]  # fmt: skip
    if faults:
        raise ScenarioError("a row cannot be priced", faults)
    gpus, ranks = int(row["num_gpus"]), int(row.get("data_parallel") or 1)
    is_spread = int(row.get("expert_parallel") or 1) > 1
    batch = float(row.get("avg_batch_size") or row["max_num_seqs"])
    name, precision = row["model_id"], PRECISIONS[row["weight_precision"]]
    given = Configuration(
        GPUS[row["gpu_model"]], TEXT_MODELS.get(name.lower(), name), gpus, 1.0,
        float(row.get("avg_output_len") or ANSWER_TOKENS[row["task"]]), max(batch, 1.0), "vllm", precision, "bf16",
        tensor=gpus // ranks, experts=gpus if is_spread else 1, attention_data=ranks, is_steady=True,
    )  # fmt: skip
    is_qwen = "qwen" in name.lower()
    flags = precision == "fp8" and is_qwen, is_qwen, "omni" in name.lower(), "llama-4" in name.lower()
    is_in_flight = bool(row.get("avg_batch_size"))
    group = group_of({**row, "weight_precision": precision})
    return Case(row["task"], name, given, *flags, is_in_flight, group)
