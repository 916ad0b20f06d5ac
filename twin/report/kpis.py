"""Key figures of a run, as the field defines them; SI units, the unit in every key."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.results import FINISHED, INSIDE, REJECTED, File

Array = NDArray[np.float64]
PERCENTILES = (50, 90, 95, 99)
J_PER_MWH = 3.6e9

DISPLAY: dict[str, tuple[str, str, str, float, float]] = {}
"""Key → group, label, unit, scale, offset; filled below in the order of display."""


def _show(group: str, *rows: tuple[str, str, str, float] | tuple[str, str, str, float, float]) -> None:
    for key, label, unit, scale, *offset in rows:
        DISPLAY[key] = (group, label, unit, scale, offset[0] if offset else 0.0)


_show(
    "requests",
    ("requests_arrived", "arrived", "", 1.0),
    ("requests_finished", "finished", "", 1.0),
    ("requests_rejected", "rejected", "", 1.0),
    ("requests_in_flight", "in the house at the end", "", 1.0),
    ("requests_per_s", "finished per second", "1/s", 1.0),
    ("goodput_requests_per_s", "goodput (within every SLO)", "1/s", 1.0),
    ("good_frac", "share within SLO", "%", 100.0),
    ("late_requests", "late (an SLO missed)", "", 1.0),
)
for name, label in (("ttft", "TTFT"), ("tpot", "TPOT"), ("e2e", "end to end")):
    unit, scale = ("s", 1.0) if name == "e2e" else ("ms", 1e3)
    _show("latency", (f"{name}_mean_s", f"{label} mean", unit, scale))
    _show("latency", *((f"{name}_p{p}_s", f"{label} p{p}", unit, scale) for p in PERCENTILES))
_show(
    "throughput",
    ("output_tokens_per_s", "output tokens", "tokens/s", 1.0),
    ("input_tokens_per_s", "input tokens", "tokens/s", 1.0),
    ("output_tokens_per_s_per_user", "per user (1 / TPOT p50)", "tokens/s", 1.0),
    ("output_tokens_per_s_per_mw", "per MW of grid power", "tokens/s", 1.0),
    ("output_tokens_per_s_per_it_mw", "per MW of IT power", "tokens/s", 1.0),
    ("output_tokens_per_s_per_gpu", "per GPU package", "tokens/s", 1.0),
    ("batch_mean_requests", "mean batch of a replica", "requests", 1.0),
    ("queue_mean_requests", "mean queue of a replica", "requests", 1.0),
    ("kv_mean_frac", "mean KV cache reserved", "%", 100.0),
)
_show(
    "energy",
    ("energy_site_j", "energy from the grid", "MWh", 1 / J_PER_MWH),
    ("energy_it_j", "IT energy", "MWh", 1 / J_PER_MWH),
    ("energy_cooling_j", "cooling energy", "MWh", 1 / J_PER_MWH),
    ("energy_loss_j", "electrical losses", "MWh", 1 / J_PER_MWH),
    ("pue", "PUE", "", 1.0),
    ("power_site_mean_w", "mean grid power", "kW", 1e-3),
    ("power_site_peak_w", "peak grid power (sample)", "kW", 1e-3),
    ("energy_per_output_token_j", "per output token", "J", 1.0),
)
_show(
    "thermal",
    ("gpu_temperature_max_k", "hottest GPU", "°C", 1.0, -273.15),
    ("gpu_temperature_mean_k", "mean GPU", "°C", 1.0, -273.15),
    ("throttled_gpu_s", "throttled GPU time", "GPU s", 1.0),
    ("gpu_clock_min_frac", "lowest clock", "%", 100.0),
    ("cdu_supply_max_k", "warmest CDU supply", "°C", 1.0, -273.15),
    ("hall_air_max_k", "warmest rack inlet air", "°C", 1.0, -273.15),
    ("outdoor_min_k", "outdoor, coldest", "°C", 1.0, -273.15),
    ("outdoor_max_k", "outdoor, warmest", "°C", 1.0, -273.15),
)
_show(
    "money",
    ("electricity_usd", "electricity", "USD", 1.0),
    ("revenue_usd", "revenue of finished", "USD", 1.0),
    ("electricity_usd_per_output_token", "per million output tokens", "USD", 1e6),
)


def kpis(file: File) -> dict[str, float]:
    """Key figures in the order of display; NaN where a run has nothing to measure.

    Parameters
    ----------
    file : File
        An opened result file. A torso is measured up to its last sample; it does not hold the requests
        that were in the house, so what counts them is NaN. One that was cut before its first block has
        no key figures.
    """
    if "site.power_w" not in file.series_names():
        return {}
    time_s = file.series("site.power_w").time_s
    lasted_s = float(time_s[-1]) if len(time_s) else float("nan")
    found: dict[str, float] = {}
    found |= _requests(file, lasted_s)
    found |= _energy(file, lasted_s)
    found |= _thermal(file)
    found |= _fleet(file)
    tokens = found["output_tokens_per_s"] * lasted_s
    found["energy_per_output_token_j"] = _ratio(found["energy_site_j"], tokens)
    found["output_tokens_per_s_per_mw"] = _ratio(
        found["output_tokens_per_s"], found["power_site_mean_w"] / 1e6
    )
    found["output_tokens_per_s_per_it_mw"] = _ratio(tokens * 1e6, found["energy_it_j"])
    found["output_tokens_per_s_per_gpu"] = _ratio(found["output_tokens_per_s"], len(file.asset("gpu")["id"]))
    found |= _money(file, found, tokens)
    return {key: found[key] for key in DISPLAY if key in found}


def _ratio(a: float, b: float) -> float:
    return a / b if b else float("nan")


def _requests(file: File, lasted_s: float) -> dict[str, float]:
    columns = file.requests()
    status, tokens = columns["status"], columns["output_tokens"]
    done = status == FINISHED
    arrived, first, end, n = (
        columns[k][done] for k in ("arrived_at_s", "first_token_at_s", "done_at_s", "output_tokens")
    )
    slo = json.loads(file.attrs["slo"])
    ttft, e2e, tpot = first - arrived, end - arrived, (end - first) / np.maximum(n - 1, 1)
    good = (ttft <= slo["ttft_s"]) & ((tpot <= slo["tpot_s"]) | (n == 1))
    late = int((~good).sum() + (status == REJECTED).sum() + _waits_too_long(columns, lasted_s, slo["ttft_s"]))
    found = {
        "requests_arrived": len(status) if file.complete else float("nan"),
        "requests_finished": int(done.sum()),
        "requests_rejected": int((status == REJECTED).sum()),
        "requests_in_flight": int((status == INSIDE).sum()) if file.complete else float("nan"),
        "requests_per_s": _ratio(float(done.sum()), lasted_s),
        "goodput_requests_per_s": _ratio(float(good.sum()), lasted_s),
        "good_frac": _ratio(float(good.sum()), float(good.sum()) + late),
        "late_requests": late,
        "finished_output_tokens": float(tokens[done].sum(dtype=float)),
        "finished_input_tokens": float(columns["input_tokens"][done].sum(dtype=float)),
    }
    for name, values in (("ttft", _first_tokens(columns)), ("tpot", tpot[n > 1]), ("e2e", e2e)):
        found |= _distribution(name, values)
    found["output_tokens_per_s_per_user"] = _ratio(1.0, found["tpot_p50_s"])
    return found


def _first_tokens(columns: dict[str, Any]) -> Array:
    """Times to first token of all requests that have one, those still in the house included [s]."""
    waited: Array = columns["first_token_at_s"] - columns["arrived_at_s"]
    return waited[~np.isnan(waited)]


def _waits_too_long(columns: dict[str, Any], now_s: float, limit_s: float) -> int:
    """Requests in the house whose first token came, or will come, later than its limit."""
    inside = columns["status"] == INSIDE
    first = columns["first_token_at_s"][inside]
    waited = np.where(np.isnan(first), now_s, first) - columns["arrived_at_s"][inside]
    return int((waited > limit_s).sum())


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


def _energy(file: File, lasted_s: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, name in (("site", "power"), ("it", "it_power"), ("cooling", "cooling_power"), ("loss", "loss")):
        series = file.series(f"site.{name}_w")
        found[f"energy_{key}_j"] = float(series.values[:, 0].astype(float) @ _lengths_s(series.time_s))
    site = file.series("site.power_w").values[:, 0]
    found["power_site_mean_w"] = _ratio(found["energy_site_j"], lasted_s)
    found["power_site_peak_w"] = float(site.max()) if len(site) else float("nan")
    found["pue"] = _ratio(found["energy_site_j"], found["energy_it_j"])
    for direction, name in (("output", "output_tokens"), ("input", "prefill_tokens")):
        computed = file.series(f"replica.{name}").values.sum(dtype=float)
        found[f"{direction}_tokens_per_s"] = _ratio(float(computed), lasted_s)
    return found


def _thermal(file: File) -> dict[str, float]:
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
    for key, name in (("cdu_supply_max_k", "cdu.supply_k"), ("hall_air_max_k", "hall.air_k")):
        if name in recorded:
            found[key] = float(file.series(name).values.max())
    return found


def _fleet(file: File) -> dict[str, float]:
    names = {
        "batch_mean_requests": "batch_requests",
        "queue_mean_requests": "queue_requests",
        "kv_mean_frac": "kv_frac",
    }
    return {key: _mean(file.series(f"replica.{name}").values) for key, name in names.items()}


def _mean(values: NDArray[np.float32]) -> float:
    return float(values.mean(dtype=float)) if values.size else float("nan")


def _money(file: File, found: dict[str, float], tokens: float) -> dict[str, float]:
    prices: dict[str, Any] = json.loads(file.attrs["economics"])
    cost = found["energy_site_j"] * prices["electricity_usd_per_j"]
    revenue = (
        found["finished_output_tokens"] * prices["output_price_usd_per_token"]
        + found["finished_input_tokens"] * prices["input_price_usd_per_token"]
    )
    return {
        "electricity_usd": cost,
        "revenue_usd": revenue,
        "electricity_usd_per_output_token": _ratio(cost, tokens),
    }
