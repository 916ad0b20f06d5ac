"""A runner without a simulator: writes a tiny result file, and misbehaves where its values say so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twin.errors import Fault, PhysicalRangeError
from twin.results import Writer, open_file


def run(spec: Mapping[str, Any], out: str) -> str:
    """Write ``out/<run id>/trace.h5`` and a line of the log."""
    values = spec["set"]
    folder = Path(out) / values["id"]
    folder.mkdir(parents=True, exist_ok=True)
    with (Path(out) / "log").open("a") as log:
        log.write(f"{values['id']} {os.getpid()}\n")
    path = folder / "trace.h5"
    path.unlink(missing_ok=True)
    writer = Writer(
        path, run_id=values["id"], scenario_text="", overlays=[], seed=spec["seed"],
        start_iso="2022-07-20 13:00", numbers_version="1", sources=["none"],
    )  # fmt: skip
    time.sleep(values.get("sleep_s", 0.0))
    once = folder / "died"
    if values.get("dies") == "always" or (values.get("dies") == "once" and not once.exists()):
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if values.get("melts"):
        writer.close(complete=False, error="melted")
        fault = Fault("", 0, "gpu-0", "500 K", "at most 400 K", "cool it")
        raise PhysicalRangeError("a GPU is too hot", [fault])
    if values.get("bug"):
        raise ZeroDivisionError("a bug")
    writer.attrs({"third": spec["seed"] / 3})
    writer.close(complete=True)
    return os.fspath(folder)


def summarise(folder: Path) -> dict[str, Any]:
    """One row of the table."""
    file = open_file(folder)
    row = {"seed_third": float(file.attrs["third"]), "missing": None}
    file.close()
    return row
