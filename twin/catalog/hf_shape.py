"""The shape of a network as its Hugging Face ``config.json`` tells it, in the words of a model card.

One family names a thing one way, another differently: the names are listed here once, and what no card can say
(layers that differ in heads, compressed caches, recurrences of an unknown form) is refused rather than guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.errors import Fault

_NAMES = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads"),
    "head_dim": ("head_dim", "kv_channels"),
    "vocabulary": ("vocab_size",),
    "max_context": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    "dense_ffn": ("dense_intermediate_size", "intermediate_size", "ffn_hidden_size", "ffn_dim", "n_inner"),
    "moe_ffn": ("moe_intermediate_size", "expert_ffn_hidden_size", "moe_ffn_hidden_size"),
    "experts": ("n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts"),
    "active_experts": (
        "num_experts_per_tok",
        "num_experts_per_token",
        "moe_top_k",
        "top_k_experts",
        "moe_topk",
    ),
    "shared_experts": ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"),
    "shared_ffn": ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size"),
    "expert_hidden": ("moe_latent_size",),
    "mtp_layers": ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"),
    "window": ("sliding_window", "attention_chunk_size"),
    "sparse_context": ("index_topk",),
    "indexer_heads": ("index_n_heads",),
    "indexer_head_dim": ("index_head_dim",),
    "q_lora_rank": ("q_lora_rank",),
    "kv_lora_rank": ("kv_lora_rank",),
    "rope_head_dim": ("qk_rope_head_dim",),
    "nope_head_dim": ("qk_nope_head_dim",),
    "v_head_dim": ("v_head_dim",),
}
#: Values that a family's files leave out because its code in ``transformers`` has them as defaults.
_LEFT_OUT: dict[str, dict[str, Any]] = {
    "gemma2": {"head_dim": 256, "sliding_window_pattern": 2, "vocab_size": 256000},
    "gemma3_text": {
        "vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
        "max_position_embeddings": 131072, "sliding_window_pattern": 6, "sliding_window": 4096,
    },
    "cohere2": {"sliding_window_pattern": 4},
    "gpt_oss": {"sliding_window_pattern": 2},
    "llama4_text": {"sliding_window_pattern": 4, "n_shared_experts": 1, "interleave_moe_layer_step": 1},
    "qwen3_next": {"attn_output_gate": True, "full_attention_interval": 4},
    "qwen3_5_text": {"attn_output_gate": True, "full_attention_interval": 4},
    "qwen3_5_moe_text": {"attn_output_gate": True, "full_attention_interval": 4},
}  # fmt: skip
#: Families whose feed-forward block has no gate: two matrices, by default four times as wide as the network.
_WITHOUT_GATE = (
    "bloom", "falcon", "gpt2", "gpt_bigcode", "gpt_neox", "gptj", "mpt", "nemotron", "nemotron_h", "opt", "phi",
    "starcoder2",
)  # fmt: skip
#: Families whose files need not say that the output head is the input embedding.
_TIED = (
    "bloom", "cohere", "cohere2", "falcon", "gemma", "gemma2", "gemma3_text", "gpt2", "gpt_bigcode", "mpt", "opt",
    "starcoder2",
)  # fmt: skip
_UNEQUAL = "layers whose heads or widths differ"
_LINEAR = "linear attention of an unknown form"
#: Names, or their beginnings, whose meaning no card can carry.
_BEYOND = {
    "block_configs": _UNEQUAL, "swa_num": _UNEQUAL, "swa_head": _UNEQUAL, "global_head_dim": _UNEQUAL,
    "num_global_key_value_heads": _UNEQUAL, "attention_other_setting": _UNEQUAL,
    "num_kv_shared_layers": "layers that share one KV cache",
    "cross_attention_layers": "attention to another encoder",
    "compress_": "a compressed KV cache", "o_lora_rank": "a compressed KV cache",
    "sparse_attention": "sparse attention of an unknown form",
    "linear_attn_config": _LINEAR, "attn_type_list": _LINEAR,
    "lightning": _LINEAR, "rwkv": "a recurrence of an unknown form",
    "mamba_": "a recurrence of an unknown form", "ssm_": "a recurrence of an unknown form",
    "linear_num": _LINEAR, "conv_L_cache": "a recurrence of an unknown form",
}  # fmt: skip
_BEYOND_TYPES = {
    "nemotron-nas": _UNEQUAL, "gemma4_text": _UNEQUAL, "mimo_v2_flash": _UNEQUAL, "step3p5": _UNEQUAL,
    "step3p7": _UNEQUAL, "gemma3n_text": "layers that share one KV cache",
    "deepseek_v4": "a compressed KV cache", "deepseek_ref": "a compressed KV cache",
    "kimi_linear": _LINEAR, "minimax_m1": _LINEAR,
    "minimax_m3": "sparse attention of an unknown form", "minimax_m3_vl": "sparse attention of an unknown form",
}  # fmt: skip
_FULL = ("full_attention", "attention", "deepseek_sparse_attention", "*")
_WINDOWED = ("sliding_attention", "chunked_attention")
_MIXERS = (*_FULL, *_WINDOWED, "linear_attention")
_BLOCKS = {"M": "mamba", "*": "attention", "E": "moe", "-": "mlp"}


class ShapeReader:
    """Reads one configuration and gathers everything that is wrong with it.

    Parameters
    ----------
    config : mapping
        The text model's part of a ``config.json``.
    file : str
        Named in faults.

    Attributes
    ----------
    faults : list of Fault
        What was found so far.

    Examples
    --------
    >>> reader = ShapeReader({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4,
    ...                       "num_hidden_layers": 2, "intermediate_size": 256, "vocab_size": 1000})
    >>> shape = reader.read()
    >>> shape["kv_heads"], shape["head_dim"], shape["dense_ffn"], reader.faults
    (4, 16, 256, [])
    """

    def __init__(self, config: Mapping[str, Any], file: str = "") -> None:
        self.type = str(config.get("model_type") or "")
        given = {key: value for key, value in config.items() if value is not None}
        self.config = {**_LEFT_OUT.get(self.type, {}), **given}
        if self.type == "llama4_text":  # its two widths stand under each other's name
            expert = self.config.get("intermediate_size")
            self.config |= {
                "moe_intermediate_size": expert,
                "intermediate_size": given.get("intermediate_size_mlp"),
            }
        self.file = file
        self.faults: list[Fault] = []

    def read(self) -> dict[str, int]:
        """Values of a card by their names inside; incomplete where there are faults."""
        blocks = self._blocks()
        self._refuse_beyond()
        found = {
            key: self.number(key) for key in ("hidden", "heads", "vocabulary", "max_context", "mtp_layers")
        }
        found["layers"] = len(blocks) or self.number("layers")
        for key in ("hidden", "heads", "vocabulary", "layers"):
            if not found[key]:
                self._fault(
                    _NAMES[key][0], "nothing", "a whole number", "name the config.json of a language model"
                )
        shape = {key: value for key, value in found.items() if value}
        if not self.faults:
            shape |= self._attention(shape)
            shape |= self._feed_forward(shape, blocks)
            shape |= self._mixers(shape, blocks)
        tied = self.config.get("tie_word_embeddings", self.type in _TIED)
        return shape | ({"tied_embeddings": 1} if tied else {})

    def number(self, key: str) -> int:
        """Whole number under any of the names of a card's key; 0 without it."""
        for name in _NAMES[key]:
            value = self.config.get(name)
            if isinstance(value, bool) or value is None:
                continue
            if isinstance(value, int):
                return value
            self._fault(
                name,
                repr(value)[:60],
                "one whole number for all layers",
                "models of unequal layers have no card",
            )
        return 0

    def _attention(self, shape: Mapping[str, Any]) -> dict[str, Any]:
        sparse = {k: self.number(k) for k in ("sparse_context", "indexer_heads", "indexer_head_dim")}
        latent = {
            k: self.number(k)
            for k in ("kv_lora_rank", "q_lora_rank", "rope_head_dim", "nope_head_dim", "v_head_dim")
        }
        if latent["kv_lora_rank"]:
            for key in ("rope_head_dim", "nope_head_dim", "v_head_dim"):
                if not latent[key]:
                    self._fault(
                        _NAMES[key][0], "nothing", "a size of latent attention", f"add {_NAMES[key][0]}"
                    )
            return {key: value for key, value in (latent | sparse).items() if value}
        is_multi_query = self.config.get("multi_query") and not self.config.get("new_decoder_architecture")
        head_dim = self.number("head_dim") or shape["hidden"] // shape["heads"]
        if latent["v_head_dim"] not in {0, head_dim}:
            self._fault(
                "v_head_dim",
                f"{latent['v_head_dim']}",
                f"{head_dim} as keys have",
                "such models have no card",
            )
        return {
            "kv_heads": 1 if is_multi_query else self.number("kv_heads") or shape["heads"],
            "head_dim": head_dim,
            **({"query_gate": 1} if self.config.get("attn_output_gate") else {}),
        }

    def _feed_forward(self, shape: Mapping[str, Any], blocks: list[str]) -> dict[str, Any]:
        has_gate = self.type not in _WITHOUT_GATE
        wide = self.number("dense_ffn") or (0 if has_gate else 4 * shape["hidden"])
        keys = ("experts", "active_experts", "shared_experts", "expert_hidden", "shared_ffn")
        found = {key: self.number(key) for key in keys}
        found["ffn_matrices"] = 3 if has_gate else 2
        if not found["experts"]:
            if not wide:
                self._fault(
                    "intermediate_size",
                    "nothing",
                    "a whole number",
                    "add the width of the feed-forward block",
                )
            return {"ffn_matrices": found["ffn_matrices"], "dense_ffn": wide} | (
                {"dense_layers": blocks.count("mlp")} if blocks else {}
            )
        found["moe_ffn"] = self.number("moe_ffn") or wide
        if not 0 < found["active_experts"] <= found["experts"]:
            expected = f"1 to {found['experts']} experts a token"
            self._fault(
                "num_experts_per_tok", str(found["active_experts"]), expected, "add num_experts_per_tok"
            )
        if found["shared_ffn"] and not found["shared_experts"]:
            found["shared_experts"] = 1
        if found["shared_ffn"] == found["shared_experts"] * found["moe_ffn"]:
            found["shared_ffn"] = 0
        sparse = [name == "moe" for name in blocks] or [self._is_sparse(i) for i in range(shape["layers"])]
        first = sparse.index(True) if True in sparse else len(sparse)
        dense = blocks.count("mlp") if blocks else len(sparse) - sum(sparse)
        found |= {"dense_ffn": wide if dense else 0, "first_dense_layers": 0 if blocks else first}
        kept = {key: value for key, value in found.items() if value}
        if blocks:
            return kept | {"moe_layers": sum(sparse), "dense_layers": dense}
        return kept | ({"moe_layers": sum(sparse)} if first != dense else {})

    def _is_sparse(self, layer: int) -> bool:
        """Whether a layer has routed experts."""
        config = self.config
        listed = config.get("moe_layers") or config.get("moe_layers_enum")
        if listed:
            numbers = listed.split(",") if isinstance(listed, str) else listed
            return layer in {int(number) for number in numbers}
        every = config.get("moe_layer_freq", 1)
        if isinstance(every, list):
            return layer < len(every) and bool(every[layer])
        step = config.get("decoder_sparse_step") or config.get("interleave_moe_layer_step") or 1
        return (
            layer >= config.get("first_k_dense_replace", 0)
            and layer % (every or 1) == 0
            and (layer + 1) % step == 0
            and layer not in config.get("mlp_only_layers", ())
        )

    def _mixers(self, shape: Mapping[str, Any], blocks: list[str]) -> dict[str, Any]:
        """Layers by what mixes their tokens: attention, attention in a window, a recurrence."""
        count = shape["layers"]
        if blocks:
            return {"kv_layers": blocks.count("attention")} | self._mamba(shape, blocks.count("mamba"))
        kinds, interval = self.config.get("layer_types"), self.config.get("full_attention_interval")
        if not kinds and interval:
            kinds = ["linear_attention" if (i + 1) % interval else "full_attention" for i in range(count)]
        window = 0 if self.config.get("use_sliding_window") is False else self.number("window")
        if not kinds:
            windowed = self._windowed(count) if window else 0
        else:
            unknown = sorted({str(kind) for kind in kinds} - set(_MIXERS))
            if unknown or len(kinds) < count:
                found = (
                    f"{len(kinds)} entries, of {', '.join(unknown)}" if unknown else f"{len(kinds)} entries"
                )
                self._fault(
                    "layer_types", found, f"{count} of {', '.join(_MIXERS)}", "such models have no card"
                )
            windowed = sum(kind in _WINDOWED for kind in kinds[:count])
        state = kinds[:count].count("linear_attention") if kinds else 0
        shown = {}
        if windowed and 0 < window < shape.get("max_context", window + 1):
            shown = {"sliding_window": window, "windowed_layers": windowed}
        return shown | ({"kv_layers": count - state, **self._delta_net(shape, state)} if state else {})

    def _windowed(self, layers: int) -> int:
        if self.config.get("no_rope_layers"):  # 1 where a layer of Llama 4 attends within a chunk
            return sum(bool(is_local) for is_local in self.config["no_rope_layers"][:layers])
        if self.config.get("max_window_layers") is not None:
            return max(0, layers - int(self.config["max_window_layers"]))
        pattern = self.config.get("sliding_window_pattern") or self.config.get("_sliding_window_pattern")
        return layers - layers // int(pattern) if pattern else layers

    def _delta_net(self, shape: Mapping[str, Any], layers: int) -> dict[str, Any]:
        """Gated delta rule of Qwen3-Next and Qwen3.5: a matrix a value head, and a short convolution."""
        names = (
            "linear_num_key_heads",
            "linear_key_head_dim",
            "linear_num_value_heads",
            "linear_value_head_dim",
        )
        sizes = [self._size(name) for name in names]
        key_heads, key_dim, value_heads, value_dim = sizes
        keys, values = key_heads * key_dim, value_heads * value_dim
        mixed = 2 * keys + values
        inputs = (
            mixed + values + 2 * value_heads
        )  # queries, keys, values; gate; rates of decay and of writing
        kept = value_heads * key_dim * value_dim
        return self._state(layers, shape["hidden"] * (inputs + values), kept, mixed, "linear_conv_kernel_dim")

    def _mamba(self, shape: Mapping[str, Any], layers: int) -> dict[str, Any]:
        """Mamba-2 of Nemotron-H: a matrix a head, and a short convolution."""
        heads, head_dim = self._size("mamba_num_heads"), self._size("mamba_head_dim")
        groups = self._size("mamba_num_groups" if "mamba_num_groups" in self.config else "n_groups")
        size = self._size("ssm_state_size")
        inner = heads * head_dim
        mixed = inner + 2 * groups * size
        params = shape["hidden"] * (inner + mixed + heads + inner)
        return self._state(layers, params, inner * size, mixed, "conv_kernel")

    def _state(self, layers: int, params: int, kept: int, mixed: int, kernel: str) -> dict[str, Any]:
        """A state in 32 bits unless the file says otherwise; the convolution's window in 16."""
        is_half = str(self.config.get("mamba_ssm_dtype")) in {"bfloat16", "float16"}
        kept_bytes = (2 if is_half else 4) * kept + 2 * (int(self.config.get(kernel, 4)) - 1) * mixed
        return {"state_layers": layers, "state_params_per_layer": params, "state_bytes_per_layer": kept_bytes}

    def _size(self, name: str) -> int:
        value = self.config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        self._fault(name, repr(value), "a whole number", f"add {name}, without which the state has no size")
        return 0

    def _blocks(self) -> list[str]:
        """Blocks of Nemotron-H, each of one sort; empty for layers of the usual two halves."""
        if self.type != "nemotron_h":
            return []
        pattern = self.config.get("hybrid_override_pattern") or self.config.get("layers_block_type") or ""
        blocks = [_BLOCKS.get(block, block) for block in pattern]
        if not blocks or not set(blocks) <= set(_BLOCKS.values()) or "attention" not in blocks:
            expected = "a text of M, *, E and - with at least one *, one letter a layer"
            self._fault(
                "hybrid_override_pattern", repr(pattern)[:60], expected, "add the order of the layers"
            )
        return blocks

    def _refuse_beyond(self) -> None:
        known = ("mamba_", "ssm_") if self.type == "nemotron_h" else ()
        if self.config.get("linear_num_value_heads") and self.config.get("attn_output_gate"):
            known = ("linear_", "mamba_ssm_dtype")
        reasons = {"model_type": _BEYOND_TYPES[self.type]} if self.type in _BEYOND_TYPES else {}
        for name, value in self.config.items():
            reason = next((why for start, why in _BEYOND.items() if name.startswith(start)), "")
            if reason and value and not name.startswith(known):
                reasons[name] = reason
        if self.config.get("is_encoder_decoder"):
            reasons["is_encoder_decoder"] = "an encoder besides the decoder"
        for name, reason in reasons.items():
            found, mend = (
                f"{reason} ({self.type})",
                "write a card of your own that stands for it, or choose another model",
            )
            self._fault(
                name, found, "attention, windows, linear attention or Mamba-2 that a card can carry", mend
            )

    def _fault(self, where: str, found: str, expected: str, mend: str) -> None:
        self.faults.append(Fault(self.file, 0, where, found, expected, mend))
