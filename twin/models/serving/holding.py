"""Prompts that a group holds back, so that its replicas compute them in the same iteration.

Replicas of a group wait for the slowest, so a prompt at one of them costs all of them its time, and prompts at all
of them hardly more. Engines therefore hold prompts back for some iterations: TensorRT-LLM as ``enable_balance`` with
``timeout_iters``, SGLang as the prefill delayer.
"""

from __future__ import annotations

from typing import Any

from twin.models.serving import prefix_prompt
from twin.models.serving.blocks import adapter_slot, admission_blocks
from twin.models.serving.draws import inner, outer
from twin.models.serving.layout import PULL
from twin.models.serving.moves import drop_dead
from twin.models.serving.trees import NONE


@inner
def _is_ready(p: Any, s: Any, r: int) -> bool:
    """Whether the head of a queue is a prompt that can start now, whatever of it is cached."""
    rep, engine = s.replicas[r], p.engines[r]
    drop_dead(s, rep)
    row = rep.queue_root
    if row == NONE or rep.is_short or rep.batch >= engine.max_batch:
        return False
    if s.requests[row].stage >= PULL or adapter_slot(p, s, r, row) == NONE:
        return False
    if prefix_prompt.caches(p, s, r, row):
        in_use = rep.entries - rep.evictable_entries
        if in_use + prefix_prompt.prompt_ids(s, row) > engine.cache_entries:
            return False
    return admission_blocks(p, s, r, row) <= rep.free_blocks + rep.evictable_blocks


@outer
def may_start(p: Any, s: Any, g: int) -> bool:
    """Whether prompts of a group start at this boundary; if not they are held back."""
    grp = s.groups[g]
    longest = p.engines[grp.start].prefill_delay
    if longest == 0:
        return True
    ready, missing, decode = 0, 0, 0
    for r in range(grp.start, grp.start + grp.count):
        rep = s.replicas[r]
        decode += rep.decode
        if _is_ready(p, s, r):
            ready += 1
        elif rep.is_up and rep.prefill_first == NONE:
            missing += 1
    if grp.hold_left == NONE and ready > 0:
        grp.hold_left = longest
    if missing == 0 or decode == 0 or grp.hold_left <= 0:
        grp.hold_left = NONE
        return True
    return False
