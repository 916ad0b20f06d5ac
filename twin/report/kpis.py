"""Key figures of a run, as the field defines them; SI units, the unit in every key.

What a request counts for is in :mod:`twin.report.serving`, gaps between tokens in :mod:`twin.report.itl`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from twin.report.cooling import cooling_figures, reuse_figures, water_figures
from twin.report.grid import grid_figures
from twin.report.jobs import job_figures
from twin.report.serving import Serving, known, ratio
from twin.report.source import Source
from twin.report.storage import storage_figures
from twin.report.supply import own_energy_j, supply_figures
from twin.report.tariff import tariff_figures
from twin.requests import CANCELLED, INSIDE, REJECTED, SHED

Array = NDArray[np.float64]
PERCENTILES = (50, 90, 95, 99)
J_PER_MWH = 3.6e9

DISPLAY: dict[str, tuple[str, str, str, float, float]] = {}
"""Key → group, label, unit, scale, offset; filled below in the order of display."""


OF_REQUESTS = ("requests", "latency", "throughput", "cache")
"""Groups of key figures that a run without requests leaves out where people look."""


def _show(group: str, *rows: tuple[str, str, str, float] | tuple[str, str, str, float, float]) -> None:
    for key, label, unit, scale, *offset in rows:
        DISPLAY[key] = (group, label, unit, scale, offset[0] if offset else 0.0)


_show(
    "requests",
    ("requests_arrived", "arrived", "", 1.0),
    ("requests_finished", "finished", "", 1.0),
    ("requests_rejected", "rejected", "", 1.0),
    ("requests_shed", "shed", "", 1.0),
    ("requests_cancelled", "cancelled", "", 1.0),
    ("requests_retried", "came again", "", 1.0),
    ("requests_in_flight", "in the house at the end", "", 1.0),
    ("requests_per_s", "finished per second", "1/s", 1.0),
    ("goodput_requests_per_s", "goodput (within every SLO)", "1/s", 1.0),
    ("goodput_tokens_per_s", "goodput in output tokens", "tokens/s", 1.0),
    ("good_frac", "share within SLO", "%", 100.0),
    ("late_requests", "late (an SLO missed)", "", 1.0),
)
LATENCIES = {"ttft": "TTFT", "tpot": "TPOT", "itl": "gap of tokens", "queue": "queue", "e2e": "end to end"}
for name, label in LATENCIES.items():
    unit, scale = ("s", 1.0) if name == "e2e" else ("ms", 1e3)
    _show("latency", (f"{name}_mean_s", f"{label} mean", unit, scale))
    _show("latency", *((f"{name}_p{p}_s", f"{label} p{p}", unit, scale) for p in PERCENTILES))
_show(
    "throughput",
    ("output_tokens_per_s", "output tokens", "tokens/s", 1.0),
    ("input_tokens_per_s", "input tokens computed", "tokens/s", 1.0),
    ("input_tokens_cached_per_s", "input tokens from cache", "tokens/s", 1.0),
    ("output_tokens_per_s_per_user", "per user (1 / TPOT p50)", "tokens/s", 1.0),
    ("output_tokens_per_s_per_mw", "per MW of grid power", "tokens/s", 1.0),
    ("output_tokens_per_s_per_it_mw", "per MW of IT power", "tokens/s", 1.0),
    ("output_tokens_per_s_per_gpu", "per GPU package", "tokens/s", 1.0),
    ("batch_mean_requests", "mean batch of a replica", "requests", 1.0),
    ("queue_mean_requests", "mean queue of a replica", "requests", 1.0),
    ("kv_mean_frac", "mean KV cache reserved", "%", 100.0),
)
_show(
    "cache",
    ("cache_hit_frac", "input tokens found", "%", 100.0),
    ("cache_hit_requests_frac", "requests that found any", "%", 100.0),
    ("cached_tokens", "tokens found", "", 1.0),
    ("preemptions", "preemptions", "", 1.0),
    ("lost_tokens", "tokens computed in vain", "", 1.0),
    ("sent_bytes", "KV handed on", "GB", 1e-9),
)
_show(
    "energy",
    ("energy_site_j", "energy from the grid", "MWh", 1 / J_PER_MWH),
    ("energy_it_j", "IT energy", "MWh", 1 / J_PER_MWH),
    ("energy_cooling_j", "cooling energy", "MWh", 1 / J_PER_MWH),
    ("energy_loss_j", "electrical losses", "MWh", 1 / J_PER_MWH),
    ("pue", "PUE", "", 1.0),
    ("energy_reused_j", "heat given to a neighbour", "MWh", 1 / J_PER_MWH),
    ("ere", "ERE", "", 1.0),
    ("water_m3", "fresh water", "m3", 1.0),
    ("wue_m3_per_j", "WUE", "L/kWh", 3.6e9),
    ("power_site_mean_w", "mean grid power", "kW", 1e-3),
    ("power_site_peak_w", "peak grid power (sample)", "kW", 1e-3),
    ("demand_peak_w", "highest demand window", "kW", 1e-3),
    ("energy_per_output_token_j", "per output token", "J", 1.0),
    ("co2_kg", "CO2 of grid energy", "kg", 1.0),
    ("co2_kg_per_output_token", "CO2 per million output tokens", "kg", 1e6),
)
_show(
    "thermal",
    ("gpu_temperature_max_k", "hottest GPU", "°C", 1.0, -273.15),
    ("gpu_temperature_mean_k", "mean GPU", "°C", 1.0, -273.15),
    ("throttled_gpu_s", "throttled GPU time", "GPU s", 1.0),
    ("gpu_clock_min_frac", "lowest clock", "%", 100.0),
    ("cdu_supply_max_k", "warmest CDU supply", "°C", 1.0, -273.15),
    ("hall_air_max_k", "warmest rack inlet air", "°C", 1.0, -273.15),
    ("recirculation_frac", "recirculated air of the racks", "%", 100.0),
    ("outdoor_min_k", "outdoor, coldest", "°C", 1.0, -273.15),
    ("outdoor_max_k", "outdoor, warmest", "°C", 1.0, -273.15),
)
_show(
    "money",
    ("electricity_usd", "electricity", "USD", 1.0),
    ("electricity_price_usd_per_j", "mean price of it", "USD/MWh", J_PER_MWH),
    ("demand_charge_usd", "demand charge, by share of the month", "USD", 1.0),
    ("capacity_charge_usd", "capacity charge, by share of the month", "USD", 1.0),
    ("revenue_usd", "revenue of finished", "USD", 1.0),
    ("electricity_usd_per_output_token", "per million output tokens", "USD", 1e6),
)
_show(
    "jobs",
    ("jobs_submitted", "submitted", "", 1.0),
    ("jobs_started", "started", "", 1.0),
    ("jobs_ended", "ended", "", 1.0),
    ("job_node_utilisation_frac", "nodes held by jobs", "%", 100.0),
    ("job_wait_mean_s", "wait mean", "min", 1 / 60.0),
    ("job_wait_p50_s", "wait p50", "min", 1 / 60.0),
    ("job_wait_p95_s", "wait p95", "min", 1 / 60.0),
    ("job_energy_mean_j", "energy of a job that ended", "MWh", 1 / J_PER_MWH),
    ("job_energy_j", "energy of all jobs", "MWh", 1 / J_PER_MWH),
)
_show(
    "grid calls",
    ("grid_baseline_w", "power before the call", "kW", 1e-3),
    ("grid_reduction_frac", "less while it held", "%", 100.0),
    ("grid_excess_frac", "above its limit at most", "%", 100.0),
    ("grid_reached_s", "limit reached after", "s", 1.0),
    ("grid_not_drawn_j", "energy not drawn", "MWh", 1 / J_PER_MWH),
    ("grid_payment_usd", "payment for it", "USD", 1.0),
    ("grid_battery_j", "given by the battery of the site", "MWh", 1 / J_PER_MWH),
    ("grid_generator_j", "given by generators", "MWh", 1 / J_PER_MWH),
)
_show(
    "battery of the site",
    ("storage_given_j", "given", "MWh", 1 / J_PER_MWH),
    ("storage_taken_j", "taken", "MWh", 1 / J_PER_MWH),
    ("storage_loss_j", "lost in it", "MWh", 1 / J_PER_MWH),
    ("storage_cycles", "full cycles", "", 1.0),
    ("storage_lowest_frac", "lowest charge", "%", 100.0),
    ("storage_energy_usd", "energy taken less given", "USD", 1.0),
    ("demand_peak_without_w", "highest demand window without it", "kW", 1e-3),
    ("storage_demand_usd", "demand charge saved, by share of the month", "USD", 1.0),
    ("storage_wear_cycle_frac", "of its life taken by cycles", "ppm", 1e6),
    ("storage_wear_calendar_frac", "and by time", "ppm", 1e6),
    ("storage_wear_usd", "price of that wear", "USD", 1.0),
    ("storage_worth_usd", "earned and saved, less energy and wear", "USD", 1.0),
)
_show(
    "faults of the cooling",
    ("fault_throttle_after_s", "first GPU throttles after", "s", 1.0),
    ("fault_shutdown_after_s", "first GPU shuts down after", "s", 1.0),
    ("fault_throttled_gpus", "GPUs that throttle", "", 1.0),
    ("fault_shut_down_gpus", "GPUs that shut down", "", 1.0),
)
_show(
    "supply",
    ("energy_battery_j", "energy from batteries", "MWh", 1 / J_PER_MWH),
    ("energy_generator_j", "energy from generators", "MWh", 1 / J_PER_MWH),
    ("generator_run_s", "generators ran, all together", "h", 1 / 3600.0),
    ("fuel_j", "heat of their fuel", "MWh", 1 / J_PER_MWH),
    ("fuel_usd", "price of it", "USD", 1.0),
    ("fuel_co2_kg", "CO2 of it", "kg", 1.0),
    ("battery_lowest_frac", "lowest charge of a battery", "%", 100.0),
    ("autonomy_lowest_s", "shortest autonomy left", "s", 1.0),
    ("voltage_lowest_pu", "lowest voltage at a transformer", "pu", 1.0),
    ("load_highest_frac", "highest current over rating", "%", 100.0),
    ("supply_trips", "trips", "", 1.0),
    ("grid_left", "times that racks left the grid", "", 1.0),
    ("grid_left_early", "of that too early for the grid code", "", 1.0),
    ("ramp_highest_frac", "fastest ramp over what the grid allows", "%", 100.0),
    ("ramp_above_s", "time above that ramp", "s", 1.0),
    ("rack_dark_s", "racks without power", "rack s", 1.0),
)


SERIES = (
    "site.power_w", "site.it_power_w", "site.cooling_power_w", "site.loss_w", "gpu.temperature_k", "gpu.clock_frac",
    "gpu.throttled_s", "outdoor.dry_bulb_k", "replica.output_tokens", "replica.prefill_tokens",
    "replica.batch_requests", "replica.queue_requests", "replica.kv_frac",
)  # fmt: skip
"""Series without which a run that has any cannot be measured."""

SUMS = ("cached_tokens", "preemptions", "lost_tokens", "sent_bytes")
"""Series of replicas that newer runs record, reported as totals."""


def kpis(serving: Serving) -> dict[str, float]:
    """Key figures in the order of display; NaN where a run has nothing to measure.

    Parameters
    ----------
    serving : Serving
        Requests of an opened result file. A torso is measured up to its last sample; it does not hold the
        requests that were in the house, so what counts them is NaN. One that was cut before its first block
        has no key figures. What an older file does not hold has no key.

    Raises
    ------
    ResultsError
        When the file is damaged, with all series that it lacks.
    """
    file, lasted_s = serving.file, serving.lasted_s
    if not file.series_names():
        return {}
    file.need_series(*SERIES)
    found = _requests(serving) | _latencies(serving)
    found |= _energy(file, lasted_s)
    found |= job_figures(file)
    found |= _thermal(file)
    found |= _fleet(file)
    found |= _cache(serving)
    tokens = found["output_tokens_per_s"] * lasted_s
    found["output_tokens_per_s_per_user"] = ratio(1.0, found["tpot_p50_s"])
    found["energy_per_output_token_j"] = ratio(found["energy_site_j"], tokens)
    found["output_tokens_per_s_per_mw"] = ratio(
        found["output_tokens_per_s"], found["power_site_mean_w"] / 1e6
    )
    found["output_tokens_per_s_per_it_mw"] = ratio(tokens * 1e6, found["energy_it_j"])
    found["output_tokens_per_s_per_gpu"] = ratio(found["output_tokens_per_s"], len(file.asset("gpu")["id"]))
    found |= _money(serving, tokens) | grid_figures(file) | cooling_figures(file)
    found |= water_figures(file, found["energy_it_j"])
    found |= reuse_figures(file, found["energy_site_j"], found["energy_it_j"])
    found |= supply_figures(file) | storage_figures(file)
    return {key: found[key] for key in DISPLAY if key in found}


def by_group(figures: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Key figures by group in the order of display; without those of requests where nobody asked for anything.

    Examples
    --------
    >>> by_group({"requests_arrived": 0.0, "pue": 1.2})
    {'energy': {'pue': 1.2}}
    """
    found: dict[str, dict[str, float]] = {row[0]: {} for row in DISPLAY.values()}
    for key, value in figures.items():
        found[DISPLAY[key][0]][key] = value
    is_quiet = figures.get("requests_arrived") == 0  # a site of jobs alone
    return {name: rows for name, rows in found.items() if rows and not (is_quiet and name in OF_REQUESTS)}


