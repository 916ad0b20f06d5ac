"""Sense of the ``power`` section between its values; the site itself is checked once it is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from twin.errors import Fault
from twin.scenario.power import has_switches

if TYPE_CHECKING:
    from twin.scenario.schema import Scenario


def check_power(scenario: Scenario) -> Iterator[Fault]:
    """All faults of the section that a look at the scenario finds.

    Examples
    --------
    >>> from twin.scenario import check
    >>> battery = {"energy": "100 kWh", "power": "50 kW", "recharge": "80 kW"}
    >>> fault, = check("scenarios/one-rack.yaml", set={"power.storage": battery})
    >>> fault.where, fault.mend
    ('power.storage.recharge', 'write 50000 W or less')
    """
    yield from _storage(scenario)
    yield from _switches(scenario)
    yield from _batteries(scenario)
    yield from _ring(scenario)
    yield from _generators(scenario)
    yield from _smoothing(scenario)


def _smoothing(scenario: Scenario) -> Iterator[Fault]:
    wanted, tick_s = scenario.power.smoothing, scenario.time.tick
    if wanted is not None and wanted.window < 2.0 * tick_s:
        yield scenario.source.fault(
            "power.smoothing.window", f"{wanted.window:g} s at ticks of {tick_s:g} s", "two ticks or more",
            f"write {2.0 * tick_s:g} s or more, or shorten time.tick",
        )  # fmt: skip


def _generators(scenario: Scenario) -> Iterator[Fault]:
    units = scenario.power.generators
    if units is not None and units.permit is not None and not units.answers_calls:
        expected = "answers_calls: true beside it, as outages need no permit"
        yield scenario.source.fault(
            "power.generators.permit",
            f"{units.permit:g} s without answers_calls",
            expected,
            "add answers_calls, or remove permit",
        )


def _switches(scenario: Scenario) -> Iterator[Fault]:
    ups = scenario.power.ups
    if ups.switches is not None and not has_switches(ups):
        found = f"switches with {ups.redundancy or 'no redundancy'}"
        expected = "redundancy: catcher or 2N, where every PDU has a second block"
        yield scenario.source.fault(
            "power.ups.switches", found, expected, "remove switches, or change redundancy"
        )


def _batteries(scenario: Scenario) -> Iterator[Fault]:
    """Words that need batteries of UPS blocks."""
    power = scenario.power
    for path, word in (("ride_through", power.ride_through), ("ups.walk_in", power.ups.walk_in)):
        if word is not None and power.ups.battery is None:
            found, expected = f"{path} without power.ups.battery", "batteries that carry the racks meanwhile"
            yield scenario.source.fault(
                f"power.{path}", found, expected, "add power.ups.battery, for example 5 min"
            )


def _ring(scenario: Scenario) -> Iterator[Fault]:
    ring, source = scenario.power.ring, scenario.source
    if ring is None:
        return
    sections = scenario.power.transformer.count + 1
    if ring.open is not None and ring.closed:
        yield source.fault(
            "power.ring.open", "an open point in a closed ring", "one of them", "remove open or closed"
        )
    elif ring.open is not None and ring.open > sections:
        expected = f"one of the {sections} sections past {sections - 1} transformers"
        yield source.fault("power.ring.open", str(ring.open), expected, f"write {sections} or less")


def _storage(scenario: Scenario) -> Iterator[Fault]:
    battery, source = scenario.power.storage, scenario.source
    if battery is None:
        return
    if battery.recharge is not None and battery.recharge > battery.power:
        expected = f"at most its power, {battery.power:g} W"
        mend = f"write {battery.power:g} W or less"
        yield source.fault("power.storage.recharge", f"{battery.recharge:g} W", expected, mend)
    if battery.peak is not None and battery.peak > scenario.power.feed.capacity:
        expected = f"at most the capacity of the feed, {scenario.power.feed.capacity:g} W"
        yield source.fault("power.storage.peak", f"{battery.peak:g} W", expected, "lower it, or remove it")
    if battery.reserve > battery.keep:
        expected = f"at most the charge at which it is held, {battery.keep:.0%}"
        yield source.fault(
            "power.storage.reserve", f"{battery.reserve:.0%}", expected, "lower it, or raise keep"
        )
    if battery.reserve >= 1.0 and (battery.answers_calls or battery.peak is not None):
        expected = "energy beside the reserve, for calls and peaks"
        yield source.fault("power.storage.reserve", "all of it", expected, "write for example 50 %")
