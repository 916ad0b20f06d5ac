"""Faults of the relations and the serving models, told with file and line of the scenario."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twin.errors import Fault, ScenarioError
from twin.plant.maps import Maps
from twin.scenario import Scenario
from twin.scenario.serving import Placed

KEYS = {
    "tensor parallel": "tensor_parallel",
    "pipeline": "pipeline_parallel",
    "data-parallel attention": "attention_data_parallel",
    "expert parallel": "expert_parallel",
    "replica memory": "tensor_parallel",
    "windowed layers": "model",
    "attention_params_per_layer": "model",
    "feed-forward GPUs": "feed_forward.gpus",
    "feed-forward memory": "feed_forward.gpus",
    "feed-forward link": "feed_forward.link",
    "micro-batches": "feed_forward.micro_batches",
    "max_batched_tokens": "max_batched_tokens",
    "max_batch": "max_batch",
    "kv_blocks": "kv.block",
    "block_tokens": "kv.block",
    "acceptance": "speculation.acceptance",
    "verify_tokens": "speculation.drafts",
    "publish_s": "publish",
    "retry_s": "retry",
}
"""Key of the serving section for what a relation or a model finds wrong."""


@contextmanager
def telling(scenario: Scenario, maps: Maps, pool: int | None = None) -> Iterator[None]:
    """Give faults that are raised within the place of their key in the scenario.

    Parameters
    ----------
    scenario : Scenario
        Knows files and lines.
    maps : Maps
        Pools of the replicas.
    pool : int, optional
        Pool that is looked at; where left out a fault names a replica, as in ``max_batch[3]``.

    Raises
    ------
    ScenarioError
        With the same faults, told better.
    """
    try:
        yield
    except ScenarioError as error:
        told = [_told(scenario, fault, maps.pools[_pool_of(fault, maps, pool)]) for fault in error.faults]
        raise ScenarioError(error.message, list(dict.fromkeys(told))) from None


def _pool_of(fault: Fault, maps: Maps, pool: int | None) -> int:
    if pool is not None:
        return pool
    index = fault.where.partition("[")[2].rstrip("]")
    is_replica = index.isdigit() and int(index) < len(maps.pool_of_replica)
    return int(maps.pool_of_replica[int(index)]) if is_replica else 0


def _told(scenario: Scenario, fault: Fault, pool: Placed) -> Fault:
    key = KEYS.get(fault.where.partition("[")[0])
    if fault.file or fault.line:
        return fault
    path = pool.path(key) if key else "serving"
    found = fault.found if key else f"{fault.where}: {fault.found}"
    if fault.found == "a value out of range" and key:
        value = getattr(pool.keys, key, None)
        found = fault.found if value is None else str(value)
    return scenario.source.fault(path, found, fault.expected, fault.mend)
