"""The networks of a hall as tables: what stands, what it carries, draws and costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twin.report.tables import Rows, cell

if TYPE_CHECKING:
    from twin.report.run import Run


def network_rows(run: Run) -> Iterator[Rows]:
    """Switches and cables by tier; nothing for a file without them."""
    listed = run.file.json("networks")
    switches = [row for row in listed if "tier" in row]
    cables = [row for row in listed if "part" in row]
    if switches:
        columns = ("tier", "switch", "count", "kW without optics")
        yield Rows("switches of the networks", columns, [_switch_row(r) for r in switches])
    if cables:
        heads = (
            "between",
            "lines",
            "Gbit/s",
            "GB/s a GPU",
            "cables",
            "m",
            "optics kW",
            "kUSD",
            "failures a year",
        )
        note = (
            "GB/s a GPU: all lines of the tier in one direction, shared by all GPUs. Optics: modules of both ends; "
            "those in adapters are part of what racks draw. Failures: of optics, low to high as published."
        )
        yield Rows("cables of the networks", heads, [_cable_row(r) for r in cables], note)


def _switch_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (_name(row, "tier"), str(row["name"]), f"{row['count']:,}", _scaled(row["power_w"], 1e-3))


def _cable_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = (365.0 * float(rate) for rate in row["failures_per_day"])
    return (
        _name(row, "part"), f"{row['lines']:,}", cell(row["rate_bytes_per_s"] * 8e-9),
        cell(row["bytes_per_s_per_gpu"] * 1e-9), ", ".join(row["cables"]), cell(row["length_m"]),
        _scaled(row["optics_w"], 1e-3), _scaled(row["price_usd"], 1e-3), f"{cell(low)}–{cell(high)}",
    )  # fmt: skip


def _name(row: Mapping[str, Any], key: str) -> str:
    layer = "" if row["layer"] == "compute" else f"{row['layer']} "
    return f"{layer}{row[key]}"


def _scaled(value: float | None, scale: float) -> str:
    return cell(math.nan if value is None else value * scale)
