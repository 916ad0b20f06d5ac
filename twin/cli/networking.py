"""``twin flows`` and ``twin collective``: networks by themselves, without a site."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Csv = Annotated[Path | None, typer.Option(help="Write all values here.")]


class FlowMode(StrEnum):
    """How often shares are solved anew."""

    EXACT = "exact"
    WINDOWED = "windowed"


class Algorithm(StrEnum):
    """How a collective is done."""

    AUTO = "auto"
    RING = "ring"
    TREE = "tree"
    NVLS = "nvls"
    SHARP = "sharp"
    DIRECT = "direct"


class ExpertMode(StrEnum):
    """Kernels for exchanges between tokens and experts."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"


class Shares(StrEnum):
    """How the paths of one flow share its rate."""

    COUPLED = "coupled"
    SPLIT = "split"


class Weighting(StrEnum):
    """What share of a link a flow gets."""

    EQUAL = "equal"
    RTT = "rtt"


@app.command(epilog="Example: twin flows case.json --csv times.csv")
def flows(
    case: Annotated[
        Path, typer.Argument(help="Case file (JSON): docs/network-flows.md.", show_default=False)
    ],
    mode: Annotated[
        FlowMode, typer.Option(help="Windowed solves all events of a window at once.")
    ] = FlowMode.EXACT,
    window: Annotated[str, typer.Option(help="Length of a window.")] = "1us",
    shares: Annotated[
        Shares | None, typer.Option(help="Paths of a flow in lock-step, or each a flow of its own.")
    ] = None,
    weighting: Annotated[
        Weighting, typer.Option(help="Equal shares, or in inverse proportion to the round trip.")
    ] = Weighting.EQUAL,
    spray_efficiency: Annotated[
        float, typer.Option(help="Share of the rate that sprayed packets reach.")
    ] = 1.0,
    csv: Csv = None,
    as_json: Json = False,
) -> None:
    """Completion times of flows that share links, exact max-min; errors against the references of the case."""
    from twin.cli import flowing

    flowing.flows(
        case, mode=mode.value, window=window, shares=shares.value if shares else None, weighting=weighting.value,
        spray_efficiency=spray_efficiency, csv=csv, as_json=as_json,
    )  # fmt: skip


@app.command(epilog="Example: twin collective all_reduce --system gb200-nvl72 --gpus 144 --size 8GB")
def collective(
    operation: Annotated[
        str,
        typer.Argument(
            help="all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, reduce; dispatch or combine.",
            show_default=False,
        ),
    ],
    system: Annotated[str, typer.Option(help="System.", show_default=False)],
    gpus: Annotated[int, typer.Option(help="GPUs that take part.", show_default=False)],
    size: Annotated[str | None, typer.Option(help="What each GPU holds, e.g. 8GB.")] = None,
    algorithm: Annotated[
        Algorithm, typer.Option(help="The fastest that needs no plug-in, or this.")
    ] = Algorithm.AUTO,
    fabric: Annotated[
        str, typer.Option(help="Between NVLink domains: twin catalog list collective.")
    ] = "infiniband",
    nic: Annotated[str | None, typer.Option(help="NIC rate of a GPU, e.g. 800 Gbit/s.")] = None,
    tokens: Annotated[float | None, typer.Option(help="Tokens of each GPU, of dispatch and combine.")] = None,
    mode: Annotated[
        ExpertMode, typer.Option(help="Kernels of dispatch and combine.")
    ] = ExpertMode.THROUGHPUT,
    hidden: Annotated[float, typer.Option(help="Values of a token.")] = 7168,
    active: Annotated[float, typer.Option(help="Experts that a token takes.")] = 8,
    most_domains: Annotated[float, typer.Option(help="Domains that a token goes to at most; 0 for all.")] = 0,
    csv: Csv = None,
    html: Annotated[Path | None, typer.Option(help="Write an interactive chart here.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the curve here.")] = None,
    as_json: Json = False,
) -> None:
    """Time, algorithm and bus bandwidth of a collective, what binds it, and a curve over sizes."""
    from twin.cli import collecting

    collecting.collective(
        operation, system, gpus, size=size, algorithm=algorithm.value, fabric=fabric, nic=nic, tokens=tokens,
        mode=mode.value, hidden=hidden, active=active, most_domains=most_domains, csv=csv, html=html, png=png,
        as_json=as_json,
    )  # fmt: skip
