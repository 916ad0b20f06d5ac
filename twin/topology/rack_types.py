"""What the cards say of a group of racks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from twin import catalog
from twin.catalog import Card
from twin.scenario.fabric import Design
from twin.scenario.schema import Scenario
from twin.topology import constants as c
from twin.topology.assets import ids
from twin.topology.fabric.reading import preset
from twin.topology.geometry import Size


def card_size(card: Card, default: Size) -> Size:
    """Width, depth and height of a card [m], with defaults for what it leaves blank."""
    width, depth, height = (card.get(f"{side}_m") for side in ("width", "depth", "height"))
    return (float(width or default[0]), float(depth or default[1]), float(height or default[2]))


@dataclass(frozen=True)
class RackType:
    """A group of equal racks, with all that its cards say.

    Parameters
    ----------
    group : str
        Name in the scenario.
    system, gpu, nic : Card
    systems : int
        Nodes that stand in a rack; 1 where the system is a rack.
    count : int
        Racks of the group.
    fed_by : tuple of str, optional
        PDUs that the scenario names for them.
    """

    group: str
    system: Card
    gpu: Card
    nic: Card
    systems: int
    count: int
    fed_by: tuple[str, ...] | None = None

    @property
    def is_rack(self) -> bool:
        """Whether the system fills a rack, with trays, rather than being a node in a cabinet."""
        return bool(self.system.get("compute_trays", 0))

    @property
    def gpus(self) -> int:
        """GPU packages of a rack."""
        return int(self.system.gpu_packages) * self.systems

    @cached_property
    def nics_per_gpu(self) -> int:
        """Scale-out adapters of a GPU package: as listed, at least one."""
        return max(1, int(self.system.get("nics", 0)) // int(self.system.gpu_packages))

    @property
    def size(self) -> Size:
        """Width, depth and height of the rack [m]."""
        if not self.is_rack:
            return c.CABINET_M
        return card_size(self.system, c.CABINET_M)

    @property
    def mass_kg(self) -> float:
        """Mass of the filled rack [kg]; 0 where the card gives none."""
        own_kg = float(self.system.get("mass_kg", 0.0)) * self.systems
        return own_kg + (c.CABINET_KG if own_kg and not self.is_rack else 0.0)

    @property
    def demand_max_w(self) -> float:
        """Nameplate power at the rack inlet [W], losses of the power shelf included."""
        return float(self.system.get("power_max_w") or self.system.power_typical_w) * self.systems

    @property
    def chips(self) -> int:
        """NVLink switch chips of one system."""
        return int(self.system.get("switch_chips", 0))

    @cached_property
    def domain_packages(self) -> int:
        """GPU packages that NVLink joins."""
        return int(self.system.get("domain_packages", self.system.gpu_packages))

    @property
    def nvlink_switch(self) -> str:
        """Card of the switch chips, empty when it is not known."""
        return str(self.system.get("nvlink_switch", ""))

    @property
    def nvlink_latency_s(self) -> float:
        """From a GPU to another through a switch chip, one way [s]."""
        card = catalog.get("switch", self.nvlink_switch) if self.nvlink_switch else None
        return float(card.get("latency_s", c.NVLINK_LATENCY_S)) if card else c.NVLINK_LATENCY_S

    @property
    def liquid_frac(self) -> float:
        """Share of the heat that goes to liquid [1]."""
        return float(self.system.get("liquid_frac", 0.0))


def rack_types(scenario: Scenario) -> list[RackType]:
    """Read the cards of all rack groups of a scenario.

    Raises
    ------
    CatalogError
        When a card is missing or lacks a value that a rack needs.
    """
    types = []
    for group, racks in scenario.racks.items():
        system = catalog.get("system", racks.system)
        fed_by = None if racks.fed_by is None else tuple(racks.fed_by)
        gpu = catalog.get("gpu", system.gpu)
        systems = 1 if system.get("compute_trays", 0) else racks.nodes_per_rack
        nic = catalog.get("nic", _nic(scenario, system))
        types.append(RackType(group, system, gpu, nic, systems, racks.count, fed_by))
    return types


def _nic(scenario: Scenario, system: Card) -> str:
    """Card of the adapters: as the network says, else the preset of its design, else the system."""
    network = scenario.network
    if network.design is None:
        return str(network.nic)
    return network.design.nic or preset_nic(network.design) or str(system.get("nic", ""))


def preset_nic(design: Design) -> str:
    """Card of the adapters of a design's preset; empty where it leaves them to the system."""
    return (preset(design.preset).nic or "") if design.preset else ""


@dataclass(frozen=True)
class Host:
    """A tray or node: GPU packages that hang on the networks together.

    Parameters
    ----------
    name : str
        Id of the tray or node.
    gpus : tuple of str
        Ids of its GPU packages.
    nics_per_gpu : int
        Scale-out adapters of each.
    """

    name: str
    gpus: tuple[str, ...]
    nics_per_gpu: int


def hosts(kinds: Mapping[str, RackType]) -> list[Host]:
    """Trays and nodes of all racks, in the order in which racks are filled.

    Parameters
    ----------
    kinds : mapping of str to RackType
        Of each rack by its id.
    """
    found = []
    for rack, kind in kinds.items():
        gpus = iter(ids(f"{rack}/gpu", kind.gpus, 2))
        packages = int(kind.system.gpu_packages)
        if kind.is_rack:
            names = ids(f"{rack}/tray", int(kind.system.compute_trays))
            each = [share_of(packages, len(names), i) for i in range(len(names))]
        else:
            names = ids(f"{rack}/node", kind.systems)
            each = [packages] * kind.systems
        found += [
            Host(n, tuple(islice(gpus, count)), kind.nics_per_gpu)
            for n, count in zip(names, each, strict=True)
        ]
    return found


def share_of(total: int, parts: int, index: int) -> int:
    """Whole share of one of several parts, the first ones larger."""
    return total // parts + (index < total % parts)
