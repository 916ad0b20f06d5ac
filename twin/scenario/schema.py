"""The schema of a scenario: what may stand in the file, with units, ranges and meanings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, WithJsonSchema

from twin.errors import UnitError
from twin.scenario.source import Source
from twin.units import parse, units_of


def _with_unit(dimension: str, **limits: float) -> Any:
    """Type of a value that is written with its unit and kept in SI."""

    def read(value: object) -> float:
        try:
            return parse(value, dimension)
        except UnitError as error:
            fault = error.faults[0]
            raise ValueError(f"{fault.found}\t{fault.expected}\t{fault.mend}") from None

    units = "|".join(u.replace("°", "\\u00b0") for u in units_of(dimension))
    schema: dict[str, Any] = {
        "type": ["string", "number"] if dimension == "fraction" else "string",
        "description": f"{dimension}, for example 1 {units_of(dimension)[0]}",
        "pattern": rf"^\s*[+-]?[0-9_.]+([eE][+-]?[0-9]+)?\s*({units})\s*$",
    }
    return Annotated[float, Field(**limits), BeforeValidator(read), WithJsonSchema(schema)]


Time = _with_unit("time", ge=0)
Duration = _with_unit("time", gt=0)
Power = _with_unit("power", ge=0)
Temperature = _with_unit("temperature", ge=200, le=400)
TemperatureDifference = _with_unit("temperature difference", ge=0, le=100)
Length = _with_unit("length", gt=0)
Volume = _with_unit("volume", gt=0)
FloorLoad = _with_unit("floor load", gt=0)
Fraction = _with_unit("fraction", ge=0, le=1)
EnergyPrice = _with_unit("energy price", ge=0)
TokenPrice = _with_unit("token price", ge=0)
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", description="lower case letters, digits, dots and dashes")]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class Section(BaseModel):
    """Base of all parts of a scenario: frozen, and unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Clock(Section):
    """When, how long, and in which steps."""

    start: str = Field(
        pattern=r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?$", description="local time of the site at the start"
    )
    duration: Duration
    tick: Duration = Field(1.0, description="models exchange at ticks only")
    sample: Duration = Field(10.0, description="period of the recorded series; a multiple of the tick")


class Weather(Section):
    """Outdoor air: a constant, or a CSV series from a file."""

    dry_bulb: Temperature | None = Field(None, description="constant dry-bulb temperature")
    file: str | None = Field(None, description="CSV with time_s and dry_bulb_c, or hourly with a dry-bulb column")
    offset: TemperatureDifference = Field(0.0, description="added to the series, for a hotter day")


class Workload(Section):
    """Which requests arrive."""

    trace: str = Field(description="CSV (may be gzipped) with arrival_s, context_tokens, generated_tokens")
    copies: Count = Field(1, description="time-shifted copies of the trace laid over each other: the load")
    limit: Count | None = Field(None, description="only the first so many requests")


class ServiceLevel(Section):
    """Limits that a good request keeps."""

    ttft: Duration = Field(description="time to first token")
    tpot: Duration = Field(description="mean time per output token after the first")


Precision = Literal["bf16", "fp16", "fp8", "fp4"]


class Serving(Section):
    """Model, engine and routing."""

    model: Name = Field(description="model card of the catalog, kind llm")
    engine: Name = Field("trtllm", description="engine constants of the catalog, kind engine")
    weights: Precision = "fp8"
    kv_cache: Precision = "fp8"
    tensor_parallel: Count = 8
    max_batch: Count = Field(256, description="requests in the running batch of a replica")
    max_batched_tokens: Count = Field(8192, description="tokens of one iteration, decode and prefill together")
    prefill: Literal["chunked", "separate"] = "chunked"
    memory_utilization: Fraction = Field(0.9, description="share of HBM for weights and KV cache")
    routing: Name = "least-outstanding-tokens"
    slo: ServiceLevel


class Hall(Section):
    """The room; racks stand in rows, cold aisle to cold aisle."""

    racks_per_row: Count = 8
    aisle: Length = Field(1.8, description="between the fronts of two rows and behind them")
    floor_load: FloorLoad = Field(description="what the floor carries")


class Racks(Section):
    """A group of equal racks."""

    system: Name = Field(description="node or rack of the catalog, kind system")
    count: Count = Field(description="number of racks")
    nodes_per_rack: Count = Field(1, description="for systems that are nodes: how many stand in a rack")
    fed_by: list[str] | None = Field(None, description="PDUs of these racks, for example [pdu-1, pdu-2]; all if left out")


class SwitchTier(Section):
    """One tier of equal switches."""

    switch: Name = Field(description="catalog, kind switch")
    count: Count


class Network(Section):
    """Scale-out fabric: leaves and spines."""

    fabric: Literal["spectrum-x", "infiniband"]
    leaf: SwitchTier
    spine: SwitchTier
    nic: Name = Field(description="catalog, kind nic")
    nic_optics: Name = Field(description="catalog, kind optics: NIC to leaf")
    trunk_optics: Name = Field(description="catalog, kind optics: leaf to spine")


class Feed(Section):
    """Connection to the grid."""

    capacity: Power


class Units(Section):
    """A number of equal units of one catalog part."""

    unit: Name
    count: Count


class PowerChain(Section):
    """From the grid to the racks: feed, transformers, UPS blocks, PDUs, power shelves."""

    feed: Feed
    transformer: Units
    ups: Units
    pdu: Units
    psu: Name = Field(description="power shelf and busbar of a rack; catalog, kind psu")


class Cdu(Units):
    """Coolant distribution units and their technology loops."""

    supply: Temperature = Field(description="set-point of the technology coolant")


class FacilityWater(Section):
    """The loop between CDUs and dry coolers."""

    supply: Temperature = Field(description="set-point of the facility water supply")
    volume: Volume
    pump_power: Power = Field(description="all facility pumps together at rated flow")


class Liquid(Section):
    """Direct-to-chip liquid cooling."""

    cdu: Cdu
    facility_water: FacilityWater
    dry_cooler: Units


class Crah(Units):
    """Air handlers."""

    supply: Temperature = Field(description="set-point of the air at the rack inlets")


class Chiller(Units):
    """Air-cooled chillers."""

    supply: Temperature = Field(description="set-point of the chilled water")


class Air(Section):
    """Air cooling of the hall."""

    crah: Crah
    chiller: Chiller


class Cooling(Section):
    """Liquid, air or both."""

    liquid: Liquid | None = None
    air: Air | None = None


class Event(Section):
    """Something that happens at an instant."""

    at: Time = Field(description="from the start of the run")
    kind: Name = Field(description="a process of twin.processes, for example pump-trip")
    asset: str = Field(description="what it happens to, for example cdu-1")
    spare_after: Duration | None = Field(None, description="a spare takes over after this long")


class Economics(Section):
    """Prices; money is positive when it costs."""

    electricity: EnergyPrice
    input_tokens: TokenPrice
    output_tokens: TokenPrice


class Scenario(Section):
    """A site and what happens to it, validated and in SI units."""

    scenario: Name
    description: str = ""
    time: Clock
    seed: Annotated[int, Field(strict=True, ge=0)] = 1
    fidelity: Literal["batch", "event"] = "batch"
    weather: Weather
    workload: Workload
    serving: Serving
    hall: Hall
    racks: dict[Name, Racks] = Field(min_length=1)
    network: Network
    power: PowerChain
    cooling: Cooling
    economics: Economics
    events: dict[Name, Event] = Field(default_factory=dict)

    _source: Source = PrivateAttr()

    @property
    def source(self) -> Source:
        """Files, overlays and line numbers that this scenario was read from."""
        return self._source
