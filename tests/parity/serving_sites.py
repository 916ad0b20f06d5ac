"""Random sites, requests and inputs on which both fidelities must agree."""

from __future__ import annotations

import numpy as np

from twin import requests as columns
from twin.models import serving
from twin.models.serving import BOTH, DECODE, PREFILL, Inputs
from twin.physics.inference import Iteration
from twin.policies.admission import everyone, queue_limit
from twin.policies.queueing import fair_share, first_come, priority, shortest_prompt_first
from twin.policies.routing import (
    kv_aware,
    least_outstanding_requests,
    least_outstanding_tokens,
    power_of_two_choices,
    round_robin,
    session_affinity,
    slo_aware,
)
from twin.processes.serving import EventServing
from twin.requests import COMING

FEATURES = (
    "paged", "swap", "largest_rank", "graphs", "prefix", "tiers", "speculation", "adapters", "patience",
    "groups", "disaggregation", "push", "conditional", "priority", "fair_share", "kv_aware", "sessions",
    "two_choices", "stale", "closed_loop", "shedding", "separate", "clocks", "deaths", "closing", "floor",
    "held_prompts", "trunks", "traffic", "weights", "windows",
)  # fmt: skip

NEEDED = {
    "swap": ("paged",), "largest_rank": ("paged",), "tiers": ("prefix",), "push": ("disaggregation",),
    "conditional": ("disaggregation", "prefix"), "kv_aware": ("prefix",),
    "held_prompts": ("groups",), "trunks": ("disaggregation",), "traffic": ("disaggregation",),
}  # fmt: skip
"""Features that mean nothing without others."""

ROUTING = {"kv_aware": kv_aware, "sessions": session_affinity, "two_choices": power_of_two_choices}
OTHER_ROUTING = (least_outstanding_tokens, round_robin, least_outstanding_requests, slo_aware)
LIMITS = (2.0, 0.0, 0.0, 0.0, 2000.0, 0.0, 0.0, 0.0)


