"""The nomenclature: every recorded quantity, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NUMBERS = "8"
"""Raised whenever the same scenario and seed give other numbers than before.

2: routed experts have a roofline of their own, apart from dense layers. 3: engine constants fitted to public
serving runs, prompts pay for their launch, precision by part of a model, parameters counted from its shape. 4: GPU
memory as drivers report it, engine constants and GPU power fitted anew, prompts of ranks start together, transfers
max-min fair. 5: windows of attention fill in runs, sparse attention pays for its indexer. 6: air and
chilled water have at once what the coils of CRAHs move, points at part of their load follow runs more closely. 7:
losses of batteries follow their load. 8: shares of GPU power from the latest fit.
"""

Kind = Literal["mean", "point", "sum", "max", "min"]


@dataclass(frozen=True)
class Quantity:
    """A recorded series.

    Parameters
    ----------
    name : str
        ``kind.quantity_unit``; the part before the dot is the kind of asset.
    unit : str
        SI unit as written into the file.
    kind : {"mean", "point", "sum", "max", "min"}
        Mean over the sample period, value at its end, total over it, or largest or smallest value in it.
    meaning : str
        One line for a reader who sees only the file.
    shown_as : str
        Unit in which reports and pictures show it.
    scale, offset : float
        ``shown = value * scale + offset``.
    """

    name: str
    unit: str
    kind: Kind
    meaning: str
    shown_as: str
    scale: float = 1.0
    offset: float = 0.0

    @property
    def asset_kind(self) -> str:
        """Kind of asset that carries the series."""
        return self.name.split(".", 1)[0]


def _power(name: str, meaning: str) -> Quantity:
    return Quantity(name, "W", "mean", meaning, "kW", 1e-3)


def _temperature(name: str, meaning: str, kind: Kind = "point") -> Quantity:
    return Quantity(name, "K", kind, meaning, "°C", 1.0, -273.15)


def _share(name: str, meaning: str, kind: Kind = "point") -> Quantity:
    return Quantity(name, "1", kind, meaning, "%", 100.0)


_ALL = (
    # power, from the grid to the chip
    _power("site.power_w", "power drawn from the grid connection"),
    _power("site.it_power_w", "power at the inlets of racks and network boxes"),
    _power("site.cooling_power_w", "power of pumps, fans and compressors"),
    _power("site.loss_w", "losses of transformers, UPS, distribution"),
    Quantity("site.pue", "1", "mean", "power from the grid, generators and batteries over IT power", "1"),
    _power("transformer.power_w", "power into a transformer"),
    _power("transformer.loss_w", "loss in a transformer"),
    _power("ups.power_w", "power into a UPS block"),
    _power("ups.loss_w", "loss in a UPS block"),
    _power("pdu.power_w", "power into a PDU"),
    _power("pdu.loss_w", "loss in a PDU and its busway"),
    _power("rack.power_w", "power at the rack inlet"),
    _power("gpu.power_w", "power of a GPU package"),
    # outages, trips and voltages, where a scenario asks for them
    *(
        quantity
        for kind, title in (
            ("feed", "the grid connection"),
            ("transformer", "a transformer"),
            ("ups", "a UPS block"),
            ("pdu", "a PDU"),
        )
        for quantity in (
            _share(f"{kind}.load_frac", f"largest current of {title} over its rating", "max"),
            Quantity(
                f"{kind}.voltage_pu",
                "1",
                "min",
                f"lowest voltage at the output of {title} over nominal",
                "pu",
            ),
            Quantity(f"{kind}.current_a", "A", "max", f"largest current at the output of {title}", "A"),
        )
    ),
    _share("ring.load_frac", "mean current of a section of the medium-voltage ring over its rating"),
    Quantity("ring.current_a", "A", "mean", "mean current of a section of the medium-voltage ring", "A"),
    _share("ups.stored_frac", "charge of the battery of a UPS block"),
    Quantity(
        "ups.autonomy_s",
        "s",
        "point",
        "time that the battery of a UPS block lasts at its present load",
        "min",
        1 / 60,
    ),
    _power("ups.battery_w", "power out of the battery of a UPS block; negative while it is charged"),
    _share("feed.stored_frac", "charge of the battery of the site"),
    Quantity(
        "feed.autonomy_s",
        "s",
        "point",
        "time that the battery of the site lasts at its present load",
        "min",
        1 / 60,
    ),
    _power("feed.battery_w", "power out of the battery of the site; negative while it is charged"),
    _share("psu.stored_frac", "charge of the storage of the power shelves of a rack, hold-up included"),
    _power(
        "psu.storage_w",
        "power out of the storage of the power shelves of a rack; negative while it is charged",
    ),
    _power("generator.power_w", "power from a standby generator"),
    _power("generator.fuel_w", "heat of the fuel that a standby generator burns"),
    _share("generator.fuel_frac", "fuel left in the tank of a standby generator"),
    Quantity("generator.run_s", "s", "sum", "time in which a standby generator had voltage", "s"),
    Quantity("rack.dark_s", "s", "sum", "time in which a rack had no power", "s"),
    # heat and coolant
    _temperature("gpu.temperature_k", "die temperature of a GPU package, as read at ticks", "max"),
    _share("gpu.clock_frac", "clock as a share of its maximum", "min"),
    Quantity("gpu.throttled_s", "s", "sum", "time in which heat holds the clock below its maximum", "s"),
    _power("rack.liquid_heat_w", "heat that a rack gives to liquid"),
    _power("rack.air_heat_w", "heat that a rack gives to air"),
    _temperature("cdu.supply_k", "technology coolant supply of a CDU"),
    _temperature("cdu.return_k", "technology coolant return of a CDU"),
    Quantity("cdu.flow_kg_per_s", "kg s-1", "point", "technology coolant flow of a CDU", "kg/s"),
    _share("cdu.level_frac", "coolant in a technology loop over that of a full one"),
    Quantity("rack.flow_kg_per_s", "kg s-1", "point", "technology coolant through a rack", "kg/s"),
    _power("cdu.heat_w", "heat moved by a CDU to facility water, or to the air of the hall"),
    _power("cdu.power_w", "power of the pumps of a CDU, and of its fans where it gives its heat to the hall"),
    _temperature("facility_water.supply_k", "facility water supply"),
    _temperature("facility_water.return_k", "facility water return"),
    _power("facility_water.reused_w", "heat given to a neighbour"),
    _power("facility_water.power_w", "pump power of a facility water loop"),
    _power("dry_cooler.heat_w", "heat rejected to outdoor air"),
    _power("dry_cooler.power_w", "fan power of a dry cooler"),
    _share("dry_cooler.fan_frac", "fan speed of a dry cooler"),
    *(
        quantity
        for kind, name in (
            ("adiabatic_cooler", "an adiabatic cooler"),
            ("cooling_tower", "a cooling tower"),
            ("water_chiller", "a water-cooled chiller"),
            ("economiser", "a chiller with an economiser"),
            ("radiator", "a radiator"),
        )
        for quantity in (
            _power(f"{kind}.heat_w", f"heat that {name} takes from facility water"),
            _power(f"{kind}.power_w", f"power of fans, pumps and compressors of {name}"),
            _share(f"{kind}.effort_frac", f"effort that the set-point asks of {name}"),
        )
    ),
    *(
        Quantity(f"{kind}.make_up_kg", "kg", "sum", f"fresh water of {name}", "m3", 1e-3)
        for kind, name in (
            ("adiabatic_cooler", "an adiabatic cooler"),
            ("cooling_tower", "a cooling tower"),
            ("water_chiller", "the tower of a water-cooled chiller"),
        )
    ),
    _share("cooling_tower.level_frac", "water in the basin of a cooling tower over a full one"),
    _power("economiser.free_heat_w", "heat that left without a compressor"),
    _temperature("hall.air_k", "supply air of a hall at the rack inlets"),
    _temperature("hall.return_air_k", "return air of a hall"),
    _temperature("rack.inlet_k", "air that a rack takes, mean over its front"),
    _share("rack.cold_capture_frac", "share of the air of a rack that met no rack since it was supplied"),
    _share("hall.recirculation_frac", "share of the air of all racks that met one since it was supplied"),
    _power("crah.heat_w", "heat taken out of hall air"),
    _power("crah.power_w", "fan power of a CRAH"),
    _power("rear_door.heat_w", "heat that a rear door takes from the exhaust of its rack"),
    _power("rear_door.power_w", "fan power of a rear door"),
    _temperature("chilled_water.supply_k", "chilled water supply"),
    _power("chiller.heat_w", "heat lifted by a chiller"),
    _power("chiller.power_w", "compressor, fan and pump power of a chiller"),
    _temperature("outdoor.dry_bulb_k", "outdoor dry-bulb temperature"),
    # serving
    Quantity("replica.batch_requests", "1", "point", "requests in the running batch", "requests"),
    Quantity("replica.queue_requests", "1", "point", "requests waiting for admission", "requests"),
    _share("replica.kv_frac", "share of the KV cache that requests hold"),
    _share("replica.busy_frac", "share of time in which an iteration runs", "mean"),
    Quantity("replica.prefill_tokens", "1", "sum", "prompt tokens computed", "tokens"),
    Quantity("replica.output_tokens", "1", "sum", "tokens generated", "tokens"),
    Quantity("replica.cached_tokens", "1", "sum", "prompt tokens found in the prefix cache", "tokens"),
    Quantity("replica.lost_tokens", "1", "sum", "tokens computed in vain", "tokens"),
    Quantity("replica.preemptions", "1", "sum", "requests preempted for want of KV cache", "requests"),
    Quantity("replica.sent_bytes", "bytes", "sum", "KV handed to other replicas", "GB", 1e-9),
    _share("leaf.uplink_frac", "share of a leaf's links to the spines that was taken", "mean"),
    _share("leaf.downlink_frac", "share of the links from the spines to a leaf that was taken", "mean"),
    Quantity("site.leaf_up_bytes", "bytes", "sum", "carried from all leaves to the spines", "GB", 1e-9),
    Quantity("site.leaf_down_bytes", "bytes", "sum", "carried from the spines to all leaves", "GB", 1e-9),
    Quantity("site.spine_up_bytes", "bytes", "sum", "carried from pods to the cores", "GB", 1e-9),
    Quantity("site.spine_down_bytes", "bytes", "sum", "carried from the cores to pods", "GB", 1e-9),
    _share("leaf.uplink_other_frac", "of that to the spines, what was no KV transfer", "mean"),
    _share("leaf.downlink_other_frac", "of that from the spines, what was no KV transfer", "mean"),
    _share("spine.uplink_frac", "share of the links from a spine's pod to the cores that was taken", "mean"),
    _share(
        "spine.downlink_frac", "share of the links from the cores to a spine's pod that was taken", "mean"
    ),
)

QUANTITIES: dict[str, Quantity] = {q.name: q for q in _ALL}
