"""What a feed carries: racks, their share of losses and cooling, and what is kept free."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from twin import catalog, topology
from twin.errors import CatalogError, Fault, ScenarioError
from twin.perf.configuration import ALIASES
from twin.scenario import load
from twin.topology.power import PowerTree

OVERHEAD_FRAC, STANDING_FRAC = 0.081, 0.152
"""Losses and chillers for each watt into a rack; pumps, fans, switches, idle converters for each of its nameplate [1]:
:func:`of_scenario` of the shipped GB200 hall over its eight racks (2026-11), all auxiliaries at their most."""

MARGIN_FRAC = 0.05
"""Share of a feed kept free when racks are counted by mean draw: choice of this product (2026-11); a run of
``scenarios/max-q.yaml`` shows what peaks need."""

LIGHT_FRAC = 0.6
"""Load of the racks at which the site is solved beside full load, to part what scales from what does not [1]."""


@dataclass(frozen=True)
class Feed:
    """A fixed feed and what it carries beside the racks.

    Parameters
    ----------
    feed_w : float
        Capacity [W].
    overhead_frac : float
        Drawn from the feed for each watt into a rack, on top of it: losses, chillers [1], 0 or more.
    overhead_w : float
        Drawn from the feed whatever racks do, in all: pumps, fans, network of a plant that stands [W], 0 or more.
    overhead_rack_w : float, optional
        The same for each rack, in a hall that grows with its racks [W], 0 or more; 15.2 % of its nameplate if left out.
    margin_frac : float
        Share of the feed kept free for swings about the mean [1], 0 up to below 1. Nameplate provisioning keeps none.
    most_racks : int, optional
        Racks that there is room or money for.

    Raises
    ------
    ScenarioError
        With every value out of its range.

    Examples
    --------
    >>> feed = Feed(1.45e6)
    >>> feed.of(Rack.of("gb200-nvl72")).racks(132e3, is_nameplate=True)
    8
    """

    feed_w: float
    overhead_frac: float = OVERHEAD_FRAC
    overhead_w: float = 0.0
    overhead_rack_w: float | None = None
    margin_frac: float = MARGIN_FRAC
    most_racks: int | None = None

    def __post_init__(self) -> None:
        racks = 1 if self.most_racks is None else self.most_racks
        standing_w = self.overhead_rack_w or 0.0
        checks = (
            ("feed", self.feed_w, self.feed_w > 0.0, "above 0 W", "give the power of the feed"),
            ("overhead", self.overhead_frac, self.overhead_frac >= 0.0, "0 or more", "write 0.08 for 8 %"),
            ("overhead of a rack", standing_w, standing_w >= 0.0, "0 W or more", "write 20 kW"),
            ("overhead of the site", self.overhead_w, self.overhead_w >= 0.0, "0 W or more", "write 160 kW"),
            ("margin", self.margin_frac, 0.0 <= self.margin_frac < 1.0, "0 up to below 1", "write 0.05 for 5 %"),
            ("racks", racks, racks >= 1, "1 or more", "leave it out"),
        )  # fmt: skip
        faults = [
            Fault("", 0, name, f"{value:g}", expected, mend)
            for name, value, is_right, expected, mend in checks
            if not (is_right and math.isfinite(value))
        ]
        if faults:
            raise ScenarioError("a feed that cannot be", faults)

    def site_w(self, rack_w: float) -> float:
        """Power at the feed for each rack that draws so much [W]; its nameplate, where nothing else tells that."""
        standing_w = STANDING_FRAC * rack_w if self.overhead_rack_w is None else self.overhead_rack_w
        return rack_w * (1.0 + self.overhead_frac) + standing_w

    def of(self, rack: Rack) -> Feed:
        """The same with its overhead for each rack of this kind filled in."""
        if self.overhead_rack_w is not None:
            return self
        return replace(self, overhead_rack_w=STANDING_FRAC * rack.nameplate_w)

    def fit(self, rack_w: float, is_nameplate: bool = False) -> float:
        """Racks that fit, with parts of racks; nameplate provisioning keeps no margin."""
        usable_w = self.feed_w * (1.0 if is_nameplate else 1.0 - self.margin_frac)
        return max(usable_w - self.overhead_w, 0.0) / self.site_w(rack_w)

    def racks(self, rack_w: float, step: int = 1, is_nameplate: bool = False) -> int:
        """Whole racks that fit, a multiple of ``step``; 0 where none does."""
        fit = int(self.fit(rack_w, is_nameplate) + 1e-9)
        return min(fit, self.most_racks or fit) // step * step


class Rack(NamedTuple):
    """A rack, or a server where a system of the catalog is one.

    Parameters
    ----------
    gpus : int
        GPU packages.
    nameplate_w : float
        What provisioning counts [W].
    base_w : float
        All but the GPUs, the loss of power shelves included [W].
    tdp_w, idle_w : float
        Of a GPU package [W].
    """

    gpus: int
    nameplate_w: float
    base_w: float
    tdp_w: float
    idle_w: float

    @classmethod
    def of(cls, system: str) -> Rack:
        """Look up a system of the catalog.

        Raises
        ------
        CatalogError
            When it is none, or states no power.

        Examples
        --------
        >>> Rack.of("gb200-nvl72").nameplate_w
        132000.0
        """
        name = ALIASES.get(system, system)
        if name not in catalog.names("system"):
            known = [n for n in catalog.names("system") if catalog.get("system", n).get("power_max_w")]
            fault = Fault("", 0, "system", system, f"a system: {', '.join(known)}", "write gb200-nvl72")
            raise CatalogError("racks are counted by the nameplate of a system", [fault])
        card = catalog.get("system", name)
        nameplate_w = card.get("power_max_w") or card.get("power_typical_w")
        if not nameplate_w or not card.get("gpu"):
            fault = Fault(
                "", 0, "system", system, "a system with GPUs and their power", "choose another system"
            )
            raise CatalogError("racks are counted by the nameplate of a system", [fault])
        gpu, gpus = catalog.get("gpu", card.gpu), int(card.gpu_packages)
        tdp_w = float(gpu.tdp_w)
        base_w = float(card.get("base_power_w", nameplate_w - gpus * tdp_w))
        return cls(gpus, float(nameplate_w), base_w, tdp_w, float(gpu.get("idle_power_w", 0.1 * tdp_w)))

    def used(self, engine_gpus: int) -> float:
        """GPUs of a rack that work when engines of so many stand side by side, or one lies over several racks."""
        if engine_gpus <= self.gpus:
            return float(self.gpus // engine_gpus * engine_gpus)
        return engine_gpus / math.ceil(engine_gpus / self.gpus)


def of_scenario(path: str | Path) -> Feed:
    """Feed of a scenario, with the overhead of its plant as it stands.

    Parameters
    ----------
    path : str or pathlib.Path
        Scenario file. The site is solved with its racks and chillers at full and at 60 percent load; pumps, fans and
        switches draw their most in both. Racks may be added to the plant or taken away: it stays.

    Raises
    ------
    ScenarioError
        When the scenario cannot be used.

    Examples
    --------
    >>> found = of_scenario("scenarios/gb200-hall.yaml")
    >>> found.feed_w, round(found.overhead_frac, 3), round(found.overhead_w, -3), found.racks(132e3, is_nameplate=True)
    (1450000.0, 0.081, 161000.0, 9)
    """
    scenario = load(path)
    graph = topology.build(scenario)
    tree = PowerTree.of(graph)
    racks = [node["demand_max_w"] for _, node in graph.nodes(data=True) if node["kind"] == "rack"]
    full_w, light_w = (tree.out_w(frac)["feed"] for frac in (1.0, LIGHT_FRAC))
    slope = (full_w - light_w) / ((1.0 - LIGHT_FRAC) * sum(racks))
    fixed_w = max(full_w - slope * sum(racks), 0.0)
    return Feed(scenario.power.feed.capacity, max(slope - 1.0, 0.0), fixed_w, 0.0)
