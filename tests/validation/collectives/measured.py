"""Measured collectives as cases: configuration, time, and whether the row calibrates or is held back.

A busbw row calibrates when it is of the H200 board, or every second size (from the smallest) of the A100 board, of four
GB200, of one rack, of 20 racks and of aggregation in switches. Held back are the other sizes of these, and wholly the
H100 board, two racks and all single figures. Of DeepEP the groups of 8, 32 and 128 GPUs of V1 calibrate, and V2 on
eight SM100; held back are 16, 64 and 256, and the rest of V2.

The row of a network that its owners call mis-tuned is no measurement of the hardware: it is left out.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"
MEGABYTE = 1_000_000

#: Column ``system`` of the busbw rows: name in the catalog, algorithm, and of which sizes calibrate.
SYSTEMS = {
    "ND_H100_v5": ("dgx-h100", "auto", "none"),
    "ND_H200_v5": ("dgx-h200", "auto", "all"),
    "ND_A100_v4": ("dgx-a100", "auto", "half"),
    "ND_GB200_v6": ("gb200-nvl72", "ring", "half"),
    "GB200 NVL72 1 rack": ("gb200-nvl72", "auto", "half"),
    "GB200 NVL72 2 racks + 400G IB": ("gb200-nvl72", "auto", "none"),
    "GB200 NVL72 20 racks + 400G IB": ("gb200-nvl72", "auto", "half"),
    "HGX H100 8 nodes 8x400G IB SHARP": ("dgx-h100", "sharp", "half"),
    "HGX H100 1 node": ("dgx-h100", "auto", "none"),
    "HGX H100 2 nodes 8x400G": ("dgx-h100", "auto", "none"),
    "HGX H100 4 nodes 8x400G": ("dgx-h100", "auto", "none"),
    "HGX H200 248 nodes 8x400G": ("dgx-h200", "auto", "none"),
}


class Reduce(NamedTuple):
    """An all-reduce that was measured: size [bytes], time [s]."""

    name: str
    system: str
    gpus: int
    algorithm: str
    size_bytes: int
    time_s: float
    calibrates: bool


class Swap(NamedTuple):
    """A dispatch or combine that was measured: bandwidth as its makers count it [bytes/s]."""

    name: str
    system: str
    gpus: int
    operation: str
    mode: str
    tokens: int
    most_domains: int
    logical_bytes_per_s: float
    calibrates: bool


def reduces() -> list[Reduce]:
    """All-reduce rows in the order of the file."""
    found: list[Reduce] = []
    seen: dict[str, int] = {}
    for row in _rows("nccl_busbw.csv"):
        if row["collective"] != "all_reduce" or row["system"] not in SYSTEMS:
            continue
        system, algorithm, share = SYSTEMS[row["system"]]
        place = seen[row["system"]] = seen.get(row["system"], -1) + 1
        gpus, size = int(row["ranks"]), int(row["size_B"])
        time_s = 2.0 * (gpus - 1) / gpus * size / (float(row["busbw_GBps"]) * 1e9)
        calibrates = share == "all" or (share == "half" and place % 2 == 0)
        found.append(Reduce(row["system"], system, gpus, algorithm, size, time_s, calibrates))
    return found


def swaps() -> list[Swap]:
    """DeepEP rows in the order of the file; V2 on SM90 counts as H100, its sizes as those of V1."""
    found = []
    for row in _rows("deepep.csv"):
        gpus, kernel, hardware = int(row["ep_ranks"]), row["kernel"], row["hardware"]
        is_low, is_new = "low latency" in kernel, "V2" in kernel
        system = "h800-sxm" if not is_new else "dgx-b200" if "SM100" in hardware else "dgx-h100"
        calibrates = gpus in (8, 32, 128) if not is_new else "SM100" in hardware and gpus == 8
        found.append(Swap(
            f"{kernel} {hardware}", system, gpus, row["op"], "latency" if is_low else "throughput",
            128 if is_low else 4096, 0 if is_low or is_new else 4, float(row["logical_GBps"]) * 1e9, calibrates,
        ))  # fmt: skip
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))
