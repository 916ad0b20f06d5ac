"""The event twin of serving against cases worked out by hand: batch, KV cache, costs of an iteration."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models.serving.draws import uniform
from twin.models.serving.records import (
    LARGEST_RANK,
)
from twin.physics.inference import Iteration
from twin.requests import CANCELLED, FINISHED, make

from .serving_site import (
    CACHE,
    TIGHT,
    chains,
    equal,
    serve,
    site,
)

# batching and paging


def test_chunks_share_an_iteration_with_decode():
    """Budget of 8: prompts of 6 and 6 take 6+2, then 1 for the decode and 4 for the rest."""
    twin, sums = serve(site({"max_batched_tokens": 8}), make([0.0, 0.0], [6, 6], [3, 2]))
    equal(twin.first_token_at_s, [0.5, 1.0])
    equal(twin.done_at_s, [1.5, 1.5])
    assert sums["prefill_tokens"] == 12
    assert sums["gaps"] == {0.5: 3}
    assert twin.iterations == 3


def test_separate_prefill_stalls_the_decode():
    """The second prompt is computed alone; the decode meets a gap of two iterations."""
    twin, sums = serve(site({"is_chunked": 0}), make([0.0, 0.25], [6, 6], [3, 2]))
    equal(twin.first_token_at_s, [0.5, 1.0])
    equal(twin.done_at_s, [2.0, 1.5])
    assert sums["gaps"] == {1.0: 1, 0.5: 2}


def test_victim_is_computed_again():
    """Both grow into a third block at 1.0, where only four are: the last admitted starts again at 2.0."""
    twin, sums = serve(site(TIGHT), make([0.0, 0.0], [7, 7], [4, 4]))
    equal(twin.first_token_at_s, [0.5, 0.5])
    equal(twin.done_at_s, [2.0, 3.0])
    equal(twin.admitted_at_s, [0.0, 0.0])
    assert sums["preemptions"] == 1
    assert sums["lost_tokens"] == 7 + 2
    assert sums["prefill_tokens"] == 7 + 7 + 9
    assert sums["output_tokens"] == 8
    assert sums["gaps"] == {0.5: 3 + 1 + 1, 1.5: 1}
    assert [span.hop for span in twin.spans if span.row == 1] == [
        *("ingress", "queue", "prefill", "decode"),
        *("queue", "prefill", "decode", "egress"),
    ]


def test_victim_is_swapped():
    """Nine tokens of context at 0.125 s are paid at 1.0 and again at 3.125; nothing is computed twice."""
    twin, sums = serve(site(TIGHT | {"swap_s_per_token": 0.125}), make([0.0, 0.0], [7, 7], [4, 4]))
    equal(twin.done_at_s, [3.125, 5.25])
    assert (sums["preemptions"], sums["lost_tokens"], sums["prefill_tokens"]) == (1, 0, 14)
    assert sums["gaps"] == {0.5: 4, 1.625: 1, 3.75: 1}


def test_victim_of_largest_rank():
    """Ranks turn the order round: row 0 has the largest and is preempted."""
    params = site(TIGHT | {"victim": LARGEST_RANK}, rank=lambda request, *_: -float(request[0]))
    twin, _ = serve(params, make([0.0, 0.0], [7, 7], [4, 4]))
    equal(twin.done_at_s, [3.0, 2.0])


# prefix cache


def test_prefix_hits_and_eviction():
    """Four blocks of four tokens: the deepest block of the oldest prompt goes first."""
    ids = chains([1, 2], [1, 2], [3, 4], [1, 2], [3, 4])
    twin, sums = serve(site(CACHE), make([0, 10, 20, 30, 40], [8] * 5, [1] * 5, **ids))
    equal(twin.done_at_s, [1.0, 10.5, 21.0, 30.5, 40.5])
    assert twin.cached_tokens.tolist() == [0, 7, 0, 4, 4]
    assert (sums["cached_tokens"], sums["prefill_tokens"]) == (15, 25)


def test_lower_tiers():
    """What is evicted is loaded again at its price; it falls from the host to storage and then out."""
    tiers = {"host_blocks": 1, "storage_blocks": 1, "host_s_per_token": 0.25, "storage_s_per_token": 0.5}
    ids = chains([1, 2], [1, 2], [3, 4], [1, 2], [3, 4], [5, 6], [1, 2])
    twin, _ = serve(site(CACHE | tiers), make(np.arange(7) * 10.0, [8] * 7, [1] * 7, **ids))
    equal(twin.done_at_s, [1.0, 10.5, 21.0, 31.5, 41.5, 51.0, 62.5])
    assert twin.cached_tokens.tolist() == [0, 7, 0, 7, 7, 0, 4]


def test_bound_on_entries():
    """Room for two entries: the next prompt evicts both, one with three is not cached."""
    ids = chains([1, 2], [3, 4], [1, 2], [5, 6, 7])
    params = site(CACHE | {"cache_entries": 2, "kv_blocks": 100})
    twin, _ = serve(params, make([0, 10, 20, 30], [8, 8, 8, 12], [1] * 4, **ids))
    assert twin.cached_tokens.tolist() == [0, 0, 0, 0]
    equal(twin.done_at_s, [1.0, 11.0, 21.0, 31.5])


def test_entries_of_an_incomplete_prompt_vanish():
    """Given up after four of eight tokens: the same prompt finds nothing."""
    ids = chains([1, 2], [1, 2])
    twin, sums = serve(site(CACHE), make([0.0, 10.0], [8, 8], [1, 1], patience_s=[0.25, np.inf], **ids))
    assert twin.status.tolist() == [CANCELLED, FINISHED]
    assert sums["cached_tokens"] == 0
    assert sums["lost_tokens"] == 4


def test_one_who_finds_an_entry_being_computed_uses_it():
    """Two equal prompts admitted together: the second computes its last token only, after the first."""
    ids = chains([1, 2], [1, 2])
    twin, _ = serve(site(CACHE | {"kv_blocks": 100}), make([0.0, 0.0], [8, 8], [1, 1], **ids))
    assert twin.cached_tokens.tolist() == [0, 7]
    equal(twin.done_at_s, [1.0, 1.5])


# costs of an iteration


@pytest.mark.parametrize(("count", "done_s"), [(3, 0.375 + 0.5), (4, 1.0), (5, 1.25)])
def test_graphs_pad_the_decode(count, done_s):
    """An eighth of a second a token: decodes of up to four count as four, prompts and five do not."""
    kind = Iteration(token_flop=1.0, linear_s_per_flop=0.125)
    params = site({"uses_graphs": 1}, kinds=[kind], graph_sizes=np.array([4]))
    twin, sums = serve(params, make(np.zeros(count), [1] * count, [2] * count))
    equal(twin.done_at_s, [done_s] * count)
    assert sums["flop"] == done_s / 0.125


def test_speculation():
    """One of two drafts is always accepted: 1, 3, 5 and, as only one is lacking, 6 tokens."""
    params = site({}, kinds=[Iteration(overhead_s=0.5, verify_tokens=3.0)], acceptance=np.array([1.0, 0.0]))
    twin, sums = serve(params, make([0.0], [5], [6]))
    equal(twin.done_at_s, [2.0])
    assert twin.generated.tolist() == [6]
    assert sums["output_tokens"] == 6
    assert sums["gaps"] == {0.5: 3}


@pytest.mark.parametrize(("above", "done_s"), [(0.0, 1.5), (1e-9, 1.0)])
def test_draft_is_accepted_below_its_threshold(above, done_s):
    """The draw belongs to seed, row and tokens generated."""
    thresholds = np.array([uniform(7, 0, 1) + above])
    params = site({}, kinds=[Iteration(overhead_s=0.5, verify_tokens=2.0)], acceptance=thresholds)
    twin, _ = serve(params, make([0.0], [5], [3]))
    equal(twin.done_at_s, [done_s])


def test_adapters_in_one_slot():
    """An adapter in use cannot be replaced, and who waits for it blocks the rest."""
    params = site({"adapter_slots": 1, "adapter_load_s": 1.0})
    twin, _ = serve(params, make([0, 0, 0], [1] * 3, [1] * 3, adapter=[0, 1, 0]))
    equal(twin.done_at_s, [1.5, 3.0, 4.5])


def test_least_recently_used_adapter_goes():
    """Two slots, used equally long ago at 10: the lowest is replaced, the other still there at 20."""
    params = site({"adapter_slots": 2, "adapter_load_s": 1.0})
    columns = make([0, 0, 0, 10, 20, 30], [1] * 6, [1] * 6, adapter=[0, 1, 0, 2, 1, 0])
    twin, _ = serve(params, columns)
    equal(twin.done_at_s, [2.5, 2.5, 2.5, 11.5, 20.5, 31.5])


def test_cost_of_an_admission():
    twin, _ = serve(site({"admission_s": 0.25}), make([0.0, 0.0], [1, 1], [2, 1]))
    equal(twin.done_at_s, [1.5, 1.0])


def test_group_waits_for_its_slowest():
    """The idle replica takes part at its overhead of one second; the first pays for the group."""
    kinds = [Iteration(overhead_s=0.5, group_overhead_s=0.25, token_flop=1.0), Iteration(overhead_s=1.0)]
    params = site({"kind": 0}, {"kind": 1}, kinds=kinds)
    twin, sums = serve(params, make([0.0], [3], [2]))
    equal(twin.done_at_s, [2.5])
    equal(sums["busy_s"], [2.5, 2.5])
    equal(sums["iterations"], [2, 2])
    equal(sums["flop"], [4.0, 0.0])
    assert twin.iterations == 2
