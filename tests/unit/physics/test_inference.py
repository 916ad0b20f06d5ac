"""The roofline against hand calculation, published model sizes and its own affinity."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.extending import register_jitable

from twin.errors import ScenarioError
from twin.physics import inference
from twin.physics.inference import (
    Engine,
    Gpu,
    Iteration,
    Model,
    coefficients,
    iteration_s,
    kv_capacity_tokens,
)

LLAMA_8B = Model(32, 4096, 32, 128256, 8.03e9, 7.5e9, kv_heads=8, head_dim=128)
LLAMA_405B = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, kv_heads=8, head_dim=128)
DEEPSEEK = Model(61, 7168, 128, 129280, 671e9, 36.5e9, 0, 0, 256, 8, 512, 64, 128, 128)
QWEN_MOE = Model(94, 4096, 64, 151936, 235.1e9, 21.5e9, 4, 128, 128, 8)
GPT_OSS = Model(36, 2880, 64, 201088, 116.8e9, 5.1e9, 8, 64, 128, 4)
GPT_MOE = Model(116, 15360, 96, 100000, 1813.9e9, 279.8e9, 8, 160, 16, 2)
ALL = [LLAMA_8B, LLAMA_405B, DEEPSEEK, QWEN_MOE, GPT_OSS, GPT_MOE]
H200 = Gpu(1978e12, 989e12, 4.8e12, 141e9, 450e9)
IDEAL = Engine(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0)


def test_single_sequence_reads_all_weights():
    """405B at one byte on eight GPUs: weights over bandwidth, plus KV and all-reduces by hand."""
    c = coefficients(LLAMA_405B, H200, IDEAL, 8, 1.0, 1.0)
    kv_token = 126 * 2 * 1 * 128  # one KV head a GPU, one byte
    sent = 2 * 126 * 2 * 7 / 8 * 16384 * 2
    expected = (403.75e9 / 8 + kv_token) / 4.8e12 + 1000 * kv_token / 4.8e12 + sent / 450e9
    assert iteration_s(c, 1.0, 1, 1000, 0, 0, 0) == pytest.approx(expected, rel=1e-12)


def test_long_prompt_is_two_flop_a_parameter():
    """4,096 tokens at once are compute bound: linear layers, head for one, causal attention."""
    c = coefficients(LLAMA_8B, H200, IDEAL, 1, 1.0, 2.0)
    head = 128256 * 4096
    pairs = 4096 * 4097 // 2
    linear = 2 * (7.5e9 - head) * 4096 + 2 * head
    attention = 4 * 32 * 128 * 32 * pairs
    expected = linear / 1978e12 + attention / 989e12
    assert iteration_s(c, 1.0, 0, 0, 4096, 1, pairs) == pytest.approx(expected, rel=1e-12)
    assert inference.flop(c, 4096, 1, 0, pairs, 4096) == pytest.approx(linear + attention, rel=1e-12)


@pytest.mark.parametrize(
    ("model", "layers_with_experts", "matrices", "ffn"),
    [(DEEPSEEK, 58, 3, 2048), (QWEN_MOE, 94, 3, 1536), (GPT_OSS, 36, 3, 2880), (GPT_MOE, 116, 2, 30720)],
)
def test_expert_size_follows_from_the_totals(model, layers_with_experts, matrices, ffn):
    """The card's two totals give the size that the shapes of the feed-forward blocks give."""
    by_shape = layers_with_experts * model.experts * matrices * model.hidden * ffn
    c = coefficients(model, H200, IDEAL, 1, 1.0, 1.0)
    assert c.expert_bytes == pytest.approx(by_shape, rel=0.01)
    assert c.weights_bytes > 0.0


def test_experts_touched():
    """One token meets its own share; many tokens meet all."""
    c = coefficients(DEEPSEEK, H200, IDEAL, 8, 1.0, 1.0)
    assert inference.expert_frac(c, 1) == pytest.approx(8 / 256)
    assert inference.expert_frac(c, 4000) == pytest.approx(1.0, abs=1e-12)
    one_token = inference.hbm_bytes(c, 1.0, inference.expert_frac(c, 1), 0, 0)
    assert one_token * 8 == pytest.approx(36.5e9, rel=1e-9)


