"""Bill of material: switches, adapters, modules, cables; counts, watts, dollars and metres by layer and tier."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin import catalog
from twin.errors import TopologyError
from twin.scenario.fabric import Words
from twin.topology.fabric.arrays import Fabric, Floats
from twin.topology.fabric.media import share, steps_of
from twin.topology.fabric.sizes import Sizes, sizes

if TYPE_CHECKING:
    import pandas as pd

SWITCH_KINDS = ("leaf", "spine", "core", "router", "switch")


@dataclass(frozen=True)
class Item:
    """One line of a bill.

    Parameters
    ----------
    layer, tier : str
        Network, and the tier of a switch or the part of a cable.
    what : str
        ``switch``, ``adapter``, ``module`` or ``cable``.
    name : str
        Card, or what runs between the ends of a cable.
    count : int
    power_w : float or None
        Of all together; of switches without their modules. None where the card has no figure and none was given.
    price_usd : float or None
        Of all together; None where no price is known.
    length_m : float or None
        Of all cables together; None where it was counted and not laid.
    """

    layer: str
    tier: str
    what: str
    name: str
    count: int
    power_w: float | None
    price_usd: float | None
    length_m: float | None = None


@dataclass(frozen=True)
class Bill:
    """A bill of material.

    Parameters
    ----------
    fabric : str
    gpus : int
    items : tuple of Item
    unknown : tuple of str
        Cards without watts or without a price; totals leave them out.

    Examples
    --------
    >>> from twin.topology.fabric import bill, build, preset
    >>> made = bill(build(preset("dgx-b200-superpod")))
    >>> made.count("switch"), made.count("cable")
    (48, 2048)
    """

    fabric: str
    gpus: int
    items: tuple[Item, ...]
    unknown: tuple[str, ...] = field(default=())

    def count(self, what: str, tier: str = "", layer: str = "compute") -> int:
        """Number of things of a kind in a layer; in one tier if it is named."""
        return sum(
            i.count for i in self.items if i.what == what and i.layer == layer and tier in ("", i.tier)
        )

    def total(self, quantity: str, what: str = "", layer: str = "") -> float:
        """Sum of ``power_w``, ``price_usd`` or ``length_m``, of one kind or one layer if named."""
        chosen = (i for i in self.items if what in ("", i.what) and layer in ("", i.layer))
        return float(sum(getattr(i, quantity) or 0.0 for i in chosen))

    def frame(self) -> pd.DataFrame:
        """The items as a table."""
        import pandas as pd

        return pd.DataFrame([asdict(i) for i in self.items])

    def write_csv(self, path: str | Path) -> Path:
        """Write the table as CSV."""
        self.frame().to_csv(path, index=False)
        return Path(path)

    def json(self) -> dict[str, Any]:
        """Everything as plain values."""
        totals = {q: self.total(q) for q in ("power_w", "price_usd", "length_m")}
        return {"fabric": self.fabric, "gpus": self.gpus, "totals": totals, "unknown": list(self.unknown),
                "items": [asdict(i) for i in self.items]}  # fmt: skip

    def write_json(self, path: str | Path) -> Path:
        """Write :meth:`json`."""
        Path(path).write_text(json.dumps(self.json(), indent=1) + "\n")
        return Path(path)


def bill(fabric: Fabric) -> Bill:
    """Count what a built fabric is made of; modules are whole ones, so an odd line takes one for itself.

    Parameters
    ----------
    fabric : Fabric

    Returns
    -------
    Bill
    """
    made = _Prices(fabric.words)
    items = [
        *_switches(fabric, made),
        *_adapters(fabric.words, made),
        *_modules(fabric, made),
        *_cables(fabric),
    ]
    gpus = sum(b.count for b in fabric.blocks if b.kind == "gpu")
    return Bill(fabric.name, gpus, tuple(items), tuple(sorted(made.unknown)))


class _Prices:
    """Watts and dollars of a card: as the fabric's file says, else by card, else unknown."""

    def __init__(self, words: Words | None) -> None:
        self.words = words
        self.unknown: set[str] = set()

    def usd(self, kind: str, name: str) -> float | None:
        """Price of one."""
        given = (self.words.prices if self.words else {}).get(name)
        if given is None and kind == "optics":
            given = catalog.get("optics", name).get("price_per_end_usd")
        if given is None and name in catalog.names("economics"):
            given = catalog.get("economics", name).get("price_usd")
        if given is None:
            self.unknown.add(f"price of {name}")
        return None if given is None else float(given)

    def watts(self, kind: str, name: str) -> float | None:
        """Power of one, without modules."""
        card = catalog.get(kind, name)
        given: float | None = (self.words.powers if self.words else {}).get(name)
        if given is None and kind == "optics":
            given = float(card.power_per_end_w)
        elif given is None:
            given = card.get("power_typical_w") if kind == "switch" else card.get("power_w")
        if given is None:
            self.unknown.add(f"power of {name}")
        return given

    def item(self, layer: str, tier: str, what: str, name: str, count: int) -> Item:
        """A line of a bill, for a card."""
        kind = {"switch": "switch", "adapter": "nic", "module": "optics"}[what]
        watts, usd = self.watts(kind, name), self.usd(kind, name)
        return Item(layer, tier, what, name, count, None if watts is None else watts * count,
                    None if usd is None else usd * count)  # fmt: skip


def _switches(f: Fabric, made: _Prices) -> Iterator[Item]:
    counts: dict[tuple[str, str, str], int] = {}
    for b in f.blocks:
        if b.card and b.kind in SWITCH_KINDS:
            key = (b.layer, b.kind, b.card)
            counts[key] = counts.get(key, 0) + b.count
    for (layer, tier, card), count in counts.items():
        yield made.item(layer, tier, "switch", card, count)


