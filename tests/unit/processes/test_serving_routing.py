"""The event twin of serving against cases worked out by hand: deaths, followers, policies, wrong input."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from twin.errors import PhysicalRangeError, ScenarioError
from twin.models.serving.draws import integer
from twin.models.serving.records import (
    BOTH,
    CACHED_TOKENS,
    DECODE,
    DRAW_A,
    DRAW_B,
    OUTSTANDING_REQUESTS,
    PREFILL,
    PROMPT_TOKENS,
    STAGE,
    TOTAL_REQUESTS,
    WAITING_REQUESTS,
)
from twin.processes.serving import EventServing
from twin.requests import CANCELLED, COMING, FINISHED, REJECTED, SHED, make

from .serving_site import (
    DECODES,
    NAN,
    PREFILLS,
    chains,
    equal,
    fewest_tokens,
    inputs,
    lowest_open,
    next_open,
    serve,
    site,
)

# deaths, followers, routing


def test_death_and_retry():
    """Two tokens are out when replica 0 dies at 1.25; the rest come from replica 1 after 2.25."""
    params = site({}, {"group": 1})
    steps = [(inputs(params), 1.25), (inputs(params, alive=[False, True]), np.inf)]
    twin, sums = serve(params, make([0.0], [5], [10]), steps)
    equal(twin.first_token_at_s, [0.5])
    equal(twin.done_at_s, [2.75 + 7 * 0.5])
    assert (twin.attempts.tolist(), twin.replica.tolist()) == ([2], [1])
    equal(sums["lost_tokens"], [7.5, 0])
    equal(sums["prefill_tokens"], [5, 7])
    equal(sums["iterations"], [2.5, 8.0])
    assert sums["gaps"] == {0.5: 8, 1.75: 1}
    hops = [span.hop for span in twin.spans]
    assert hops[hops.index("retry") :] == ["retry", "ingress", "queue", "prefill", "decode", "egress"]


def test_death_of_the_sender_takes_its_transfers():
    """Row 0 is being loaded when its source dies; its place at the decode replica is free again."""
    params = site(PREFILLS, PREFILLS | {"group": 1}, DECODES | {"group": 2})
    steps = [(inputs(params), 1.0), (inputs(params, alive=[False, True, True]), np.inf)]
    twin, sums = serve(params, make([0.0], [8], [2]), steps)
    # again at 2.0 with nine tokens, which yield its last one
    equal(twin.done_at_s, [2.5])
    equal(sums["sent_bytes"], [0, 0, 0])
    equal(sums["lost_tokens"], [0, 0, 9])


def test_followers_fork_and_join():
    columns = make(
        [0.0, NAN, NAN, NAN, 0.0, NAN], [1] * 6, [2, 1, 1, 1, 9, 1],
        follows=[0, 0, 1, 2, 4], follower=[1, 2, 3, 3, 5], pause_s=[0, 0.5, 0, 0.25, 0, 0],
        patience_s=[np.inf] * 4 + [0.75, np.inf],
    )  # fmt: skip
    twin, _ = serve(site({"egress_s": 0.125}, {"group": 1, "egress_s": 0.125}, choose=next_open), columns)
    equal(twin.arrived_at_s[:5], [0.0, 1.625, 1.125, 2.5, 0.0])
    equal(twin.done_at_s, [1.125, 2.25, 1.75, 3.125, NAN, NAN])
    assert twin.status.tolist()[4:] == [CANCELLED, COMING]
    assert twin.attempts.tolist() == [1, 1, 1, 1, 1, 0]


def test_router_sees_what_was_published():
    """Row 0 is known from 0.0 on, those of replica 1 only after 1.0."""
    params = site({}, {"group": 1}, choose=fewest_tokens, publish_s=1.0)
    twin, _ = serve(params, make([0.0, 0.25, 0.5, 1.0, 1.25], [1] * 5, [100] * 5))
    assert twin.replica.tolist() == [0, 1, 1, 1, 0]


def test_shedding_and_rejection():
    """One in the batch and one that waits: rows 2 and 3 find no place; row 4 can never fit."""
    params = site({"max_batch": 1, "max_queue": 1, "kv_blocks": 100})
    twin, sums = serve(params, make([0, 0, 0.25, 0.375, 5], [9] * 5, [1, 1, 1, 1, 92]))
    assert twin.status.tolist() == [FINISHED, FINISHED, SHED, SHED, REJECTED]
    assert sums["left_rows"] == [2, 3, 0, 1, 4]
    assert twin.replica.tolist() == [0, 0, -1, -1, -1]


def test_admission_policy_and_no_open_replica():
    params = site({}, admit=lambda totals, *_: totals[TOTAL_REQUESTS] < 1)
    down = inputs(params, up=False)
    twin, _ = serve(params, make([0.0, 0.0, 10.0], [1] * 3, [1] * 3), [(inputs(params), 5.0), (down, np.inf)])
    assert twin.status.tolist() == [FINISHED, SHED, REJECTED]


def test_policies_keep_state_of_their_own():
    """Each tenant is let in once, and ranks count down, so later rows go first."""

    def once(totals, request, tenant, common, limits, now_s):
        tenant[0] += 1.0
        return bool(tenant[0] <= limits[0])

    def backwards(request, tenant, common, limits, now_s):
        assert tenant[0] == 0.0  # the admission policy's row is another one
        common[0] -= 1.0
        return float(common[0])

    params = site({"max_batch": 1}, admit=once, rank=backwards, limits=np.ones(1))
    twin, _ = serve(params, make([0, 0, 0], [1] * 3, [1] * 3, tenant=[0, 1, 0]))
    assert twin.status.tolist() == [FINISHED, FINISHED, SHED]
    equal(twin.done_at_s, [1.0, 0.5, NAN])


def test_what_a_routing_policy_sees():
    seen = []

    def look(view, is_open, request):
        seen.append((view.copy(), request.copy()))
        return lowest_open(view, is_open, request)

    prefills = PREFILLS | {"max_batch": 1, "max_batched_tokens": 4, "has_prefix_cache": 1}
    params = site(prefills, DECODES, choose=look, choose_decode=look)
    twin, _ = serve(
        params, make([0.0, 0.0, 0.25], [8] * 3, [2] * 3, session=[3, 3, -1], **chains(*[[1, 2]] * 3))
    )
    view, request = seen[2]  # row 2 at 0.25: row 0 in prefill, row 1 waits
    assert view[OUTSTANDING_REQUESTS].tolist() == [2, 0]
    assert view[PROMPT_TOKENS].tolist() == [16, 0]
    assert view[WAITING_REQUESTS].tolist() == [1, 0]
    assert view[CACHED_TOKENS].tolist() == [8, 0]
    assert request[[DRAW_A, DRAW_B, STAGE]].tolist() == [integer(7, 2, 0), integer(7, 2, 1), PREFILL]
    view, request = seen[3]  # the decode of row 0 at 1.0
    assert view[OUTSTANDING_REQUESTS].tolist() == [3, 0]
    assert view[PROMPT_TOKENS].tolist() == [16, 0]
    assert request[[0, DRAW_A, STAGE]].tolist() == [0, integer(7, 0, 1 << 21), DECODE]
    assert [request[8] for _, request in seen[:3]] == [-1, 0, -1]  # of the session
    assert twin.status.tolist() == [FINISHED] * 3


def test_halt_and_drain():
    """At clock 0 the running iteration ends and no other starts; at half speed nothing changes here."""
    params = site({})
    steps = [
        (inputs(params), 0.25),
        (inputs(params, clock=0.0), 3.0),
        (inputs(params, clock=0.5, up=False), np.inf),
    ]
    twin, sums = serve(params, make([0.0, 1.0], [1, 1], [2, 1]), steps)
    equal(twin.done_at_s, [3.5, 3.5])
    equal(sums["busy_s"], [1.0])


def test_spans_tile_the_life_of_a_request():
    hops = [[("gateway", 0.25), ("leaf", 0.0), ("nic", 0.125)]]
    params = site({"ingress_s": 0.375, "egress_s": 0.375, "max_batch": 2, "max_batched_tokens": 8})
    twin, _ = serve(params, make([0.0, 1.0, 1.0], [20, 3, 4], [3, 1, 2]), paths=hops)
    for row in range(3):
        spans = [span for span in twin.spans if span.row == row]
        names = [span.hop for span in spans]
        assert names == ["gateway", "leaf", "nic", "queue", "prefill", "decode", "nic", "leaf", "gateway"]
        assert (spans[0].from_s, spans[-1].to_s) == (twin.arrived_at_s[row], twin.done_at_s[row])
        assert all(a.to_s == b.from_s for a, b in pairwise(spans))


# errors


def test_wrong_steps_are_refused_together():
    params = site({})
    twin = EventServing(params, make([0.0], [1], [9]))
    twin.advance(inputs(params), 1.0)
    wrong = inputs(params, clock=1.5)._replace(role=np.array([PREFILL]))
    with pytest.raises(PhysicalRangeError) as caught:
        twin.advance(wrong, 0.5)
    assert len(caught.value.faults) == 3


def test_role_changes_where_no_request_is():
    params = site({}, {"group": 1, "role": DECODE})
    twin = EventServing(params, make([0.0, 5.0], [1, 1], [2, 2]))
    twin.advance(inputs(params), 4.0)
    swapped = inputs(params)._replace(role=np.array([DECODE, BOTH]))
    twin.advance(swapped, np.inf)
    assert twin.replica.tolist() == [0, 1]


def test_policy_that_names_a_closed_replica():
    params = site({}, {"group": 1}, choose=lambda *_: 1)
    twin = EventServing(params, make([0.0], [1], [1]))
    with pytest.raises(PhysicalRangeError, match="routing policy"):
        twin.advance(inputs(params, up=[True, False]), 1.0)


def test_path_that_does_not_add_up():
    with pytest.raises(ScenarioError, match="add up"):
        EventServing(site({"ingress_s": 0.5}), make([0.0], [1], [1]), paths=[[("nic", 0.25)]])
