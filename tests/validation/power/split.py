"""Halves of the shipped rows by whole models, or by whole configurations.

``groups``: every other group of :func:`group_of` in alphabetical order, from the first, is calibration; another GPU,
count or precision of a model may so lie on the other side. ``models``: within each architecture and weight precision,
every other model in alphabetical order, from the first, is calibration. Models of one shape (an instruct and a thinking
variant) may so lie on both sides. ``shapes`` is stricter: with a model lie all of its shape at its precision, on the
sides that :data:`SHAPES` says.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import groupby

SHAPES = (
    "gemma-3-12b", "llama-3.1-70b", "llama-3.1-405b/fp8", "nemotron-nano-12b", "qwen3-14b", "30b-a3b",
    "qwen3-235b/fp8", "qwen3-vl-235b/fp8", "deepseek", "480b/bfloat16", "gpt-oss",
)  # fmt: skip
"""Parts of names on the calibration side, those after a slash at that weight precision only. Chosen so that both sides
have dense models and models with experts, and both GPUs."""


def group_of(row: Mapping[str, str]) -> str:
    """Model, precision, GPU, count and layout of a row: all its tasks and batches belong together.

    Examples
    --------
    >>> group_of({"model_id": "A/B", "weight_precision": "fp8", "gpu_model": "H100", "num_gpus": "8"})
    'a/b:fp8:H100:8:1:1'
    """
    sizes = (row.get(name) or "1" for name in ("num_gpus", "expert_parallel", "data_parallel"))
    return ":".join((row["model_id"].lower(), row["weight_precision"], row["gpu_model"], *sizes))


def by_groups(table: Sequence[Mapping[str, str]], seed: int | None = None) -> list[bool]:
    """Whether each row is calibration.

    Parameters
    ----------
    table : sequence of rows
    seed : int, optional
        Draws the half of the groups at random instead.

    Examples
    --------
    >>> row = {"model_id": "a", "weight_precision": "fp8", "gpu_model": "H100"}
    >>> by_groups([{**row, "num_gpus": gpus} for gpus in ("2", "4", "4", "8")])
    [True, False, False, True]
    """
    known = sorted({group_of(row) for row in table})
    kept = set(known[::2] if seed is None else random.Random(seed).sample(known, len(known) // 2))
    return [group_of(row) in kept for row in table]


def by_models(table: Sequence[Mapping[str, str]]) -> list[bool]:
    """Whether each row is calibration.

    Examples
    --------
    >>> names = ("a", "b", "b", "c")
    >>> by_models([{"architecture": "x", "weight_precision": "fp8", "model_id": name} for name in names])
    [True, False, False, True]
    """
    keys = [(row["architecture"], row["weight_precision"], row["model_id"].lower()) for row in table]
    kept: set[tuple[str, str, str]] = set()
    for _, alike in groupby(sorted(set(keys)), lambda key: key[:2]):
        kept |= set(list(alike)[::2])
    return [key in kept for key in keys]


def by_shapes(table: Sequence[Mapping[str, str]]) -> list[bool]:
    """Whether each row is calibration.

    Examples
    --------
    >>> by_shapes([{"weight_precision": "fp8", "model_id": "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"}])
    [True]
    """

    def is_kept(row: Mapping[str, str]) -> bool:
        parts = (entry.partition("/") for entry in SHAPES)
        return any(
            part in row["model_id"].lower() and only in ("", row["weight_precision"])
            for part, _, only in parts
        )

    return [is_kept(row) for row in table]
