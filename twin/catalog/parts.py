"""What a model card's shape adds up to: layers of each sort, parameters of each part, the table of models.

Left out of all counts: norms, biases, convolutions of recurrent layers, vision and audio encoders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol


class Shape(Protocol):
    """A :class:`~twin.catalog.Card` of the kind ``llm``, or anything that is read like one."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value in SI, or ``default``."""


class Layers(NamedTuple):
    """How many layers have what.

    Parameters
    ----------
    kv, state : int
        With a KV cache; with a recurrent state of fixed size instead.
    windowed : int
        Of those with a KV cache, how many see a window only.
    moe, dense : int
        With routed experts; with a dense feed-forward block.
    """

    kv: int
    state: int
    windowed: int
    moe: int
    dense: int


class Parts(NamedTuple):
    """Parameters of each part of a model, over all its layers.

    Parameters
    ----------
    embedding, head : float
        Input embedding and output head; a tied head counts here and the embedding is 0.
    attention, state : float
        Projections of layers with a KV cache, indexers included, and of layers with a recurrent state.
    dense, shared, experts, routers : float
        Feed-forward blocks, shared experts, all routed experts, routers (and projections into the width of experts).
    active_experts : float
        Routed experts that one token meets.
    mtp : float
        Layers that draft tokens, which ``total`` leaves out.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> found = parts(catalog.get("llm", "deepseek-v3"))
    >>> round(found.total / 1e9), round(found.active / 1e9), round(found.experts / 1e9)
    (671, 37, 654)
    """

    embedding: float
    head: float
    attention: float
    state: float
    dense: float
    shared: float
    experts: float
    active_experts: float
    routers: float
    mtp: float

    @property
    def total(self) -> float:
        """All parameters but those of drafting layers."""
        return self.embedding + self._always + self.experts

    @property
    def active(self) -> float:
        """Those that one token meets: with the output head, without the input embedding."""
        return self._always + self.active_experts

    @property
    def _always(self) -> float:
        return self.head + self.attention + self.state + self.dense + self.shared + self.routers


def layers(card: Shape) -> Layers:
    """Count the layers of each sort.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> layers(catalog.get("llm", "qwen3.5-397b-a17b"))
    Layers(kv=15, state=45, windowed=0, moe=60, dense=0)
    """
    total = card.get("layers")
    state = card.get("state_layers", 0)
    moe = card.get("moe_layers", total - card.get("first_dense_layers", 0)) if card.get("experts", 0) else 0
    kv = card.get("kv_layers", total - state)
    return Layers(kv, state, card.get("windowed_layers", 0), moe, card.get("dense_layers", total - moe))


def attention_params(card: Shape) -> float:
    """Projections around attention in one layer with a KV cache, the indexer included.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> round(attention_params(catalog.get("llm", "deepseek-v3")) / 1e6, 1)
    187.1
    """
    hidden, heads = card.get("hidden"), card.get("heads")
    latent = card.get("kv_lora_rank", 0)
    if not latent:
        sides = heads * (2 + card.get("query_gate", 0)) + 2 * card.get("kv_heads")
        return float(hidden * card.get("head_dim") * sides)
    rope, nope, value = (card.get(f"{part}_head_dim") for part in ("rope", "nope", "v"))
    query_rank = card.get("q_lora_rank", 0)
    query_in = query_rank or hidden
    query = hidden * query_rank + query_in * heads * (nope + rope)
    keys = hidden * (latent + rope) + latent * heads * (nope + value)
    index_heads, index_dim = card.get("indexer_heads", 0), card.get("indexer_head_dim", 0)
    indexer = query_in * index_heads * index_dim + hidden * (index_dim + index_heads)
    return float(query + keys + heads * value * hidden + indexer)


