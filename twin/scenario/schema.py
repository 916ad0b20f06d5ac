"""The schema of a scenario: what may stand in the file, with units, ranges and meanings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, field_validator

from twin.scenario.fabric import Design
from twin.scenario.fields import Measure, Named, refuse
from twin.scenario.jobs import Jobs
from twin.scenario.power import PowerChain
from twin.scenario.section import (
    Count,
    Duration,
    Emission,
    EnergyPrice,
    FileName,
    FloorLoad,
    Fraction,
    Key,
    Length,
    MassFlow,
    Name,
    Power,
    PowerPrice,
    Section,
    Share,
    Temperature,
    TemperatureDifference,
    Time,
    TokenPrice,
    Units,
    Volume,
)
from twin.scenario.section import default as _default
from twin.scenario.serving import Serving
from twin.scenario.source import Source
from twin.scenario.traffic import Traffic
from twin.scenario.workloads.schema import Workload

HOURS = 24
NO_REQUESTS = Workload.model_construct(
    trace=None,
    copies=1,
    limit=None,
    streams={},
    tiers={},
    prefix_block=Workload.model_fields["prefix_block"].default,
)
NOTHING_SERVED = Serving.model_validate({"model": "none", "slo": {"ttft": "1 s", "tpot": "1 s"}})
"""What a scenario that runs jobs alone stands for; it has no replicas."""


class Clock(Section):
    """When, how long, and in which steps."""

    start: str = Field(
        pattern=r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?$",
        description="local time of the site at the start",
        examples=["2022-07-20 13:00"],
    )
    duration: Duration = Field(description="a multiple of the sample period")
    tick: Duration = _default("1 s", "models exchange at ticks only")
    sample: Duration = _default("10 s", "period of the recorded series; a multiple of the tick")

    @field_validator("start")
    @classmethod
    def _is_an_instant(cls, value: str) -> str:
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise refuse(
                value, f"a day and time of the calendar ({error})", "write for example 2022-07-20 13:00"
            ) from None
        return value


class Weather(Section):
    """Outdoor air: a constant, or a CSV series from a file."""

    dry_bulb: Temperature | None = Field(None, description="constant dry-bulb temperature")
    file: FileName | None = Field(
        None,
        description="CSV with dry_bulb_c, either time_local or time_s, and relative_humidity_pct where towers or "
        "wetted pads need it",
        examples=["data/weather-dallas-2022.csv"],
    )
    wet_bulb: Temperature | None = Field(
        None,
        description="constant wet-bulb temperature beside a constant dry bulb; towers and wetted pads need one",
    )
    offset: TemperatureDifference = _default("0 K", "added to the outdoor temperature, for a hotter day")


class Hall(Section):
    """The room; racks stand in rows, cold aisle to cold aisle."""

    count: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        1,
        description="equal halls of the site: all else describes one of them, with its own gateway",
        examples=[72],
    )
    racks_per_row: Count = 8
    aisle: Length = _default("1.8 m", "between the fronts of two rows and behind them")
    floor_load: FloorLoad = Field(description="what the floor carries")


class Racks(Section):
    """A group of equal racks."""

    system: Annotated[Name, Named("system")] = Field(description="node or rack", examples=["gb200-nvl72"])
    count: Count = Field(description="number of racks", examples=[8])
    nodes_per_rack: Count = Field(1, description="for systems that are nodes: how many stand in a rack")
    fed_by: list[str] | None = Field(
        None, description="PDUs of these racks, for example [pdu-1, pdu-2]; all if left out"
    )


class SwitchTier(Section):
    """One tier of equal switches."""

    switch: Annotated[Name, Named("switch")]
    count: Count = Field(examples=[8])


class Network(Section):
    """Scale-out networks: a design in few words, or a fabric of leaves and spines by their number."""

    design: Design | None = Field(
        None,
        description="compute, storage and north-south networks in the words of `twin fabric`; in place of all else",
        examples=["{preset: dgx-gb200-superpod}"],
    )
    fabric: Literal["spectrum-x", "infiniband"] | None = None
    leaf: SwitchTier | None = None
    spine: SwitchTier | None = None
    nic: Annotated[Name, Named("nic")] | None = None
    nic_optics: Annotated[Name, Named("optics")] | None = Field(None, description="NIC to leaf")
    trunk_optics: Annotated[Name, Named("optics")] | None = Field(None, description="leaf to spine")


class Controlled(Units):
    """Units whose effort a policy sets."""

    control: Annotated[Name, Named("twin.policies.setpoint", "control")] = Field(
        "proportional", description="how their set-point is held: in proportion, by PID, or by whole units"
    )


class Cdu(Controlled):
    """Coolant distribution units and their technology loops."""

    unit: Annotated[Name, Named("cdu")]
    supply: Temperature = Field(description="set-point of the technology coolant")
    running: Count | None = Field(
        None,
        description="pumps of a unit that run, the spare with them where it is one more than needed; as many as "
        "are needed if left out",
        examples=[2],
    )


class FacilityWater(Section):
    """The loop between CDUs and dry coolers."""

    supply: Temperature = Field(description="set-point of the facility water supply", examples=["41 degC"])
    volume: Volume
    tank: Volume | None = Field(
        None,
        description="mixed buffer tank in the supply beside that volume; none if left out",
        examples=["10 m3"],
    )
    pump_power: Power = Field(description="all facility pumps together at rated flow", examples=["15 kW"])


class DryCoolers(Controlled):
    """Dry coolers between facility water and outdoor air."""

    unit: Annotated[Name, Named("dry_cooler")]


class Orbit(Section):
    """Circular orbit of a site whose heat leaves by radiators."""

    altitude: Length = _default("550 km", "above the mean radius of the Earth")
    sun_angle: Annotated[float, Measure("angle", "0 deg", low=0.0, high=90.0)] = _default(
        "0 deg", "between the sun and the plane of the orbit"
    )


class Reuse(Section):
    """A neighbour who takes heat from the return of facility water."""

    power: Power = Field(description="most heat that is taken", examples=["200 kW"])
    at: Temperature = Field(description="temperature at which it is taken", examples=["43 degC"])


class Liquid(Section):
    """Direct-to-chip liquid cooling."""

    cdu: Cdu
    facility_water: FacilityWater
    dry_cooler: DryCoolers = Field(
        description="units that take the heat of facility water away: dry coolers, or those of another rejection "
        "that are rated for as much heat"
    )
    rejection: Literal["dry-cooler", "adiabatic", "tower", "chiller", "economiser", "radiator"] = Field(
        "dry-cooler",
        description="how they take it away: dry coolers; such behind wetted pads; cooling towers; water-cooled "
        "chillers with towers; air-cooled chillers behind a free-cooling coil; radiators in orbit",
    )
    orbit: Orbit = Field(Orbit(), description="where radiators are")
    reuse: Reuse | None = Field(None, description="heat given to a neighbour; none if left out")


class Crah(Controlled):
    """Air handlers."""

    unit: Annotated[Name, Named("crah")]
    supply: Temperature = Field(description="set-point of the air at the rack inlets", examples=["24 degC"])


class Chiller(Controlled):
    """Air-cooled chillers."""

    unit: Annotated[Name, Named("chiller")]
    supply: Temperature = Field(description="set-point of the chilled water", examples=["14 degC"])


class RearDoors(Section):
    """Coils in the back doors of all racks that give heat to air; what they leave goes into the hall."""

    water: Literal["chilled-water", "facility-water"] = Field(
        "chilled-water", description="loop that takes their heat"
    )
    effectiveness: Annotated[float, Measure("fraction", "70 %", low=0.1, high=0.9)] = _default(
        "70 %", "heat over that of air cooled to the water's inlet, at design"
    )
    fan_power: Power | None = Field(
        None,
        description="fans of one door; the servers' fans blow through it if left out",
        examples=["300 W"],
    )


class AirField(Section):
    """Air of the hall in three dimensions, so that every rack has an inlet of its own; see docs/air-field.md."""

    containment: Literal["none", "cold", "hot"] = Field("none", description="which aisles are closed")
    leakage: Annotated[float, Measure("fraction", "3 %", low=1e-4, high=1.0)] = _default(
        "3 %", "open share of the panels that close them"
    )
    supply: Literal["floor", "wall"] = Field(
        "floor", description="tiles before the racks, or fronts of the air handlers"
    )
    cell: Length | None = Field(
        None,
        description="largest cell, 0.05 m to 1 m; 0.3 m if left out, more in large halls",
        examples=["0.3 m"],
    )
    gaps: list[str] | None = Field(
        None,
        description="racks without ten units of blanking panels, for example [rack-06]; none if left out",
    )


class Air(Section):
    """Air cooling of the hall."""

    crah: Crah
    chiller: Chiller
    field: AirField | None = Field(
        None, description="inlet of each rack from an air field; one inlet for all if left out"
    )
    rear_door: RearDoors | None = Field(None, description="doors beside the air handlers; none if left out")


class Cooling(Section):
    """Liquid, air or both."""

    liquid: Liquid | None = None
    air: Air | None = None


class Event(Section):
    """Something that happens at an instant."""

    at: Time = Field(description="from the start of the run")
    kind: Annotated[Name, Named("twin.processes", "occur")] = Field(
        description="what happens", examples=["pump-trip"]
    )
    asset: str | None = Field(
        None,
        description="what it happens to, for example cdu-1; nothing where it is the site",
        examples=["cdu-1"],
    )
    spare_after: Duration | None = Field(
        None, description="a spare takes over after this long", examples=["15 s"]
    )
    amount: Share | None = Field(
        None,
        description="of a grid call the share of the power before it that the site gives up; of a fault the share "
        "that is lost: of fans, of conductance, of a filter's free area",
        examples=["25 %"],
    )
    notice: Time | None = Field(
        None, description="from the call until power begins to fall; none if left out", examples=["10 min"]
    )
    ramp: Time | None = Field(
        None,
        description="of a grid call from full to reduced power, and back; of a fault until it is fully there",
        examples=["15 min"],
    )
    duration: Duration | None = Field(
        None,
        description="of a grid call how long power stays reduced, without the ramps; of a fault from its begin until "
        "it is mended, for good if left out",
        examples=["3 h"],
    )
    rate: MassFlow | None = Field(
        None, description="coolant that leaks at rated pressure", examples=["0.2 kg/s"]
    )
    detected_after: Time | None = Field(
        None, description="from the begin of a leak until it is seen; never if left out", examples=["30 s"]
    )
    drift: TemperatureDifference | None = Field(
        None, description="what a sensor shows too much, below zero too little", examples=["-3 K"]
    )
    opening: Fraction | None = Field(
        None, description="where a valve is stuck, 0 % being closed", examples=["20 %"]
    )
    depth: Share | None = Field(
        None, description="what voltage or frequency loses, as a share of nominal", examples=["30 %"]
    )
    window: Duration | None = Field(
        None, description="before the call, over which power is averaged", examples=["5 min"]
    )
    first: list[Key] | None = Field(
        None, description="pools that are capped first, in this order; the others last, together"
    )
    interval: Duration | None = Field(
        None, description="between two looks at the meter, at least a tick; 1 s if left out", examples=["1 s"]
    )


class Economics(Section):
    """Prices; money is positive when it costs."""

    electricity: EnergyPrice
    by_hour: list[EnergyPrice] | None = Field(
        None, description="electricity in each hour of the local day, 24 prices; electricity where left out"
    )
    prices: FileName | None = Field(
        None,
        description="CSV with usd_per_mwh and either time_local or time_s; a price holds until the next",
        examples=["data/prices.csv"],
    )
    demand_response: EnergyPrice | None = Field(
        None, description="paid for energy that is not drawn while a grid call holds"
    )
    demand_charge: PowerPrice = _default(
        "0 USD/kW", "a month, for the highest mean power over a demand window in it"
    )
    demand_window: Duration = _default("15 min", "over which the meter takes the mean")
    capacity_charge: PowerPrice = _default("0 USD/kW", "a month, for the capacity of the feed")
    carbon: Emission | None = Field(None, description="emissions of the grid; carbon_file where there is one")
    carbon_file: FileName | None = Field(
        None,
        description="CSV with g_per_kwh and either time_local or time_s; a value holds until the next",
        examples=["data/carbon-ercot-2022.csv.gz"],
    )
    input_tokens: TokenPrice
    output_tokens: TokenPrice

    @field_validator("by_hour")
    @classmethod
    def _one_an_hour(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and len(value) != HOURS:
            raise refuse(
                f"{len(value)} prices", f"{HOURS} prices, from midnight on", "write one for each hour"
            )
        return value


class Recording(Section):
    """Which share of the long tables is written; series and balances are always whole."""

    gpus: Share = _default("100 %", "GPUs whose series are written, drawn by their place")
    requests: Share = _default(
        "100 %", "requests written, drawn by their row; counts are scaled up from them"
    )
    gaps: Share = _default("100 %", "runs of iterations written, of which the gaps between tokens are read")


class Scenario(Section):
    """A site and what happens to it, validated and in SI units."""

    scenario: Name = Field(description="name of the scenario", examples=["my-hall"])
    description: str = ""
    time: Clock
    recording: Recording = Recording()
    seed: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] = 1
    fidelity: Literal["batch", "event"] = "batch"
    weather: Weather
    workload: Workload = Field(NO_REQUESTS, validate_default=False, description="which requests arrive")
    serving: Serving = Field(NOTHING_SERVED, description="model, engine and routing")
    jobs: Jobs | None = Field(
        None, description="batch jobs on whole nodes, beside requests or in place of them"
    )
    hall: Hall
    racks: dict[Key, Racks] = Field(min_length=1, description="groups of equal racks by name")
    network: Network
    power: PowerChain
    cooling: Cooling
    economics: Economics
    traffic: Traffic | None = None
    events: dict[Key, Event] = Field(default_factory=dict, description="what happens when, by name")

    _source: Source = PrivateAttr()

    @property
    def has_requests(self) -> bool:
        """Whether replicas serve requests; a site may run jobs alone."""
        return self.serving.model != NOTHING_SERVED.model

    @property
    def source(self) -> Source:
        """Files, overlays and line numbers that this scenario was read from."""
        return self._source
