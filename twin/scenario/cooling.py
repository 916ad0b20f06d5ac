"""Section ``cooling`` of a scenario: loops of liquid and air, and what takes their heat away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from twin.scenario.fields import Measure, Named, refuse
from twin.scenario.section import Count, Length, Name, Power, Section, Temperature, Units, Volume
from twin.scenario.section import default as _default


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


NO_FACILITY_WATER = FacilityWater.model_construct(supply=0.0, volume=0.0, tank=None, pump_power=0.0)
NO_DRY_COOLERS = DryCoolers.model_construct(unit="", count=0, control="proportional")


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
    rejection: Literal[
        "dry-cooler", "adiabatic", "tower", "chiller", "economiser", "radiator", "hall-air"
    ] = Field(
        "dry-cooler",
        description="how they take it away: dry coolers; such behind wetted pads; cooling towers; water-cooled "
        "chillers with towers; air-cooled chillers behind a free-cooling coil; radiators in orbit; or not at all: "
        "CDUs with coils of their own give it to the air of the hall, without facility_water and dry_cooler",
    )
    facility_water: FacilityWater = Field(
        default_factory=lambda: NO_FACILITY_WATER,
        validate_default=True,
        description="loop that takes the heat of the CDUs away",
    )
    dry_cooler: DryCoolers = Field(
        default_factory=lambda: NO_DRY_COOLERS,
        validate_default=True,
        description="units that take the heat of facility water away: dry coolers, or those of another rejection "
        "that are rated for as much heat",
    )
    orbit: Orbit = Field(Orbit(), description="where radiators are")
    reuse: Reuse | None = Field(None, description="heat given to a neighbour; none if left out")

    @field_validator("facility_water", "dry_cooler", mode="before")
    @classmethod
    def _as_heat_leaves(cls, value: Any, info: ValidationInfo) -> Any:
        """Facility water unless heat goes to the hall, and none if it does; unknown where the word itself is wrong."""
        name, rejection = str(info.field_name), info.data.get("rejection")
        is_given = value is not NO_FACILITY_WATER and value is not NO_DRY_COOLERS
        if rejection == "hall-air" and is_given:
            raise refuse(name, "no facility water, as heat goes to the hall", "remove it")
        if rejection not in (None, "hall-air") and not is_given:
            raise refuse("nothing", f"{name}, as heat leaves the hall", f"add {name}")
        return value

    @property
    def is_to_air(self) -> bool:
        """Whether CDUs give their heat to the air of the hall."""
        return self.rejection == "hall-air"


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
