"""The mix drifts from deep research to chat: a planner moves replicas from prefill to decode and keeps the goodput."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin import rng
from twin.report import Run

LASTS_S = 720.0
RESEARCH, CHAT = (24_000, 400), (800, 900)  # mean prompt and output tokens
RESEARCH_PER_S, CHAT_PER_S = 11.0, 80.0  # at the beginning, at the end
REPLICAS = 12


def trace(path: Path) -> Path:
    """Research fades out while chat fades in."""
    draw = rng.stream(3, "drift")
    rows = []
    for (prompt, output), per_s, fades_in in ((RESEARCH, RESEARCH_PER_S, False), (CHAT, CHAT_PER_S, True)):
        at_s = np.sort(draw.uniform(0.0, LASTS_S, draw.poisson(per_s * LASTS_S)))
        share = at_s / LASTS_S if fades_in else 1.0 - at_s / LASTS_S
        at_s = at_s[draw.random(len(at_s)) < share]
        prompts = np.clip(draw.gamma(4.0, prompt / 4.0, len(at_s)), 16, 100_000).astype(int)
        outputs = np.clip(draw.gamma(4.0, output / 4.0, len(at_s)), 2, 8_000).astype(int)
        rows.append(np.stack([at_s, prompts, outputs]))
    table = np.concatenate(rows, axis=1)
    table = table[:, np.argsort(table[0], kind="stable")]
    lines = ["arrival_s,context_tokens,generated_tokens"]
    lines += [f"{at_s:.6f},{int(prompt)},{int(output)}" for at_s, prompt, output in table.T]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def served(scenarios: Path, folder: Path, prefill: int, planner: dict[str, Any] | None) -> Run:
    changes: dict[str, Any] = {
        "time.duration": f"{LASTS_S:g} s",
        "time.sample": "30 s",
        "workload.trace": str(trace(folder / "drift.csv")),
        "workload.copies": 1,
        "serving.routing": "least-outstanding-tokens",
        "serving.kv": {"mode": "paged"},
        "serving.pools.prompts.max_batch": 128,
        "serving.pools.tokens.max_batch": 128,
        "serving.pools.prompts.replicas": prefill,
        "serving.pools.tokens.replicas": REPLICAS - prefill,
        "serving.slo": {"ttft": "2 s", "tpot": "25 ms"},
    }
    if planner:
        changes["serving.planner"] = planner
    return twin.run(twin.load(scenarios / "disaggregated.yaml", set=changes), out=folder / "run")


def prefill_replicas(run: Run, start: int) -> list[int]:
    """Replicas that compute prompts or are about to, every two minutes."""
    events = run.events
    counts = []
    for end_s in np.arange(120.0, LASTS_S + 1.0, 120.0):
        what = events["what"][events["time_s"] <= end_s]
        counts.append(start + int((what == "closes, to prefill").sum() - (what == "closes, to decode").sum()))
    return counts


@pytest.mark.slow
def test_planner_follows_the_drift(scenarios: Path, tmp_path: Path) -> None:
    goodput = {}
    for start in (6, 7, 8):
        (tmp_path / str(start)).mkdir()
        goodput[start] = served(scenarios, tmp_path / str(start), start, None).kpis()
    planner = {"policy": "load-proportional", "interval": "20 s", "start_up": "5 s"}
    moved = served(scenarios, tmp_path, 8, planner)
    counts = prefill_replicas(moved, 8)
    found = moved.kpis()
    print(f"\nprefill replicas of {REPLICAS} every 2 min: {counts}")
    for name, kpis in [*((f"static, {k} prefill", v) for k, v in goodput.items()), ("planner", found)]:
        print(f"{name}: goodput {kpis['goodput_requests_per_s']:.2f} requests/s, good {kpis['good_frac']:.3f},"
              f" TTFT p90 {kpis['ttft_p90_s']:.2f} s, TPOT p90 {kpis['tpot_p90_s'] * 1e3:.1f} ms")  # fmt: skip
    assert counts[0] > counts[len(counts) // 2] > counts[-1]
    assert all(np.diff(counts) <= 0)
    for kpis in goodput.values():
        assert found["goodput_requests_per_s"] > kpis["goodput_requests_per_s"]
