"""Serving by hand: one small case for each thing that an engine can do."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import serving
from twin.models.serving import DECODE, PREFILL
from twin.models.serving.draws import uniform
from twin.models.serving.records import LARGEST_RANK
from twin.physics.inference import Iteration
from twin.policies.admission import queue_limit
from twin.policies.queueing import priority
from twin.policies.routing import kv_aware, least_outstanding_requests, round_robin
from twin.requests import CANCELLED, FINISHED, SHED, make

HALF = Iteration(overhead_s=0.5)
ROOMY = {"kv_blocks": 10_000, "max_batch": 16, "max_batched_tokens": 10_000}
TIGHT = {"is_paged": 1, "kv_blocks": 4, "block_tokens": 4}
CACHE = {"has_prefix_cache": 1, "kv_blocks": 4, "block_tokens": 4, "max_batched_tokens": 4, "max_batch": 4}
APART = {
    "role": [PREFILL, DECODE], "handoff_s": 0.25, "kv_bytes_per_token": 1.0, "send_bytes_per_s": [8.0, np.inf],
}  # fmt: skip
NAN = np.nan


def site(kinds=(HALF,), choose=round_robin.choose, **limits):
    return serving.make_params(list(kinds), choose, **(ROOMY | limits))


def serve(params, requests, steps=None):
    """Serve all; the columns, the sums over the steps and the gaps by length."""
    state = serving.start(params, requests)
    steps = steps or [(serving.idle_inputs(params), np.inf)]
    outs = [serving.advance(params, state, *step) for step in steps]
    sums = {name: sum(getattr(out, name) for out in outs).tolist() for name in serving.AMOUNTS}
    gaps: dict[float, int] = {}
    for run in np.concatenate([out.gaps for out in outs]):
        for length_s in (run["first_s"] + run["growth_s"] * np.arange(run["steps"])).tolist():
            gaps[length_s] = gaps.get(length_s, 0) + int(run["sequences"])
    return state.requests, sums, {length_s: count for length_s, count in gaps.items() if count}


def equal(column, expected):
    np.testing.assert_array_equal(column, np.array(expected, dtype=float))


def chains(*chains_of_ids):
    """Prompts of whole cached blocks of four tokens."""
    counts = [len(ids) for ids in chains_of_ids]
    return {
        "prefix_ids": [ident for ids in chains_of_ids for ident in ids],
        "prefix_start": np.cumsum([0, *counts[:-1]]), "prefix_blocks": counts, "prefix_block_tokens": 4,
    }  # fmt: skip


# preemption


def test_victim_is_computed_again():
    """Both grow into a third block at 1.0, where only four are: the last admitted starts again at 2.0."""
    columns, sums, gaps = serve(site(**TIGHT), make([0.0, 0.0], [7, 7], [4, 4]))
    equal(columns["first_token_at_s"], [0.5, 0.5])
    equal(columns["done_at_s"], [2.0, 3.0])
    equal(columns["admitted_at_s"], [0.0, 0.0])
    assert (sums["preemptions"], sums["lost_tokens"]) == ([1], [7 + 2])
    assert (sums["prefill_tokens"], sums["output_tokens"]) == ([7 + 7 + 9], [8])
    assert gaps == {0.5: 3 + 1 + 1, 1.5: 1}


def test_victim_is_swapped():
    """Nine tokens of context at 0.125 s are paid at 1.0 and again at 3.125; nothing is computed twice."""
    columns, sums, gaps = serve(site(**TIGHT, swap_s_per_token=0.125), make([0.0, 0.0], [7, 7], [4, 4]))
    equal(columns["done_at_s"], [3.125, 5.25])
    assert (sums["preemptions"], sums["lost_tokens"], sums["prefill_tokens"]) == ([1], [0], [14])
    assert gaps == {0.5: 4, 1.625: 1, 3.75: 1}


def later_first(request, tenant, common, limits, now_s):
    return -float(request[0])


def test_victim_of_largest_rank():
    """Ranks turn the order round: row 0 has the largest and is preempted."""
    columns, _, _ = serve(site(**TIGHT, victim=LARGEST_RANK, rank=later_first), make([0, 0], [7, 7], [4, 4]))
    equal(columns["done_at_s"], [3.0, 2.0])


# prefix cache


def test_prefix_hits_and_eviction():
    """Four blocks of four tokens: the deepest block of the oldest prompt goes first."""
    ids = chains([1, 2], [1, 2], [3, 4], [1, 2], [3, 4])
    columns, sums, _ = serve(site(**CACHE), make([0, 10, 20, 30, 40], [8] * 5, [1] * 5, **ids))
    equal(columns["done_at_s"], [1.0, 10.5, 21.0, 30.5, 40.5])
    assert columns["cached_tokens"].tolist() == [0, 7, 0, 4, 4]
    assert (sums["cached_tokens"], sums["prefill_tokens"]) == ([15], [25])


def test_lower_tiers():
    """What is evicted is loaded again at its price; it falls from the host to storage and then out."""
    tiers = {"host_blocks": 1, "storage_blocks": 1, "host_s_per_token": 0.25, "storage_s_per_token": 0.5}
    ids = chains([1, 2], [1, 2], [3, 4], [1, 2], [3, 4], [5, 6], [1, 2])
    columns, _, _ = serve(site(**CACHE, **tiers), make(np.arange(7) * 10.0, [8] * 7, [1] * 7, **ids))
    equal(columns["done_at_s"], [1.0, 10.5, 21.0, 31.5, 41.5, 51.0, 62.5])
    assert columns["cached_tokens"].tolist() == [0, 7, 0, 7, 7, 0, 4]


def test_entries_of_an_incomplete_prompt_vanish():
    """Given up after four of eight tokens: the same prompt finds nothing."""
    requests = make([0.0, 10.0], [8, 8], [1, 1], patience_s=[0.25, np.inf], **chains([1, 2], [1, 2]))
    columns, sums, _ = serve(site(**CACHE), requests)
    assert columns["status"].tolist() == [CANCELLED, FINISHED]
    assert (sums["cached_tokens"], sums["lost_tokens"]) == ([0], [4])


def test_copies_of_a_trace_share_no_prefix():
    """The same ids shifted by two: nothing is found."""
    requests = make([0.0, 10.0], [8, 8], [1, 1], prefix_shift=[0, 2], **chains([0, 1], [0, 1]))
    _, sums, _ = serve(site(**(CACHE | {"kv_blocks": 100})), requests)
    assert sums["cached_tokens"] == [0]


def test_kv_aware_goes_where_the_prefix_is():
    """Row 2 finds its prompt on replica 0 although both are idle; row 3 finds the other on replica 1."""
    params = site(choose=kv_aware.choose, replicas=2, **(CACHE | {"kv_blocks": 100}))
    ids = chains([1, 2], [3, 4], [3, 4], [1, 2])
    columns, _, _ = serve(params, make([0.0, 0.25, 10.0, 20.0], [8] * 4, [1] * 4, **ids))
    assert columns["replica"].tolist() == [0, 1, 1, 0]
    assert columns["cached_tokens"].tolist() == [0, 0, 7, 7]


# costs of an iteration


@pytest.mark.parametrize(("count", "done_s"), [(3, 0.375 + 0.5), (4, 1.0), (5, 1.25)])
def test_graphs_pad_the_decode(count, done_s):
    """An eighth of a second a token: decodes of up to four count as four, prompts and five do not."""
    kind = Iteration(token_flop=1.0, linear_s_per_flop=0.125)
    params = site([kind], uses_graphs=1, graph_sizes=[4])
    columns, sums, _ = serve(params, make(np.zeros(count), [1] * count, [2] * count))
    equal(columns["done_at_s"], [done_s] * count)
    assert sums["flop"] == [done_s / 0.125]


def test_speculation():
    """One of two drafts is always accepted: 1, 3, 5 and, as only one is lacking, 6 tokens."""
    params = site([Iteration(overhead_s=0.5, verify_tokens=3.0)], acceptance=[1.0, 0.0])
    columns, sums, gaps = serve(params, make([0.0], [5], [6]))
    equal(columns["done_at_s"], [2.0])
    assert (columns["generated"].tolist(), sums["output_tokens"]) == ([6], [6])
    assert gaps == {0.5: 3}


@pytest.mark.parametrize(("above", "done_s"), [(0.0, 1.5), (1e-9, 1.0)])
def test_draft_is_accepted_below_its_threshold(above, done_s):
    """The draw belongs to seed, row and tokens generated."""
    params = site(
        [Iteration(overhead_s=0.5, verify_tokens=2.0)], acceptance=[uniform(7, 0, 1) + above], seed=7
    )
    columns, _, _ = serve(params, make([0.0], [5], [3]))
    equal(columns["done_at_s"], [done_s])


def test_adapters_in_one_slot():
    """An adapter in use cannot be replaced, and who waits for it blocks the rest."""
    columns, _, _ = serve(
        site(adapter_slots=1, adapter_load_s=1.0), make([0] * 3, [1] * 3, [1] * 3, adapter=[0, 1, 0])
    )
    equal(columns["done_at_s"], [1.5, 3.0, 4.5])


def test_least_recently_used_adapter_goes():
    """Two slots, used equally long ago at 10: the lowest is replaced, the other still there at 20."""
    requests = make([0, 0, 0, 10, 20, 30], [1] * 6, [1] * 6, adapter=[0, 1, 0, 2, 1, 0])
    columns, _, _ = serve(site(adapter_slots=2, adapter_load_s=1.0), requests)
    equal(columns["done_at_s"], [2.5, 2.5, 2.5, 11.5, 20.5, 31.5])


def test_cost_of_an_admission():
    columns, _, _ = serve(site(admission_s=0.25), make([0.0, 0.0], [1, 1], [2, 1]))
    equal(columns["done_at_s"], [1.5, 1.0])


def test_group_waits_for_its_slowest():
    """The idle replica takes part at its overhead of one second; the first pays for the group."""
    kinds = [Iteration(overhead_s=0.5, group_overhead_s=0.25, token_flop=1.0), Iteration(overhead_s=1.0)]
    columns, sums, _ = serve(site(kinds, kind=[0, 1], group=[0, 0]), make([0.0], [3], [2]))
    equal(columns["done_at_s"], [2.5])
    assert (sums["busy_s"], sums["iterations"], sums["flop"]) == ([2.5, 2.5], [2, 2], [4.0, 0.0])


# queue and admission


def test_priority_overtakes():
    """One place: the last arrival has the smallest priority and goes before the second."""
    requests = make([0.0, 0.0, 0.25], [1] * 3, [2, 1, 1], priority=[0, 2, 1])
    columns, _, _ = serve(site(max_batch=1, rank=priority.rank), requests)
    equal(columns["done_at_s"], [1.0, 2.0, 1.5])


def test_full_queue_sheds():
    """One in the batch, one waiting: the third is turned away by the replica, the fourth finds room again."""
    columns, _, _ = serve(site(max_batch=1, max_queue=1), make([0, 0.25, 0.25, 0.75], [1] * 4, [1] * 4))
    assert columns["status"].tolist() == [FINISHED, FINISHED, SHED, FINISHED]


def test_admission_policy_sheds():
    """At most one waiting request an open replica at the gate."""
    params = site(max_batch=1, admit=queue_limit.admit, policy_limits=[1.0])
    columns, _, _ = serve(params, make([0, 0.25, 0.25, 0.75], [1] * 4, [1] * 4))
    assert columns["status"].tolist() == [FINISHED, FINISHED, SHED, FINISHED]


def test_successors_come_after_their_predecessors():
    """Row 1 comes a second after row 0, row 2 after both."""
    requests = make([0.0, NAN, NAN], [1] * 3, [2, 2, 1], follows=[0, 0, 1], follower=[1, 2, 2], pause_s=1.0)
    columns, _, _ = serve(site(), requests)
    equal(columns["arrived_at_s"], [0.0, 2.0, 4.0])
    equal(columns["done_at_s"], [1.0, 3.0, 4.5])


# giving up


def test_patience_in_queue_and_decode():
    """Row 1 leaves the queue at 1.0, row 0 the decode at the boundary after 1.25; row 3 gets its last token
    at the very instant and is cancelled all the same."""
    requests = make([0] * 4, [5] * 4, [4, 1, 1, 1], patience_s=[1.25, 1.0, np.inf, 2.5])
    columns, sums, _ = serve(site(max_batch=1), requests)
    assert columns["status"].tolist() == [CANCELLED, CANCELLED, FINISHED, CANCELLED]
    equal(columns["admitted_at_s"], [0.0, NAN, 1.5, 2.0])
    equal(columns["done_at_s"], [NAN, NAN, 2.0, NAN])
    assert columns["generated"].tolist() == [3, 0, 1, 1]
    assert sums["lost_tokens"] == [(5 + 3) + (5 + 1)]


# disaggregation


def test_transfer_between_two_replicas():
    columns, sums, gaps = serve(site(**APART), make([0.0], [8], [3]))
    equal(columns["first_token_at_s"], [0.5])
    equal(columns["done_at_s"], [2.75])
    assert (columns["entry_replica"].tolist(), columns["replica"].tolist()) == ([0], [1])
    assert (sums["output_tokens"], sums["sent_bytes"]) == ([1, 2], [8.0, 0.0])
    assert gaps == {1.75: 1, 0.5: 1}


def test_transfers_share_what_a_replica_sends():
    """Row 0 alone from 0.75, both from 1.25 at half the rate, row 1 alone again from 2.25."""
    columns, _, _ = serve(site(**APART), make([0.0, 0.25], [8, 8], [2, 2]))
    equal(columns["first_token_at_s"], [0.5, 1.0])
    equal(columns["done_at_s"], [2.75, 3.25])


def test_receiver_limits_its_transfers():
    """Two senders at 8 bytes/s into 8 bytes/s: 4 each, so 8 bytes take two seconds."""
    limits = {"role": [PREFILL, PREFILL, DECODE], "send_bytes_per_s": 8.0, "receive_bytes_per_s": 8.0}
    columns, _, _ = serve(site(**(APART | limits)), make([0.0, 0.0], [8, 8], [2, 2]))
    assert columns["entry_replica"].tolist() == [0, 1]
    equal(columns["done_at_s"], [3.25, 3.25])


def test_layers_are_pushed_while_the_prompt_is_computed():
    """One second of prefill at 4 bytes/s leaves 4 of 8 bytes, more than one of four layers."""
    pushing = {"pushes": 1, "layers": 4, "send_bytes_per_s": 4.0, "max_batched_tokens": 4, "max_batch": 4}
    columns, _, _ = serve(site(**(APART | pushing)), make([0.0], [8], [2]))
    equal(columns["first_token_at_s"], [1.0])
    equal(columns["done_at_s"], [2.75])


def test_blocks_are_held_until_the_transfer_ends():
    prefills = {"kv_blocks": [2, 10_000], "block_tokens": [4, 1]}
    columns, _, _ = serve(site(**(APART | prefills)), make([0.0, 0.0], [8, 8], [2, 2]))
    equal(columns["admitted_at_s"], [0.0, 1.75])
    equal(columns["first_token_at_s"], [0.5, 2.25])


def test_infinite_rate_takes_no_time():
    columns, _, _ = serve(site(role=[PREFILL, DECODE], kv_bytes_per_token=1e6), make([0.0], [8], [2]))
    equal(columns["done_at_s"], [1.0])


def test_short_prompts_are_computed_where_they_decode():
    """Five tokens are below six; eight are not, until four of them are cached there."""
    limits = {"disaggregate_above_tokens": [6, 0], "has_prefix_cache": [1, 0]}
    requests = make([0, 10, 20], [5, 8, 8], [2] * 3, **chains([1], [2, 3], [2, 4]))
    columns, _, _ = serve(site(**(APART | limits)), requests)
    assert columns["entry_replica"].tolist() == [1, 0, 1]
    assert columns["replica"].tolist() == [1, 1, 1]
    equal(columns["done_at_s"], [1.0, 12.25, 21.0])


# death


def test_a_dead_replica_sends_its_requests_back():
    """Row 0 dies at 1.25 with two tokens and starts again on the other replica a quarter second later."""
    params = site(replicas=2, retry_s=0.25)
    idle = serving.idle_inputs(params)
    hit = idle._replace(is_alive=np.array([False, True]))
    requests = make([0.0], [5], [4])
    columns, sums, gaps = serve(params, requests, [(idle, 1.25), (hit, np.inf)])
    assert (columns["entry_replica"].tolist(), columns["replica"].tolist()) == ([1], [1])
    assert columns["attempts"].tolist() == [2]
    equal(columns["first_token_at_s"], [0.5])
    equal(columns["done_at_s"], [2.5])
    assert sums["lost_tokens"] == [5 + 2 + 0.5, 0]  # half of the third token was computed
    assert sums["prefill_tokens"] == [5, 7]
    assert gaps == {0.5: 2, 1.0: 1}


def test_what_is_published_after_a_death_is_what_was_true_then():
    """Nothing else happens between 2.5 s and 4.5 s, when the request comes again: both replicas are seen empty."""
    params = site(choose=least_outstanding_requests.choose, replicas=2, publish_s=1.0, retry_s=2.0)
    idle = serving.idle_inputs(params)
    hit = idle._replace(is_alive=np.array([False, True]))
    columns, _, _ = serve(params, make([0.0], [5], [100]), [(idle, 2.5), (hit, 3.25), (idle, np.inf)])
    assert columns["replica"].tolist() == [0]


def test_nothing_is_left_of_a_run_that_is_over():
    columns, sums, _ = serve(site(**TIGHT), make(np.zeros(9), [7] * 9, [6] * 9))
    assert columns["status"].tolist() == [FINISHED] * 9
    assert sums["prefill_tokens"][0] + sums["output_tokens"][0] == 9 * 13 + sums["lost_tokens"][0]
