"""``twin collective``: time of a collective, what binds it, and its curve over sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from twin.cli.output import print_json, stdout
from twin.errors import Fault, ScenarioError
from twin.network import collectives
from twin.network.collectives import EXCHANGES, Prediction

SHOWN_SIZES = slice(0, None, 2)
"""Sizes of the curve on a screen; files and JSON hold all."""


def collective(
    operation: str, system: str, gpus: int, *, size: str | None, algorithm: str = "auto", fabric: str = "infiniband",
    nic: str | None = None, tokens: float | None = None, mode: str = "throughput", hidden: float = 7168,
    active: float = 8, most_domains: float = 0, csv: Path | None = None, html: Path | None = None,
    png: Path | None = None, as_json: bool = False,
) -> None:  # fmt: skip
    """Price one collective and print it, with a curve over sizes; ``dispatch`` and ``combine`` take tokens instead."""
    operation = operation.replace("-", "_")
    if operation in EXCHANGES:
        asked = 4096 if mode == "throughput" else 128
        found = collectives.expert_exchange(
            operation,
            system,
            gpus,
            asked if tokens is None else tokens,
            mode,
            hidden,
            active,
            most_domains,
            fabric,
            nic,
        )
        curve: list[Prediction] = []
        refused: dict[str, Any] = {"--size": size, "--csv": csv, "--html": html, "--png": png}
    else:
        sizes = (size if size is not None else "", *collectives.SIZES)
        found, *curve = collectives.curve(operation, system, gpus, sizes, algorithm, fabric, nic)
        refused = {"--tokens": tokens}
    _refuse(operation, refused)
    files = _write(curve, csv, html, png)
    if as_json:
        print_json(found.json() | ({"curve": [one.json() for one in curve]} if curve else {}))
        return
    _print(found, curve)
    for file in files:
        stdout().print(f"written {file}", soft_wrap=True, highlight=False)


def _refuse(operation: str, given: dict[str, Any]) -> None:
    expected = "tokens, and no size or curve" if operation in EXCHANGES else "a size, and no tokens"
    faults = [
        Fault("", 0, name, str(value), expected, f"leave {name} out")
        for name, value in given.items()
        if value is not None
    ]
    if faults:
        raise ScenarioError(f"an option that {operation} does not take", faults)


def _write(curve: list[Prediction], csv: Path | None, html: Path | None, png: Path | None) -> list[Path]:
    from twin.network import collective_charts

    if csv:
        collectives.write_csv(curve, csv)
    if html:
        collective_charts.write_html(curve, html)
    if png:
        collective_charts.write_png(curve, png)
    return [file for file in (csv, html, png) if file]


def _print(found: Prediction, curve: list[Prediction]) -> None:
    console = stdout()
    where = f"{found.gpus:,} GPUs of {found.system} in {_domains(found.domains)}"
    over = f" over {found.fabric}" if found.domains > 1 else ""
    console.print(Text(f"{found.operation} of {_size(found.size_bytes)} on {where}{over}\n", style="bold"))
    console.print(_figures(found))
    if curve:
        console.print(_curve(curve))
    if found.is_inherited:
        console.print(
            Text(
                "Constants are those of an earlier generation: nothing was measured on this one.", style="dim"
            )
        )


def _figures(found: Prediction) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    is_exchange = found.operation in EXCHANGES
    others = sorted(found.algorithms_s.items(), key=lambda item: item[1])
    table.add_row("time", _time(found.time_s), "")
    table.add_row("mode" if is_exchange else "algorithm", found.algorithm,
                  "" if is_exchange else ", ".join(f"{n} {_time(t)}" for n, t in others))  # fmt: skip
    if is_exchange:
        table.add_row(
            "bandwidth [GB/s]",
            f"{found.bus_bytes_per_s / 1e9:,.1f}",
            "as DeepEP counts it, with copies that stay",
        )
    else:
        table.add_row(
            "bus bandwidth [GB/s]", f"{found.bus_bytes_per_s / 1e9:,.2f}", "as nccl-tests counts it"
        )
        table.add_row(
            "algorithm bandwidth [GB/s]", f"{found.algorithm_bytes_per_s / 1e9:,.2f}", "size over time"
        )
    parts = ", ".join(f"{name} {_time(part)}" for name, part in found.parts_s.items() if part > 0.0)
    table.add_row("binds", found.binds, parts)
    return table


def _curve(curve: list[Prediction]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("size", "time", "algorithm", "bus GB/s", "algorithm GB/s", "binds"):
        table.add_column(name, justify="left" if name in ("algorithm", "binds") else "right", no_wrap=True)
    for one in curve[SHOWN_SIZES]:
        table.add_row(
            _size(one.size_bytes), _time(one.time_s), one.algorithm, f"{one.bus_bytes_per_s / 1e9:,.2f}",
            f"{one.algorithm_bytes_per_s / 1e9:,.2f}", one.binds,
        )  # fmt: skip
    return table


def _domains(count: int) -> str:
    return "one NVLink domain" if count == 1 else f"{count:,} NVLink domains"


def _size(value: float) -> str:
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= scale:
            return f"{value / scale:,.4g} {unit}"
    return f"{value:,.4g} bytes"


def _time(value_s: float) -> str:
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if value_s >= scale:
            return f"{value_s / scale:,.4g} {unit}"
    return f"{value_s / 1e-6:,.4g} us"