def make_site(features, rng, replicas=4):
    """Parameters of a small site under pressure with some features."""
    has = features.__contains__
    scale = rng.uniform(0.5, 2.0)
    drafts = int(rng.integers(1, 4)) if has("speculation") else 0
    kinds = [
        Iteration(
            overhead_s=0.011 * scale * rng.uniform(0.8, 1.2),
            weights_bytes=1.0,
            weights_s_per_byte=0.004 * scale,
            token_flop=1.0,
            linear_s_per_flop=2.1e-5 * scale,
            sequence_flop=0.3,
            head_s_per_flop=1.3e-5,
            context_bytes=1.0,
            kv_s_per_byte=3.3e-6 * scale,
            context_flop=0.4,
            attention_s_per_flop=1.1e-6,
            context_s_per_flop=1.9e-6,
            prompt_overhead_s=0.0017 * scale,
            pair_flop=0.013,
            token_link_bytes=1.0,
            link_s_per_byte=1.3e-6,
            sequence_s=7e-5,
            expert_bytes=1.0 if has("groups") else 0.0,
            expert_miss_frac=0.9,
            expert_flop=0.2 if has("groups") else 0.0,
            expert_s_per_byte=0.003,
            expert_s_per_flop=1e-5,
            group_overhead_s=0.001 if has("groups") else 0.0,
            # with the tokens, or all iterations were equally long and events of different replicas met exactly
            floor_overhead_s=0.0235 * scale * rng.uniform(0.9, 1.1) if has("floor") else 0.0,
            floor_flop=1.0 if has("floor") else 0.0,
            floor_s_per_flop=1.7e-5 * scale,
            verify_tokens=1.0 + drafts,
            draft_s=0.002 if drafts else 0.0,
            window_bytes=310.0 if has("windows") else 0.0,
            window_flop=41.0 if has("windows") else 0.0,
            window_tokens=137.0 * scale if has("windows") else 0.0,
            prompt_window_tokens=71.0 * scale if has("windows") else 0.0,
        )
        for _ in range(2)
    ]
    if has("groups"):
        group = (
            np.sort(rng.integers(0, 2, replicas))
            if replicas < 4
            else np.array([0, 0, 1, 1] + [2] * (replicas - 4))
        )
        group = np.unique(group, return_inverse=True)[1]
    else:
        group = np.arange(replicas)
    role = np.full(replicas, BOTH)
    if has("disaggregation"):
        role = np.where(group < (group.max() + 1) / 2, PREFILL, DECODE)
        if replicas == 1 or group.max() == 0:
            role[:] = BOTH
    block = 8 if has("paged") or has("prefix") else 1
    chosen = [ROUTING[f] for f in features if f in ROUTING]
    routing = chosen[0] if chosen else OTHER_ROUTING[int(rng.integers(len(OTHER_ROUTING)))]
    tokens = int(rng.integers(420, 900))
    rank = priority if has("priority") else fair_share if has("fair_share") else first_come
    if not has("priority") and not has("fair_share") and rng.random() < 0.2:
        rank = shortest_prompt_first
    params = serving.make_params(
        kinds,
        routing.choose,
        replicas=replicas,
        choose_decode=OTHER_ROUTING[int(rng.integers(len(OTHER_ROUTING)))].choose,
        rank=rank.rank,
        admit=(queue_limit if has("shedding") else everyone).admit,
        policy_limits=LIMITS,
        graph_sizes=[1, 2, 4, 8],
        acceptance=np.sort(rng.uniform(0.2, 0.95, drafts))[::-1],
        publish_s=0.37 if has("stale") else 0.0,
        retry_s=0.21,
        seed=int(rng.integers(1 << 30)),
        kind=rng.integers(0, 2, group.max() + 1)[group],
        group=group,
        role=role,
        pool=group,
        kv_blocks=-(-tokens // block) + rng.integers(0, 10, replicas),
        block_tokens=block,
        max_batch=rng.integers(2, 9, replicas),
        max_batched_tokens=rng.integers(8 * (1 + drafts), 120, replicas),
        max_queue=4 if has("shedding") else serving.records.ENDLESS,
        is_chunked=0 if has("separate") else 1,
        is_paged=has("paged"),
        victim=int(has("largest_rank")),
        swap_s_per_token=1.7e-5 if has("swap") else 0.0,
        uses_graphs=has("graphs"),
        has_prefix_cache=has("prefix"),
        cache_entries=rng.integers(12, 60, replicas),
        host_blocks=rng.integers(0, 40, replicas) if has("tiers") else 0,
        storage_blocks=rng.integers(0, 80, replicas) if has("tiers") else 0,
        host_s_per_token=2.3e-5,
        storage_s_per_token=7.7e-5,
        adapter_slots=2,
        adapter_load_s=0.033,
        admission_s=0.0013,
        ingress_s=rng.uniform(0.0, 0.05, replicas),
        egress_s=rng.uniform(0.0, 0.05, replicas),
        handoff_s=rng.uniform(0.0, 0.02, replicas),
        disaggregate_above_tokens=40 if has("conditional") else 0,
        send_bytes_per_s=rng.uniform(800.0, 4000.0, replicas) if rng.random() < 0.8 else np.inf,
        receive_bytes_per_s=rng.uniform(800.0, 4000.0, replicas),
        kv_bytes_per_token=1.0,
        pushes=has("push"),
        layers=8,
        prefill_delay=rng.integers(1, 25, group.max() + 1)[group] if has("held_prompts") else 0,
        **(make_trunks(rng, replicas) if has("trunks") else {}),
    )
    jobs = make_jobs(rng, params) if has("traffic") else []
    if has("weights"):
        jobs += [make_load(rng, r) for r in range(replicas) if rng.random() < 0.7]
    return serving.with_traffic(params, jobs, [1500.0, 2500.0]) if jobs else params


def make_trunks(rng, replicas, leaves=3):
    """Replicas at two places that share a leaf, and few cables between leaves and spines."""
    hung = rng.uniform(0.2, 1.0, (2, leaves)) * [[1, 1, 0], [0, 1, 1]]
    return {
        "place": rng.integers(0, 2, replicas),
        "attached_frac": hung / hung.sum(axis=1, keepdims=True),
        "trunk_bytes_per_s": rng.uniform(150.0, 1500.0, 2 * leaves),
    }


def make_jobs(rng, params):
    """Bursts, steps that wait for their bytes, and a steady flow, on links of KV transfers and on ports."""
    replicas, trunks = len(params.engines), len(params.trunk_bytes_per_s)
    links = [("send", r) for r in range(replicas)] + [("receive", r) for r in range(replicas)]
    links += [("trunk", t) for t in range(trunks)] + [("port", 0), ("port", 1)]

    def flow(size_bytes, cap=np.inf):
        chosen = rng.choice(len(links), int(rng.integers(1, 5)), replace=False)
        shares = {links[i]: float(rng.uniform(0.1, 1.0)) for i in chosen}
        return serving.Flow(size_bytes, shares, float(rng.uniform(0.5, 4.0)), cap)

    count = int(rng.integers(1, 4))
    return [
        serving.Job([flow(rng.uniform(500, 5000)) for _ in range(count)], rng.uniform(0, 5), 30.0,
                    every_s=rng.uniform(0.5, 6)),
        serving.Job([flow(rng.uniform(100, 2000)) for _ in range(count)], rng.uniform(0, 5), 25.0,
                    pause_s=rng.uniform(0.0, 2)),
        serving.Job([flow(np.inf, rng.uniform(100, 900))], rng.uniform(0, 9), rng.uniform(10, 40)),
    ]  # fmt: skip


def make_load(rng, replica):
    """Weights of a replica, from a port that all share."""
    shares = {("receive", replica): 1.0, ("port", 1): 1.0}
    return serving.Job([serving.Flow(rng.uniform(500, 6000), shares)], replica=replica)


def make_requests(features, rng, count):
    """Requests that keep such a site busy."""
    has = features.__contains__
    arrived = np.cumsum(rng.exponential(0.06, count))
    prompt = np.minimum(rng.geometric(1 / 60, count), 300)
    output = np.minimum(rng.geometric(1 / 30, count), 110)
    extra = {}
    if has("prefix") or has("kv_aware") or has("conditional"):
        size = 16
        families = rng.integers(0, 9, count)
        blocks = -(-prompt // size)
        shared = rng.integers(0, 12, count)
        ids, starts, fresh = [], [], 9 * 20
        for family, n, tokens, common in zip(families, blocks, prompt, shared, strict=True):
            starts.append(len(ids))
            here = min(common, tokens // size)  # a block that is not full is its own
            ids += list(range(family * 20, family * 20 + here))
            ids += list(range(fresh, fresh + n - here))
            fresh += n - here
        extra |= {
            "prefix_ids": ids,
            "prefix_start": starts,
            "prefix_blocks": blocks,
            "prefix_block_tokens": size,
        }
    if has("patience"):
        extra["patience_s"] = np.where(rng.random(count) < 0.5, rng.exponential(2.0, count) + 0.01, np.inf)
    if has("adapters"):
        extra["adapter"] = rng.integers(-1, 5, count)
    if has("sessions"):
        extra["session"] = rng.integers(-1, 12, count)
    if has("priority"):
        extra["priority"] = rng.integers(0, 3, count)
    if has("fair_share"):
        extra |= {"tenant": rng.integers(0, 3, count), "names": {"tenants": ("a", "b", "c")}}
    if has("closed_loop"):
        follower = np.flatnonzero((rng.random(count) < 0.4) & (np.arange(count) > 3))
        follows = np.array([rng.integers(0, row) for row in follower], dtype=int)
        joins = follower[rng.random(len(follower)) < 0.3]
        more = np.array([rng.integers(0, row) for row in joins], dtype=int)
        edges = np.unique(
            np.concatenate([np.stack([follows, follower]), np.stack([more, joins])], axis=1), axis=1
        )
        extra |= {"follows": edges[0], "follower": edges[1], "pause_s": rng.exponential(0.3, count)}
        arrived[follower] = np.nan
    return columns.make(arrived, prompt, output, **extra)


def make_steps(features, rng, params, end_s):
    """Inputs and ends of the steps: clocks, closings, deaths; then all is served."""
    has = features.__contains__
    count, steps, now_s = len(params.engines), [], 0.0
    rest = serving.idle_inputs(params)
    starts = np.zeros(count, dtype=np.int64)
    if has("clocks") or has("deaths") or has("closing") or has("weights"):
        while now_s < end_s:
            now_s += rng.uniform(0.05, 1.5)
            clock, up, alive = np.ones(count), np.ones(count, bool), np.ones(count, bool)
            if has("clocks"):
                clock = rng.choice([1.0, 1.0, 0.7, 0.45, 0.0], count)
            if has("closing"):
                up = rng.random(count) < 0.8
            if has("deaths"):
                alive = rng.random(count) < 0.9
            if has("weights"):
                starts = starts + (rng.random(count) < 0.15)
            steps.append((Inputs(clock, up, alive, rest.role, starts), now_s))
    return [*steps, (rest._replace(starts=starts), np.inf)]


def with_needed(features):
    """The features with those that they need."""
    return tuple(dict.fromkeys([*features, *(other for f in features for other in NEEDED.get(f, ()))]))


def gaps_by_group(logged):
    """All gaps between tokens, ascending, of each group."""
    found = {}
    for run in np.concatenate(logged):
        gaps_s = run["first_s"] + run["growth_s"] * np.arange(run["steps"])
        found.setdefault(int(run["group"]), []).append(np.repeat(gaps_s, run["sequences"]))
    return {group: np.sort(np.concatenate(parts)) for group, parts in found.items() if sum(map(len, parts))}


def differences(params, requests, steps, atol_s=1e-9):
    """Serve in both fidelities; what differs, by step and name, and both for a closer look."""
    state, event = serving.start(params, requests), EventServing(params, requests)
    found, fast_gaps, slow_gaps = [], [], []
    for step, (inputs, until_s) in enumerate(steps):
        fast, slow = serving.advance(params, state, inputs, until_s), event.advance(inputs, until_s)
        fast_gaps.append(fast.gaps)
        slow_gaps.append(slow.gaps)
        found += [
            (step, name)
            for name in serving.AMOUNTS
            if not np.allclose(getattr(fast, name), getattr(slow, name), rtol=1e-6, atol=1e-5)
        ]
        found += [
            (step, name)
            for name in serving.LEVELS
            if np.isfinite(until_s) and not np.array_equal(getattr(fast, name), getattr(slow, name))
        ]
        if len(fast.moved) != len(slow.moved) or not all(
            np.allclose(
                fast.moved[name], slow.moved[name], rtol=0.0, atol=atol_s if name.endswith("_s") else 1e-6
            )
            for name in fast.moved.dtype.names
        ):
            found.append((step, "moved"))
        if not np.allclose(state.traffic_bytes, event.traffic_bytes, atol=1e-5):
            found.append((step, "traffic_bytes"))
        if sorted(fast.left_rows) != sorted(slow.left_rows):
            found.append((step, "left_rows"))
        counts = np.bincount(state.status, minlength=6)
        if state.counts[serving.ARRIVED] != counts.sum() - counts[COMING]:
            found.append((step, "conservation"))
    for name in ("arrived_at_s", "admitted_at_s", "first_token_at_s", "done_at_s"):
        one, other = state.requests[name], getattr(event, name)
        is_wrong = np.isnan(one) != np.isnan(other)
        is_wrong |= np.abs(one - other) > atol_s
        if is_wrong.any():
            found.append((name, np.flatnonzero(is_wrong).tolist()[:5]))
    for name in ("status", "entry_replica", "replica", "generated", "attempts", "cached_tokens"):
        is_wrong = state.requests[name] != getattr(event, name)
        if is_wrong.any():
            found.append((name, np.flatnonzero(is_wrong).tolist()[:5]))
    one, other = gaps_by_group(fast_gaps), gaps_by_group(slow_gaps)
    for group in sorted(one.keys() | other.keys()):
        a, b = one.get(group, np.empty(0)), other.get(group, np.empty(0))
        if len(a) != len(b) or not np.allclose(a, b, rtol=0.0, atol=10 * atol_s):
            found.append(("gaps", group, len(a), len(b)))
    return found, state, event
