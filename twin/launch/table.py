"""The two files of a study: its manifest and its table, each replaced as a whole."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twin.study import Plan

COLUMNS = ("run", "variant", "seed", "run_id")


def write_manifest(path: Path, plan: Plan, ended: Mapping[str, str]) -> None:
    """Write what the study asks for and how far it is.

    Parameters
    ----------
    path : Path
        File to replace.
    plan : Plan
        The study.
    ended : mapping of run id to str
        Empty for a run that is done, otherwise why it failed; a run that is not in it waits.
    """
    runs = [
        {
            "run": spec.name, "variant": spec.variant, "seed": spec.seed, "run_id": spec.run_id,
            "scenario": spec.scenario, "overlays": spec.overlays, "set": spec.set,
            "status": _status(ended.get(spec.run_id)), "error": ended.get(spec.run_id, ""),
        }
        for spec in plan.runs
    ]  # fmt: skip
    manifest = {"study": plan.name, "numbers_version": plan.numbers_version, "runs": runs}
    _replace(path, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def write_table(path: Path, plan: Plan, summaries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one row a run, sorted by name and seed; a failed run has no summary.

    Parameters
    ----------
    path : Path
        File to replace.
    plan : Plan
        The study.
    summaries : mapping of run id to mapping
        Values by column; nothing that depends on where or when a run was done.
    """
    runs = sorted(plan.runs, key=lambda spec: (spec.name, spec.seed))
    grid = list(dict.fromkeys(key for spec in runs for key in spec.grid))
    keys = list(dict.fromkeys(key for spec in runs for key in summaries.get(spec.run_id, ())))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*COLUMNS, *grid, *keys])
    for spec in runs:
        summary = summaries.get(spec.run_id, {})
        rows.writerow(
            [spec.name, spec.variant, spec.seed, spec.run_id]
            + [spec.grid[key] for key in grid]
            + [summary.get(key) for key in keys]
        )
    _replace(path, text.getvalue())


def _status(error: str | None) -> str:
    if error is None:
        return "waiting"
    return "failed" if error else "done"


def _replace(path: Path, text: str) -> None:
    """Replace a file so that a reader, or a kill, sees the old one or the new one."""
    fresh = path.with_suffix(f"{path.suffix}.new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
