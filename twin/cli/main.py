"""The commands of ``twin``; heavy imports stand inside them so that ``--help`` is quick."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from twin.cli import airing, cooling, fabrics, networking, provisioning, siting
from twin.cli.options import values_by_path
from twin.errors import TwinError

app = typer.Typer(
    name="twin",
    help="An open digital twin of AI data centers: requests, watts, coolant and money in one coupled simulation.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 2 wrong input, 3 a library is missing, 4 the run stopped early, 130 interrupted.",
)

INTERRUPTED = 130


class Fidelity(StrEnum):
    """How requests are simulated."""

    BATCH = "batch"
    EVENT = "event"


ScenarioArg = Annotated[Path, typer.Argument(help="Scenario file (YAML).", show_default=False)]
Overlays = Annotated[list[Path], typer.Option("--overlay", "-o", help="Overlay file; may be repeated.")]
Sets = Annotated[
    list[str], typer.Option("--set", "-s", help="Single value by path, e.g. serving.max_batch=512.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks.")]
SeedOpt = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Seed in place of the scenario's.")]
FidelityOpt = Annotated[Fidelity | None, typer.Option(help="In place of the scenario's.")]
Out = Annotated[Path, typer.Option(help="Folder in which run folders are made.")]
On = Annotated[
    str,
    typer.Option(
        help="Where studies and the halls of a site run: local, dask, slurm or tcp://scheduler:8786."
    ),
]
Workers = Annotated[int, typer.Option(min=1, help="Worker processes for them.")]


def _version(show: bool) -> None:
    if show:
        import twin

        typer.echo(f"twin {twin.__version__} (numbers {twin.NUMBERS})")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Root options."""


