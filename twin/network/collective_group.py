"""What a collective runs on: GPUs, links and constants of a system of the catalog, or why it cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from twin import catalog
from twin.catalog import Card
from twin.catalog.kernels import FAMILIES
from twin.errors import CatalogError, Fault, ScenarioError, TwinError, UnitError
from twin.physics.collective_exchange import Exchange
from twin.physics.collectives import Fabric, Group, Library
from twin.units import parse

BOARD_GPUS = 8
"""GPUs that NVLink joins where only a GPU is named: a board of eight (HGX)."""

MOST_GPUS = 10_000_000

Found = TypeVar("Found")
Constants = TypeVar("Constants", Library, Fabric, Exchange)


class Ground(NamedTuple):
    """GPUs, links and constants.

    Parameters
    ----------
    system : str
        Name in the catalog.
    group : twin.physics.collectives.Group
    library, fabric : Card
        Cards of the kind ``collective``: of the generation and of the network.
    is_inherited : bool
        Constants were measured on another generation.
    """

    system: str
    group: Group
    library: Card
    fabric: Card
    is_inherited: bool

    def read(self, kind: type[Constants]) -> Constants:
        """Return constants as the relations take them, from whichever of the two cards has them."""
        values = {**self.library.values, **self.fabric.values}
        missing = [name for name in kind._fields if name not in values]
        if missing:
            expected = "a generation where it was measured (Hopper, Blackwell)"
            mend = "choose another system, or add the values with their source to the card"
            faults = [Fault(self.library.file, 0, name, "no value", expected, mend) for name in missing]
            raise CatalogError(f"{self.system} lacks constants of this collective", faults)
        return kind(*(float(values[name].si) for name in kind._fields))


def ground(system: str, gpus: int, fabric: str = "infiniband", nic: str | float | None = None) -> Ground:
    """Look up what a collective runs on.

    Parameters
    ----------
    system : str
        A system of the catalog; a GPU stands for boards of eight.
    gpus : int
        2 or more; they fill as few NVLink domains as hold them, evenly.
    fabric : str
        Network between domains: a card of the kind ``collective`` such as ``infiniband`` or ``spectrum-x``.
    nic : str or float, optional
        NICs of one GPU, one way, as ``"400 Gbit/s"`` or in bytes/s, in place of those of the system.

    Raises
    ------
    CatalogError
        When a name is unknown, or nothing was measured for the GPU.
    ScenarioError
        When the GPUs cannot be placed.

    Examples
    --------
    >>> found = ground("gb200-nvl72", 144)
    >>> found.group
    Group(gpus=144, domains=2, link_bytes_per_s=900000000000.0, nic_bytes_per_s=50000000000.0)
    """
    is_gpu = system not in catalog.names("system") and system in catalog.names("gpu")
    card = catalog.get("gpu" if is_gpu else "system", system)
    gpu = card if is_gpu else catalog.get("gpu", card.gpu)
    room = BOARD_GPUS if is_gpu else int(card.get("domain_packages") or card.get("gpu_packages") or 1)
    faults: list[Fault] = []
    domains = _or_fault(faults, lambda: _domains(system, gpus, room))
    found = _or_fault(faults, lambda: _library(system, gpu))
    over = _or_fault(faults, lambda: _fabric(fabric))
    link = _or_fault(faults, lambda: _link_bytes_per_s(card, gpu))
    asked = _or_fault(faults, lambda: None if nic is None else _asked_bytes_per_s(nic))
    if faults or domains is None or found is None or over is None or link is None:
        raise ScenarioError(f"no collective on {gpus} GPUs of {system}", faults)
    library, is_inherited = found
    nic_bytes_per_s = asked or _nic_bytes_per_s(None if is_gpu else card, library)
    return Ground(system, Group(gpus, domains, link, nic_bytes_per_s), library, over, is_inherited)


def _or_fault(faults: list[Fault], look_up: Callable[[], Found]) -> Found | None:
    """What was looked up, or its faults in the list."""
    try:
        return look_up()
    except TwinError as error:
        faults += error.faults
        return None


def _domains(system: str, gpus: int, room: int) -> int:
    whole = isinstance(gpus, int) and not isinstance(gpus, bool)
    if not whole or not 2 <= gpus <= MOST_GPUS:
        fault = Fault("", 0, "gpus", str(gpus), f"2 to {MOST_GPUS:,} GPUs", f"write {max(room, 2)}")
        raise ScenarioError("a collective needs two GPUs or more", [fault])
    domains = math.ceil(gpus / room)
    if gpus % domains:
        near = gpus - gpus % domains
        expected = f"a number that {domains} domains of {room} GPUs share evenly"
        fault = Fault("", 0, "gpus", f"{gpus:,}", expected, f"write {near} or {near + domains}")
        raise ScenarioError(f"{gpus:,} GPUs do not fill NVLink domains of {system} evenly", [fault])
    return domains


def _library(system: str, gpu: Card) -> tuple[Card, bool]:
    known = catalog.names("collective")
    for family in FAMILIES.get(gpu.architecture, ()):
        if family in known:
            own = gpu.architecture.lower().replace(" ", "-")
            return catalog.get("collective", family), family != own
    expected = "an architecture of " + ", ".join(FAMILIES)
    mend = "choose another system, or add a card twin/catalog/collective/<architecture>.yaml"
    fault = Fault("", 0, f"system {system}", f"the architecture {gpu.architecture}", expected, mend)
    raise CatalogError(f"no constants of collectives for {system}", [fault])


def _fabric(name: str) -> Card:
    fabrics = [
        n for n in catalog.names("collective") if "nic_efficiency_frac" in catalog.get("collective", n).values
    ]
    if name not in fabrics:
        fault = Fault("", 0, "fabric", repr(name), ", ".join(fabrics), f"write {fabrics[0]}")
        raise CatalogError(f"unknown fabric {name!r}", [fault])
    return catalog.get("collective", name)


def _link_bytes_per_s(card: Card, gpu: Card) -> float:
    """One way; where the GPU leaves it blank, its part of what the whole system has."""
    both = gpu.get("nvlink_bandwidth_bytes_per_s")
    if not both and card.kind == "system" and card.get("nvlink_bandwidth_bytes_per_s"):
        both = card.nvlink_bandwidth_bytes_per_s / card.gpu_packages
    return float(both or gpu.nvlink_bandwidth_bytes_per_s) / 2.0


def _nic_bytes_per_s(system: Card | None, library: Card) -> float:
    if system is not None and system.get("nic") and system.get("nics"):
        return float(catalog.get("nic", system.nic).rate_bytes_per_s * system.nics / system.gpu_packages)
    return float(library.nic_rate_bytes_per_s)


def _asked_bytes_per_s(nic: str | float) -> float:
    try:
        rate = float(nic) if isinstance(nic, int | float) else parse(nic, "data rate")
    except UnitError as error:
        fault = error.faults[0]
        mend = "write for example --nic '400 Gbit/s'"
        raise ScenarioError(
            "not a data rate", [Fault("", 0, "nic", fault.found, fault.expected, mend)]
        ) from None
    if not 0.0 < rate < math.inf:
        raise ScenarioError(
            "not a data rate", [Fault("", 0, "nic", str(nic), "above 0", "write '400 Gbit/s'")]
        )
    return rate
