"""The schema of a scenario: what may stand in the file, with units, ranges and meanings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, field_validator

from twin.scenario.cooling import Cooling
from twin.scenario.fabric import Design
from twin.scenario.fields import Named, refuse
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
    PowerPrice,
    Section,
    Share,
    Temperature,
    TemperatureDifference,
    Time,
    TokenPrice,
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
    fuel: EnergyPrice | None = Field(
        None, description="of the heat of the fuel that generators burn", examples=["100 USD/MWh"]
    )
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
