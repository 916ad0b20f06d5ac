"""The event twin of serving against cases worked out by hand: clients that give up, prefill and decode apart."""

from __future__ import annotations

import numpy as np

from twin.models.serving.records import (
    PREFILL,
)
from twin.requests import CANCELLED, FINISHED, SHED, make

from .serving_site import (
    DECODES,
    NAN,
    PREFILLS,
    TIGHT,
    chains,
    equal,
    inputs,
    next_open,
    serve,
    site,
)

# giving up


def test_patience_in_queue_and_decode():
    """Row 1 leaves the queue at 1.0, row 0 the decode at the boundary after 1.25; row 3 gets its last token
    at the very instant and is cancelled all the same."""
    columns = make([0] * 4, [5] * 4, [4, 1, 1, 1], patience_s=[1.25, 1.0, np.inf, 2.5])
    twin, sums = serve(site({"max_batch": 1}), columns)
    assert twin.status.tolist() == [CANCELLED, CANCELLED, FINISHED, CANCELLED]
    assert sums["left_rows"] == [1, 0, 2, 3]
    equal(twin.admitted_at_s, [0.0, NAN, 1.5, 2.0])
    equal(twin.done_at_s, [NAN, NAN, 2.0, NAN])
    equal(twin.first_token_at_s, [0.5, NAN, 2.0, 2.5])
    assert twin.generated.tolist() == [3, 0, 1, 1]
    assert sums["lost_tokens"] == (5 + 3) + (5 + 1)


def test_patience_on_the_way_and_in_prefill():
    columns = make([0.0, 0.0], [10, 10], [2, 2], patience_s=[0.5, 1.75])
    twin, sums = serve(site({"ingress_s": 1.0, "max_batched_tokens": 4}), columns)
    assert twin.status.tolist() == [CANCELLED, CANCELLED]
    equal(twin.admitted_at_s, [NAN, 1.0])
    assert (sums["prefill_tokens"], sums["lost_tokens"]) == (8, 8)
    assert sums["left_rows"] == [0, 1]


def test_patience_during_a_transfer():
    """Row 0 gives up at 1.25: two bytes of row 1 have gone, the other six take 0.75 s."""
    columns = make([0.0, 0.0], [8, 8], [2, 2], patience_s=[1.25, np.inf])
    twin, sums = serve(site(PREFILLS, DECODES), columns)
    assert twin.status.tolist() == [CANCELLED, FINISHED]
    equal(twin.done_at_s, [NAN, 2.5])
    equal(sums["sent_bytes"], [8.0, 0.0])
    equal(sums["lost_tokens"], [0, 9])


def test_patience_of_one_held_for_a_transfer():
    """Row 1 waits for the only place in the decode batch; when it leaves, row 2 gets its blocks at once."""
    columns = make([0.0] * 3, [8] * 3, [9, 2, 1], patience_s=[np.inf, 3.0, np.inf])
    twin, _ = serve(site(PREFILLS | {"kv_blocks": 2, "block_tokens": 4}, DECODES | {"max_batch": 1}), columns)
    equal(twin.admitted_at_s, [0.0, 1.75, 3.0])
    equal(twin.done_at_s, [5.75, NAN, 3.5])
    assert twin.status.tolist() == [FINISHED, CANCELLED, FINISHED]


# disaggregation


def test_transfer_between_two_replicas():
    twin, sums = serve(site(PREFILLS, DECODES), make([0.0], [8], [3]))
    equal(twin.first_token_at_s, [0.5])
    equal(twin.done_at_s, [2.75])
    assert (twin.entry_replica.tolist(), twin.replica.tolist()) == ([0], [1])
    equal(sums["output_tokens"], [1, 2])
    spans = [(span.hop, span.to_s) for span in twin.spans]
    assert spans == [
        ("ingress", 0.0), ("queue", 0.0), ("prefill", 0.5), ("handoff", 0.75), ("queue", 0.75),
        ("transfer", 1.75), ("decode", 2.75), ("egress", 2.75),
    ]  # fmt: skip
    assert sums["gaps"] == {1.75: 1, 0.5: 1}


