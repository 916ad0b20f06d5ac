"""Load flow of a site: 33/11/0.415 kV with UPS as loads of constant power."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twin.errors import Fault, ScenarioError
from twin.facility import Bus, Line, Load, LoadFlow, Network, Source, Tie, Transformer
from twin.facility import solve as load_flow
from twin.physics.converter import loss_w

Case = dict[str, Any]

_ALLOWED = {
    "v_pu": "v_pu_abs",
    "angle_deg": "angle_deg_abs",
    "loss_kw": "element_loss_kW_abs",
    "network_loss_kw": "source_kW_abs",
    "source_kw": "source_kW_abs",
    "source_kvar": "source_kW_abs",
    "it_output_kw": "source_kW_abs",
    "ups_loss_kw": "source_kW_abs",
    "mech_kw": "source_kW_abs",
    "energy_balance_residual_kw": "source_kW_abs",
}


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, float]) -> float:
    """Error a number may have: powers as a source, currents and shares as the power behind them."""
    name = path[-1]
    if name in _ALLOWED:
        return tolerance[_ALLOWED[name]]
    if name.endswith(("_mw", "_mvar")):
        return tolerance["source_kW_abs" if path[0] == "source" else "element_loss_kW_abs"] / 1e3
    if name == "i_ka":  # at 11 kV
        return tolerance["element_loss_kW_abs"] / (math.sqrt(3) * 11e3)
    return 1e-3 if name.endswith("percent") else 1e-5


def solve(case: Case) -> Case:
    """Voltages, flows, losses and totals of a case."""
    inputs = case["inputs"]
    halls = _halls(inputs)
    site = network(inputs)
    flow = load_flow(site)
    live = {bus.name for bus, on in zip(site.buses, flow.energised, strict=True) if on}
    branches = {
        part.name: i for i, part in enumerate(site.branches) if part.from_bus in live and part.in_service
    }
    lines = {part.name for part in site.lines}
    sources = _sources(inputs, flow)
    return {
        "bus": {
            bus.name: {"v_pu": float(abs(v)), "angle_deg": math.degrees(np.angle(v))}
            for bus, v in zip(site.buses, flow.voltage_pu[0], strict=True)
            if bus.name in live
        },
        "line": {name: _line(flow, i) for name, i in branches.items() if name in lines},
        "transformer": {name: _transformer(flow, i) for name, i in branches.items() if name not in lines},
        "source": {name: {"p_mw": s.real / 1e6, "q_mvar": s.imag / 1e6} for name, s in sources.items()},
        "totals": _totals([hall for hall in halls if hall["bus"] in live], flow, sum(sources.values())),
    }


def _halls(inputs: Case) -> list[Case]:
    return [_hall(feeder, inputs["ups_model"]) for feeder in inputs["feeders"]]


def _hall(feeder: Case, ups: Case) -> Case:
    ups = feeder.get("ups_model", ups)
    coefficients = ups["loss_fraction_of_rated"]
    out_w, rating_w = feeder["it_output_kw"] * 1e3, ups["rated_kw"] * 1e3
    lost_w = float(loss_w(out_w, rating_w, *(coefficients[c] for c in ("c0", "c1", "c2"))))
    leads = feeder.get("ups_pf_sign", "lagging") in ("leading", "capacitive")
    return {
        "bus": feeder["lv_bus"],
        "it_w": out_w,
        "ups_loss_w": lost_w,
        "mech_w": feeder["mech_kw"] * 1e3,
        "drawn_va": _lagging(out_w + lost_w, feeder["ups_input_pf"], leads)
        + _lagging(feeder["mech_kw"] * 1e3, feeder["mech_pf"], feeder.get("mech_pf_sign") == "leading"),
    }


def _lagging(power_w: float, power_factor: float, leads: bool) -> complex:
    reactive = power_w * math.tan(math.acos(power_factor))
    return complex(power_w, -reactive if leads else reactive)


def network(inputs: Case) -> Network:
    """Return the site that a case describes."""
    feeders, tie = inputs["feeders"], inputs.get("bus_tie")
    cables = [
        c["cable"] | {"id": c["id"], "from_bus": c["mv_bus"], "to_bus": c["tx_hv_bus"]} | _switched(c)
        for c in feeders
    ]
    units = [
        c["transformer"]
        | {"id": f"TX_{c['id']}", "hv_bus": c["tx_hv_bus"], "lv_bus": c["lv_bus"]}
        | _switched(c)
        for c in feeders
    ]
    lines, units = [*inputs["hv_circuits"], *cables], [*inputs["main_transformers"], *units]
    kv = {inputs["grid"].get("bus", "POI"): inputs["grid"]["vn_kv"]}
    for unit in units:
        kv |= {unit["hv_bus"]: unit["vn_hv_kv"], unit["lv_bus"]: unit["vn_lv_kv"]}
    loads = [Load(f"{hall['bus']} hall", hall["bus"], power_va=hall["drawn_va"]) for hall in _halls(inputs)]
    return Network(
        buses=tuple(Bus(name, volts * 1e3) for name, volts in kv.items()),
        sources=tuple(_stiff(inputs)),
        lines=tuple(_cable(line, inputs["frequency_hz"]) for line in lines),
        transformers=tuple(_unit(unit) for unit in units),
        ties=(Tie(tie["id"], tie["from_bus"], tie["to_bus"], tie["closed"]),) if tie else (),
        loads=(*loads, *(_injection(g) for g in _injections(inputs)), *_capacitors(inputs, kv)),
    )


def _switched(held: Case) -> Case:
    return {"in_service": held.get("in_service", True)}


def _cable(held: Case, frequency_hz: float) -> Line:
    length = held["length_km"]
    return Line(
        held["id"], held["from_bus"], held["to_bus"],
        resistance_ohm=held["r_ohm_per_km"] * length,
        reactance_ohm=held["x_ohm_per_km"] * length,
        rated_a=held["max_i_ka"] * 1e3,
        susceptance_s=2 * math.pi * frequency_hz * held["c_nf_per_km"] * 1e-9 * length,
        **_switched(held),
    )  # fmt: skip


def _unit(held: Case) -> Transformer:
    tap = (held["tap_pos"] - held["tap_neutral"]) * held["tap_step_percent"] / 100
    at_hv = held["tap_side"] == "hv"
    return Transformer(
        held["id"], held["hv_bus"], held["lv_bus"], held["sn_mva"] * 1e6, held["vn_hv_kv"] * 1e3,
        held["vn_lv_kv"] * 1e3, held["vk_percent"] / 100, held["vkr_percent"] / 100, held["pfe_kw"] * 1e3,
        held["i0_percent"] / 100, tap if at_hv else 0.0, 0.0 if at_hv else tap,
        math.radians(held["shift_degree"]), **_switched(held),
    )  # fmt: skip


def _stiff(inputs: Case) -> list[Source]:
    """Generators that hold a voltage, and the grid unless they run an island cut off from it."""
    grid, running = inputs["grid"], [g for g in inputs.get("generators", []) if _switched(g)["in_service"]]
    found = [
        Source(g["id"], g["bus"], g["v_pu"], math.radians(g.get("angle_deg", 0.0)))
        for g in running
        if "v_pu" in g
    ]
    for g in running:
        if "v_pu" in g and "p_mw" in g:
            fault = Fault(
                "", 0, f"generator {g['id']}", "voltage and power both held", "one of them", "drop one"
            )
            raise ScenarioError("a generator cannot be modelled", [fault])
    if not found or any(_switched(unit)["in_service"] for unit in inputs["main_transformers"]):
        found.append(Source("POI", grid.get("bus", "POI"), grid["v_pu"], math.radians(grid["angle_deg"])))
    return found


def _injections(inputs: Case) -> list[Case]:
    storage = inputs.get("bess") or []
    every = [*inputs.get("generators", []), *(storage if isinstance(storage, list) else [storage])]
    return [g for g in every if "v_pu" not in g and _switched(g)["in_service"]]


def _injection(held: Case) -> Load:
    return Load(held["id"], held["bus"], power_va=-_injected(held))


def _injected(held: Case) -> complex:
    return complex(held["p_mw"], held.get("q_mvar", 0.0)) * 1e6


def _capacitors(inputs: Case, kv: dict[str, float]) -> list[Load]:
    """Reactive power at rated voltage, whatever the sign it is written with: a capacitor can only deliver it."""
    out = []
    for i, held in enumerate(inputs.get("shunt_capacitors", [])):
        scale = (kv[held["bus"]] / held.get("vn_kv", kv[held["bus"]])) ** 2 * held.get("steps", 1)
        reactive = abs(held["q_mvar"] * 1e6 if "q_mvar" in held else held["q_kvar"] * 1e3)
        if _switched(held)["in_service"]:
            name = str(held.get("id", f"capacitor {i}"))
            out.append(
                Load(name, held["bus"], impedance_va=complex(held.get("p_mw", 0.0) * 1e6, -reactive) * scale)
            )
    return out


def _sources(inputs: Case, flow: LoadFlow) -> dict[str, complex]:
    """Power out of the sources that hold a voltage, then of those that hold their power."""
    found = {s.name: complex(va) for s, va in zip(flow.network.sources, flow.source_va[0], strict=True)}
    return found | {g["id"]: _injected(g) for g in _injections(inputs)}


def _line(flow: LoadFlow, i: int) -> Case:
    power = flow.from_va[0, i]
    return {
        "p_from_mw": power.real / 1e6,
        "q_from_mvar": power.imag / 1e6,
        "loss_kw": flow.loss_w[0, i] / 1e3,
        "i_ka": max(flow.from_a[0, i], flow.to_a[0, i]) / 1e3,
        "loading_percent": flow.loading_frac[0, i] * 100,
    }


def _transformer(flow: LoadFlow, i: int) -> Case:
    first, second = flow.from_va[0, i], flow.to_va[0, i]
    return {
        "p_hv_mw": first.real / 1e6,
        "q_hv_mvar": first.imag / 1e6,
        "p_lv_mw": second.real / 1e6,
        "q_lv_mvar": second.imag / 1e6,
        "loss_kw": flow.loss_w[0, i] / 1e3,
        "loading_percent": flow.loading_frac[0, i] * 100,
    }


def _totals(halls: list[Case], flow: LoadFlow, source_va: complex) -> Case:
    it_w, ups_w, mech_w = (sum(hall[key] for hall in halls) for key in ("it_w", "ups_loss_w", "mech_w"))
    lost_w = float(flow.loss_w.sum())
    return {
        "it_output_kw": it_w / 1e3,
        "ups_loss_kw": ups_w / 1e3,
        "mech_kw": mech_w / 1e3,
        "network_loss_kw": lost_w / 1e3,
        "source_kw": source_va.real / 1e3,
        "source_kvar": source_va.imag / 1e3,
        "source_pf": source_va.real / abs(source_va),
        "energy_balance_residual_kw": (source_va.real - it_w - ups_w - mech_w - lost_w) / 1e3,
        "site_power_over_it": source_va.real / it_w,
    }