@pytest.mark.parametrize(
    ("model", "kilobytes"),
    [(LLAMA_8B, 128), (LLAMA_405B, 504), (QWEN_MOE, 188), (GPT_OSS, 72), (DEEPSEEK, 68.625)],
)
def test_kv_bytes_per_token(model, kilobytes):
    """Published KV sizes at two bytes a value."""
    assert coefficients(model, H200, IDEAL, 1, 1.0, 2.0).context_bytes == kilobytes * 1024


def test_latent_cache_is_not_split():
    """Eight GPUs hold the whole latent each, but share eight KV heads."""
    for model, split in ((DEEPSEEK, 1), (LLAMA_405B, 8), (QWEN_MOE, 4)):
        whole, part = (coefficients(model, H200, IDEAL, gpus, 1.0, 1.0).context_bytes for gpus in (1, 8))
        assert whole / part == split


def test_capacity():
    """What the weights leave, over the bytes of a token."""
    tokens = kv_capacity_tokens(LLAMA_8B, H200, 1, 2.0, 2.0, 0.9)
    assert tokens == int((141e9 * 0.9 - 16.06e9) / (128 * 1024))


def test_a_model_that_does_not_fit_says_what_is_missing():
    with pytest.raises(ScenarioError) as caught:
        kv_capacity_tokens(LLAMA_405B, H200, 4, 1.0, 1.0, 0.7)
    assert caught.value.faults[0].found == "11.1 GB are missing on 4 GPUs"


def test_heads_must_split():
    with pytest.raises(ScenarioError, match="divisor of 96"):
        coefficients(GPT_MOE, H200, IDEAL, 5, 1.0, 1.0)


def test_clock_scales_compute_alone():
    c = coefficients(LLAMA_405B, H200, Engine(0.5, 0.6, 0.8, 0.9, 0.8, 1e-3, 30e-6, 5e-6), 8, 1.0, 1.0)
    decode = [iteration_s(c, clock, 4, 4000, 0, 0, 0) for clock in (1.0, 0.5)]
    assert decode[1] == decode[0]  # memory bound
    prefill = [iteration_s(c, clock, 0, 0, 8192, 4, 10**7) for clock in (1.0, 0.5)]
    free = c.overhead_s + inference.link_bytes(c, 8192, 8192) * c.link_s_per_byte
    assert prefill[1] - free == pytest.approx(2.0 * (prefill[0] - free), rel=1e-12)


positive = st.floats(1e-6, 1.0)


@given(
    st.sampled_from(ALL), st.floats(0.1, 1.0), st.integers(0, 512), st.integers(1, 200_000), st.integers(0, 4096),
    st.integers(0, 100_000), st.integers(1, 1000),
)  # fmt: skip
def test_a_run_is_affine(model, clock, requests, context, chunk, prefix, j):
    """Iteration ``j`` of a run lasts the first one plus ``j`` times the growth."""
    c = coefficients(model, H200, Engine(0.5, 0.6, 0.8, 0.9, 0.8, 1e-3, 30e-6, 5e-6), 8, 1.0, 1.0)

    def lasts_s(i):
        pairs = chunk * (prefix + i * chunk) + chunk * (chunk + 1) // 2
        return iteration_s(c, clock, requests, context + i * requests, chunk, 1, pairs)

    affine_s = lasts_s(0) + j * inference.growth_s(c, clock, requests, chunk)
    assert lasts_s(j) == pytest.approx(affine_s, rel=1e-11)


@given(st.sampled_from(ALL), st.integers(1, 256), st.integers(0, 4096), st.floats(0.1, 1.0))
def test_more_work_never_takes_less_time(model, requests, chunk, clock):
    c = coefficients(model, H200, IDEAL, 8, 1.0, 1.0)
    base = iteration_s(c, clock, requests, 1000 * requests, chunk, 1, chunk * chunk)
    assert iteration_s(c, clock, requests + 1, 1000 * requests, chunk, 1, chunk * chunk) >= base
    assert iteration_s(c, clock, requests, 1000 * requests + 1, chunk, 1, chunk * chunk) >= base
    assert iteration_s(c, clock, requests, 1000 * requests, chunk + 1, 1, chunk * chunk) >= base
    assert iteration_s(c, 0.9 * clock, requests, 1000 * requests, chunk, 1, chunk * chunk) >= base


