"""Parts that all sections of the schema share: their base, and kinds of values."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from twin.scenario.fields import DataFile, Measure

Time = Annotated[float, Measure("time", "20 min", low=0.0)]
Duration = Annotated[float, Measure("time", "1 h", above=0.0)]
Power = Annotated[float, Measure("power", "1.6 MW", above=0.0)]
Current = Annotated[float, Measure("current", "630 A", above=0.0)]
PowerRamp = Annotated[float, Measure("power ramp", "2 MW/min", above=0.0)]
Temperature = Annotated[float, Measure("temperature", "45 degC", low=200.0, high=400.0)]
TemperatureDifference = Annotated[float, Measure("temperature difference", "8 K", low=-50.0, high=50.0)]
Length = Annotated[float, Measure("length", "1.8 m", above=0.0)]
Volume = Annotated[float, Measure("volume", "4 m3", above=0.0)]
Energy = Annotated[float, Measure("energy", "2 MWh", above=0.0)]
FloorLoad = Annotated[float, Measure("floor load", "1200 kg/m2", above=0.0)]
MassFlow = Annotated[float, Measure("mass flow", "0.2 kg/s", above=0.0)]
Fraction = Annotated[float, Measure("fraction", "90 %", low=0.0, high=1.0)]
Share = Annotated[float, Measure("fraction", "1 %", above=0.0, high=1.0)]
EnergyPrice = Annotated[float, Measure("energy price", "80 USD/MWh", low=0.0)]
PowerPrice = Annotated[float, Measure("power price", "15 USD/kW", low=0.0)]
Emission = Annotated[float, Measure("emission", "400 g/kWh", low=0.0)]
TokenPrice = Annotated[float, Measure("token price", "1 USD/Mtoken", low=0.0)]
Rate = Annotated[float, Measure("rate", "5 1/s", above=0.0)]
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=64)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
FileName = Annotated[str, DataFile()]


class Section(BaseModel):
    """Base of all parts of a scenario: frozen, and unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def default(written: str, description: str) -> Any:
    """Field with a default in the form in which people write it."""
    return Field(written, description=description)


class Units(Section):
    """A number of equal units of one catalog part."""

    unit: Name
    count: Count = Field(examples=[2])


class ServiceLevel(Section):
    """Limits that a good request keeps."""

    ttft: Annotated[float, Measure("time", "2 s", above=0.0)] = Field(description="time to first token")
    tpot: Annotated[float, Measure("time", "60 ms", above=0.0)] = Field(
        description="mean time per output token after the first"
    )
