"""The ``power`` section of a scenario: from the grid to the racks, and what happens when a part of it fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from twin.scenario.fields import Measure, Named
from twin.scenario.section import (
    Count,
    Current,
    Duration,
    Energy,
    Fraction,
    Length,
    Name,
    Power,
    PowerRamp,
    Section,
    Share,
    Time,
    Units,
    default,
)

if TYPE_CHECKING:
    from twin.scenario.schema import Scenario

EVENTS: Final = (
    "feed-loss", "voltage-sag", "frequency-dip", "ups-failure", "pdu-failure", "transformer-failure",
    "generator-fails-to-start", "ring-fault",
)  # fmt: skip
"""Kinds of events of the power chain."""

CATCHER: Final = "catcher"
"""Word of blocks of which the last one stands by for the others."""

BreakerSize = Annotated[float, Measure("fraction", "125 %", low=1.0, high=10.0)]


class Feed(Section):
    """Connection to the grid."""

    capacity: Power
    ramp: PowerRamp | None = Field(
        None, description="fastest change of the power drawn that the grid allows, up and down; a battery of the site "
        "holds it as far as it can", examples=["2 MW/min"],
    )  # fmt: skip


class RingMain(Section):
    """Medium-voltage ring from the feed past all transformers and back, in place of a cable to each."""

    rating: Current = default("630 A", "of a section")
    length: Length = default("100 m", "of a section")
    open: Count | None = Field(
        None, description="section that is normally open, from the feed on; the middle one if left out", examples=[2]
    )  # fmt: skip
    closed: bool = Field(
        False, description="without an open point: a fault parts its section and nobody notices"
    )
    switching: Duration = default(
        "60 s", "from the fault of a section until it is parted and the others are closed"
    )


class RideThrough(Section):
    """When the site leaves a grid that sags, and how it comes back."""

    leaves: Literal["itic", "semi-f47", "prc-024"] = Field(
        "itic", description="curve beyond which racks go to their batteries"
    )
    demands: Literal["itic", "semi-f47", "prc-024"] | None = Field(
        None, description="curve that the grid code demands to be borne; leaving earlier is told as a breach"
    )
    back: Duration = default("10 s", "for which the grid must be calm before the site returns to it")


class Transformers(Units):
    """Transformers between the feed and the UPS blocks."""

    unit: Annotated[Name, Named("transformer")]


class StaticSwitches(Section):
    """Static transfer switches before PDUs or racks, which move them to another source when theirs is dead."""

    transfer: Time = default("4 ms", "without power while a switch moves")
    back: Time = default("10 s", "for which the first source must be back before they return to it")


class UpsBlocks(Units):
    """Uninterruptible power supplies."""

    unit: Annotated[Name, Named("ups")]
    redundancy: Literal["N", "N+1", "2N", "3N/2", "catcher"] | None = Field(
        None,
        description="promise that is checked, and how racks are fed; every rack by all blocks if left out; catcher: "
        "the last block stands by for any of the others",
    )
    switches: StaticSwitches | None = Field(
        None, description="static transfer switches before the PDUs, with 2N; a catcher always has them"
    )
    battery: Duration | None = Field(
        None, description="time that a full battery carries the rating of its block", examples=["5 min"]
    )
    mode: Literal["double-conversion", "eco"] = Field(
        "double-conversion", description="eco lets the grid through until it leaves its limits"
    )
    transfer: Time = default("4 ms", "from eco to the inverter")
    walk_in: Duration | None = Field(
        None, description="in which a block takes up its load again after its battery carried it; at once if left out",
        examples=["20 s"],
    )  # fmt: skip


class Generators(Units):
    """Standby generators that take over when the grid is gone."""

    unit: Annotated[Name, Named("generator")]
    start: Duration = default("10 s", "from the loss of the grid to a voltage that takes load")
    step: Duration = default("2 s", "between two steps of load")
    retransfer: Time = default("5 min", "for which the grid must be back before load returns to it")
    fuel: Duration = default("24 h", "time that a full tank lasts at rated load")
    answers_calls: bool = Field(
        False,
        description="whether they run beside the grid in calls, after the battery and before caps and pauses; without "
        "it, outages alone",
    )
    permit: Duration | None = Field(
        None, description="time that each may run in calls; no limit if left out", examples=["50 h"]
    )


class Storage(Section):
    """Battery of the site at the grid connection."""

    unit: Annotated[Name, Named("battery")] = Field(
        "lfp-container", description="cells with their converter: losses and wear"
    )
    energy: Energy
    power: Power = Field(description="into and out of it")
    answers_calls: bool = Field(
        False,
        description="whether it meets grid calls first, before caps and pauses; without it, outages alone",
    )
    peak: Power | None = Field(
        None, description="what the site draws at most from the grid while it lasts; no limit if left out",
        examples=["1.1 MW"],
    )  # fmt: skip
    reserve: Fraction = default("0 %", "of its energy, kept for outages")
    keep: Share = default("100 %", "charge at which it is held while nothing is asked of it")
    recharge: Power | None = Field(
        None, description="with which it is charged again; all its power if left out", examples=["200 kW"]
    )
    ramp: PowerRamp | None = Field(
        None, description="fastest change of charging; at once if left out", examples=["50 kW/s"]
    )

    @property
    def is_told(self) -> bool:
        """Whether it does more than to carry outages."""
        words = (self.peak, self.recharge, self.ramp)
        shares = self.reserve > 0.0 or self.keep < 1.0
        return self.answers_calls or shares or any(word is not None for word in words)


class Smoothing(Section):
    """Storage in the power shelves of each rack that takes swings of its load off the grid."""

    energy: Energy = Field(description="of each rack, beside what its hold-up needs", examples=["20 kJ"])
    window: Duration = default("5 s", "over which the draw of a rack is smoothed; two ticks or more")


class Protection(Section):
    """Inverse-time trips; ratings of breakers over the ratings of what they guard."""

    feed: BreakerSize = default("125 %", "main breaker over the capacity of the feed")
    transformer: BreakerSize = default("125 %", "breaker of a transformer")
    pdu: BreakerSize = default("125 %", "breaker of a PDU or busway, which is rated for 80 % of it")
    ring: BreakerSize = default("110 %", "setting of the relays of a ring over the rating of its sections")


class Pdus(Units):
    """Power distribution units with their busways."""

    unit: Annotated[Name, Named("pdu")]


class PowerChain(Section):
    """From the grid to the racks: feed, transformers, UPS blocks, PDUs, power shelves."""

    feed: Feed
    ring: RingMain | None = Field(None, description="a cable from the feed to each transformer if left out")
    transformer: Transformers
    ups: UpsBlocks
    pdu: Pdus
    psu: Annotated[Name, Named("psu")] = Field(description="power shelf and busbar of a rack")
    rack_switches: StaticSwitches | None = Field(
        None, description="static transfer switches before the racks, which then hang on the first of their PDUs and "
        "move to the second; racks have a cord to each PDU if left out",
    )  # fmt: skip
    hold_up: Time | None = Field(
        None, description="time that power shelves carry their rating by themselves; of the card if left out",
        examples=["20 ms"],
    )  # fmt: skip
    smoothing: Smoothing | None = Field(None, description="none if left out")
    generators: Generators | None = None
    storage: Storage | None = None
    ride_through: RideThrough | None = Field(
        None, description="relays that part the racks from a grid that sags for too long; none if left out"
    )
    protection: Protection | None = Field(None, description="breakers and overload curves that trip")
    voltages: Literal["nominal", "solved"] = Field(
        "nominal", description="solved: the drop over transformers and PDUs at every tick"
    )
    reboot: Duration = default("5 min", "from power at a rack to its replicas at work")


def has_switches(ups: UpsBlocks) -> bool:
    """Whether PDUs have a second source behind a static transfer switch."""
    return ups.redundancy == CATCHER or (ups.redundancy == "2N" and ups.switches is not None)


def is_played_out(power: PowerChain, kinds: Iterable[str] = ()) -> bool:
    """Whether outages, trips and voltages play a part in a run, for which the plant then keeps books.

    Parameters
    ----------
    power : PowerChain
        The section.
    kinds : iterable of str
        Kinds of the events of the scenario.

    Examples
    --------
    >>> from twin.scenario import load
    >>> is_played_out(load("scenarios/one-rack.yaml").power)
    False
    """
    said = (
        power.generators, power.storage, power.protection, power.hold_up, power.ups.battery, power.ride_through,
        power.feed.ramp, power.ups.walk_in, power.rack_switches, power.smoothing,
    )  # fmt: skip
    words = any(word is not None for word in said) or power.ups.mode == "eco" or power.voltages == "solved"
    words = words or has_switches(power.ups)
    return words or any(kind in EVENTS for kind in kinds)


def is_live(scenario: Scenario) -> bool:
    """Whether the power chain of a scenario is played out, see :func:`is_played_out`."""
    return is_played_out(scenario.power, (event.kind for event in scenario.events.values()))
