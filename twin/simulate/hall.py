"""One run: wire plant, agenda, recorder and file; keep what was recorded whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import resource
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from twin import catalog, processes, results
from twin import plant as plants
from twin.engine import Agenda, Context, Recorder, Ticks, run_loop
from twin.errors import Fault, ResultsError, TwinError
from twin.processes.serving import EventServing
from twin.quantities import NUMBERS
from twin.results import TRACE_NAME
from twin.scenario import Requests, Scenario, resolved_text
from twin.simulate.assets import write_site
from twin.simulate.prepare import Prepared
from twin.topology import networks

Progress = Callable[[float, float], None]
GAPS_PER_REQUEST = 8  # runs of iterations end at arrivals and ends; sizes chunks only
SPANS_PER_REQUEST = 32  # hops there and back, queue, prefill, decode; sizes chunks only


def run_one(
    ready: Prepared,
    out: Path,
    progress: Progress | None = None,
    extra: Callable[[Context], None] | None = None,
) -> Path:
    """Run a site of one hall, or one hall of a site.

    Parameters
    ----------
    ready : Prepared
        What runs.
    out : Path
        Folder in which the run folder is made.
    progress, extra : callable
        As in :func:`~twin.simulate.run`.

    Raises
    ------
    TwinError
        When the site cannot run or leaves a physical range; what was recorded is kept.
    """
    gc.freeze()  # the graph is large and never garbage: spare the collector the walk
    try:
        return _run(ready, out / ready.run_id, progress, extra)
    finally:
        gc.unfreeze()


def _run(
    ready: Prepared,
    folder: Path,
    progress: Progress | None,
    extra: Callable[[Context], None] | None,
) -> Path:
    began = _cpu_s()
    path = folder / TRACE_NAME
    start = _start_event if ready.scenario.fidelity == "event" else plants.start_batch
    blueprint = ready.blueprint or plants.lower(ready.graph, ready.scenario)
    plant = plants.start_plant(blueprint, ready.scenario, ready.requests, ready.weather, start)
    with writer_of(path, ready) as writer:
        write_site(writer, ready.graph, plant, has_edges=ready.hall.index == 0)
        writer.append("tariff", ready.tariff._asdict())
        try:
            _advance(ready, plant, writer, progress, extra)
        except BaseException as error:
            error.add_note(f"what was recorded is kept in {folder}")
            with contextlib.suppress(TwinError):
                writer.close(complete=False, error=f"{type(error).__name__}: {error}")
            raise
        writer.attrs({"cpu_s": _cpu_s() - began, "peak_memory_bytes": _peak_bytes()})
        writer.close(complete=True)
    return folder


def _advance(
    ready: Prepared,
    plant: plants.Plant,
    writer: results.Writer,
    progress: Progress | None,
    extra: Callable[[Context], None] | None,
) -> None:
    scenario = ready.scenario
    agenda = Agenda()
    owners = {**plant.ids, "pool": plant.pools}  # pools own inputs, but are no assets
    ctx = Context(agenda.env, plant.inputs, owners, plant.read, scenario.seed)
    processes.start_events(ctx, scenario.events)
    if scenario.serving.planner is not None:
        capacities = plants.capacities_tokens_per_s(plant.serving.params, ready.requests)
        processes.start_planner(ctx, scenario.serving.planner, capacities)
    if plant.chain.supply is not None:
        processes.start_supply(ctx, scenario.power, scenario.time.tick)
    if extra is not None:
        extra(ctx)

    def on_block(now_s: float) -> None:
        writer.append("requests", plant.serving.take_left())
        writer.append("gaps", plant.serving.take_gaps())
        if ctx.events:
            writer.append("events", _columns(ctx.events))
            ctx.events.clear()
        _append_spans(writer, plant.serving.spans)
        if plant.serving.traffic is not None:
            writer.append("flows", plant.serving.take_flows())
        if progress is not None:
            progress(now_s, scenario.time.duration)

    samples = round(scenario.time.duration / scenario.time.sample)
    arrivals = ready.requests.rows
    writer.expect("requests", round(arrivals * scenario.recording.requests))
    writer.expect("gaps", _gaps_at_most(ready))
    if scenario.fidelity == "event":
        writer.expect("spans", SPANS_PER_REQUEST * arrivals)
    for name, ids in plant.recorded().items():
        writer.open_series(name, ids, scenario.time.sample, samples)
    recorder = Recorder(plant.sample, writer, scenario.time.sample, on_block=on_block)
    try:
        run_loop(plant, agenda, Ticks(scenario.time.tick), recorder, scenario.time.duration)
    finally:
        recorder.flush(recorder.count * recorder.period_s)
    writer.append("requests", plant.serving.take_unfinished())
    if plant.serving.traffic is not None:
        writer.append("flows", plant.serving.take_flows(at_end=True))
    if plant.jobs is not None:
        writer.append("jobs", plant.jobs.columns(scenario.time.duration))
        writer.attrs({"job_nodes": len(plant.jobs.nodes.bank)})
    books = plant.audit()
    columns = {key: [book[key] for book in books.values()] for key in next(iter(books.values()))}
    writer.append("audit", {"name": list(books), **columns})


def _gaps_at_most(ready: Prepared) -> int:
    """Rows of the table of gaps: a few for each request, unless every iteration has one."""
    share = ready.scenario.recording.gaps
    if ready.scenario.fidelity == "event" or ready.scenario.serving.speculation is not None:
        return int(share * ready.requests.output_tokens.sum(dtype=np.int64))
    return int(share * GAPS_PER_REQUEST * ready.requests.rows)


def _columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Records of one dataclass as columns."""
    return {f.name: [getattr(row, f.name) for row in rows] for f in dataclasses.fields(rows[0])}


