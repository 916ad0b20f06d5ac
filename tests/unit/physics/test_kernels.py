"""Kernel times: by hand where a part rules alone, and properties that hold with every card."""

from __future__ import annotations

import numpy as np
import pytest

from twin import catalog
from twin.catalog import kernels as cards
from twin.errors import CatalogError
from twin.physics.group_kernels import (
    AllToAll,
    Collective,
    Moe,
    all_to_all_s,
    collective_s,
    expert_load,
    moe_s,
)
from twin.physics.kernels import (
    Decode,
    Device,
    Gemm,
    Prefill,
    causal_pairs,
    decode_attention_s,
    gemm_s,
    joined_s,
    prefill_attention_s,
)

UNIT = Device(1.0, 1.0, 1.0, link_bytes_per_s=1.0)
GPUS = ("a100-80g", "h100-sxm", "h200-sxm", "b200-sxm", "b200-gb200", "b300-gb300", "rubin-vr200")
KINDS = {
    "gemm": Gemm, "prefill": Prefill, "mla-prefill": Prefill, "decode": Decode, "mla-decode": Decode, "moe": Moe,
    "nccl": Collective, "all-reduce": Collective, "dispatch": AllToAll, "combine": AllToAll,
}  # fmt: skip


def _cards(*operations: str) -> list[catalog.Card]:
    every = (catalog.get("kernel", name) for name in catalog.names("kernel"))
    return [card for card in every if card.operation.startswith(operations)]


def _constants(card: catalog.Card) -> tuple[float, ...]:
    kind = next(k for name, k in KINDS.items() if card.operation.startswith(name))
    return kind(*(float(getattr(card, field)) for field in kind._fields))


def test_joined_is_between_the_longest_and_the_sum() -> None:
    for sharpness in (1.0, 2.0, 7.0, 25.0):
        assert 4.0 <= float(joined_s(sharpness, 3.0, 4.0, 0.0)) <= 7.0
    assert float(joined_s(25.0, 1e-300, 0.0)) >= 0.0


def test_gemm_counts_whole_tiles_and_waves() -> None:
    c = Gemm(0.0, 0.0, 1.0, 1e9, 25.0, 0.0, 0.0, 0.0, 0.0, 4, 8, 8, 1.0)
    two = UNIT._replace(processors=2.0)
    # 9 rows take tiles of 8: two by one; 17 columns three: six tiles, three waves of two.
    assert float(gemm_s(c, two, 9.0, 17.0, 10.0, 0.0, 0.0)) == pytest.approx(2 * 8 * 8 * 10 * 3 * 2)
    assert float(gemm_s(c, two, 3.0, 8.0, 10.0, 0.0, 0.0)) == pytest.approx(
        2 * 4 * 8 * 10 * 2
    )  # one wave, half idle


def test_gemm_reads_weights_and_quantises_its_input() -> None:
    c = Gemm(1.0, 0.0, 1e30, 0.5, 1.0, 0.0, 0.0, 7.0, 3.0, 1, 1, 1, 0.0)
    moved = (5 * 3 + 2 * 3) * 1.0 + 2 * 5 * 2.0
    assert float(gemm_s(c, UNIT, 2.0, 5.0, 3.0, 1.0)) == pytest.approx(1 + moved / 0.5 + 7 * 2 + 3 * 2 * 3)


def test_pairs_of_a_prompt() -> None:
    assert [float(causal_pairs(float(n))) for n in (0, 1, 5)] == [0, 1, 15]
    assert float(causal_pairs(5.0, 3.0)) == 1 + 2 + 3 + 3 + 3


def test_prefill_in_two_chunks_has_the_pairs_of_one() -> None:
    c = Prefill(0.0, 1.0, 1e30, 1.0, 0.0, 0.0, 1.0, 1)
    whole = float(prefill_attention_s(c, UNIT, 1.0, 6.0, 1.0, 1.0, 1.0, 1.0))
    parts = [float(prefill_attention_s(c, UNIT, 1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 0.0, p)) for p in (0.0, 3.0)]
    assert whole == pytest.approx(4 * (21 + 3)) and sum(parts) == pytest.approx(whole)


def test_decode_reads_what_the_cache_does_not_hold() -> None:
    c = Decode(0.0, 1e30, 64, 1.0, 0.5, 1.0, 2.0, 0.5, 1.0, 3.0, 0.0, 0.0, 0.0, 1.0)
    on = UNIT._replace(cache_bytes=100.0)
    warm, between, cold = (
        float(decode_attention_s(c, on, 1.0, s, 1.0, 1.0, 1.0)) for s in (50.0, 75.0, 100.0)
    )
    assert (warm, between, cold) == pytest.approx((25.0, 0.5 * 37.5 + 0.5 * (150.0 + 3.0), 203.0))
    assert float(decode_attention_s(c, UNIT, 1.0, 50.0, 1.0, 1.0, 1.0)) == pytest.approx(
        103.0
    )  # swept by others


@pytest.mark.parametrize(
    ("tokens", "active", "experts", "ranks"), [(1, 8, 256, 8), (64, 4, 128, 1), (4096, 2, 8, 4)]
)
def test_experts_are_never_touched_more_than_they_can_be(
    tokens: int, active: int, experts: int, ranks: int
) -> None:
    for exponent in (0.0, 1.01, 1.2):
        load = expert_load(tokens, active, experts, ranks, exponent, 16)
        assert 0 < load.touched <= min(experts / ranks, load.pairs + 1) and load.pairs <= load.rows
        assert load.pairs <= tokens * active + experts  # rounding adds one an expert at most
    assert expert_load(tokens, active, experts, ranks, 1.2).pairs >= 0.99 * tokens * active / ranks


