"""NVLink domains: GPUs with a line to every switch chip of their domain.

Sources: 8-GPU board with switch chips on it (system cards dgx-h100, dgx-b200); NVL36 and NVL72 with 18 chips in 9
trays and 18 lines a GPU, one to each chip (setloop.io, docs.nvidia.com multi-node tuning guide, 2026-11); NVL144 in a
Kyber rack and NVL576 of eight racks with an optical second tier (NVIDIA GTC 2025 and 2026 keynotes).

What is only announced has the structure of its predecessor: 36 chips for NVL144; for NVL576 as many lines above a chip
as below, to 72 chips of a second tier. These sizes are an assumption, the rates are those of the cards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin import catalog
from twin.errors import Fault, ScenarioError
from twin.scenario.fabric import NVLINK, Words
from twin.topology.fabric.arrays import Builder, Fabric, Ints


class Domain(NamedTuple):
    """An NVLink domain.

    Parameters
    ----------
    gpus, chips, trays : int
        GPU packages of a rack (or board), its switch chips, and the trays they are in.
    lines : int
        Lines from each GPU to each chip.
    switch, system : str
        Cards; the rate of a GPU is that of the system.
    racks, tops : int
        Racks that an optical second tier joins, and its chips.
    """

    gpus: int
    chips: int
    trays: int
    lines: int
    switch: str
    system: str
    racks: int = 1
    tops: int = 0

    @property
    def line_bytes_per_s(self) -> float:
        """Rate of a line, one direction [bytes/s]."""
        system = catalog.get("system", self.system)
        rate = catalog.get("gpu", str(system.gpu)).get("nvlink_bandwidth_bytes_per_s")
        both = float(rate or system.nvlink_bandwidth_bytes_per_s / system.gpu_packages)
        return both / 2 / (self.chips * self.lines)


def domain(name: str, system: str = "") -> Domain:
    """Return a domain by its name.

    Parameters
    ----------
    name : str
        ``nvl8``, ``nvl36``, ``nvl72``, ``nvl144`` (Kyber) or ``nvl576`` (eight racks, optical).
    system : str
        Card that gives the generation; the first that had such a domain if left out.

    Examples
    --------
    >>> found = domain("nvl72")
    >>> found.chips, found.trays, found.line_bytes_per_s
    (18, 9, 50000000000.0)
    """
    known = {
        "nvl8": ("dgx-b200", 8, 0, 0, 0, 1, 0),
        "nvl36": ("gb200-nvl36", 36, 18, 9, 1, 1, 0),
        "nvl72": ("gb200-nvl72", 72, 18, 9, 1, 1, 0),
        "nvl144": ("rubin-ultra-kyber", 144, 36, 18, 1, 1, 0),
        "nvl576": ("oberon-optical-nvl576", 72, 36, 9, 1, 8, 72),
    }
    first, gpus, chips, trays, lines, racks, tops = known[name]
    card = catalog.get("system", system or first)
    guess = {"nvl144": "nvlink7-sw", "nvl576": "nvlink6-sw"}
    switch = str(card.get("nvlink_switch") or guess.get(name, "nvswitch4"))
    chips = int(card.get("switch_chips") or chips) if racks == 1 else chips
    trays = int(card.get("switch_trays") or trays) if racks == 1 else trays
    if name == "nvl8":
        generation = int(catalog.get("gpu", str(card.gpu)).get("nvlink_generation", 5))
        lines = _lines(generation) // chips
    return Domain(gpus, chips, trays, lines, switch, system or first, racks, tops)


def _lines(generation: int) -> int:
    """Lines of a GPU: 18 from NVLink 4 on (NVIDIA H100 and Blackwell data sheets, 2022 and 2024), 12 before."""
    return 18 if generation >= 4 else 12


def system_of(words: Words) -> str:
    """The system of a fabric, where it has the domain that is asked for; empty otherwise."""
    if not words.system or not words.nvlink:
        return ""
    packages = catalog.get("system", words.system).get("domain_packages")
    return words.system if packages == int(words.nvlink.removeprefix("nvl")) else ""


def add_domains(made: Builder, name: str, gpus: Ints, system: str = "") -> None:
    """Join GPUs, in order, to the switch chips of their domains; the last domain may be smaller."""
    d = domain(name, system)
    rack = np.arange(len(gpus)) // d.gpus
    racks = int(rack[-1]) + 1
    chips = made.add(
        "nvswitch", "nvlink", 1, racks * d.chips, d.switch, unit=np.repeat(np.arange(racks), d.chips)
    )
    per_gpu = d.chips * d.lines
    line = np.tile(np.arange(per_gpu), len(gpus))
    chip = chips[np.repeat(rack, per_gpu) * d.chips + line // d.lines]
    port = np.repeat(np.arange(len(gpus)) % d.gpus, per_gpu) * d.lines + line % d.lines
    made.join("gpu-nvswitch", "nvlink", np.repeat(gpus, per_gpu), line, chip, port, d.line_bytes_per_s)
    if d.tops and racks > 1:
        _add_tops(made, d, chips, racks)


def _add_tops(made: Builder, d: Domain, chips: Ints, racks: int) -> None:
    """Every chip has as much rate above as below, over lines to the chips of the second tier."""
    clusters = -(-racks // d.racks)
    tops = made.add(
        "nvswitch", "nvlink", 2, clusters * d.tops, d.switch, prefix="nvswitch-top",
        unit=np.repeat(np.arange(clusters), d.tops),
    )  # fmt: skip
    up = d.gpus * d.lines
    line = np.tile(np.arange(up), len(chips))
    lower = np.repeat(chips, up)
    rack = np.repeat(np.arange(len(chips)) // d.chips, up)
    chip = np.repeat(np.arange(len(chips)) % d.chips, up)
    upper = tops[rack // d.racks * d.tops + line % d.tops]
    turn = ((rack % d.racks) * d.chips + chip) * (-(-up // d.tops)) + line // d.tops
    made.join("nvswitch-nvswitch", "nvlink", lower, up + line, upper, turn, d.line_bytes_per_s)


def nvlink_domain(name: str, system: str = "") -> Fabric:
    """Build one NVLink domain by itself.

    Parameters
    ----------
    name : str
        As in :func:`domain`.
    system : str
        Card that gives the generation.

    Raises
    ------
    CatalogError
        When a card is missing or lacks a rate.

    Examples
    --------
    >>> rack = nvlink_domain("nvl72")
    >>> len(rack.of_kind("nvswitch")), rack.links
    (18, 1296)
    """
    if name not in NVLINK:
        fault = Fault("", 0, "nvlink", name, ", ".join(NVLINK), f"write {NVLINK[2]}")
        raise ScenarioError(f"no NVLink domain {name!r}", [fault])
    d = domain(name, system)
    made = Builder(name, None)
    gpus = made.add(
        "gpu", "nvlink", 0, d.gpus * d.racks, str(catalog.get("system", d.system).gpu), per=d.gpus
    )
    add_domains(made, name, gpus, system)
    return made.done()
