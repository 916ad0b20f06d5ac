"""Model cards from the ``config.json`` that is published with a model on Hugging Face.

Sources: field names and defaults as ``transformers`` has them; sizes of latent attention DeepSeek-AI,
*DeepSeek-V2*, 2024; gated delta rule Yang et al., *Gated Delta Networks*, 2024; Mamba-2 Dao and Gu, 2024.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from twin import catalog
from twin.catalog.card import Card, Source, Value
from twin.catalog.hf_shape import ShapeReader
from twin.catalog.kinds import KINDS, attribute
from twin.catalog.parts import attention_params, parts
from twin.errors import CatalogError, Fault

__all__ = ["card_of", "find", "read"]

_TEXT_PARTS = ("text_config", "language_config", "llm_config", "thinker_config")
_DTYPE_BITS = {"bfloat16": 16.0, "float16": 16.0, "float32": 32.0, "float8_e4m3fn": 8.0}
#: Bits of a stored weight by scheme, scales included: a scale of 8 bits for 16 (NVFP4) or 32 (MXFP4) values.
_SCHEME_BITS = {"nvfp4": 4.5, "mxfp4": 4.25, "mxfp8": 8.25, "fp8": 8.0, "int8": 8.0}
#: Projections of the text model's attention among what a scheme leaves alone.
_PLAIN_ATTENTION = re.compile(r"self_attn(?!\S*(?:indexer|conv|norm|kv_b))")
_LEFT_ALONE = ("ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules")


def find(model: str) -> Card:
    """Return the card of a model however a user names it.

    Parameters
    ----------
    model : str
        Path of a ``config.json`` or of the folder that holds it; name of a card; name on Hugging Face
        (``deepseek-ai/DeepSeek-R1``) or title of a shipped card, in any case.

    Raises
    ------
    CatalogError
        When it is none of these, or the file cannot be read as a card.

    Examples
    --------
    >>> find("deepseek-r1").layers, find("nvidia/DeepSeek-R1-0528-NVFP4").name
    (61, 'deepseek-r1')
    """
    path = Path(model)
    if path.suffix == ".json" or (path / "config.json").is_file():
        return read(path)
    names = catalog.names("llm")
    return catalog.get("llm", model if model in names else _other_names(names).get(model.casefold(), model))


@lru_cache(4)
def _other_names(names: tuple[str, ...]) -> dict[str, str]:
    """Cards by their titles and their names on the hub, in small letters; the first card wins."""
    found: dict[str, str] = {}
    for card in (catalog.get("llm", name) for name in names):
        for other in (card.title, *card.get("hub_names", "").split(",")):
            found.setdefault(other.strip().casefold(), card.name)
    return found


def read(path: str | Path) -> Card:
    """Read a ``config.json`` from disk.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, or the folder that holds it.

    Returns
    -------
    Card
        Of the kind ``llm``, named after the folder; counted parameters leave out norms, biases and encoders
        of pictures and sound.

    Raises
    ------
    CatalogError
        When there is no such file, or it tells of a network that a card cannot carry; all faults at once.
    """
    file = Path(path) / "config.json" if Path(path).is_dir() else Path(path)
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        beside = file.with_name("hf_quant_config.json")  # where NVIDIA's quantizer writes its scheme
        if isinstance(config, dict) and beside.is_file():
            config.setdefault(
                "quantization_config", json.loads(beside.read_text(encoding="utf-8"))["quantization"]
            )
        changed = datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)
    except (OSError, ValueError, LookupError, TypeError) as error:
        found = getattr(error, "strerror", None) or str(error)
        fault = Fault(str(file), 0, "", found, "a readable JSON file", "name the config.json of a model")
        raise CatalogError("a model's configuration cannot be read", [fault]) from error
    folder = file.resolve().parent.name
    name = folder if file.name == "config.json" and folder else file.stem
    return card_of(config, name, str(file), f"{changed:%Y-%m}")


def card_of(config: Any, name: str, file: str = "", date: str = "undated") -> Card:
    """Return the card that a configuration describes.

    Parameters
    ----------
    config : mapping
        What a ``config.json`` holds.
    name : str
        Name of the card.
    file, date : str
        Where it comes from, for faults and for the source of its values.

    Raises
    ------
    CatalogError
        As :func:`read`.

    Examples
    --------
    >>> config = {"model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32,
    ...           "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936}
    >>> card = card_of(config, "mine")
    >>> round(card.params / 1e9, 2), card.kv_bytes_per_token_per_layer, card.attention_bits
    (8.19, 4096, 16.0)
    """
    if not isinstance(config, Mapping):
        fault = Fault(file, 0, "", f"{config!r:.60}", "keys with values", "name the config.json of a model")
        raise CatalogError(f"the model {name} cannot be read", [fault])
    text = _text_part(config)
    reader = ShapeReader(text, file)
    shape: dict[str, Any] = {}
    try:
        shape |= reader.read()
        shape |= weight_bits(text, bool(shape.get("experts")))
    except (TypeError, ValueError, AttributeError) as error:
        mend = "mend the value that is of another kind than in published files"
        reader.faults.append(
            Fault(file, 0, "", str(error), "numbers, texts and lists as published files have", mend)
        )
    if reader.faults:
        raise CatalogError(f"the model {name} cannot be read", reader.faults)
    given = Source(file or "config.json as given", date, "config file")
    counted = Source("Counted from the shape; norms, biases and encoders left out", date, "derived")
    values = _values(shape, given)
    totals = parts(Card("llm", name, name, values=values))
    cached = shape.get("kv_lora_rank", 0) + shape.get("rope_head_dim", 0)
    values |= _values(
        {
            "attention_params_per_layer": attention_params(Card("llm", name, name, values=values)),
            "params": totals.total,
            "active_params": totals.active,
            "kv_bytes_per_token_per_layer": 2 * (cached or 2 * shape["kv_heads"] * shape["head_dim"]),
        },
        counted,
    )
    faults = _out_of_range(values, file)
    if faults:
        raise CatalogError(f"the model {name} is not plausible", faults)
    return Card("llm", name, name, _note(config), values, file)


def weight_bits(config: Mapping[str, Any], has_experts: bool) -> dict[str, Any]:
    """Bits of stored weights by part, with a text on them; parts of a scheme that is not known are left out.

    Parameters
    ----------
    config : mapping
        The text model's part, with ``quantization_config`` where there is one.
    has_experts : bool
        Whether it has routed experts.

    Examples
    --------
    >>> weight_bits({"quantization_config": {"quant_method": "mxfp4"}}, True)["expert_bits"]
    4.25
    >>> weight_bits({"torch_dtype": "bfloat16"}, False)
    {'native_precision': 'bfloat16', 'attention_bits': 16.0, 'ffn_bits': 16.0}
    """
    dtype = str(config.get("dtype") or config.get("torch_dtype") or "bfloat16")
    plain = _DTYPE_BITS.get(dtype, 16.0)
    scheme = config.get("quantization_config") or {}
    text, bits = _scheme(scheme)
    if scheme and not bits:
        return {"native_precision": text or "unknown"}
    entries = [str(entry) for key in _LEFT_ALONE for entry in scheme.get(key) or ()]
    alone = " ".join(entry for entry in entries if "vis" not in entry)
    only_experts = text == "mxfp4" or "shared_expert" in alone
    has_plain_attention = not bits or only_experts or bool(_PLAIN_ATTENTION.search(alone))
    found = {"attention_bits": plain if has_plain_attention else bits}
    found["ffn_bits"] = plain if not bits or only_experts else bits
    if has_experts:
        found["expert_bits"] = bits or plain
    words = [f"{text} experts" if only_experts else text, f"{dtype} attention" if has_plain_attention else ""]
    return {"native_precision": " + ".join(word for word in words if word) if scheme else dtype, **found}


def _scheme(scheme: Mapping[str, Any]) -> tuple[str, float]:
    """What a quantization is called, and the bits of a weight with its scale; 0 where it mixes or is unknown."""
    method = str(scheme.get("quant_algo") or scheme.get("quant_method") or "").lower()
    form = str(scheme.get("format") or "").lower()
    if method in {"awq", "gptq"}:
        width, group = int(scheme.get("bits", 4)), int(scheme.get("group_size", 128))
        return f"int{width}", width + (16.0 / group if group > 0 else 0.0)
    known = next((name for name in _SCHEME_BITS if name in f"{method} {form}"), "")
    if known:
        block = scheme.get("weight_block_size")
        text = f"{known} ({'x'.join(map(str, block))} block)" if block else known
        return text, _SCHEME_BITS[known] + (32.0 / math.prod(block) if block else 0.0)
    groups = scheme.get("config_groups") or {}
    weights: list[Mapping[str, Any]] = [group.get("weights") or {} for group in groups.values()]
    widths = {(int(w.get("num_bits", 0)), int(w.get("group_size") or 0), str(w.get("type"))) for w in weights}
    if len(widths) != 1:
        return method, 0.0
    width, group, sort = widths.pop()
    return f"{'fp' if sort == 'float' else 'int'}{width}", width + (16.0 / group if group else 0.0)


def _text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The text model of one that also sees or hears; what stands outside of it holds too."""
    for key in _TEXT_PARTS:
        inner = config.get(key)
        if isinstance(inner, Mapping):
            outer = {
                k: config[k]
                for k in ("quantization_config", "tie_word_embeddings", "torch_dtype")
                if k in config
            }
            return _text_part({**outer, **inner})
    return config


def _values(found: Mapping[str, Any], source: Source) -> dict[str, Value]:
    fields = {attribute(key, field): field for key, field in KINDS["llm"].items()}
    return {
        name: Value(name, value, f"{value} bytes" if fields[name].dimension == "data" else str(value),
                    fields[name].dimension, source)
        for name, value in found.items()
    }  # fmt: skip


def _out_of_range(values: Mapping[str, Value], file: str) -> list[Fault]:
    faults = []
    for key, field in KINDS["llm"].items():
        value = values.get(attribute(key, field))
        if value is not None and not isinstance(value.si, str) and not field.low <= value.si <= field.high:
            expected = f"{field.low:g} to {field.high:g}"
            faults.append(Fault(file, 0, key, value.as_written, expected, "check the configuration"))
    return faults


def _note(config: Mapping[str, Any]) -> str:
    has_senses = any(key in config for key in ("vision_config", "audio_config"))
    return "Text model only: encoders of pictures and sound are not priced." if has_senses else ""
