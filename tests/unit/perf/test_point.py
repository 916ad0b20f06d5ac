"""One point: the words of the command line, and what it says at the edges."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import TwinError
from twin.perf import Configuration, best, point, predict, resolve
from twin.perf.closed_loop import served
from twin.perf.points import written

CHAT: dict[str, Any] = {
    "system": "dgx-h100",
    "gpus": 8,
    "model": "llama-3.1-70b",
    "isl": 1024,
    "osl": 256,
    "concurrency": 64,
}
ENGINES = {
    "dense": Configuration("dgx-h100", "llama-3.1-70b", 8, 1024, 256, 64, tensor=8),
    "windows": Configuration("gb200-nvl72", "gpt-oss-120b", 4, 1024, 256, 64, precision="fp4", tensor=4),
    "wide experts": Configuration(
        "gb200-nvl72", "deepseek-r1", 16, 1024, 256, 64, precision="fp4", experts=16, attention_data=16
    ),
}
BANDWIDTHS = (
    ("weights_s_per_byte", "kv_s_per_byte", "expert_s_per_byte"),
    ("link_s_per_byte", "group_link_s_per_byte", "hop_s_per_byte"),
)
engines = pytest.mark.parametrize("asked", ENGINES.values(), ids=ENGINES)


def refusal(**over: Any) -> str:
    with pytest.raises(TwinError) as caught:
        point(**{**CHAT, **over})
    assert caught.value.exit_code == 2
    assert all(f.where and f.found and f.expected and f.mend for f in caught.value.faults)
    return str(caught.value)


def test_a_given_layout_is_priced_as_it_is() -> None:
    found = point(**CHAT, tp=4)
    assert found == predict(Configuration("dgx-h100", "llama-3.1-70b", 8, 1024, 256, 64, tensor=4))


def test_experts_lie_over_all_ranks_unless_said_otherwise() -> None:
    found = point(**{**CHAT, "system": "gb200-nvl72", "model": "gpt-oss-120b"}, tp=2, dp=4)
    assert written(found.configuration) == "TP 2 DP 4 EP 8"


@pytest.mark.parametrize("model", ["llama-3.1-8b", "gpt-oss-120b"])
def test_the_searched_layout_is_no_slower_than_any_other(model: str) -> None:
    asked = {**CHAT, "model": model}
    found = point(**asked)
    tried = [point(**asked, tp=n).tokens_per_s for n in (2, 4, 8)]
    assert found.tokens_per_s >= max(tried)
    assert found.configuration.gpus == 8


def test_prefill_apart_shares_the_gpus() -> None:
    found = point(**CHAT, tp=4, prefill_gpus=4)
    assert found.prefill is not None
    assert (found.configuration.gpus, found.prefill.gpus) == (4, 4)
    free = point(**CHAT, prefill_gpus=4)
    assert free.tokens_per_s >= found.tokens_per_s


@pytest.mark.parametrize("asked", [{"concurrency": 1}, {"concurrency": 1, "isl": 1, "osl": 1}])
def test_one_request_and_one_token_are_priced(asked: dict[str, float]) -> None:
    found = point(**{**CHAT, **asked}, tp=8)
    assert 1e-3 < found.tpot_s < 1.0
    assert found.ttft_s > 0.0


def test_a_model_that_does_not_fit_says_by_how_much_and_what_would() -> None:
    said = refusal(model="deepseek-r1")
    assert "GB are missing on 8 GPUs" in said
    assert "use a multiple of 16" in said
    said = refusal(gpus=1, tp=1, precision="bf16")
    assert "use a multiple of 2: so many GPUs hold it at bf16 (tensor 2" in said


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"gpus": 128, "tp": 128}, "a divisor of 64 heads"),
        ({"tp": 3}, "a multiple of the 3"),
        ({"model": "gpt-oss-120b", "tp": 8, "ep": 3}, "expert parallel"),
        ({"model": "nope", "system": "foo", "engine": "bar"}, "engine"),
        ({"precision": "fp3"}, "bf16, fp8, fp4 or int4"),
        ({"system": "lpx"}, "Groq LPU"),
        ({"isl": 1e7}, "at most the 131,072 tokens"),
        ({"model": "llama-3.1-8b", "isl": 131_072}, "131,072 tokens in and 256 out"),
        ({"system": "gb200-nvl72", "isl": 1.2e5, "precision": "bf16", "gpus": 1, "tp": 1}, "KV cache"),
        ({"model": "gpt-oss-120b", "gpus": 8, "tp": 2, "dp": 4, "ep": 3}, "write 8"),
        ({"isl": 0}, "1 token or more"),
        ({"concurrency": 0}, "above 0"),
        ({"gpus": 0}, "1 or more"),
        ({"tp": 0}, "1 or more"),
        ({"prefill_gpus": 8}, "0 to 7"),
    ],
)
def test_edges_are_refused_clearly(over: dict[str, Any], words: str) -> None:
    assert words in refusal(**over)


def test_a_context_that_is_only_assumed_is_no_limit() -> None:
    found = point(
        system="gb200-nvl72", gpus=72, model="gpt-moe-1.8t", isl=32_768, osl=1_028, concurrency=64,
        precision="fp4", tp=8, ep=8,
    )  # fmt: skip
    assert found.tpot_s > 0.0


def test_all_unknown_names_are_told_at_once() -> None:
    said = refusal(model="nope", system="foo", engine="bar")
    assert all(name in said for name in ("nope", "foo", "bar"))


@engines
@pytest.mark.parametrize("rates", BANDWIDTHS, ids=["memory", "links"])
@given(share=st.floats(0.05, 1.0))
@settings(max_examples=20, deadline=None)
def test_more_bandwidth_is_never_slower(asked: Configuration, rates: tuple[str, ...], share: float) -> None:
    r = resolve(asked)
    faster = {name: getattr(r.coefficients, name) * share for name in rates}
    quick = served(replace(r, coefficients=r.coefficients._replace(**faster)))
    assert quick.tpot_s <= served(r).tpot_s
    assert quick.ttft_s <= served(r).ttft_s


@engines
@given(isl=st.integers(1, 20_000), more=st.integers(1, 20_000), load=st.integers(1, 64))
@settings(max_examples=30, deadline=None)
def test_more_context_is_never_faster(asked: Configuration, isl: int, more: int, load: int) -> None:
    short, long = (predict(replace(asked, isl=n, concurrency=load)) for n in (isl, isl + more))
    assert long.tpot_s >= short.tpot_s * (1.0 - 1e-12)
    assert long.ttft_s >= short.ttft_s * (1.0 - 1e-12)


def test_json_is_plain() -> None:
    found = json.loads(json.dumps(best(Configuration("dgx-h100", "llama-3.1-8b", 8, 512, 128, 8)).json()))
    assert found["configuration"]["gpus"] == 8
    assert sum(found["parts_s"].values()) == pytest.approx(found["tpot_s"])