def test_transfers_share_what_a_replica_sends():
    """Row 0 alone from 0.75, both from 1.25 at half the rate, row 1 alone again from 2.25."""
    twin, _ = serve(site(PREFILLS, DECODES), make([0.0, 0.25], [8, 8], [2, 2]))
    equal(twin.first_token_at_s, [0.5, 1.0])
    equal(twin.done_at_s, [2.75, 3.25])


def test_receiver_limits_its_transfers():
    """Two senders at 8 bytes/s into 8 bytes/s: 4 each, so 8 bytes take two seconds."""
    decodes = DECODES | {"receive_bytes_per_s": 8.0}
    params = site(PREFILLS, PREFILLS | {"group": 1}, decodes | {"group": 2}, choose=next_open)
    twin, _ = serve(params, make([0.0, 0.0], [8, 8], [2, 2]))
    assert twin.entry_replica.tolist() == [0, 1]
    equal(twin.done_at_s, [3.25, 3.25])


def test_layers_are_pushed_while_the_prompt_is_computed():
    """One second of prefill at 4 bytes/s leaves 4 of 8 bytes, more than one of four layers."""
    pushing = {"pushes": 1, "layers": 4, "send_bytes_per_s": 4.0, "max_batched_tokens": 4}
    twin, _ = serve(site(PREFILLS | pushing, DECODES), make([0.0], [8], [2]))
    equal(twin.first_token_at_s, [1.0])
    equal(twin.done_at_s, [2.75])


def test_blocks_are_held_until_the_transfer_ends():
    prefills = PREFILLS | {"kv_blocks": 2, "block_tokens": 4}
    twin, _ = serve(site(prefills, DECODES), make([0.0, 0.0], [8, 8], [2, 2]))
    equal(twin.admitted_at_s, [0.0, 1.75])
    equal(twin.first_token_at_s, [0.5, 2.25])


def test_infinite_rate_takes_no_time():
    prefills = {"role": PREFILL, "kv_bytes_per_token": 1e6}
    twin, _ = serve(site(prefills, DECODES | {"group": 1}), make([0.0], [8], [2]))
    equal(twin.done_at_s, [1.0])


def test_short_prompts_are_computed_where_they_decode():
    """Five tokens are below six; eight are not, until four of them are cached there."""
    prefills = PREFILLS | {"disaggregate_above_tokens": 6, "has_prefix_cache": 1}
    ids = chains([1], [2, 3], [2, 4])
    twin, _ = serve(site(prefills, DECODES), make([0, 10, 20], [5, 8, 8], [2] * 3, **ids))
    assert twin.entry_replica.tolist() == [1, 0, 1]
    assert twin.replica.tolist() == [1, 1, 1]
    equal(twin.first_token_at_s, [0.5, 10.5, 20.5])
    equal(twin.done_at_s, [1.0, 12.25, 21.0])
    assert "handoff" not in [span.hop for span in twin.spans if span.row in (0, 2)]


def test_without_a_decode_replica_a_request_is_shed_after_its_first_token():
    params = site(PREFILLS | {"disaggregate_above_tokens": 6}, DECODES)
    twin, sums = serve(params, make([0.0, 0.0], [5, 5], [2, 1]), [(inputs(params, up=[True, False]), np.inf)])
    assert twin.status.tolist() == [SHED, FINISHED]
    equal(twin.first_token_at_s, [0.5, 0.5])
    equal(sums["lost_tokens"], [6, 0])


def test_preempted_alone_makes_room_at_once():
    """Row 0 cannot grow beside row 1, which is being loaded; row 2, first by rank, gets its blocks at 10.75.

    Transfers: rows 0 and 1 share a byte a second from 0.75 to 8.75, row 1 goes on alone to 10.75, then shares
    with row 2 to 14.75, which ends alone at 16.75.
    """
    prefills, decodes = PREFILLS | {"send_bytes_per_s": 1.0}, DECODES | TIGHT | {"kv_blocks": 5}
    params = site(prefills, decodes, rank=lambda request, *_: -float(request[0]))
    twin, sums = serve(params, make([0.0, 0.0, 5.0], [4, 8, 4], [9, 2, 2]))
    equal(twin.first_token_at_s, [0.5, 0.5, 5.5])
    equal(twin.done_at_s, [17.25, 15.25, 17.25])
    equal(sums["preemptions"], [0, 1])
    equal(sums["sent_bytes"], [16, 0])
