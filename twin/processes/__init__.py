"""Things that happen: one generator a file, named in scenarios by its file name.

Beside ``occur`` a file says of which kind its asset is (``ASSET_KIND``, one or several; empty when it happens to the
site), which keys of the event it needs (``NEEDS``) and which it takes, with what holds where they are left out
(``TAKES``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twin.registry import find

if TYPE_CHECKING:
    from twin.engine import Context

__all__ = ["OF_COOLING", "start_events", "start_planner", "start_supply"]

OF_COOLING = (
    "fan-loss", "filter-clog", "fouling", "leak", "make-up-loss", "panel-gap", "pump-trip", "sensor-drift",
    "valve-stuck",
)  # fmt: skip
"""Kinds of events that take cooling away; a report says how long the GPUs went on after each."""


def start_events(ctx: Context, events: Mapping[str, Any]) -> None:
    """Put every event of a scenario on the agenda.

    Parameters
    ----------
    ctx : Context
        What the processes may touch.
    events : mapping
        The ``events`` of a scenario, by name.
    """
    for name, event in events.items():
        occur = find("twin.processes", event.kind, "occur")
        ctx.env.process(occur(ctx, event, name))


def start_planner(ctx: Context, planner: Any, capacities: tuple[float, float]) -> None:
    """Let a planner move replicas between prefill and decode.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    planner : Planner
        Of the scenario: ``policy``, ``interval`` and ``start_up`` [s].
    capacities : (float, float)
        Of one replica in prefill and in decode [tokens/s].
    """
    from twin.processes.planner import steer  # serving models are loaded only where a planner is

    plan = find("twin.policies.planning", planner.policy, "plan")
    ctx.env.process(steer(ctx, plan, planner.interval, planner.start_up, capacities))


def start_supply(ctx: Context, power: Any, tick_s: float) -> None:
    """Play out what the supply of a site does.

    Parameters
    ----------
    ctx : Context
        What the processes may touch.
    power : PowerChain
        Section ``power`` of the scenario.
    tick_s : float
        Length of a tick [s].
    """
    from twin.processes import eco_mode, parallel, ride_through, site_battery, standby, static_switch, supply
    from twin.processes.rack_smoothing import guard as rack_smoothing
    from twin.processes.ring_relays import guard as ring_relays
    from twin.processes.walk_in import guard as walk_in

    if power.generators is not None:
        times = (power.generators.start, power.generators.step, power.generators.retransfer)
        ctx.env.process(standby.guard(ctx, standby.Words(*times)))
        if power.generators.answers_calls:
            ctx.env.process(parallel.guard(ctx, parallel.words(power.generators), tick_s))
    if power.ups.mode == "eco":
        ctx.env.process(eco_mode.guard(ctx, power.ups.transfer))
    if "pdu.on_reserve" in ctx.inputs:
        ctx.env.process(static_switch.guard(ctx, "pdu", static_switch.words(power.ups.switches)))
    if "psu.on_reserve" in ctx.inputs:
        ctx.env.process(static_switch.guard(ctx, "psu", static_switch.words(power.rack_switches)))
    if "feed.take_w" in ctx.inputs and power.storage is not None:
        ctx.env.process(site_battery.guard(ctx, site_battery.words(power), tick_s))
    if power.smoothing is not None:
        ctx.env.process(rack_smoothing(ctx, power.smoothing.window, tick_s))
    if power.ring is not None and power.protection is not None:
        ctx.env.process(ring_relays(ctx, power.protection.ring, tick_s))
    if power.ride_through is not None:
        ctx.env.process(ride_through.guard(ctx, ride_through.words(power.ride_through)))
    if power.ups.walk_in is not None:
        ctx.env.process(walk_in(ctx, power.ups.walk_in, tick_s))
    ctx.env.process(supply.watch(ctx, tick_s, power.reboot))
