"""Published points that a card must reproduce, and the relations that they test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from twin import units
from twin.catalog.card import Card
from twin.errors import TwinError
from twin.physics import chiller, converter


class Relation(NamedTuple):
    """A number that follows from a card.

    Parameters
    ----------
    follows : callable
        ``follows(card, at) -> float`` in SI.
    dimension : str
        Of the number; ``number`` when it has none.
    at : mapping of str to str
        Conditions of the point and their dimensions.
    """

    follows: Callable[[Card, Mapping[str, float]], float]
    dimension: str
    at: Mapping[str, str]


def efficiency(card: Card, at: Mapping[str, float]) -> float:
    """Output over input of a converter at a share ``load`` of its rating.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> round(efficiency(catalog.get("ups", "ups-1500kw"), {"load": 0.5}), 3)
    0.969
    """
    values = (card.rating_w, card.loss_constant_frac, card.loss_linear_frac, card.loss_quadratic_frac)
    rating, *loss = (np.array([value]) for value in values)
    out = at["load"] * rating
    return float((out / (out + converter.loss_w(out, rating, *loss)))[0])


def round_trip(card: Card, at: Mapping[str, float]) -> float:
    """Energy out over energy in of a battery that is charged and discharged at a share ``load`` of its power.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> round(round_trip(catalog.get("battery", "lfp-container"), {"load": 0.5}), 3)
    0.895
    """
    loss = at["load"] * (card.loss_linear_frac + at["load"] * card.loss_quadratic_frac)
    gained = (at["load"] - loss) / (at["load"] + card.loss_constant_frac)
    return float(gained * (at["load"] - card.loss_constant_frac) / (at["load"] + loss))


def cop(card: Card, at: Mapping[str, float]) -> float:
    """Heat moved by a chiller over its power, parasitic power included.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> card = catalog.get("chiller", "chiller-1600kw-air")
    >>> round(cop(card, {"supply": 279.82, "outdoor": 308.15}), 1)
    2.9
    """
    evaporating = np.array([at["supply"] - card.evaporator_approach_k])
    condensing = np.array([at["outdoor"] + card.condenser_approach_k])
    compressor = chiller.cop(evaporating, condensing, np.array([card.carnot_frac]))[0]
    return float(1 / (1 / compressor + card.parasitic_frac))


def parameters(card: Card, _at: Mapping[str, float]) -> float:
    """Parameters of a transformer counted from its shapes (norms, biases and routers left out).

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> round(parameters(catalog.get("llm", "llama-3.1-8b"), {}) / 1e9, 2)
    8.03
    """
    per_width = card.ffn_matrices * card.hidden
    experts = card.get("experts", 0)
    dense_layers = card.get("first_dense_layers", 0) if experts else card.layers
    dense = dense_layers * per_width * card.get("dense_ffn", 0)
    width = card.get("moe_ffn", 0) * (experts + card.get("shared_experts", 0))
    sparse = (card.layers - dense_layers) * per_width * width
    embeddings = 2 * card.vocabulary * card.hidden
    return float(card.layers * card.attention_params_per_layer + dense + sparse + embeddings)


_EFFICIENCY = {"efficiency": Relation(efficiency, "fraction", {"load": "fraction"})}
RELATIONS: dict[str, dict[str, Relation]] = {
    "battery": {"round_trip": Relation(round_trip, "fraction", {"load": "fraction"})},
    "ups": _EFFICIENCY,
    "transformer": _EFFICIENCY,
    "pdu": _EFFICIENCY,
    "psu": _EFFICIENCY,
    "chiller": {"cop": Relation(cop, "number", {"supply": "temperature", "outdoor": "temperature"})},
    "llm": {"parameters": Relation(parameters, "number", {})},
}


def check(card: Card, point: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Yield what was found, expected and how to mend it, where a card misses a point."""
    relations = RELATIONS.get(card.kind, {})
    relation = relations.get(str(point.get("relation")))
    if relation is None:
        mend = "name a relation of twin/catalog/points.py"
        yield f"relation {point.get('relation')!r}", " or ".join(relations) or "no points", mend
        return
    try:
        conditions = point.get("at") or {}
        given = conditions if isinstance(conditions, dict) else {}
        at = {name: units.parse(given.get(name), dimension) for name, dimension in relation.at.items()}
        value, within = (_number(point.get(key), relation.dimension) for key in ("value", "within"))
        found = relation.follows(card, at)
    except TwinError as error:
        yield from ((f.found, f.expected, f.mend) for f in error.faults)
        return
    if not abs(found - value) <= within:
        yield f"{found:.6g}", f"{value:.6g} within {within:.2g}", "mend the values or the point"


def _number(written: object, dimension: str) -> float:
    if dimension == "number" and isinstance(written, (int, float)):
        return float(written)
    return units.parse(written, "fraction" if dimension == "number" else dimension)
