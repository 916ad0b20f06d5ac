"""Requests that come one by one: whom they meet, when prompts start, what a scenario of a point says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import TwinError
from twin.perf import Configuration, at_load, predict
from twin.perf import settings as settings_of
from twin.perf.arrivals import arriving, clumping, met
from twin.perf.closed_loop import iteration_parts, iteration_s
from twin.perf.configuration import resolve

ALONE = Configuration("dgx-h100", "llama-3.1-8b", 1, 2048, 256, 64)
RANKS = Configuration(
    "gb200-nvl72", "deepseek-r1", 36, 8192, 1024, 576, precision="fp4", experts=36, attention_data=36
)
SPLIT = replace(RANKS, gpus=72), replace(RANKS, gpus=8, experts=4, attention_data=4, concurrency=576)


@pytest.mark.parametrize(("mean", "lanes"), [(0.3, 1), (0.3, 4), (3.0, 2), (3.0, 8), (39.0, 3), (41.0, 3)])
def test_whom_a_request_meets(mean: float, lanes: int) -> None:
    """Against drawn arrivals that each stay for one unit of time."""
    rng = np.random.default_rng(5)
    at = np.cumsum(rng.exponential(1.0 / (mean * lanes), 40_000 * lanes))[::lanes]
    gaps = at[None, 1000:-1000] - np.stack([np.roll(at, k)[1000:-1000] for k in range(1, 90)])
    shared = np.maximum(1.0 - gaps, 0.0).sum(axis=0).mean()
    assert met(mean, lanes) == pytest.approx(1.0 + 2.0 * shared, rel=0.03)


def test_an_iteration_reads_its_weights_once() -> None:
    """Prompts that ride with decode cost less than an iteration of their own."""
    r = resolve(ALONE)
    decode_s, prompt_s, both_s = (
        iteration_s(r, 16.0, 0.0),
        iteration_s(r, 0.0, 1.0),
        iteration_s(r, 16.0, 1.0),
    )
    assert decode_s == pytest.approx(sum(iteration_parts(r, 16.0).values()))
    assert max(decode_s, prompt_s) < both_s < 0.95 * (decode_s + prompt_s)


@pytest.mark.parametrize(("slowed_frac", "prompts_frac"), [(0.3, 0.0), (0.6, 0.0), (0.3, 0.3)])
def test_sequences_that_slow_each_other_down_clump(slowed_frac: float, prompts_frac: float) -> None:
    """Against drawn requests that stay for 200 iterations, which last longer by prompts and by those in decode."""
    stay, mean, last = 200, 20.0, 200_000
    rng = np.random.default_rng(3)
    came, batch, seen = [0] * last, mean, np.zeros(last)
    for now in range(stay, last):
        grown = slowed_frac * batch / mean + prompts_frac * came[now - 1] * stay / mean
        came[now] = rng.poisson(mean / stay * (1.0 - slowed_frac - prompts_frac + grown))
        batch = (
            sum(came[now - stay + 1 : now + 1]) if now == 2 * stay else batch + came[now] - came[now - stay]
        )
        seen[now] = batch
    kept = seen[20 * stay :]
    assert kept.mean() == pytest.approx(mean, rel=0.1)
    rest = 1.0 - prompts_frac
    assert kept.var() / kept.mean() == pytest.approx(
        clumping(slowed_frac / rest, prompts_frac / rest), rel=0.15
    )


@pytest.mark.parametrize(("isl", "osl", "share"), [(128, 128, 0.7), (2048, 128, 0.5), (512, 512, 0.8)])
def test_a_replica_drawn_iteration_by_iteration(isl: int, osl: int, share: float) -> None:
    """All prompts that came start with the next iteration; a sequence stays for a token less than it has."""
    found = predict(replace(ALONE, isl=isl, osl=osl, concurrency=512))
    r, per_s, last = resolve(found.configuration), share * found.requests_per_s, 100 * osl + 30_000
    rng, came, batch = np.random.default_rng(11), np.zeros(last), 0.0
    tokens, spent_s, step_s = 0.0, 0.0, sum(iteration_parts(r, 1.0).values())
    for now in range(1, last):
        step_s = iteration_s(r, batch, came[now - 1])
        if now > 10 * osl:
            tokens, spent_s = tokens + batch, spent_s + batch * step_s
        came[now] = rng.poisson(per_s * step_s)
        batch += came[now - 1] - (came[now - osl] if now >= osl else 0.0)
    assert arriving(r, per_s).tpot_s == pytest.approx(spent_s / tokens, rel=0.03)


def test_more_requests_than_an_engine_can_do_fill_it() -> None:
    r = resolve(ALONE)
    found = arriving(r, 50.0 * predict(ALONE).requests_per_s)
    assert found.batch == pytest.approx(r.room_tokens / (2048 + 128), rel=1e-6) or found.batch == 2048
    assert math.isfinite(found.tpot_s)


def test_few_ranks_near_saturation_compute_more_prompts_together() -> None:
    """One launch for all prompts of a turn: those that come while one lasts make the next one cheaper for each."""
    four = replace(RANKS, gpus=4, isl=1024, experts=4, attention_data=4, concurrency=8192)
    r = resolve(replace(four, system="vr-nvl72"))
    rates = 18.0, 25.0
    spent = [arriving(r, rate_per_s).parts_s for rate_per_s in rates]
    each_s = [
        parts["prompts"] / sum(parts.values()) / rate_per_s
        for parts, rate_per_s in zip(spent, rates, strict=True)
    ]
    assert each_s[1] < 0.95 * each_s[0]


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([ALONE, RANKS]), st.floats(0.02, 1.0), st.floats(1.01, 2.0))
def test_more_requests_never_make_a_token_faster(given: Configuration, share: float, more: float) -> None:
    r = resolve(given)
    full = predict(given).requests_per_s
    few, many = (arriving(r, share * full * times / 2.0) for times in (1.0, more))
    assert few.tpot_s <= many.tpot_s * (1.0 + 1e-6)
    assert few.batch < many.batch
    assert sum(few.parts_s.values()) == pytest.approx(few.tpot_s)


def test_one_request_at_a_time_decodes_alone() -> None:
    found = at_load(predict(ALONE), 1e-3)
    assert found.tpot_s == pytest.approx(sum(iteration_parts(resolve(ALONE), 1.0).values()), rel=0.02)


def test_decode_that_is_fed_pays_for_no_prompts() -> None:
    found = at_load(predict(*SPLIT), 0.7)
    assert found.parts_s.get("prompts", 0.0) == 0.0
    assert found.requests_per_s == pytest.approx(0.7 * predict(*SPLIT).requests_per_s)
    assert found.configuration.concurrency < SPLIT[0].concurrency


def test_prefill_apart_becomes_two_pools() -> None:
    wanted = settings_of(predict(*SPLIT))
    assert wanted["serving.pools"]["tokens"] == {"role": "decode", "replicas": 2}
    prompts = wanted["serving.pools"]["prompts"]
    assert (prompts["role"], prompts["replicas"], prompts["attention_data_parallel"]) == ("prefill", 2, 4)
    assert wanted["serving.attention_data_parallel"] == 36


def test_drafts_become_speculation() -> None:
    drafted = predict(replace(ALONE, drafts=3))
    wanted = settings_of(drafted)
    assert wanted["serving.speculation"]["drafts"] == 3
    assert wanted["serving.max_batched_tokens"] >= wanted["serving.max_batch"] * 4
    assert "serving.speculation" not in settings_of(predict(ALONE))


def test_runs_last_longer_where_chance_counts_for_more() -> None:
    """Long prompts at one replica: each more request slows all; one user alone is slowed by nobody."""
    crowded, single = predict(replace(ALONE, isl=8192)), predict(replace(ALONE, concurrency=1))
    lasts_s = [float(settings_of(one)["time.duration"].removesuffix(" s")) for one in (crowded, single)]
    requests = [0.7 * one.requests_per_s * s for one, s in zip((crowded, single), lasts_s, strict=True)]
    assert requests[0] > 5.0 * requests[1] > 400.0
    assert math.isclose(lasts_s[0] % 30.0, 0.0)


def test_a_share_beyond_all_is_refused() -> None:
    with pytest.raises(TwinError, match="share"):
        settings_of(predict(ALONE), 1.2)