def _requests(serving: Serving) -> dict[str, float]:
    status, is_whole, lasted_s = serving.status, serving.file.complete, serving.lasted_s
    masks = {
        "finished": serving.done, "rejected": status == REJECTED, "shed": status == SHED,
        "cancelled": status == CANCELLED, "retried": serving.columns["attempts"] > 1, "in_flight": status == INSIDE,
        "good": serving.good, "late": serving.late, "arrived": np.ones(len(status), dtype=bool),
    }  # fmt: skip
    counts = {name: round(serving.weight * int(mask.sum())) for name, mask in masks.items()}
    good_tokens = serving.weight * float(serving.columns["output_tokens"][serving.good].sum(dtype=float))
    unknown = float("nan")  # a torso does not hold who was in the house
    return {
        "requests_arrived": counts["arrived"] if is_whole else unknown,
        **{
            f"requests_{name}": counts[name]
            for name in ("finished", "rejected", "shed", "cancelled", "retried")
        },
        "requests_in_flight": counts["in_flight"] if is_whole else unknown,
        "requests_per_s": ratio(counts["finished"], lasted_s),
        "goodput_requests_per_s": ratio(counts["good"], lasted_s),
        "goodput_tokens_per_s": ratio(good_tokens, lasted_s),
        "good_frac": ratio(counts["good"], counts["good"] + counts["late"]),
        "late_requests": counts["late"],
    }


