"""Sense of the ``serving`` section: between its values, and against racks and workload."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from twin.errors import Fault, ScenarioError
from twin.scenario.limits import policy_limits
from twin.scenario.serving import Placed, placed, racks_of

if TYPE_CHECKING:
    from twin.scenario.schema import Scenario


def check_serving(scenario: Scenario) -> Iterator[Fault]:
    """All faults of the section.

    Examples
    --------
    >>> from twin.scenario import check
    >>> fault, = check("scenarios/one-rack.yaml", set={"serving.max_batched_tokens": 100})
    >>> fault.where, fault.mend
    ('serving.max_batched_tokens', 'write 256 or more')
    """
    for pool in placed(scenario.serving):
        yield from _engine(scenario, pool)
    yield from _pools(scenario)
    yield from _planner(scenario)
    try:
        policy_limits(scenario)
    except ScenarioError as error:
        yield from error.faults


def _engine(scenario: Scenario, pool: Placed) -> Iterator[Fault]:
    keys, source = pool.keys, scenario.source
    drafts = keys.speculation.drafts if keys.speculation else 0
    least = keys.max_batch * (1 + drafts)
    if keys.prefill == "chunked" and keys.max_batched_tokens < least:
        expected = "room for a token of each of the max_batch requests"
        if drafts:
            expected += f", and for {drafts} drafts of each"
        path, found = pool.path("max_batched_tokens"), str(keys.max_batched_tokens)
        yield source.fault(path, found, expected, f"write {least} or more")
    prefix, block = scenario.workload.prefix_block, keys.kv.block
    if keys.kv.prefix_cache and prefix % block:
        expected = f"a divisor of workload.prefix_block, {prefix} tokens"
        nearest = max(n for n in range(1, min(block, prefix) + 1) if prefix % n == 0)
        yield source.fault(pool.path("kv.block"), str(block), expected, f"write {nearest}")
    for tier in ("host", "storage"):
        if getattr(keys.kv, tier) is not None and not keys.kv.prefix_cache:
            path = pool.path(f"kv.{tier}")
            yield source.fault(path, "no prefix cache above it", "kv.prefix_cache: true", "switch it on")
    if (
        pool.pool.role != "both"
        and keys.attention_data_parallel * keys.pipeline_parallel > 1
        and keys.planner
    ):
        path = pool.path("attention_data_parallel")
        yield source.fault(path, "a group of several replicas", "1 with a planner", "leave the planner out")


def _pools(scenario: Scenario) -> Iterator[Fault]:
    serving, source = scenario.serving, scenario.source
    groups, taken = list(scenario.racks), dict[str, str]()
    for name, pool in serving.pools.items():
        for i, rack in enumerate(pool.racks or ()):
            if rack not in groups:
                near = (difflib.get_close_matches(rack, groups, 1) or groups)[0]
                path = f"serving.pools.{name}.racks[{i}]"
                yield source.fault(path, rack, f"one of {', '.join(groups)}", f"write {near}")
        racks = racks_of(serving, name, groups)
        if not racks:
            found = "no racks: other pools name all of them"
            yield source.fault(f"serving.pools.{name}", found, "racks of its own", "name racks")
        for rack in racks:
            if rack in taken:
                found = f"all GPUs of racks {rack}, which {name} needs too"
                path = f"serving.pools.{taken[rack]}.replicas"
                yield source.fault(
                    path, found, "a number that leaves room", "write for example 4, or name other racks"
                )
        if pool.replicas is None:
            taken |= dict.fromkeys(racks, name)
    roles = {pool.role for pool in serving.pools.values()}
    for role, other in (("prefill", "decode"), ("decode", "prefill")):
        if role in roles and other not in roles:
            path = next(n for n, p in serving.pools.items() if p.role == role)
            found = f"no pool that could {'decode' if role == 'prefill' else 'compute prompts'}"
            yield source.fault(f"serving.pools.{path}.role", found, f"a pool of role {other}", "add one")


def _planner(scenario: Scenario) -> Iterator[Fault]:
    serving = scenario.serving
    roles = {pool.role for pool in serving.pools.values()}
    if serving.planner is not None and not {"prefill", "decode"} <= roles:
        expected = "pools of role prefill and decode"
        yield scenario.source.fault("serving.planner", "nothing to move between", expected, "add these pools")