def test_popular_experts_keep_every_pair() -> None:
    assert expert_load(512, 8, 128, 1, 1.2).pairs == pytest.approx(512 * 8, rel=0.02)


def test_moe_reads_touched_experts() -> None:
    c = Moe(1.0, 1e30, 0.5, 1.0, 0.0, 2.0, 0.0, 0.0, 1, 1)
    load = expert_load(1, 2, 8)
    assert float(moe_s(c, UNIT, load, 1.0, 10.0, 20.0, 0.5)) == pytest.approx(1 + 2 * 600 * 0.5 / 0.5 + 2 * 2)


def test_collectives_by_hand() -> None:
    c = Collective(1.0, 0.5, 0.1, 100.0, 0.0, 0.5, 0.0, 25.0, 2.0)
    assert float(collective_s(c, UNIT, "all_gather", 4.0, 4.0)) == pytest.approx(2.0 + 3.0 / 0.1)
    assert float(collective_s(c, UNIT, "all_gather", 4.0, 4.0, True)) == pytest.approx(4.0 + 3.0 / 0.1)
    assert float(collective_s(c, UNIT, "all_reduce", 4.0, 4e6)) == pytest.approx(102.0 + 6e6 / 0.5)
    assert float(collective_s(c, UNIT, "one_shot_all_reduce", 4.0, 1.0)) == pytest.approx(2.0 + 3.0 / 0.1)


def test_a_token_travels_once_to_each_gpu() -> None:
    c = AllToAll(0.0, 1.0, 1.0, 0.0, 1.0, 1.0)
    assert float(all_to_all_s(c, UNIT, 2.0, 1.0, 8.0, 2.0)) == pytest.approx(1.0 + 2 * 8 * 1.5)


@pytest.mark.parametrize("card", _cards("gemm"), ids=lambda c: c.name)
def test_gemm_is_never_faster_for_more_work_or_less_bandwidth(card: catalog.Card) -> None:
    c, on = _constants(card), cards.device(catalog.get("gpu", "h200-sxm"))
    sizes = np.unique(np.geomspace(1, 16384, 200).astype(int)).astype(float)
    for rows, columns, depth in ((sizes, 4096.0, 4096.0), (64.0, sizes, 4096.0), (64.0, 4096.0, sizes)):
        times = gemm_s(c, on, rows, columns, depth, 1.0)
        assert (times > 0).all() and (np.diff(times) >= -1e-12 * times[1:]).all()
        assert (gemm_s(c, on._replace(memory_bytes_per_s=2e12), rows, columns, depth, 1.0) >= times).all()


@pytest.mark.parametrize("card", _cards("decode", "mla-decode"), ids=lambda c: c.name)
@pytest.mark.parametrize("is_repeated", [False, True])
def test_more_context_is_never_faster(card: catalog.Card, is_repeated: bool) -> None:
    c, on = _constants(card), cards.device(catalog.get("gpu", "b200-sxm"), is_repeated=is_repeated)
    context = np.geomspace(1, 131072, 400)
    for batch in (1.0, 64.0, 1024.0):
        times = decode_attention_s(c, on, batch, context, 16.0, 2.0, 1024.0)
        assert (np.diff(times) >= -1e-9 * times[1:]).all()
        slow = on._replace(memory_bytes_per_s=4e12)
        assert (decode_attention_s(c, slow, batch, context, 16.0, 2.0, 1024.0) >= times).all()


@pytest.mark.parametrize("card", _cards("nccl", "all-reduce"), ids=lambda c: c.name)
def test_more_bytes_are_never_faster(card: catalog.Card) -> None:
    c, on = _constants(card), cards.device(catalog.get("gpu", "h100-sxm"))
    operation = card.operation.removeprefix("nccl-").replace("-", "_")
    known = operation if card.operation.startswith("nccl") else "one_shot_all_reduce"
    for gpus in (2.0, 8.0, 72.0):
        assert (np.diff(collective_s(c, on, known, gpus, np.geomspace(1, 1e10, 200))) >= 0).all()


@pytest.mark.parametrize("gpu", GPUS)
def test_every_gpu_people_run_can_be_priced(gpu: str) -> None:
    card = catalog.get("gpu", gpu)
    for operation, precision in (
        ("gemm", "bf16"),
        ("prefill", "bf16-kv-bf16"),
        ("decode", "bf16-kv-bf16"),
        ("moe", "bf16"),
    ):
        found = cards.measured(card, operation, precision)
        assert 0 < found.band_frac < 2.5 and found.read(KINDS[operation])[0] > 0
    assert cards.device(card).flop_per_s > 1e14


def test_inherited_constants_have_a_wider_band() -> None:
    own = cards.measured(catalog.get("gpu", "b200-sxm"), "decode", "bf16-kv-fp8")
    heir = cards.measured(catalog.get("gpu", "b300-gb300"), "decode", "bf16-kv-fp8")
    assert heir.is_inherited and not own.is_inherited
    assert heir.band_frac == pytest.approx(cards.INHERITED_BAND * own.band_frac)


def test_an_unmeasured_kernel_is_refused_with_what_there_is() -> None:
    with pytest.raises(CatalogError, match="no kernel constants for gemm int4 on h100-sxm"):
        cards.measured(catalog.get("gpu", "h100-sxm"), "gemm", "int4")
    with pytest.raises(CatalogError, match="Ampere, Hopper"):
        cards.measured(catalog.get("gpu", "v100-16g"), "gemm", "bf16")
    with pytest.raises(CatalogError, match="fp8_dense"):
        cards.device(catalog.get("gpu", "a100-80g"), "fp8")
    with pytest.raises(CatalogError, match="unknown precision"):
        cards.device(catalog.get("gpu", "a100-80g"), "int3")
