"""Layouts of groups: limits in which they must agree, published shapes, and what they are chosen for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import ScenarioError
from twin.physics import inference
from twin.physics.inference import (
    Engine,
    FeedForward,
    Gpu,
    Layout,
    Model,
    afd_coefficients,
    afd_kv_capacity_tokens,
    coefficients,
    kv_capacity_tokens,
    rank_s,
    shared_s,
)

LLAMA = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, 8, 128, attention_params_per_layer=570.4e6)
DEEPSEEK = Model(
    61, 7168, 128, 129280, 671e9, 36.5e9, 0, 0, 256, 8, 512, 64, 128, 128,
    dense_layers=3, attention_params_per_layer=187.1e6,
)  # fmt: skip
GB200 = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
RUBIN = Gpu(17.5e15, 4e15, 22e12, 288e9, 1800e9)
LPU = Gpu(1.2e15, 1.2e15, 150e12, 0.5e9, 1250e9)
IDEAL = Engine(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
REAL = Engine(
    0.44, 0.34, 0.80, 0.90, 0.78, 29e-6, 35e-6, 14e-6,
    expert_layer_overhead_s=4e-6, all_to_all_latency_s=15e-6, hop_latency_s=10e-6,
)  # fmt: skip
WIDE = Layout(experts=32, attention_data=32)


def decode_s(c, replicas, requests, context):
    """A round of a group in which every replica decodes the same batch."""
    alone_s = rank_s(c, 1.0, requests, requests * context, 0, 0, 0)
    tokens = replicas * requests
    return shared_s(c, 1.0, tokens) + max(inference.floor_s(c, 1.0, tokens), alone_s)


@pytest.mark.parametrize("model", [LLAMA, DEEPSEEK])
def test_a_number_is_tensor_parallel(model):
    for gpus in (1, 8):
        assert coefficients(model, GB200, REAL, gpus, 1.0, 1.0) == coefficients(
            model, GB200, REAL, Layout(tensor=gpus), 1.0, 1.0
        )


def test_experts_within_a_replica_cost_what_cut_ones_cost():
    """Whole experts on the GPUs of one replica: same bytes, no all-to-all."""
    cut, whole = (coefficients(DEEPSEEK, GB200, REAL, Layout(tensor=8, experts=e), 1.0, 1.0) for e in (1, 8))
    assert cut == whole
    uneven = coefficients(
        DEEPSEEK, GB200, REAL._replace(expert_imbalance=1.5), Layout(tensor=8, experts=8), 1.0, 1.0
    )
    assert uneven.expert_s_per_flop == pytest.approx(1.5 * whole.expert_s_per_flop)
    assert uneven.expert_flop == whole.expert_flop  # amounts are means


def test_ranks_that_copy_experts_are_replicas():
    """Four ranks with all experts each: at even batches like four groups of one."""
    one, four = (coefficients(DEEPSEEK, GB200, REAL, Layout(attention_data=d), 0.5, 1.0) for d in (1, 4))
    assert decode_s(four, 4, 16, 1000) == pytest.approx(decode_s(one, 1, 16, 1000), rel=1e-12)
    work = (16, 16, 16000, 0)
    assert inference.flop(four, *work, 64) == pytest.approx(inference.flop(one, *work, 16), rel=1e-12)


@pytest.mark.parametrize("model", [LLAMA, DEEPSEEK])
@pytest.mark.parametrize(
    ("layout", "gpus"), [(Layout(2, 4), 8), (Layout(4, 1, 16, 4), 16), (Layout(2, 2, 8, 4), 16)]
)
def test_work_of_a_group_is_that_of_the_model(model, layout, gpus):
    """Weights, FLOP: the sum over GPUs does not depend on how they are split."""
    if not model.experts:
        layout = layout._replace(experts=1)
    c, whole = (coefficients(model, GB200, IDEAL, at, 1.0, 1.0) for at in (layout, 1))
    assert layout.gpus == gpus
    tokens, replicas = 100.0, layout.replicas
    per_lane = inference.flop(c, tokens, tokens, 0, 0, tokens * replicas)
    # a GPU works for every lane of its rank
    total = per_lane * layout.pipeline * gpus
    assert total == pytest.approx(inference.flop(whole, *(tokens * replicas,) * 2, 0, 0, tokens * replicas))
    stored = c.expert_bytes * layout.expert_gpus * layout.pipeline
    assert stored == pytest.approx(whole.expert_bytes)
    assert c.weights_bytes * layout.tensor * layout.pipeline == pytest.approx(whole.weights_bytes)


@pytest.mark.parametrize("model", [LLAMA, DEEPSEEK])
def test_a_lane_passes_all_stages(model):
    """Without hops a lane takes what one stage's GPUs would need for all layers."""
    one, four = (
        coefficients(model, GB200, REAL._replace(hop_latency_s=0.0), Layout(2, p), 1.0, 1.0) for p in (1, 4)
    )
    four = four._replace(token_hop_bytes=0.0)
    work = (8, 8000, 512, 1, 512 * 513 // 2)
    assert rank_s(four, 1.0, *work) == pytest.approx(rank_s(one, 1.0, *work), rel=1e-12)
    assert shared_s(four, 1.0, 4 * 520) == pytest.approx(shared_s(one, 1.0, 520), rel=1e-12)
    read = [
        inference.hbm_bytes(c, 1, inference.expert_frac(c, n), 520, 8000)
        for c, n in ((one, 520), (four, 2080))
    ]
    assert read[1] == pytest.approx(read[0] / 4, rel=1e-12)


def test_hops_of_a_pipeline():
    """Three hops of the activations, over the network where there is one."""
    slow = GB200._replace(group_link_bytes_per_s=50e9)
    c = coefficients(LLAMA, slow, IDEAL._replace(hop_latency_s=1e-5), Layout(8, 4), 1.0, 1.0)
    hops_s = 3 * (1e-5 + 100 * 16384 * 2 / 50e9)
    without = c._replace(token_hop_bytes=0.0, overhead_s=0.0)
    work = (100, 1e5, 0, 0, 0)
    assert rank_s(c, 1.0, *work) - rank_s(without, 1.0, *work) == pytest.approx(hops_s, rel=1e-9)
    sent = inference.link_bytes(c, 100, 400) - inference.link_bytes(without, 100, 400)
    assert sent == pytest.approx(3 / 4 * 100 * 16384 * 2, rel=1e-9)  # three of four stages send


def test_all_to_all_by_hand():
    """Dispatch at one byte and combine at two, to eight experts of which one in 32 is here."""
    c = coefficients(DEEPSEEK, GB200, IDEAL._replace(all_to_all_latency_s=1e-5), WIDE, 1.0, 1.0)
    assert c.group_overhead_s == pytest.approx(58 * 2e-5)
    own_tokens = 64
    expected = 58 * own_tokens * 8 * 7168 * 3 * 31 / 32
    assert inference.link_bytes(c, own_tokens, 32 * own_tokens) == pytest.approx(expected)


def test_expert_layer_of_deepseek():
    """FP8 on eight B200: 35 us and the bytes at 83 % of 8 TB/s, as measured kernels, 230 to 255 us a layer."""
    engine = IDEAL._replace(expert_memory_efficiency_frac=0.83, expert_layer_overhead_s=35e-6)
    c = coefficients(DEEPSEEK, GB200, engine, Layout(experts=8, attention_data=8), 1.0, 1.0)
    layer_s = shared_s(c._replace(group_link_bytes=0.0), 1.0, 512) / 58
    assert 230e-6 < layer_s < 255e-6


def test_wide_experts_lower_the_time_per_token():
    """DeepSeek-R1 on GB200 at eight sequences a GPU: 32 ranks read fewer experts and share no latent cache."""
    narrow = coefficients(DEEPSEEK, GB200, REAL, 8, 1.0, 1.0)
    wide = coefficients(DEEPSEEK, GB200, REAL, WIDE, 1.0, 1.0)
    assert decode_s(wide, 32, 8, 4000) < 0.8 * decode_s(narrow, 1, 64, 4000)


@given(st.integers(1, 512), st.sampled_from([1, 2, 4, 8, 16]))
def test_wider_experts_never_read_more(requests, ranks):
    """At one batch a rank, more ranks read fewer experts each and compute the same."""
    narrow, wide = (
        coefficients(DEEPSEEK, GB200, IDEAL, Layout(experts=d, attention_data=d), 1.0, 1.0)
        for d in (ranks, 2 * ranks)
    )
    read = [
        c.expert_bytes * inference.expert_frac(c, n * requests)
        for c, n in ((narrow, ranks), (wide, 2 * ranks))
    ]
    assert read[1] <= read[0] * (1.0 + 1e-12)
    assert wide.expert_flop * 2 * ranks == pytest.approx(narrow.expert_flop * ranks)


def test_capacity_of_layouts():
    """What the shares of the weights leave, by hand."""
    token = 61 * 576
    tokens = kv_capacity_tokens(DEEPSEEK, GB200, WIDE, 1.0, 1.0, 0.9)
    experts, _ = inference.coefficients(DEEPSEEK, GB200, IDEAL, 1, 1.0, 1.0)[2:4]
    assert tokens == int((186e9 * 0.9 - (671e9 - experts) - experts / 32) // token)
    lane = kv_capacity_tokens(LLAMA, GB200, Layout(8, 2), 1.0, 1.0, 0.9)
    assert lane == int((186e9 * 0.9 - 405.85e9 / 16) // (126 * 256))  # half the memory of twice the GPUs


def test_all_faults_of_a_layout():
    with pytest.raises(ScenarioError) as caught:
        coefficients(DEEPSEEK, GB200, IDEAL, Layout(3, 100, 5, 0), 1.0, 1.0)
    where = [fault.where for fault in caught.value.faults]
    assert where == ["tensor parallel", "pipeline", "data-parallel attention", "expert parallel"]
    for layout in (Layout(tensor=8, experts=4), Layout(experts=6, attention_data=8)):
        with pytest.raises(ScenarioError, match="expert parallel"):
            coefficients(DEEPSEEK, GB200, IDEAL, layout, 1.0, 1.0)
    with pytest.raises(ScenarioError, match="expert parallel"):
        coefficients(LLAMA, GB200, IDEAL, Layout(experts=8, attention_data=8), 1.0, 1.0)
    with pytest.raises(ScenarioError, match="windowed layers"):
        coefficients(LLAMA._replace(windowed_layers=126), GB200, IDEAL, 8, 1.0, 1.0)


# --- attention and feed-forward apart


def lpx(**changes):
    return FeedForward(LPU, IDEAL, 1536, 40e12, **changes)


def test_sides_together_do_the_work_of_the_model():
    """One micro-batch on equal GPUs over an endless link: each side once, the sum of all bytes and FLOP."""
    for model in (LLAMA, DEEPSEEK):
        side = FeedForward(GB200, IDEAL, 4, 1e30, micro_batches=1)
        apart = afd_coefficients(model, GB200, IDEAL, 1, side, 1.0, 1.0)
        whole = coefficients(model, GB200, IDEAL, 1, 1.0, 1.0)
        weights = apart.weights_bytes + 4 * apart.floor_bytes
        assert weights == pytest.approx(whole.weights_bytes)
        assert 4 * apart.floor_expert_bytes == pytest.approx(whole.expert_bytes)
        linear = apart.token_flop + 4 * apart.floor_flop
        assert linear == pytest.approx(whole.token_flop + whole.expert_flop)
        assert inference.growth_s(apart, 1.0, 8, 64) == inference.growth_s(whole, 1.0, 8, 64)
        assert inference.hbm_bytes(apart, 1, 0, 0, 0) == apart.weights_bytes  # not those of the other side


def test_one_micro_batch_takes_turns():
    """No overlap: attention side, feed-forward side, and the link there and back, latency included."""
    c = afd_coefficients(DEEPSEEK, RUBIN, IDEAL, 1, lpx(latency_s=1e-6, micro_batches=1), 1.0, 1.0)
    assert inference.floor_s(c, 1.0, 64) == 0.0
    link_s = 2 * 61 * 64 * 7168 * 2 / 40e12
    assert shared_s(c, 1.0, 64) == pytest.approx(inference.far_s(c, 1.0, 64) + link_s)
    assert c.overhead_s == pytest.approx(2 * 61 * 1e-6)


def test_ping_pong_overlaps_the_sides():
    """Two micro-batches: the slower side; the latency is hidden from three on."""
    two = afd_coefficients(DEEPSEEK, RUBIN, IDEAL, 1, lpx(latency_s=1e-6), 1.0, 1.0)
    assert shared_s(two, 1.0, 64) == 0.0
    assert inference.floor_s(two, 1.0, 64) == pytest.approx(inference.far_s(two, 1.0, 64))
    narrow = two._replace(floor_link_s=1.0)
    assert inference.floor_s(narrow, 1.0, 64) == 64.0
    three = afd_coefficients(DEEPSEEK, RUBIN, IDEAL, 1, lpx(latency_s=1e-6, micro_batches=3), 1.0, 1.0)
    assert two.overhead_s == pytest.approx(2 * 61 * 1e-6) and three.overhead_s == 0.0
    assert three.weights_bytes == pytest.approx(1.5 * two.weights_bytes)  # read by each of them
    one = afd_coefficients(DEEPSEEK, RUBIN, IDEAL, 1, lpx(micro_batches=1), 1.0, 1.0)
    assert inference.expert_frac(two, 64) == inference.expert_frac(one, 32)


def test_weights_in_sram_lower_the_time_per_token():
    """Rubin with feed-forward weights in SRAM of LPUs against Rubin alone, at the same attention GPUs."""
    alone = coefficients(DEEPSEEK, RUBIN, IDEAL, Layout(experts=8, attention_data=8), 1.0, 1.0)
    beside = afd_coefficients(DEEPSEEK, RUBIN, IDEAL, Layout(attention_data=8), lpx(), 1.0, 1.0)
    assert decode_s(beside, 8, 4, 4000) < decode_s(alone, 8, 4, 4000)
    rooms = kv_capacity_tokens(DEEPSEEK, RUBIN, Layout(experts=8, attention_data=8), 1.0, 1.0, 0.9)
    assert afd_kv_capacity_tokens(DEEPSEEK, RUBIN, Layout(attention_data=8), 1.0, 1.0, 0.9) > rooms


def test_all_faults_of_the_sides():
    blank = DEEPSEEK._replace(attention_params_per_layer=0.0)
    side = lpx(micro_batches=0)._replace(gpus=256, link_bytes_per_s=0.0)
    with pytest.raises(ScenarioError) as caught:
        afd_coefficients(blank, RUBIN, IDEAL, Layout(1, 2, 8, 8), side, 1.0, 1.0)
    where = [fault.where for fault in caught.value.faults]
    assert where == [
        "pipeline", "expert parallel", "attention_params_per_layer", "feed-forward link", "micro-batches",
        "feed-forward memory",
    ]  # fmt: skip