@app.command(epilog="Example: twin run scenarios/gb200-hall.yaml --set workload.copies=60")
def run(
    scenario: ScenarioArg,
    overlay: Overlays = [],  # noqa: B006
    set_: Sets = [],  # noqa: B006
    fidelity: FidelityOpt = None,
    seed: SeedOpt = None,
    out: Out = Path("runs"),
    on: On = "local",
    workers: Workers = 2,
    picture: Annotated[bool, typer.Option(help="Draw the 3D floor plan into the run folder.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, build and say what would run.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario: progress, KPIs, a run folder with trace, report and picture."""
    from twin.cli import running

    running.run(
        scenario, tuple(overlay), values_by_path(set_), fidelity.value if fidelity else None, seed, out,
        on=on, workers=workers, picture=picture, dry_run=dry_run, as_json=as_json, quiet=quiet,
    )  # fmt: skip


@app.command(epilog="Example: twin check scenarios/gb200-hall.yaml")
def check(
    scenario: ScenarioArg,
    overlay: Overlays = [],  # noqa: B006
    set_: Sets = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """All faults of a scenario at once, with line numbers and what to write instead."""
    from twin.cli import running

    running.check(scenario, tuple(overlay), values_by_path(set_), as_json=as_json)


RunArg = Annotated[Path, typer.Argument(help="Run folder or its .h5 file.", show_default=False)]


@app.command(epilog="Example: twin report runs/gb200-hall-1a2b3c --json")
def report(
    run: RunArg,
    html: Annotated[Path | None, typer.Option(help="Write a one-file HTML report here.")] = None,
    perfetto: Annotated[
        Path | None, typer.Option(help="Write request spans as Trace Event JSON (event fidelity).")
    ] = None,
    as_json: Json = False,
) -> None:
    """KPI tables; energy, token and request balances with residuals."""
    from twin.cli import showing

    showing.report(run, html, perfetto, as_json=as_json)


@app.command(
    epilog="Example: twin view runs/gb200-hall-1a2b3c -o hall.png --quantity gpu.temperature_k --at '25 min'"
)
def view(
    run: RunArg,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("hall.png"),
    quantity: Annotated[
        str | None, typer.Option(help="Recorded quantity that gives the colours, e.g. gpu.temperature_k.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="Instant, e.g. '25 min'; the end if left out.")] = None,
    camera: Annotated[str, typer.Option("--view", help="iso, hall, top, front or rack:<id>.")] = "iso",
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    cables: Annotated[bool, typer.Option(help="Draw cable and pipe routes.")] = True,
    labels: Annotated[bool, typer.Option(help="Draw labels.")] = True,
    size: Annotated[str, typer.Option(help="Width x height in pixels.")] = "1920x1080",
) -> None:
    """3D floor plan, coloured by a recorded quantity at an instant."""
    from twin.cli import showing

    showing.view(run, out, quantity, at, camera, theme=theme, cables=cables, labels=labels, size=size)


@app.command(epilog="Example: twin compare scenarios/gb200-hall.yaml scenarios/h100-hall.yaml")
def compare(
    a: Annotated[Path, typer.Argument(help="Scenario file or run folder.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Scenario file or run folder.", show_default=False)],
    seed: SeedOpt = None,
    out: Out = Path("runs"),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Two scenarios or two runs side by side, paired on the same seed."""
    from twin.cli import running

    running.compare(a, b, seed, out, as_json=as_json, quiet=quiet)


@app.command(epilog="Example: twin study scenarios/studies/load-and-heat.yaml --on dask --workers 2")
def study(
    file: Annotated[Path, typer.Argument(help="Study file (YAML).", show_default=False)],
    on: On = "local",
    workers: Workers = 2,
    out: Out = Path("runs"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs only.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Grid times seeds over scenario paths; resumes; one file a run and a table."""
    from twin.cli import running

    running.study(file, on, workers, out, dry_run=dry_run, as_json=as_json, quiet=quiet)


perf_app = typer.Typer(help="The performance model without a site.", no_args_is_help=True)
app.add_typer(perf_app, name="perf")


Isl = Annotated[float, typer.Option(help="Prompt tokens of a request.", show_default=False)]
Osl = Annotated[float, typer.Option(help="Output tokens of a request.", show_default=False)]
Model = Annotated[
    str, typer.Option(help="Model card, name on Hugging Face, or a config.json.", show_default=False)
]
EngineOpt = Annotated[str, typer.Option(help="trtllm, vllm or sglang.")]
KvCache = Annotated[str | None, typer.Option(help="bf16 or fp8; fp8 beside narrower weights if left out.")]


@perf_app.command(
    "point",
    epilog="Example: twin perf point --system gb200-nvl72 --gpus 72 --model deepseek-r1 --precision fp4 "
    "--isl 1024 --osl 2048 --concurrency 512",
)
def perf_point(
    system: Annotated[str, typer.Option(help="System or GPU of the catalog.", show_default=False)],
    gpus: Annotated[int, typer.Option(help="All GPU packages.", show_default=False)],
    model: Model,
    isl: Isl,
    osl: Osl,
    concurrency: Annotated[float, typer.Option(help="Requests in flight over all GPUs.", show_default=False)],
    precision: Annotated[str, typer.Option(help="Of the weights: bf16, fp8, fp4 or int4.")] = "fp8",
    tp: Annotated[
        int | None, typer.Option(min=1, help="Tensor parallel; searched if no size is given.")
    ] = None,
    pp: Annotated[int | None, typer.Option(min=1, help="Pipeline stages.")] = None,
    ep: Annotated[
        int | None, typer.Option(min=1, help="GPUs that share the experts; all ranks if left out.")
    ] = None,
    dp: Annotated[int | None, typer.Option(min=1, help="Ranks of data-parallel attention.")] = None,
    engine: EngineOpt = "trtllm",
    kv_cache: KvCache = None,
    drafts: Annotated[int, typer.Option(help="Tokens drafted a step.")] = 0,
    prefill_gpus: Annotated[int, typer.Option(help="GPUs that only compute prompts, of --gpus.")] = 0,
    overlay: Annotated[
        Path | None, typer.Option(help="Write an overlay here with which a scenario runs this point.")
    ] = None,
    load: Annotated[float, typer.Option(help="Share of the point's requests that the overlay brings.")] = 0.7,
    as_json: Json = False,
) -> None:
    """Latency, throughput, power of one configuration, and where the time of a token goes."""
    from twin.cli import performing

    performing.point(
        system=system, gpus=gpus, model=model, isl=isl, osl=osl, concurrency=concurrency, precision=precision,
        tp=tp, pp=pp, ep=ep, dp=dp, engine=engine, kv_cache=kv_cache, drafts=drafts, prefill_gpus=prefill_gpus,
        overlay=overlay, load=load, as_json=as_json,
    )  # fmt: skip


@perf_app.command(
    "frontier",
    epilog="Example: twin perf frontier --system dgx-h100 --system gb200-nvl72 --model llama-3.3-70b "
    "--isl 1024 --osl 1024 --html frontier.html",
)
def perf_frontier(
    system: Annotated[list[str], typer.Option(help="System; may be repeated.", show_default=False)],
    model: Model,
    isl: Isl,
    osl: Osl,
    precision: Annotated[
        list[str], typer.Option(help="Repeatable; fp8 and fp4 where the GPU computes them if left out.")
    ] = [],  # noqa: B006
    drafts: Annotated[list[int], typer.Option(help="Tokens drafted a step; may be repeated.")] = [0],  # noqa: B006
    engine: EngineOpt = "trtllm",
    kv_cache: KvCache = None,
    disaggregated: Annotated[
        bool, typer.Option("--disaggregated", help="Prefill on GPUs of its own as well.")
    ] = False,
    ttft: Annotated[str, typer.Option(help="Latest first token.")] = "10s",
    tpot: Annotated[str | None, typer.Option(help="Slowest output token, e.g. 50ms.")] = None,
    megawatts: Annotated[float, typer.Option(help="Power of the site.")] = 1.0,
    tier: Annotated[
        list[str], typer.Option(help="Price NAME:tokens/s per user:USD per million tokens; may be repeated.")
    ] = [],  # noqa: B006
    csv: Annotated[Path | None, typer.Option(help="Write all points here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write an interactive chart here.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the chart here.")] = None,
    as_json: Json = False,
) -> None:
    """Most tokens per MW at each speed of a user: layouts, load, precision, drafts and prefill apart are searched."""
    from twin.cli import performing

    performing.frontier(
        system, model, isl, osl, engine=engine, kv_cache=kv_cache, precisions=precision, drafts=drafts,
        disaggregated=disaggregated, ttft=ttft, tpot=tpot, megawatts=megawatts, tiers=tier, csv=csv, html=html,
        png=png, as_json=as_json,
    )  # fmt: skip


@perf_app.command("ledger", epilog="Example: twin perf ledger --json")
def perf_ledger(as_json: Json = False) -> None:
    """What predictions miss: errors on measurements that the fits had not seen, by GPU, engine, model, precision."""
    from twin.cli import ledger

    ledger.ledger(as_json=as_json)


perf_app.add_typer(provisioning.app)
app.add_typer(networking.app)
app.add_typer(siting.app)
app.add_typer(cooling.app)
app.add_typer(airing.app)
app.add_typer(fabrics.app, name="fabric")

catalog_app = typer.Typer(help="Components with their sources.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")


@catalog_app.command("list", epilog="Example: twin catalog list gpu")
def catalog_list(
    kind: Annotated[str | None, typer.Argument(help="Kind of component; all kinds if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Kinds of components, or the components of one kind."""
    from twin.cli import showing

    showing.catalog_list(kind, as_json=as_json)


@catalog_app.command("show", epilog="Example: twin catalog show b200-gb200")
def catalog_show(
    name: Annotated[
        str, typer.Argument(help="Name, or kind/name where two kinds share it.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """One component: every value with unit, source and date."""
    from twin.cli import showing

    showing.catalog_show(name, as_json=as_json)


@app.command(epilog="Example: twin calibrate measurements.csv -o cards/engine/my-engine.yaml")
def calibrate(
    measurements: Annotated[
        Path, typer.Argument(help="CSV of measured configurations: docs/performance.md.", show_default=False)
    ],
    engine_card: Annotated[
        str | None, typer.Option(help="Card to start from: a name or a file; that of the engine if left out.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Card to write.")] = Path("my-engine.yaml"),
    as_json: Json = False,
) -> None:
    """Fit an engine card to your own measurements; says what they cannot tell."""
    from twin.cli import calibrating

    calibrating.calibrate(measurements, engine_card, out, as_json=as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from twin.cli import showing

    showing.schema()


def _fail(error: TwinError) -> int:
    from twin.cli import output

    output.print_error(error)
    return error.exit_code


def run_app() -> None:
    """Run the app; no traceback reaches a user."""
    try:
        code: Any = app(standalone_mode=False)
    except TwinError as error:
        code = _fail(error)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:
        typer.echo(
            f"error: {error.strerror or error}: {error.filename or 'the output cannot be written'}", err=True
        )
        code = TwinError.exit_code
    except Exception as error:  # noqa: BLE001  the last line of defence before a user
        code = INTERRUPTED if _was_interrupted(error) else _usage_or_defect(error)
    if code == INTERRUPTED:
        typer.echo("interrupted; what was recorded is kept", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: inside compiled code it comes out as the cause of a SystemError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _usage_or_defect(error: Exception) -> int:
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # wrong options: click says it best
        error.show()
        return int(error.exit_code)
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="twin-defect-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    typer.echo(
        f"twin has a defect: {type(error).__name__}: {error}\n"
        f"The details are in {file.name}; please report them. What was recorded is kept.",
        err=True,
    )
    return 70