def _latencies(serving: Serving) -> dict[str, float]:
    """TTFT and queue of all that have them, those in the house included; pooled gaps of all tokens."""
    samples = {"ttft": serving.ttft_s, "tpot": serving.tpot_s, "e2e": serving.e2e_s}
    if serving.knows_queue:
        samples["queue"] = serving.queue_s
    found: dict[str, float] = {}
    for name, values in samples.items():
        found |= _distribution(name, known(values))
    if serving.knows_gaps:
        levels = serving.gaps.quantiles_s([p / 100 for p in PERCENTILES])
        found["itl_mean_s"] = serving.gaps.mean_s
        found |= {f"itl_p{p}_s": float(v) for p, v in zip(PERCENTILES, levels, strict=True)}
    return found


def _cache(serving: Serving) -> dict[str, float]:
    """Prefix cache, preemption and transfers, as far as the run recorded them."""
    file, found = serving.file, {}
    recorded = file.series_names()
    for name in SUMS:
        if f"replica.{name}" in recorded:
            found[name] = float(file.series(f"replica.{name}").values.sum(dtype=float))
    if serving.knows_queue:
        found.setdefault("cached_tokens", float(serving.columns["cached_tokens"].sum(dtype=float)))
        found["cache_hit_frac"], found["cache_hit_requests_frac"] = serving.hits()
    if "cached_tokens" in found:
        found["input_tokens_cached_per_s"] = ratio(found["cached_tokens"], serving.lasted_s)
    return found


