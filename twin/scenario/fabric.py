"""The words that describe a fabric, in a file of its own or as the network of a hall: units, ranges and meanings."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PrivateAttr

from twin import catalog
from twin.scenario.fields import Measure, refuse
from twin.scenario.section import FileName, Length, Name, Power, Section, default
from twin.scenario.source import Source

Many = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Few = Annotated[int, Field(strict=True, ge=1, le=4096)]
Ratio = Annotated[float, Field(ge=0.1, le=64)]
DataRate = Annotated[float, Measure("data rate", "400 Gbit/s", above=0.0)]
Money = Annotated[float, Measure("money", "1000 USD", low=0.0)]

FAMILIES = ("by-length", "copper", "aoc", "pluggable", "cpo")
"""Kinds of cables that ``optics`` may ask for; a card of the catalog may stand there too."""

PRESETS = Path(__file__).parent / "presets"

NVLINK = ("nvl8", "nvl36", "nvl72", "nvl144", "nvl576")


def _one_of(kind: str, *besides: str) -> Callable[[str], str]:
    def look(name: str) -> str:
        known = (*besides, *catalog.names(kind))
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.4)
            raise refuse(name, f"one of {', '.join(known[:14])}", f"write {near[0] if near else known[0]}")
        return name

    return look


def presets() -> tuple[str, ...]:
    """Names of the shipped fabrics.

    Examples
    --------
    >>> "dgx-b200-superpod" in presets()
    True
    """
    return tuple(sorted(p.stem for p in PRESETS.glob("*.yaml")))


def _preset(name: str) -> str:
    if name not in presets():
        near = difflib.get_close_matches(name, presets(), 1, 0.3)
        raise refuse(name, ", ".join(presets()), f"write {near[0] if near else presets()[0]}")
    return name


SwitchName = Annotated[str, AfterValidator(_one_of("switch"))]
NicName = Annotated[str, AfterValidator(_one_of("nic"))]
SystemName = Annotated[str, AfterValidator(_one_of("system"))]
PresetName = Annotated[str, AfterValidator(_preset)]
OpticsName = Annotated[str, AfterValidator(_one_of("optics", *FAMILIES))]


class Tier(Section):
    """Equal switches, and the cables below them."""

    switch: SwitchName
    optics: OpticsName | None = Field(None, description="cables below this tier; as `optics` if left out")


class Beside(Section):
    """A network of its own beside the compute fabric: storage, or north-south."""

    nic: NicName
    ports_per_node: Annotated[int, Field(strict=True, ge=1, le=8)] = 1
    servers: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = Field(
        0, description="storage servers or gateways, which have as many ports as a node"
    )
    leaf: Tier
    spine: Tier | None = Field(None, description="as the leaf if left out")
    oversubscription: Ratio = 1.0
    optics: OpticsName = "by-length"


class Dragonfly(Section):
    """Sizes of a dragonfly; balanced ones (a = 2p = 2h) are found where they are left out."""

    ends_per_switch: Few | None = None
    switches_per_group: Few | None = None
    global_per_switch: Few | None = None


class Floor(Section):
    """Where racks stand, for the lengths of cables."""

    nodes_per_rack: Few = 4
    racks_per_row: Few = 16
    aisle: Length = default("1.8 m", "between two rows")
    leaves: Literal["middle", "top-of-rack"] = Field(
        default="middle",
        description="leaves in network racks amid their nodes, or in the rack of their first node",
    )


class FabricWords(Section):
    """Words of any fat tree, whatever it joins."""

    nodes_per_unit: Many | None = Field(
        None, description="nodes whose adapters of one rail share leaves; as many as a leaf takes if left out"
    )
    managers: Annotated[int, Field(strict=True, ge=0, le=4096)] = Field(
        0, description="fabric managers, each on a free port of a leaf"
    )
    nic: NicName | None = Field(None, description="as the system if left out", examples=["cx7"])
    rail_optimised: bool = Field(False, description="adapter i of every node of a unit goes to leaf i")
    planes: Annotated[int, Field(strict=True, ge=1, le=16)] = Field(
        1, description="separate fabrics, each with its share of the rate of every adapter"
    )
    dual_tor: bool = Field(
        False, description="each adapter goes to two leaves of its plane, half a rate each"
    )
    tiers: Annotated[int, Field(strict=True, ge=1, le=3)] | None = Field(
        None, description="as few as hold all GPUs if left out"
    )
    leaf: Tier | None = Field(None, examples=["{switch: qm9700}"])
    spine: Tier | None = Field(None, description="as the leaf if left out")
    core: Tier | None = Field(None, description="as the spine if left out")
    spines: Few | None = Field(None, description="of a plane of two tiers; as many as needed if left out")
    oversubscription: Ratio = Field(1.0, description="rate from below a leaf over rate above it")
    spine_oversubscription: Ratio = 1.0
    trunk_rate: DataRate | None = Field(None, description="of a line between switches; a port's if left out")
    optics: OpticsName = Field("pluggable", description="kind of all cables, or a card")
    nic_end: Literal["pluggable", "cpo"] = Field(
        "pluggable", description="what the adapter's end of a cable to a co-packaged switch is"
    )
    storage: Beside | None = None
    north_south: Beside | None = None
    wiring: FileName | None = Field(None, description="CSV of the cables as they are plugged, to be checked")
    prices: dict[str, Money] = Field(default_factory=dict, description="of switches, adapters, ends")
    powers: dict[str, Power] = Field(default_factory=dict, description="of switches without their optics")


class Design(FabricWords):
    """The networks of a hall: its racks give GPUs, nodes and adapters, its floor the lengths of cables."""

    preset: PresetName | None = Field(
        None,
        description="a shipped fabric; the words beside it replace its own",
        examples=["dgx-gb200-superpod"],
    )


class Words(FabricWords):
    """A fabric in a few words, validated and in SI units.

    Examples
    --------
    >>> Words(fabric="small", gpus=64, gpus_per_node=8, nic="cx7", leaf={"switch": "qm9700"}).planes
    1
    """

    fabric: Name = Field(description="name of the fabric", examples=["my-fabric"])
    description: str = ""
    kind: Literal["fat-tree", "dragonfly", "custom"] = "fat-tree"
    system: SystemName | None = Field(None, description="gives GPUs of a node and adapters")
    gpus: Many | None = Field(None, description="GPU packages; or write units and nodes_per_unit")
    gpus_per_node: Few | None = Field(None, description="as the system if left out", examples=[8])
    nics_per_gpu: Annotated[int, Field(strict=True, ge=1, le=8)] | None = None
    units: Many | None = Field(None, description="scalable units")
    spare_nodes: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = Field(
        0, description="places of the units without a node"
    )
    nvlink: Literal["nvl8", "nvl36", "nvl72", "nvl144", "nvl576"] | None = Field(
        None, description="NVLink domains of the GPUs, as links of the same graph"
    )
    dragonfly: Dragonfly = Dragonfly()
    floor: Floor = Floor()
    graph: FileName | None = Field(None, description="of a custom fabric: GraphML, or a CSV of links")

    _source: Source | None = PrivateAttr(None)

    @property
    def source(self) -> Source:
        """Where each word stands; a nameless source for words that come from no file."""
        return self._source or Source((self.fabric,), {}, {})

    @property
    def node_gpus(self) -> int:
        """GPUs of a node."""
        if self.gpus_per_node:
            return self.gpus_per_node
        card = catalog.get("system", self.system) if self.system else None
        return int(card.get("gpus_per_tray") or card.gpu_packages) if card else 1

    @property
    def gpu_nics(self) -> int:
        """Adapters of a GPU."""
        if self.nics_per_gpu or not self.system:
            return self.nics_per_gpu or 1
        card = catalog.get("system", self.system)
        return max(1, int(card.get("nics", card.gpu_packages)) // int(card.gpu_packages))

    @property
    def adapter(self) -> str:
        """Card of the adapters."""
        if self.nic or not self.system:
            return self.nic or ""
        return str(catalog.get("system", self.system).get("nic", ""))

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        if self.gpus is not None:
            return -(-self.gpus // self.node_gpus)
        return (self.units or 1) * (self.nodes_per_unit or 1) - self.spare_nodes

    @property
    def gpu_count(self) -> int:
        """Number of GPU packages."""
        return self.gpus if self.gpus is not None else self.nodes * self.node_gpus

    def cards(self) -> tuple[str, ...]:
        """Switch cards of leaf, spine and core."""
        leaf = self.leaf.switch if self.leaf else ""
        spine = self.spine.switch if self.spine else leaf
        return leaf, spine, self.core.switch if self.core else spine

    def optics_of(self, part: str) -> str:
        """What a part of the cables is asked to be: ``node-leaf``, ``leaf-spine``, ``spine-core``, …"""
        spine = self.spine or self.leaf
        tier = {"leaf-spine": spine, "spine-core": self.core or spine}.get(part, self.leaf)
        return (tier.optics if tier else None) or self.optics
