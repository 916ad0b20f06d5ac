"""The ledger: goals on what fits had not seen, its page and its bands are current, every row is accounted for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from twin.errors import TwinError
from twin.perf import Configuration, bands, ledger, ledger_text, measurements, published, resolve
from twin.perf.closed_loop import served

PAGE = Path(__file__).parents[3] / "docs" / "performance-ledger.md"
ROW = {
    "backend": "trtllm", "model_path": "deepseek-ai/DeepSeek-R1", "system": "b200_sxm", "precision": "fp4",
    "mode": "agg", "isl": "1024", "osl": "1024", "tp_size": "8", "moe_tp_size": "1", "moe_ep_size": "8",
    "batch_size": "64", "concurrency": "64", "measured_by": "csv dump (InferenceX-like)",
}  # fmt: skip
APART = {
    **ROW, "mode": "disagg", "system": "gb200", "batch_size": "", "concurrency": "512",
    "prefill_tp_size": "4", "prefill_moe_ep_size": "4", "decode_tp_size": "8", "decode_moe_ep_size": "8",
}  # fmt: skip


@pytest.fixture(scope="module")
def built() -> ledger.Ledger:
    return ledger.build()


def test_goals_on_unseen_groups(built: ledger.Ledger) -> None:
    unseen = built.whole["unseen configuration groups"]
    assert unseen.tpot.median_frac <= 0.10 and unseen.tpot.p90_frac <= 0.35
    assert unseen.ttft.median_frac <= 0.25
    assert built.whole["of them InferenceX"].tpot.median_frac <= 0.12
    assert built.whole["unseen models"].tpot.median_frac <= 0.20


def test_goal_on_published_throughputs(built: ledger.Ledger) -> None:
    whole = next(one for one in built.published if one.name == "all")
    assert whole.errors.median_frac <= 0.15 and whole.rows > 150


def test_every_run_is_priced_or_refused(built: ledger.Ledger) -> None:
    rows = measurements.rows_of(ledger.DATA / "serving.csv.gz")
    assert built.whole["calibrated on"].runs + sum(built.refused["runs"].values()) == len(rows)
    for held in built.tables.values():
        assert sum(entry.runs for entry in held) == built.whole["calibrated on"].runs
    json.dumps(built.json(), allow_nan=False)


def test_page_is_current(built: ledger.Ledger) -> None:
    assert PAGE.read_text() == ledger_text.markdown(built), "run python -m tests.validation write"


def test_bands_are_current_and_hold_four_of_five() -> None:
    held, _ = ledger.lines(lambda asked: f"fold {asked.fold}")
    kept = json.loads(bands.FILE.read_text())["bands"]
    fresh = ledger.learned(held)
    assert kept.keys() == fresh.keys()
    for key, quantities in fresh.items():
        for name, ends in quantities.items():
            assert kept[key][name] == pytest.approx(ends, rel=0.01), "run python -m tests.validation write"
    inside = [
        kept[f"{x.family}|{x.engine}"]["tpot_s"][0]
        <= 1 / x.tpot
        <= kept[f"{x.family}|{x.engine}"]["tpot_s"][1]
        for x in held
    ]
    assert sum(inside) / len(inside) == pytest.approx(0.8, abs=0.02)


def test_bands_of_gpus_that_inherit_constants_are_wider() -> None:
    def low_to_high(system: str) -> float:
        r = resolve(Configuration(system, "qwen3-32b", 1, 1024, 1024, 16))
        low, high = bands.band_of(r, served(r))["tpot_s"]
        return high / low

    assert low_to_high("gb300-nvl72") == pytest.approx(low_to_high("gb200-nvl72") ** 2)


def test_a_fit_replaces_constants_only() -> None:
    one, other = ledger.fit("fold 0", "vllm"), ledger.fit("fold 1", "vllm")
    assert one.blackwell_layer_overhead_s != other.blackwell_layer_overhead_s
    assert one.request_overhead_s == other.request_overhead_s
    assert ledger.fit("without a-model-never-measured", "vllm") is not one


def test_groups_are_dealt_whole() -> None:
    asked = measurements.read("runs", ROW)
    twin_model = measurements.read(
        "runs", {**ROW, "model_path": "deepseek-ai/DeepSeek-V3", "batch_size": "4"}
    )
    assert asked.group == twin_model.group and asked.fold == twin_model.fold
    assert asked.group.startswith("b200-sxm|deepseek-r1|fp4|agg|trtllm|1024|1024")


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (("64", "1", "8", "8"), (8, 1, 8)),  # tensor size multiplied by the expert size
        (("1", "64", "8", "8"), (1, 8, 8)),
        (("4", "4", "1", "16"), (1, 4, 4)),  # a flag of data parallel attention became a factor
        (("1", "8", "1", "8"), (1, 8, 8)),
        (("8", "", "8", "1"), (8, 1, 1)),
        (("2", "0", "0", "0"), (2, 1, 1)),
    ],
)
def test_layouts_are_put_in_order(sizes: tuple[str, ...], expected: tuple[int, int, int]) -> None:
    names = ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    assert measurements.layout_of(dict(zip(names, sizes, strict=True)), "", True) == expected


LLAMA = {
    **ROW, "model_path": "meta-llama/Llama-3.1-70B", "precision": "fp8", "tp_size": "4", "moe_ep_size": "",
    "batch_size": "16", "concurrency": "16",
}  # fmt: skip


@pytest.mark.parametrize(
    ("over", "is_held"),
    [
        ({}, True),
        ({"system": "h200_sxm"}, True),
        ({"tp_size": "8"}, False),
        ({"osl": "8192"}, False),
        ({"backend": "vllm"}, False),
        ({"model_path": "Qwen/Qwen3-32B"}, False),
        ({"measured_by": "NVIDIA"}, False),
        ({"backend": "sglang"}, True),
        ({"backend": "sglang", "system": "h200_sxm"}, False),
        ({"backend": "sglang", "measured_by": "NVIDIA"}, False),
    ],
)
def test_recipes_that_hold_prompts_back(over: dict[str, str], is_held: bool) -> None:
    assert measurements.read("runs", {**LLAMA, **over}).configuration.is_polled is is_held


def test_holding_prompts_back_costs_first_tokens_only() -> None:
    base = measurements.read("runs", LLAMA).configuration
    held, at_once = (resolve(replace(base, is_polled=is_held)) for is_held in (True, False))
    waited_s = served(held).ttft_s - served(at_once).ttft_s
    decode_s = served(held).tpot_s - served(held).parts_s["prompts"]
    assert served(held).tpot_s == served(at_once).tpot_s
    assert waited_s == pytest.approx(held.constant("poll_iterations") * decode_s)
    few = replace(base, engine="sglang", concurrency=4.0)
    early_s = (
        served(resolve(replace(few, is_polled=True))).ttft_s
        - served(resolve(replace(few, is_polled=False))).ttft_s
    )
    assert early_s > 0.0


def test_prompts_ahead_pay_their_share_of_launches() -> None:
    r = resolve(measurements.read("runs", LLAMA).configuration)
    slow = r.coefficients._replace(prompt_overhead_s=r.coefficients.prompt_overhead_s + 0.1)
    more_s = served(replace(r, coefficients=slow)).ttft_s - served(r).ttft_s
    # its own launch, and an eighth of one for each of 1,024 tokens ahead
    least_s = 0.1 * (1.0 + 0.5 * r.constant("burst") * 16 / 8)
    assert least_s < more_s < 3.0 * least_s


def test_a_prompt_pays_a_launch_for_each_chunk() -> None:
    def launches(isl: int, concurrency: int) -> float:
        row = {**LLAMA, "isl": str(isl), "batch_size": str(concurrency), "concurrency": str(concurrency)}
        r = resolve(measurements.read("runs", row).configuration)
        slow = r.coefficients._replace(prompt_overhead_s=r.coefficients.prompt_overhead_s + 1.0)
        return served(replace(r, coefficients=slow)).parts_s["prompts"] - served(r).parts_s["prompts"]

    assert launches(4 * 8192, 1) == pytest.approx(4.0 / 1024)
    # short ones share: fewer iterations have prompts than there are prompts
    assert 0.5 * 0.125 < launches(128, 128) < 0.125


def test_workers_are_inferred_from_all_gpus() -> None:
    asked = measurements.read("runs", {**APART, "num_total_gpus": "28"})
    assert asked.prefill is not None
    assert (asked.prefill.gpus, asked.configuration.gpus) == (4, 24)
    stated = measurements.read("runs", {**APART, "prefill_num_workers": "2", "decode_num_workers": "1"})
    assert stated.prefill is not None and (stated.prefill.gpus, stated.configuration.gpus) == (8, 8)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (APART, "numbers of prefill and decode workers not stated"),
        ({**APART, "num_total_gpus": "7"}, "numbers of prefill and decode workers not stated"),
        ({**ROW, "tp_size": "28", "moe_ep_size": "1"}, "counts the GPUs of several engines"),
        ({**ROW, "batch_size": "", "concurrency": ""}, "neither batch nor concurrency stated"),
        ({**ROW, "isl": "long"}, "'long' is no number"),
        ({**ROW, "tp_size": "3", "moe_ep_size": "1"}, "does not divide the heads"),
        ({**ROW, "model_path": ""}, "model not stated"),
        ({**ROW, "osl": "0"}, "osl: 0.0 (expected 1 token or more)"),
        ({**ROW, "system": "tpu"}, "tpu"),
        ({**ROW, "model_path": "no/such-model"}, "no/such-model"),
        ({**ROW, "backend": "lmdeploy"}, "lmdeploy"),
    ],
)
def test_a_run_that_cannot_be_priced_says_why(row: dict[str, str], reason: str) -> None:
    with pytest.raises(TwinError) as error:
        asked = measurements.read("runs", row)
        resolve(asked.configuration)
    assert reason in measurements.reason(error.value)


def test_published_layout_is_searched_only_where_it_is_not_stated() -> None:
    row = {
        "generation": "H100", "system": "DGX H100", "gpus": "8", "model": "Llama-3.1-8B", "precision": "fp8",
        "isl": "1000", "osl": "1000", "concurrency": "all requests queued (max load)", "parallelism": "TP1",
        "framework": "TensorRT-LLM v1.0", "scenario": "trtllm-bench throughput", "metric": "output_tokens_per_s",
    }  # fmt: skip
    load = published.read(row)
    assert load.layouts == ((1, 1, 1),)
    _, stated = published.price(load)
    _, searched = published.price(published.read({**row, "parallelism": ""}))
    assert searched >= stated
    limited, slow = published.price(load._replace(tpot_limit_s=0.01))
    assert slow < stated and limited.tpot_s <= 0.01


def test_a_queue_in_front_of_an_engine_does_not_raise_its_output() -> None:
    base = Configuration("h100-sxm", "llama-3.1-8b", 1, 1000, 1000, 1.0, is_offline=True)
    room = resolve(base).room_tokens / 2000.0
    load = published.Load(base, ((1, 1, 1),), None, None)
    got, _ = published.price(load)
    assert got.batch == pytest.approx(room)
    assert replace(base, concurrency=got.batch) == got.configuration