def _distribution(name: str, values: Array) -> dict[str, float]:
    if not len(values):
        return {f"{name}_mean_s": float("nan"), **{f"{name}_p{p}_s": float("nan") for p in PERCENTILES}}
    mean = float(values.mean())
    levels = np.percentile(values, PERCENTILES, overwrite_input=True)
    return {
        f"{name}_mean_s": mean,
        **{f"{name}_p{p}_s": float(v) for p, v in zip(PERCENTILES, levels, strict=True)},
    }


def _lengths_s(time_s: Array) -> Array:
    """Length of each sample period [s]."""
    return np.diff(time_s, prepend=0.0)


def _energy(file: Source, lasted_s: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, name in (("site", "power"), ("it", "it_power"), ("cooling", "cooling_power"), ("loss", "loss")):
        series = file.series(f"site.{name}_w")
        found[f"energy_{key}_j"] = float(series.values[:, 0].astype(float) @ _lengths_s(series.time_s))
    site = file.series("site.power_w").values[:, 0]
    found["power_site_mean_w"] = ratio(found["energy_site_j"], lasted_s)
    found["power_site_peak_w"] = float(site.max()) if len(site) else float("nan")
    found["pue"] = ratio(found["energy_site_j"] + own_energy_j(file), found["energy_it_j"])
    for direction, name in (("output", "output_tokens"), ("input", "prefill_tokens")):
        computed = file.series(f"replica.{name}").values.sum(dtype=float)
        found[f"{direction}_tokens_per_s"] = ratio(float(computed), lasted_s)
    return found


def _thermal(file: Source) -> dict[str, float]:
    gpu, clock = file.series("gpu.temperature_k"), file.series("gpu.clock_frac")
    outdoor = file.series("outdoor.dry_bulb_k").values
    if not len(gpu.time_s):
        return {}
    found = {
        "gpu_temperature_max_k": float(gpu.values.max()),
        "gpu_temperature_mean_k": float(gpu.values.mean(dtype=float)),
        "throttled_gpu_s": float(file.series("gpu.throttled_s").values.sum(dtype=float)),
        "gpu_clock_min_frac": float(clock.values.min()),
        "outdoor_min_k": float(outdoor.min()),
        "outdoor_max_k": float(outdoor.max()),
    }
    recorded = file.series_names()
    inlet = "rack.inlet_k" if "rack.inlet_k" in recorded else "hall.air_k"
    for key, name in (("cdu_supply_max_k", "cdu.supply_k"), ("hall_air_max_k", inlet)):
        if name in recorded:
            found[key] = float(file.series(name).values.max())
    if "hall.recirculation_frac" in recorded:
        found["recirculation_frac"] = float(file.series("hall.recirculation_frac").values.mean(dtype=float))
    return found


def _fleet(file: Source) -> dict[str, float]:
    names = {
        "batch_mean_requests": "batch_requests",
        "queue_mean_requests": "queue_requests",
        "kv_mean_frac": "kv_frac",
    }
    return {key: _mean(file.series(f"replica.{name}").values) for key, name in names.items()}


def _mean(values: NDArray[np.float32]) -> float:
    return float(values.mean(dtype=float)) if values.size else float("nan")


def _money(serving: Serving, tokens: float) -> dict[str, float]:
    found = tariff_figures(serving.file)
    found["revenue_usd"] = serving.revenue_usd()
    found["electricity_usd_per_output_token"] = ratio(found["electricity_usd"], tokens)
    if "co2_kg" in found:
        found["co2_kg_per_output_token"] = ratio(found["co2_kg"], tokens)
    return found