def parts(card: Shape) -> Parts:
    """Count the parameters of each part of a model.

    Parameters
    ----------
    card : Card
        Of the kind ``llm``.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> found = parts(catalog.get("llm", "llama-4-maverick"))
    >>> round(found.total / 1e9), round(found.shared / 1e9, 1), found.embedding == found.head
    (401, 3.0, True)
    """
    count = layers(card)
    hidden, matrices = card.get("hidden"), card.get("ffn_matrices")
    width, expert_hidden = card.get("moe_ffn", 0), card.get("expert_hidden", 0)
    expert = matrices * (expert_hidden or hidden) * width
    shared = matrices * hidden * card.get("shared_ffn", card.get("shared_experts", 0) * width)
    router = hidden * card.get("experts", 0) + 2 * hidden * expert_hidden
    dense = matrices * hidden * card.get("dense_ffn", 0)
    head = float(card.get("vocabulary") * hidden)
    attention = attention_params(card)
    sparse = shared + card.get("experts", 0) * expert + router
    draft = attention + (sparse if count.moe else dense) + 2 * hidden**2
    return Parts(
        embedding=0.0 if card.get("tied_embeddings", 0) else head,
        head=head,
        attention=count.kv * attention,
        state=count.state * card.get("state_params_per_layer", 0.0),
        dense=float(count.dense * dense),
        shared=float(count.moe * shared),
        experts=float(count.moe * card.get("experts", 0) * expert),
        active_experts=float(count.moe * card.get("active_experts", 0) * expert),
        routers=float(count.moe * router),
        mtp=float(card.get("mtp_layers", 0) * draft),
    )


def kv_bytes_per_token(card: Shape) -> float:
    """KV that a token leaves in all layers at bf16, whatever a window or indexer later skips [bytes].

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> kv_bytes_per_token(catalog.get("llm", "qwen3.5-397b-a17b"))
    30720.0
    """
    return float(layers(card).kv * card.get("kv_bytes_per_token_per_layer"))


def unpriced(card: Shape) -> Iterator[str]:
    """Yield what a card carries that the price of an iteration does not know.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> list(unpriced(catalog.get("llm", "qwen3.5-397b-a17b")))
    ['45 layers with a recurrent state instead of a KV cache']
    """
    if card.get("state_layers", 0):
        yield f"{card.get('state_layers')} layers with a recurrent state instead of a KV cache"


_HEADINGS = (
    "card", "total, B", "active, B", "published, B", "off", "layers: KV (windowed) + state", "attention",
    "experts: active + shared of all", "KV, kB a token", "state, MB a sequence", "source of the shape",
)  # fmt: skip


def table(cards: Iterable[Any]) -> str:
    """Markdown table of model cards; sizes at bf16, active parameters without the input embedding.

    Parameters
    ----------
    cards : iterable of Card
        Of the kind ``llm``.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> print(table([catalog.get("llm", "qwen3-32b")]).splitlines()[-1])
    | qwen3-32b | 32.8 | 32.0 | 32.8 | -0.1 % | 64 | 8 of 64 heads | - | 262.1 | - | config.json |
    """
    rows = [_HEADINGS, ["---"] + ["---:"] * 4 + ["---"] * 3 + ["---:"] * 2 + ["---"], *map(_row, cards)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(card: Any) -> list[str]:
    found, count, published = parts(card), layers(card), card.get("published_params")
    experts = f"{card.get('active_experts')} + {card.get('shared_experts', 0)} of {card.get('experts')}"
    state_bytes = count.state * card.get("state_bytes_per_layer", 0)
    kv = f"{count.kv}" + (f" ({count.windowed})" if count.windowed else "")
    return [
        card.name,
        f"{found.total / 1e9:.1f}",
        f"{found.active / 1e9:.1f}",
        f"{published / 1e9:g}" if published else "-",
        f"{found.total / published - 1:+.1%}".replace("%", " %") if published else "-",
        kv + (f" + {count.state}" if count.state else ""),
        _attention(card),
        experts if card.get("experts", 0) else "-",
        f"{kv_bytes_per_token(card) / 1e3:.1f}",
        f"{state_bytes / 1e6:.1f}" if count.state else "-",
        "config.json"
        if card.source_of("layers").confidence == "vendor file"
        else card.source_of("layers").text,
    ]


def _attention(card: Shape) -> str:
    if card.get("kv_lora_rank", 0):
        base = f"latent {card.get('kv_lora_rank')} + {card.get('rope_head_dim')}"
    else:
        base = f"{card.get('kv_heads')} of {card.get('heads')} heads"
    window, sparse = card.get("sliding_window", 0), card.get("sparse_context", 0)
    return base + (f", window {window}" if window else "") + (f", best {sparse}" if sparse else "")