def _append_spans(writer: results.Writer, spans: list[Any]) -> None:
    """Write the spans of a block and let go of them."""
    if spans:
        writer.append(
            "spans", dict(zip(("request", "hop", "from_s", "to_s"), zip(*spans, strict=True), strict=True))
        )
        spans.clear()


def _start_event(params: Any, requests: Requests, paths: Any) -> plants.Served:
    serving = EventServing(params, requests, paths=paths)
    return plants.Served(
        advance=serving.advance,
        column=partial(getattr, serving),
        outstanding=lambda: serving.outstanding_requests,
        trunk_bytes=lambda: serving.trunk_bytes,
        traffic_bytes=lambda: serving.traffic_bytes,
        under_way=lambda: serving.under_way,
        spans=serving.spans,
        share_anew=serving.share_anew,
    )


def writer_of(path: Path, ready: Prepared) -> results.Writer:
    """Result file of a run, in a folder that is made for it; a file that is there is replaced.

    Raises
    ------
    ResultsError
        When there is no place to write.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    except OSError as error:
        fault = Fault(
            str(path), 0, "run folder", error.strerror or str(error), "a folder to write to", "choose --out"
        )
        raise ResultsError("the run folder cannot be made", [fault]) from None
    scenario = ready.scenario
    economics, slo = scenario.economics, scenario.serving.slo
    return results.Writer(
        path,
        run_id=ready.run_id,
        scenario_text=resolved_text(scenario),
        overlays=[str(p) for p in scenario.source.overlays],
        seed=scenario.seed,
        start_iso=scenario.time.start,
        numbers_version=NUMBERS,
        sources=plants.sources(ready.graph, scenario),
        more={
            "scenario": scenario.scenario,
            "description": scenario.description,
            "fidelity": scenario.fidelity,
            "duration_s": scenario.time.duration,
            "tick_s": scenario.time.tick,
            "arrivals": ready.requests.rows,
            "economics": json.dumps({
                "electricity_usd_per_j": economics.electricity,
                "input_price_usd_per_token": economics.input_tokens,
                "output_price_usd_per_token": economics.output_tokens,
                "by_hour_usd_per_j": economics.by_hour,
                "demand_response_usd_per_j": economics.demand_response or 0.0,
                "demand_usd_per_w": economics.demand_charge,
                "demand_window_s": economics.demand_window,
                "capacity_usd_per_w": economics.capacity_charge,
                "capacity_w": scenario.power.feed.capacity * (scenario.hall.count if ready.is_site else 1),
            }),
            "networks": json.dumps(networks(ready.graph)),
            "grid_calls": json.dumps(_grid_calls(scenario)),
            "cooling_faults": json.dumps(_cooling_faults(scenario)),
            "standby": json.dumps(_standby(scenario)),
            "storage": json.dumps(_storage(scenario)),
            "grid_limits": json.dumps(
                {} if scenario.power.feed.ramp is None else {"ramp_w_per_s": scenario.power.feed.ramp}
            ),
            "slo": json.dumps({"ttft_s": slo.ttft, "tpot_s": slo.tpot}),
            "labels": json.dumps({name: getattr(ready.requests, name) for name in ("tenants", "tiers", "kinds")}),
            "tiers": json.dumps(_tiers(ready)),
            "sampling": json.dumps({
                "requests_frac": scenario.recording.requests, "gaps_frac": scenario.recording.gaps,
            }),
            "halls": 1 if ready.hall.count > 1 else scenario.hall.count,
        },
    )  # fmt: skip


def _grid_calls(scenario: Scenario) -> list[dict[str, float]]:
    """What the grid asks for, and when."""
    return [
        {"at_s": e.at, "window_s": e.window or 0.0, "notice_s": e.notice or 0.0, "ramp_s": e.ramp or 0.0,
         "duration_s": e.duration or 0.0, "amount_frac": e.amount or 0.0}
        for e in scenario.events.values() if e.kind == "grid-call"
    ]  # fmt: skip


def _cooling_faults(scenario: Scenario) -> list[dict[str, Any]]:
    """What takes cooling away, and when."""
    return [
        {"name": name, "kind": e.kind, "asset": e.asset, "at_s": e.at}
        for name, e in scenario.events.items() if e.kind in processes.OF_COOLING
    ]  # fmt: skip


def _standby(scenario: Scenario) -> dict[str, Any]:
    """What the fuel of standby generators emits and costs, where there are any, and whether they answer calls."""
    units = scenario.power.generators
    if units is None:
        return {}
    return {
        "carbon_kg_per_j": catalog.get("generator", units.unit).get("fuel_carbon", 0.0),
        "fuel_usd_per_j": scenario.economics.fuel,
        "answers_calls": units.answers_calls,
    }


def _storage(scenario: Scenario) -> dict[str, float]:
    """Size, standby loss and wear of the battery at the grid connection, where it does more than carry outages."""
    battery = scenario.power.storage
    if battery is None or not battery.is_told:
        return {}
    card = catalog.get("battery", battery.unit)
    wear = ("cells_usd_per_j", "cycle_life", "cycle_depth_frac", "depth_exponent", "calendar_life_s")
    return {
        "energy_j": battery.energy, "power_w": battery.power, "keep_frac": battery.keep,
        "idle_w": card.loss_constant_frac * battery.power, **{key: float(card.get(key)) for key in wear},
    }  # fmt: skip


def _tiers(ready: Prepared) -> list[dict[str, Any]]:
    """What each tier of the requests is promised and pays; what it does not say is that of the site."""
    scenario = ready.scenario
    found = []
    for name in ready.requests.tiers:
        tier = scenario.workload.tiers.get(name)
        slo, prices = (tier.slo, tier) if tier else (scenario.serving.slo, scenario.economics)
        found.append({
            "name": name,
            "ttft_s": slo.ttft,
            "tpot_s": slo.tpot,
            "input_usd_per_token": prices.input_tokens,
            "output_usd_per_token": prices.output_tokens,
        })  # fmt: skip
    return found


def _cpu_s() -> float:
    return time.process_time()


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
