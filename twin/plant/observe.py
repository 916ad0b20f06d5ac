"""What is recorded: every quantity of the nomenclature that the site has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.models.serving import BOTH
from twin.plant import rejection
from twin.plant.window import IT, Totals

if TYPE_CHECKING:
    from twin.plant.node import Array
    from twin.plant.plant import Plant

SUMS = ("prefill_tokens", "output_tokens", "cached_tokens", "lost_tokens", "preemptions", "sent_bytes")
COOLING = ("cdu", "facility_water", *rejection.OF, "crah", "chiller", "rear_door")


def observe(p: Plant, over: Totals) -> dict[str, Array]:
    """Every recorded quantity: means, sums and extremes over a window, points as they are at its end.

    Parameters
    ----------
    p : Plant
        After at least one step; before it, after :meth:`Plant.prime`, all powers are zero.
    over : Totals
        Of the steps that are looked back on; the last of them has just been made.
    """
    found = {**_power(p, over), **_gpus(p, over), **_serving(p, over)}
    if "cdu" in p.nodes:
        found |= _liquid(p, over)
    if "hall" in p.nodes:
        found |= _air(p, over)
    found["outdoor.dry_bulb_k"] = np.array([p.outdoor_k])
    return found


def _power(p: Plant, over: Totals) -> dict[str, Array]:
    at = p.chain.at
    drawn, loss = over.rate(p, "power", "in_j"), over.rate(p, "power", "loss_j")
    it = sum(drawn[at[k]].sum() for k in IT if k in at)
    cooling = sum(drawn[at[k]].sum() for k in COOLING if k in at)
    span_s, gpu_j = over.span_s or 1.0, over.amount(p, "gpu", "heat_to_coolant_j")
    base_w = over.base_j / span_s
    found = {
        "site.power_w": drawn[at["feed"]].sum(keepdims=True),
        "site.it_power_w": np.array([it]),
        "site.cooling_power_w": np.array([cooling]),
        "site.loss_w": np.array([sum(loss[at[k]].sum() for k in ("transformer", "ups", "pdu"))]),
        "site.pue": np.array([over.pue_s / (over.span_s or 1.0)]),
        "rack.power_w": drawn[at["psu"]],
        "rack.liquid_heat_w": p.of_racks(gpu_j, is_liquid=True) / span_s + base_w * p.chain.base_liquid_frac,
        "rack.air_heat_w": p.of_racks(gpu_j, is_liquid=False) / span_s
        + base_w * (1.0 - p.chain.base_liquid_frac),  # without the loss of its power shelves
    }
    for kind in ("transformer", "ups", "pdu"):
        found[f"{kind}.power_w"] = drawn[at[kind]]
        found[f"{kind}.loss_w"] = loss[at[kind]]
    return found if p.chain.supply is None else found | p.chain.supply.observe(p, over)


def _gpus(p: Plant, over: Totals) -> dict[str, Array]:
    bank = p.maps.bank_of_gpu[p.drawn_gpus]
    return {
        "gpu.power_w": over.amount(p, "gpu", "energy_j")[bank]
        / (over.span_s or 1.0)
        / p.maps.gpus_of_bank[bank],
        "gpu.temperature_k": over.hottest_k[bank],  # as read at ticks: no cut of a step can move it
        "gpu.clock_frac": over.slowest_frac[bank],
        "gpu.throttled_s": over.throttled_s[bank],
    }


def _serving(p: Plant, over: Totals) -> dict[str, Array]:
    out, params = p.serving.outputs, p.serving.params
    if not len(params.engines):
        return {}
    return {
        **_trunks(p, over),
        "replica.batch_requests": out.batch_requests,
        "replica.queue_requests": out.queue_requests,
        "replica.kv_frac": out.kv_blocks / params.engines["kv_blocks"],
        "replica.busy_frac": over.rate(p, "serving", "busy_s"),
        **{f"replica.{name}": over.amount(p, "serving", name) for name in SUMS},
    }


def _trunks(p: Plant, over: Totals) -> dict[str, Array]:
    """Shares of the links between leaves, spines and cores, where replicas hand over KV."""
    params = p.serving.params
    has_others = p.serving.traffic is not None
    if (params.engines["role"] == BOTH).all() and not has_others:
        return {}
    full = params if p.links is None else p.links.full
    carried = (over.trunk_bytes + over.traffic_bytes) * np.ones(len(params.trunk_bytes_per_s))
    up, down = np.split(carried / (over.span_s or 1.0) / full.trunk_bytes_per_s, 2)
    leaves, of_spine = len(p.maps.ids["leaf"]), p.maps.trunk_of_spine
    found = {"leaf.uplink_frac": up[:leaves], "leaf.downlink_frac": down[:leaves]}
    if (of_spine >= 0).any():
        for way, shares in (("uplink", up), ("downlink", down)):
            found[f"spine.{way}_frac"] = np.where(of_spine >= 0, shares[of_spine], 0.0)
    tiers = [part.sum(keepdims=True) for way in np.split(carried, 2) for part in np.split(way, [leaves])]
    found |= {"site.leaf_up_bytes": tiers[0], "site.leaf_down_bytes": tiers[2]}
    if (of_spine >= 0).any():
        found |= {"site.spine_up_bytes": tiers[1], "site.spine_down_bytes": tiers[3]}
    if has_others:
        up, down = np.split(over.traffic_bytes / (over.span_s or 1.0) / full.trunk_bytes_per_s, 2)
        found |= {"leaf.uplink_other_frac": up[:leaves], "leaf.downlink_other_frac": down[:leaves]}
    return found


def _liquid(p: Plant, over: Totals) -> dict[str, Array]:
    cdu, is_to_air = p.nodes["cdu"], "facility_water" not in p.nodes
    drawn_w = over.rate(p, "power", "in_j")[p.chain.at["cdu"]]
    found = {
        "cdu.supply_k": cdu.state.supply_k,
        "cdu.return_k": cdu.state.return_k,
        "cdu.flow_kg_per_s": cdu.inputs.flow_kg_per_s.copy(),
        "cdu.level_frac": p.upsets.level_frac,
        "rack.flow_kg_per_s": p.rack_flow_kg_per_s(),
        "cdu.heat_w": over.rate(p, "cdu", "heat_to_facility_j"),
        "cdu.power_w": drawn_w if is_to_air else over.rate(p, "cdu_pump", "energy_j"),
    }
    return found if is_to_air else found | _facility_water(p, over)


def _facility_water(p: Plant, over: Totals) -> dict[str, Array]:
    loop = p.nodes["facility_water"]
    return {
        "facility_water.supply_k": loop.state.supply_k,
        "facility_water.return_k": loop.state.return_k,
        "facility_water.power_w": over.rate(p, "facility_pump", "energy_j"),
        **_rejection(p, over),
        **_reuse(p, over),
    }


def _reuse(p: Plant, over: Totals) -> dict[str, Array]:
    """Heat given to a neighbour."""
    return (
        {"facility_water.reused_w": over.rate(p, "heat_reuse", "heat_j")} if "heat_reuse" in p.nodes else {}
    )


def _rejection(p: Plant, over: Totals) -> dict[str, Array]:
    """What takes the heat of facility water away."""
    name = p.upsets.rejector
    kind, inputs = rejection.OF[name], p.nodes[name].inputs
    found = {
        f"{name}.heat_w": over.rate(p, name, kind.heat),
        f"{name}.power_w": over.rate(p, name, kind.energy),
    }
    if name == "dry_cooler":
        return found | {"dry_cooler.fan_frac": inputs.fan_frac.copy()}
    found[f"{name}.effort_frac"] = inputs.effort_frac.copy()
    if name in rejection.WET_KINDS:
        found[f"{name}.make_up_kg"] = over.amount(p, name, "make_up_kg")
    if name == "cooling_tower":
        found["cooling_tower.level_frac"] = p.nodes[name].state.held_kg / p.nodes[name].params.basin_kg
    if name == "economiser":
        found["economiser.free_heat_w"] = over.rate(p, name, "free_j")
    return found


def _air(p: Plant, over: Totals) -> dict[str, Array]:
    hall, loop = p.nodes["hall"], p.nodes["chilled_water"]
    return {
        "hall.air_k": hall.state.cold_k,
        "hall.return_air_k": hall.state.hot_k,
        "crah.heat_w": -over.rate(p, "crah", "heat_to_air_j"),
        "crah.power_w": over.rate(p, "crah", "fan_j"),
        "chilled_water.supply_k": loop.state.supply_k,
        "chiller.heat_w": over.rate(p, "chiller", "lifted_j"),
        "chiller.power_w": over.rate(p, "chiller", "energy_j"),
        **_doors(p, over),
        **_inlets(p),
    }


def _inlets(p: Plant) -> dict[str, Array]:
    """Air of each rack, where the hall has an air field."""
    if p.inlets is None:
        return {}
    return {
        "rack.inlet_k": p.inlets.of_racks_k(p.nodes["hall"]),
        "rack.cold_capture_frac": p.inlets.cold_capture_frac,
        "hall.recirculation_frac": np.array([p.inlets.recirculation_frac]),
    }


def _doors(p: Plant, over: Totals) -> dict[str, Array]:
    """Rear doors."""
    if "rear_door" not in p.nodes:
        return {}
    return {
        "rear_door.heat_w": -over.rate(p, "rear_door", "heat_to_air_j"),
        "rear_door.power_w": over.rate(p, "rear_door", "fan_j"),
    }
