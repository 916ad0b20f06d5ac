"""What is recorded: every quantity of the nomenclature that the site has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.models.serving import BOTH

if TYPE_CHECKING:
    from twin.plant.node import Array
    from twin.plant.plant import Plant

WORK = ("busy_s", "flop", "hbm_bytes", "link_bytes")
SUMS = ("prefill_tokens", "output_tokens", "cached_tokens", "lost_tokens", "preemptions", "sent_bytes")
IT = ("psu", "leaf", "spine")
COOLING = ("cdu", "facility_water", "dry_cooler", "crah", "chiller")


def observe(p: Plant) -> dict[str, Array]:
    """Every recorded quantity over the last step: means and points as they are, sums as amounts.

    Parameters
    ----------
    p : Plant
        After at least one step; before it, after :meth:`Plant.prime`, all powers are zero.
    """
    found = {**_power(p), **_gpus(p), **_serving(p)}
    if "cdu" in p.nodes:
        found |= _liquid(p)
    if "hall" in p.nodes:
        found |= _air(p)
    found["outdoor.dry_bulb_k"] = np.array([p.outdoor_k])
    return found


def _power(p: Plant) -> dict[str, Array]:
    at, outputs = p.chain.at, p.nodes["power"].outputs
    size = len(p.nodes["power"].inputs.demand_w)
    dt = p.dt_s or 1.0
    drawn = np.zeros(size) if outputs is None else outputs.in_j / dt
    loss = np.zeros(size) if outputs is None else outputs.loss_j / dt
    it = sum(drawn[at[k]].sum() for k in IT if k in at)
    cooling = sum(drawn[at[k]].sum() for k in COOLING if k in at)
    site = drawn[at["feed"]].sum()
    found = {
        "site.power_w": np.array([site]),
        "site.it_power_w": np.array([it]),
        "site.cooling_power_w": np.array([cooling]),
        "site.loss_w": np.array([sum(loss[at[k]].sum() for k in ("transformer", "ups", "pdu"))]),
        "site.pue": np.array([site / it if it > 0.0 else np.nan]),
        "rack.power_w": drawn[at["psu"]],
        "rack.liquid_heat_w": p.rack_liquid_heat_w(),
        "rack.air_heat_w": p.rack_air_heat_w(),
    }
    for kind in ("transformer", "ups", "pdu"):
        found[f"{kind}.power_w"] = drawn[at[kind]]
        found[f"{kind}.loss_w"] = loss[at[kind]]
    return found


def _gpus(p: Plant) -> dict[str, Array]:
    gpu = p.nodes["gpu"]
    return {
        "gpu.power_w": gpu.inputs.power_w,
        "gpu.temperature_k": p.die_before_k,  # as read at the last tick: no cut of a step can move it
        "gpu.clock_frac": p.clock_frac,
        "gpu.throttled_s": (p.cool_clock_frac < 1.0) * p.dt_s,
    }


def _serving(p: Plant) -> dict[str, Array]:
    out, params = p.serving.outputs, p.serving.params
    return {
        **_trunks(p),
        "replica.batch_requests": out.batch_requests,
        "replica.queue_requests": out.queue_requests,
        "replica.kv_frac": out.kv_blocks / params.engines["kv_blocks"],
        "replica.busy_frac": out.busy_s / (p.dt_s or 1.0),
        **{f"replica.{name}": getattr(out, name) for name in SUMS},
    }


def _trunks(p: Plant) -> dict[str, Array]:
    """Shares of the links between leaves and spines, where replicas hand over KV."""
    params = p.serving.params
    if (params.engines["role"] == BOTH).all():
        return {}
    used = p.serving.trunk_bytes / params.trunk_bytes_per_s / (p.dt_s or 1.0)
    up, down = np.split(used, 2)
    return {"leaf.uplink_frac": up, "leaf.downlink_frac": down}


def _liquid(p: Plant) -> dict[str, Array]:
    cdu, loop, coolers = p.nodes["cdu"], p.nodes["facility_water"], p.nodes["dry_cooler"]
    dt = p.dt_s or 1.0
    return {
        "cdu.supply_k": cdu.state.supply_k,
        "cdu.return_k": cdu.state.return_k,
        "cdu.flow_kg_per_s": cdu.inputs.flow_kg_per_s,
        "cdu.heat_w": _rate(cdu, "heat_to_facility_j", dt),
        "cdu.power_w": _rate(p.nodes["cdu_pump"], "energy_j", dt),
        "facility_water.supply_k": loop.state.supply_k,
        "facility_water.return_k": loop.state.return_k,
        "facility_water.power_w": _rate(p.nodes["facility_pump"], "energy_j", dt),
        "dry_cooler.heat_w": _rate(coolers, "heat_to_air_j", dt),
        "dry_cooler.power_w": _rate(coolers, "fan_j", dt),
        "dry_cooler.fan_frac": coolers.inputs.fan_frac,
    }


def _air(p: Plant) -> dict[str, Array]:
    hall, crah, loop, machines = (p.nodes[n] for n in ("hall", "crah", "chilled_water", "chiller"))
    dt = p.dt_s or 1.0
    return {
        "hall.air_k": hall.state.cold_k,
        "hall.return_air_k": hall.state.hot_k,
        "crah.heat_w": -_rate(crah, "heat_to_air_j", dt),
        "crah.power_w": _rate(crah, "fan_j", dt),
        "chilled_water.supply_k": loop.state.supply_k,
        "chiller.heat_w": _rate(machines, "lifted_j", dt),
        "chiller.power_w": _rate(machines, "energy_j", dt),
    }


def _rate(node: object, name: str, dt_s: float) -> Array:
    """Mean rate of an output over the last step; zero before the first."""
    outputs = node.outputs  # type: ignore[attr-defined]
    return np.zeros(len(node.params[0])) if outputs is None else getattr(outputs, name) / dt_s  # type: ignore[attr-defined]
