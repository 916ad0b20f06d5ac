"""A config.json becomes a card: shapes, counts, what is refused; and all cards against published totals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twin import catalog
from twin.catalog.huggingface import card_of, find, read, weight_bits
from twin.catalog.parts import attention_params, kv_bytes_per_token, layers, parts, table, unpriced
from twin.errors import CatalogError

DOCS = Path(__file__).parents[3] / "docs" / "models.md"
NAMES = catalog.names("llm")
BASE = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}
MOE = {"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768}
LATENT = {
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
}
LINEAR = {
    "linear_num_key_heads": 16,
    "linear_key_head_dim": 128,
    "linear_num_value_heads": 32,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
}
MAMBA = {"mamba_num_heads": 64, "mamba_head_dim": 64, "n_groups": 8, "ssm_state_size": 128}


def card(**changes: Any) -> catalog.Card:
    return card_of({**BASE, **changes}, "mine")


@pytest.mark.parametrize("name", NAMES)
def test_counts_agree_with_the_card_and_with_what_was_published(name: str) -> None:
    llm = catalog.get("llm", name)
    found = parts(llm)
    assert found.total == pytest.approx(llm.params, rel=0.002)
    assert found.active == pytest.approx(llm.active_params, rel=0.01)
    assert attention_params(llm) == pytest.approx(llm.attention_params_per_layer, rel=0.005)
    rounded_by_makers = 0.03 if name.startswith("kimi-k2") else 0.02
    assert found.total == pytest.approx(llm.published_params, rel=rounded_by_makers)


@pytest.mark.parametrize("name", [n for n in NAMES if catalog.get("llm", n).get("published_active_params")])
def test_active_parameters_are_the_published_ones_but_for_the_embedding(name: str) -> None:
    llm = catalog.get("llm", name)
    found = parts(llm)
    low, high = found.active, found.active + found.head
    slack = 0.6e9 + 0.05 * llm.published_active_params  # makers round to whole billions
    assert low - slack <= llm.published_active_params <= high + slack


@pytest.mark.parametrize("name", NAMES)
def test_layers_of_a_card_add_up(name: str) -> None:
    llm = catalog.get("llm", name)
    count = layers(llm)
    blocks = count.kv + count.state + count.moe + count.dense
    assert blocks in {2 * llm.layers, llm.layers}  # two halves a layer, or one block each (Nemotron-H)
    assert count.windowed < count.kv
    assert (llm.get("experts", 0) > 0) == (count.moe > 0)


def test_the_page_of_models_shows_the_catalog() -> None:
    wanted = table(catalog.get("llm", name) for name in NAMES)
    assert wanted in DOCS.read_text(encoding="utf-8"), f"put this table into {DOCS}:\n{wanted}"


def test_queries_keys_and_values() -> None:
    assert (card().kv_heads, card().head_dim) == (
        32,
        128,
    )  # as many key heads as queries where nothing is said
    assert card(num_key_value_heads=8).kv_bytes_per_token_per_layer == 4096
    assert card(model_type="gpt_bigcode", multi_query=True).kv_heads == 1
    assert card(num_key_value_heads=8, head_dim=64).kv_bytes_per_token_per_layer == 2048
    assert card(num_key_value_heads=8).params == pytest.approx(
        catalog.get("llm", "llama-3.1-8b").params, rel=1e-3
    )


def test_latent_attention_and_its_indexer() -> None:
    plain = card(**LATENT)
    assert plain.kv_bytes_per_token_per_layer == 2 * (512 + 64)
    assert plain.get("kv_heads") is None
    indexed = card(**LATENT, index_topk=2048, index_n_heads=64, index_head_dim=128)
    more = indexed.attention_params_per_layer - plain.attention_params_per_layer
    assert more == 1536 * 64 * 128 + 4096 * (128 + 64)
    assert not list(unpriced(indexed))


@pytest.mark.parametrize(
    ("changes", "window", "windowed"),
    [
        ({}, None, None),
        ({"model_type": "mistral", "sliding_window": 4096}, 4096, 32),
        ({"sliding_window": 4096, "use_sliding_window": False}, None, None),
        ({"sliding_window": 131072}, None, None),  # no shorter than the context
        (
            {
                "model_type": "qwen2",
                "sliding_window": 4096,
                "use_sliding_window": True,
                "max_window_layers": 28,
            },
            4096,
            4,
        ),
        ({"model_type": "gpt_oss", "sliding_window": 128}, 128, 16),
        ({"model_type": "gemma2", "sliding_window": 4096}, 4096, 16),
        ({"model_type": "gemma3_text", "sliding_window": 1024}, 1024, 27),
        ({"sliding_window": 512, "layer_types": ["full_attention", *["sliding_attention"] * 31]}, 512, 31),
        (
            {"model_type": "llama4_text", "attention_chunk_size": 8192, "intermediate_size_mlp": 16384},
            8192,
            24,
        ),
        ({"attention_chunk_size": 8192, "no_rope_layers": [1, 1, 1, 1, 1, 1, 1, 0] * 4}, 8192, 28),
    ],
)
def test_windows(changes: dict[str, Any], window: int | None, windowed: int | None) -> None:
    found = card(**changes)
    assert (found.get("sliding_window"), found.get("windowed_layers")) == (window, windowed)


@pytest.mark.parametrize(
    ("changes", "moe", "first_dense"),
    [
        (MOE, 32, 0),
        ({**MOE, "first_k_dense_replace": 3, "moe_layer_freq": 1}, 29, 3),
        ({**MOE, "moe_layer_freq": [0, *[1] * 31]}, 31, 1),
        ({**MOE, "decoder_sparse_step": 2}, 16, 1),
        ({**MOE, "mlp_only_layers": [5, 6]}, 30, 0),
        ({**MOE, "model_type": "llama4_text", "interleave_moe_layer_step": 2}, 16, 1),
        ({**MOE, "model_type": "llama4_text", "moe_layers": [1, 3, 5]}, 3, 1),
        ({"num_local_experts": 8, "num_experts_per_tok": 2}, 32, 0),
    ],
)
def test_which_layers_have_experts(changes: dict[str, Any], moe: int, first_dense: int) -> None:
    found = card(intermediate_size_mlp=16384, **changes)
    assert (layers(found).moe, layers(found).dense) == (moe, 32 - moe)
    assert found.get("first_dense_layers", 0) == first_dense


def test_widths_of_experts() -> None:
    assert card(num_local_experts=8, num_experts_per_tok=2).moe_ffn == 14336  # Mixtral has no other width
    fine = card(**MOE, n_shared_experts=2)
    assert parts(fine).shared == 32 * 3 * 4096 * 2 * 768
    wide = card(**MOE, shared_expert_intermediate_size=4096)
    assert (wide.shared_experts, wide.shared_ffn) == (1, 4096)
    llama = card(
        **{**MOE, "moe_intermediate_size": None}, model_type="llama4_text", intermediate_size_mlp=16384
    )
    assert (llama.moe_ffn, llama.shared_experts, parts(llama).dense) == (14336, 1, 0.0)
    latent = card(**MOE, moe_latent_size=1024)
    assert parts(latent).experts == 32 * 128 * 3 * 1024 * 768
    assert parts(latent).routers == 32 * (4096 * 128 + 2 * 4096 * 1024)


def test_drafting_layers_and_tied_heads_stay_out_of_the_total() -> None:
    drafting = card(num_nextn_predict_layers=1)
    assert drafting.mtp_layers == 1
    assert drafting.params == card().params
    assert parts(drafting).mtp > 0
    assert card().params - card(tie_word_embeddings=True).params == 4096 * 128256
    assert card(model_type="gemma3_text").tied_embeddings == 1


def test_linear_attention_keeps_a_state_and_only_some_layers_have_kv() -> None:
    found = card(model_type="qwen3_5_text", num_key_value_heads=2, head_dim=256, **LINEAR)
    assert (layers(found).kv, layers(found).state) == (8, 24)
    assert found.query_gate == 1
    assert found.state_bytes_per_layer == 4 * 32 * 128 * 128 + 2 * 3 * (2 * 2048 + 4096)
    assert kv_bytes_per_token(found) == 8 * 2 * 2 * 256 * 2
    half = card(model_type="qwen3_next", mamba_ssm_dtype="bfloat16", **LINEAR)
    assert half.state_bytes_per_layer < found.state_bytes_per_layer
    listed = ["linear_attention", "full_attention"] * 16
    assert layers(card(model_type="qwen3_next", layer_types=listed, **LINEAR)).kv == 16


def test_blocks_of_nemotron_h() -> None:
    found = card(model_type="nemotron_h", hybrid_override_pattern="ME*EM-", **MOE, **MAMBA)
    assert tuple(layers(found)) == (1, 2, 0, 2, 1)
    assert (found.layers, found.ffn_matrices) == (6, 2)
    assert found.state_params_per_layer == 4096 * (2 * 4096 + 2 * 8 * 128 + 64 + 4096)
    spelled = card(model_type="nemotron_h", layers_block_type=["mamba", "mlp", "attention"], **MAMBA)
    assert tuple(layers(spelled)) == (1, 1, 0, 0, 1)


@pytest.mark.parametrize(
    ("changes", "where", "found"),
    [
        ({"model_type": "deepseek_v4"}, "model_type", "compressed"),
        ({"compress_ratios": [4, 128]}, "compress_ratios", "compressed"),
        ({"block_configs": [{}]}, "block_configs", "differ"),
        ({"num_key_value_heads": [8, 4]}, "num_key_value_heads", "[8, 4]"),
        ({"model_type": "qwen3_next"}, "linear_num_key_heads", "None"),
        ({"model_type": "bamba", "mamba_n_heads": 8}, "mamba_n_heads", "recurrence"),
        ({"linear_attn_config": {"period": 4}}, "linear_attn_config", "linear attention"),
        ({"layer_types": ["lightning"] * 32}, "layer_types", "lightning"),
        ({"layer_types": ["full_attention"] * 3}, "layer_types", "3 entries"),
        ({"model_type": "nemotron_h", **MAMBA}, "hybrid_override_pattern", "''"),
        ({"model_type": "nemotron_h", "hybrid_override_pattern": "M?*"}, "hybrid_override_pattern", "M?*"),
        ({**LATENT, "qk_rope_head_dim": None}, "qk_rope_head_dim", "nothing"),
        ({"head_dim": 192, "v_head_dim": 128}, "v_head_dim", "128"),
        ({**MOE, "num_experts_per_tok": None}, "num_experts_per_tok", "0"),
        ({"intermediate_size": None}, "intermediate_size", "nothing"),
        ({"hidden_size": None}, "hidden_size", "nothing"),
        ({"is_encoder_decoder": True}, "is_encoder_decoder", "encoder"),
        ({"hidden_size": 8}, "hidden", "8"),
        ({"quantization_config": {"quant_method": "gptq", "bits": "four"}}, "", "four"),
    ],
)
def test_what_no_card_can_carry_is_refused(changes: dict[str, Any], where: str, found: str) -> None:
    with pytest.raises(CatalogError) as caught:
        card(**changes)
    fault = next(f for f in caught.value.faults if f.where == where)
    assert found in fault.found
    assert fault.expected
    assert fault.mend


INT4 = {"config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 32, "type": "int"}}}}


@pytest.mark.parametrize(
    ("scheme", "bits"),
    [
        ({}, (16, 16, 16)),
        ({"quant_method": "fp8"}, (8, 8, 8)),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, (8.002, 8.002, 8.002)),
        ({"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]}, (16, 16, 4.25)),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]}, (4.5, 4.5, 4.5)),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["layers.0.self_attn*"]},
            (16, 4.5, 4.5),
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["visual.0.self_attn.q"]},
            (4.5, 4.5, 4.5),
        ),
        ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}, (None, None, None)),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, (4.125, 4.125, 4.125)),
        ({"quant_method": "compressed-tensors", **INT4}, (4.5, 4.5, 4.5)),
        ({"quant_method": "compressed-tensors", **INT4, "ignore": ["re:.*shared_experts.*"]}, (16, 16, 4.5)),
    ],
)
def test_bits_of_stored_weights(scheme: dict[str, Any], bits: tuple[float | None, ...]) -> None:
    found = weight_bits({"torch_dtype": "bfloat16", "quantization_config": scheme}, True)
    names = ("attention_bits", "ffn_bits", "expert_bits")
    assert tuple(found.get(name) for name in names) == pytest.approx(bits, abs=1e-3)


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    folder = tmp_path / "My-Model"
    folder.mkdir()
    whole = {"model_type": "some_vl", "vision_config": {}, "text_config": BASE, "tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(whole))
    by_file, by_folder = read(folder / "config.json"), find(str(folder))
    assert by_file == by_folder
    assert (by_file.name, by_file.tied_embeddings) == ("My-Model", 1)
    assert "Text model only" in by_file.note
    assert by_file.source_of("layers").text.endswith("config.json")
    assert all(all(row) for row in by_file.table())
    (folder / "hf_quant_config.json").write_text(json.dumps({"quantization": {"quant_algo": "NVFP4"}}))
    assert read(folder).attention_bits == 4.5


@pytest.mark.parametrize("text", ["{", "[1, 2]", "null"])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CatalogError) as caught:
        find(str(tmp_path / "config.json"))
    assert caught.value.faults[0].file.endswith("config.json")
    with pytest.raises(CatalogError):
        read(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("deepseek-r1", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-r1"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("Qwen/Qwen3-235B-A22B-FP8", "qwen3-235b-a22b"),
        ("DeepSeek-V3/R1", "deepseek-v3"),
        ("llama-2-70b", "llama-2-70b"),
    ],
)
def test_a_model_is_found_by_any_of_its_names(written: str, name: str) -> None:
    assert find(written).name == name


def test_a_hub_name_belongs_to_one_card() -> None:
    names = [
        n.strip() for c in NAMES for n in catalog.get("llm", c).get("hub_names", "").split(",") if n.strip()
    ]
    assert len(names) == len(set(names))
    with pytest.raises(CatalogError, match="unknown llm"):
        find("nobody/nothing-7b")