def _adapters(words: Words | None, made: _Prices) -> Iterator[Item]:
    if words is None or words.kind == "custom":
        return
    yield made.item("compute", "node", "adapter", words.adapter, words.gpu_count * words.gpu_nics)
    for layer, beside in (("storage", words.storage), ("north-south", words.north_south)):
        if beside:
            count = (words.nodes + beside.servers) * beside.ports_per_node
            yield made.item(layer, "node", "adapter", beside.nic, count)


def _modules(f: Fabric, made: _Prices) -> Iterator[Item]:
    """Modules at both ends: of each node and card, the shares of its lines rounded up."""
    for layer, part, card, modules in modules_of_nodes(f):
        yield made.item(layer, part, "module", card, int(modules.sum()))


def modules_of_nodes(fabric: Fabric) -> Iterator[tuple[str, str, str, Floats]]:
    """Whole modules in every node, by layer, part and card (node,); an odd line takes one for itself."""
    f = fabric
    for layer in range(len(f.layers)):
        if f.layers[layer] == "nvlink":
            continue
        for part in range(len(f.parts)):
            here = (f.layer == layer) & (f.part == part) & (f.medium >= 0)
            taken: dict[str, Floats] = {}
            for number in np.unique(f.medium[here]).tolist():
                mine = here & (f.medium == number)
                rates, at = np.unique(f.rate_bytes_per_s[mine], return_inverse=True)
                for card, node in ((f.media[number].lower, f.a), (f.media[number].upper, f.b)):
                    shares = np.asarray([share(card, rate) for rate in rates.tolist()])[at]
                    taken[card] = taken.get(card, np.zeros(f.nodes)) + np.bincount(
                        node[mine], shares, f.nodes
                    )
            for card, modules in taken.items():
                yield f.layers[layer], f.parts[part], card, np.ceil(modules - 1e-9)


def _cables(f: Fabric) -> Iterator[Item]:
    """Cables as they are bought: one that splits counts once, with its longest leg."""
    for layer, layer_name in enumerate(f.layers):
        for part, part_name in enumerate(f.parts):
            mine = np.flatnonzero((f.layer == layer) & (f.part == part))
            if not len(mine):
                continue
            _, first, cable = np.unique(f.cable[mine], return_index=True, return_inverse=True)
            longest_m = np.zeros(len(first))
            np.maximum.at(longest_m, cable, f.length_m[mine])
            longest_m, first = longest_m[np.argsort(first)], np.sort(first)
            names = np.asarray([m.cable for m in f.media] + [""], dtype=object)[f.medium[mine[first]]]
            is_rack = layer_name == "nvlink"
            is_board = is_rack and f.words is not None and f.words.nvlink == "nvl8"
            for name in sorted(set(names)):
                found_m = longest_m[names == name]
                text, length_m = f"{name}, NVLink lines" if is_rack else str(name), float(found_m.sum())
                length = None if is_board else length_m
                yield Item(layer_name, part_name, "cable", text, len(found_m), 0.0, None, length)


def count_bill(words: Words) -> Bill:
    """Count what a fat tree is made of without building it: for a million GPUs, and to check the builders.

    Parameters
    ----------
    words : Words
        Of a fat tree whose optics are fixed, as nothing is laid: ``by-length`` is refused.

    Returns
    -------
    Bill
        Without metres; where modules differ by reach, those of the longest.

    Raises
    ------
    TopologyError
        When the fabric cannot be, or its optics depend on lengths.

    Examples
    --------
    >>> from twin.topology.fabric import count_bill, preset
    >>> count_bill(preset("dgx-b200-superpod", optics="osfp-2x400-sm")).count("module", "leaf-spine")
    1024
    """
    asked = {words.optics_of(p) for p in ("node-leaf", "leaf-spine", "spine-core")}
    asked |= {b.optics for b in (words.storage, words.north_south) if b}
    if "by-length" in asked or words.kind != "fat-tree":
        found = "by-length" if "by-length" in asked else words.kind
        mend = "write `optics: pluggable`, or build it"
        fault = words.source.fault("optics", found, "a fat tree with fixed optics", mend)
        raise TopologyError(f"{words.fabric} cannot be counted without laying its cables", [fault])
    made = _Prices(words)
    items = []
    for found_sizes in sizes(words):
        cards = dict(zip(("leaf", "spine", "core"), found_sizes.demand.cards, strict=True))
        layer = found_sizes.demand.layer
        items += [made.item(layer, t, "switch", cards[t], n) for t, n in found_sizes.switches().items()]
    items += _adapters(words, made)
    for found_sizes in sizes(words):
        items += _counted(made, words, found_sizes)
    return Bill(words.fabric, words.gpu_count, tuple(items), tuple(sorted(made.unknown)))


def _counted(made: _Prices, words: Words, found: Sizes) -> Iterator[Item]:
    """Modules and cables of a layer by counting the lines of each node."""
    layer, (leaf, spine, core) = found.demand.layer, found.demand.cards
    uppers = {"leaf-spine": spine, "spine-core": core}
    cables, rates = found.cables(), found.rates()
    for part, (lower, upper) in found.loads(words.gpu_count if layer == "compute" else 0).items():
        rate = rates[part]
        step = steps_of(words, part, layer, uppers.get(part, leaf), rate)[-1]
        counts: dict[str, int] = {}
        for card, nodes in ((step.lower, lower), (step.upper, upper)):
            whole = sum(n * ceil(lines * share(card, rate) - 1e-9) for n, lines in nodes)
            counts[card] = counts.get(card, 0) + whole
        for card, count in counts.items():
            yield made.item(layer, part, "module", card, count)
        yield Item(layer, part, "cable", step.cable, cables[part], 0.0, None)