@given(st.sampled_from(ALL), st.integers(1, 256), st.integers(0, 4096), st.floats(0.1, 1.0))
def test_a_group_of_one(model, requests, chunk, clock):
    """What is shared and what is not add up; no feed-forward side, no floor."""
    c = coefficients(model, H200, IDEAL, 8, 1.0, 1.0)
    work = (requests, 1000 * requests, chunk, 1, chunk * chunk)
    tokens = requests + chunk
    parts = inference.shared_s(c, clock, tokens) + inference.rank_s(c, clock, *work)
    assert inference.floor_s(c, clock, tokens) == 0.0
    assert iteration_s(c, clock, *work) == parts


def test_speculation_verifies_on_one_read():
    """Three tokens a sequence: weights and KV are read once, arithmetic is three times as much."""
    plain = coefficients(LLAMA_405B, H200, IDEAL, 8, 1.0, 1.0)
    drafted = coefficients(LLAMA_405B, H200, IDEAL, 8, 1.0, 1.0, verify_tokens=3.0, draft_s=0.01)
    assert inference.context_s(drafted, 1.0) == inference.context_s(plain, 1.0)  # memory bound
    extra_s = iteration_s(drafted, 1.0, 4, 4000, 0, 0, 0) - iteration_s(plain, 1.0, 4, 4000, 0, 0, 0)
    written_s = 8 * plain.token_bytes * plain.weights_s_per_byte
    sent_s = 8 * plain.token_link_bytes * plain.link_s_per_byte
    assert extra_s == pytest.approx(0.01 + written_s + sent_s, rel=1e-9)
    three, one = (inference.flop(c, n, n, 4000, 0, n) for c, n in ((drafted, 12), (plain, 4)))
    assert three == pytest.approx(3 * one, rel=1e-12)
    prefill = (0, 0, 512, 1, 512 * 513 // 2)
    assert iteration_s(drafted, 1.0, *prefill) == iteration_s(plain, 1.0, *prefill)  # nothing is drafted


def test_engine_time_of_sequences():
    """The CPU pays for each sequence and prompt piece."""
    slow = IDEAL._replace(sequence_s=1e-4)
    work = (5, 5000, 100, 2, 5050)
    lasts_s = [iteration_s(coefficients(LLAMA_8B, H200, e, 1, 1.0, 1.0), 1.0, *work) for e in (IDEAL, slow)]
    assert lasts_s[1] - lasts_s[0] == pytest.approx(7e-4)


def test_windowed_layers_do_not_grow():
    """Half of the layers see 128 tokens: beyond them half the growth; as much before; twice the capacity."""
    windowed = GPT_OSS._replace(window_tokens=128, windowed_layers=18)
    full, half = (coefficients(m, H200, IDEAL, 1, 0.5, 1.0) for m in (GPT_OSS, windowed))
    assert inference.growth_s(half, 1.0, 7, 512) == pytest.approx(inference.growth_s(full, 1.0, 7, 512) / 2)
    at_window = [inference.rank_s(c, 1.0, 7, 7 * 128, 0, 0, 0) for c in (full, half)]
    assert at_window[1] == pytest.approx(at_window[0], rel=1e-12)
    assert inference.rank_s(half, 1.0, 7, 7 * 8192, 0, 0, 0) < inference.rank_s(
        full, 1.0, 7, 7 * 8192, 0, 0, 0
    )
    assert inference.rank_s(half, 1.0, 7, 7 * 50, 0, 0, 0) == pytest.approx(
        inference.rank_s(full, 1.0, 7, 7 * 50, 0, 0, 0), rel=1e-12
    )
    read = [inference.hbm_bytes(c, 1.0, 1.0, 7, 7 * 128, 7) for c in (full, half)]
    assert read[1] == pytest.approx(read[0], rel=1e-12)
    work = [inference.flop(c, 7, 7, 7 * 128, 0, 7, 7) for c in (full, half)]
    assert work[1] == pytest.approx(work[0], rel=1e-12)
    tokens = [kv_capacity_tokens(m, H200, 1, 0.5, 1.0, 0.9) for m in (GPT_OSS, windowed)]
    assert tokens[1] == pytest.approx(2 * tokens[0], rel=1e-5)


@given(st.integers(1, 64), st.integers(1, 400), st.integers(0, 512), st.integers(0, 300))
def test_windows_fill_and_then_grow_no_more(requests, context, chunk, prefix):
    """A run that ends where a window is full is affine up to there, and the next one from there."""
    windowed = GPT_OSS._replace(window_tokens=128, windowed_layers=18)
    c = coefficients(windowed, H200, IDEAL._replace(prompt_layer_overhead_s=1e-5), 1, 0.5, 1.0)

    def lasts_s(i):
        pairs = chunk * (prefix + i * chunk) + chunk * (chunk + 1) // 2
        return inference.rank_s(c, 1.0, requests, requests * (context + i), chunk, 1, pairs)

    i = 0
    for _ in range(3):
        pairs = chunk * (prefix + i * chunk) + chunk * (chunk + 1) // 2
        ends = (
            inference.until_full(c.window_tokens, requests, requests * (context + i), requests),
            inference.until_full(c.prompt_window_tokens, chunk, pairs, chunk * chunk),
        )
        growth_s = inference.growth_s(c, 1.0, requests, chunk, *(end < math.inf for end in ends))
        steps = int(min(*ends, 200))
        for j in (0, steps // 2, steps - 1):
            assert lasts_s(i + j) == pytest.approx(lasts_s(i) + j * growth_s, rel=1e-11)
        i += steps
    assert min(ends) == math.inf


def test_sparse_attention_reads_what_its_indexer_picks():
    """Beyond 2,048 tokens only the keys of the indexer grow: 132 bytes a token and layer instead of 576."""
    sparse = DEEPSEEK._replace(sparse_tokens=2048, indexer_heads=64, indexer_dim=128)
    dense, picked = (coefficients(m, H200, IDEAL, 1, 1.0, 1.0) for m in (DEEPSEEK, sparse))
    assert picked.context_bytes == pytest.approx(dense.context_bytes * 132 / 576)

    def decode_s(context):
        return [inference.rank_s(c, 1.0, 64, 64 * context, 0, 0, 0) for c in (dense, picked)]

    def prompt_s(tokens):
        return [inference.rank_s(c, 1.0, 0, 0, tokens, 1, tokens * tokens / 2) for c in (dense, picked)]

    for lasts_s in (decode_s, prompt_s):  # where all tokens are seen an indexer only costs
        assert lasts_s(1024)[0] < lasts_s(1024)[1] < 1.5 * lasts_s(1024)[0]
        assert lasts_s(131072)[1] < 0.6 * lasts_s(131072)[0]
    tokens = [kv_capacity_tokens(m, H200, 8, 1.0, 1.0, 0.9) for m in (DEEPSEEK, sparse)]
    assert tokens[1] == pytest.approx(tokens[0] * 576 / (576 + 132), rel=1e-3)


def test_compiled_as_they_stand():
    """Numba takes every relation on a record of the coefficients, with the same answers."""
    c = coefficients(DEEPSEEK, H200, IDEAL, 8, 1.0, 1.0)
    record = np.array([tuple(c)], dtype=[(name, "f8") for name in Iteration._fields])
    for relation in inference.RELATIONS:
        register_jitable(relation)
    compiled = nb.njit(lambda coef: inference.iteration_s(coef[0], 0.5, 8.0, 8000.0, 100.0, 1.0, 5050.0))
    expected = iteration_s(c, 0.5, 8.0, 8000.0, 100.0, 1.0, 5050.0)
    assert compiled(record) == pytest.approx(expected, rel=1e-14)


def test_degenerate_coefficients():
    assert iteration_s(Iteration(), 1.0, 5, 100, 5, 1, 15) == 0.0
