"""Halves of the shipped rows by whole models, or by whole configurations.

``groups``: every other group of :func:`group_of` in alphabetical order, from the first, is calibration; another GPU,
count or precision of a model may so lie on the other side. ``models``: within each architecture and weight precision,
every other model in alphabetical order, from the first, is calibration. Models of one shape (an instruct and a thinking
variant) may so lie on both sides. ``shapes`` is stricter: with a model lie all of its shape at its precision, on the
sides that :data:`SHAPES` says.

Two splits put rows of one configuration on both sides. ``rows``: within each group and task, sorted by the sequences
allowed and then by those in flight, every other row, from the first, is calibration. ``tasks``: within each group,
every other task in alphabetical order, from the first, is calibration, with all its rows.
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


def by_rows(table: Sequence[Mapping[str, str]], seed: int | None = None) -> list[bool]:
    """Whether each row is calibration.

    Parameters
    ----------
    table : sequence of rows
    seed : int, optional
        Draws half of all rows at random instead.

    Examples
    --------
    >>> row = {"model_id": "a", "weight_precision": "fp8", "gpu_model": "H100", "task": "gpqa"}
    >>> by_rows([{**row, "max_num_seqs": size} for size in ("16", "8", "128", "64")])
    [False, True, False, True]
    """
    places = range(len(table))
    if seed is not None:
        drawn = set(random.Random(seed).sample(places, len(table) // 2))
        return [i in drawn for i in places]
    kept: set[int] = set()
    for _, alike in groupby(sorted(places, key=lambda i: _order(table[i])), lambda i: _order(table[i])[:2]):
        kept |= set(list(alike)[::2])
    return [i in kept for i in places]


def _order(row: Mapping[str, str]) -> tuple[str, str, float, float]:
    flights = float(row["max_num_seqs"]), float(row.get("avg_batch_size") or 0.0)
    return group_of(row), row["task"], *flights


def by_tasks(table: Sequence[Mapping[str, str]]) -> list[bool]:
    """Whether each row is calibration.

    Examples
    --------
    >>> row = {"model_id": "a", "weight_precision": "fp8", "gpu_model": "H100", "num_gpus": "1"}
    >>> by_tasks([{**row, "task": task} for task in ("lm-arena-chat", "gpqa", "lm-arena-chat")])
    [False, True, False]
    """
    keys = [(group_of(row), row["task"]) for row in table]
    kept: set[tuple[str, str]] = set()
    for _, alike in groupby(sorted(set(keys)), lambda key: key[0]):
        kept |= set(list(alike)[::2])
    return [key in kept for key in keys]


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
