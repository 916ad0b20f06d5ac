"""The command that fits an engine card to measurements of one's own."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from twin.catalog.kinds import KINDS
from twin.cli.output import print_json, stderr, stdout
from twin.perf import calibration, calibration_files

ERRORS = (
    ("as the card was", "before"),
    ("fitted", "after"),
    ("fitted without the configuration", "held_out"),
)


def calibrate(measurements: Path, engine_card: str | None, out: Path, *, as_json: bool) -> None:
    """Fit, show what moved and what cannot be told, and write the card."""
    base = calibration_files.card_of(engine_card) if engine_card else None
    found = calibration.calibrate(calibration_files.read(measurements, base), base)
    calibration_files.write(found, out, measurements)
    if as_json:
        print_json(_plain(found, out))
    else:
        _show(found)
    stderr().print(f"card: {out}\n{usage(out)}", soft_wrap=True, highlight=False)


def usage(card: Path) -> str:
    """How a written card is taken.

    Examples
    --------
    >>> usage(Path("cards/engine/mine.yaml"))
    'use it: TWIN_CATALOG=cards twin …, with the engine mine'
    >>> usage(Path("mine.yaml"))
    'use it: put it into a folder cards/engine, then TWIN_CATALOG=cards twin …, with the engine mine'
    """
    if card.parent.name == "engine":
        return f"use it: TWIN_CATALOG={card.parent.parent} twin …, with the engine {card.stem}"
    return f"use it: put it into a folder cards/engine, then TWIN_CATALOG=cards twin …, with the engine {card.stem}"


def _plain(found: calibration.Calibration, out: Path) -> dict[str, object]:
    errors = {
        name: {column: {"median_frac": e[0], "p90_frac": e[1]} for column, e in getattr(found, name).items()}
        for _, name in ERRORS
    }
    return {
        "card": str(out),
        "rows": found.rows,
        "configurations": found.groups,
        "errors": errors,
        "constants": [c._asdict() for c in found.constants],
        "tangled": found.tangled,
        "remarks": found.sentences(),
    }


def _show(found: calibration.Calibration) -> None:
    console = stdout()
    errors = Table("error, median (p90)", *found.before, box=None, header_style="bold")
    for title, name in ERRORS:
        row = getattr(found, name)
        if row:
            errors.add_row(
                title, *(f"{100 * row[c][0]:.1f} % ({100 * row[c][1]:.0f} %)" for c in found.before)
            )
    console.print(f"{found.rows} measurements of {found.groups} configurations", highlight=False)
    console.print(errors)
    if not found.held_out:
        console.print(f"no held-out error: it takes {calibration.FEWEST_GROUPS} configurations")
    values = Table("constant", "card", "fitted", "±", "", box=None, header_style="bold")
    for c in found.constants:
        before, after = (_value(c.key, v) for v in (c.before, c.after))
        values.add_row(c.key, before, after, f"{100 * c.sd_frac:.0f} %", c.told)
    console.print(values)
    for sentence in found.sentences():
        console.print(sentence, highlight=False, soft_wrap=True)


def _value(key: str, value: float) -> str:
    is_time = KINDS["engine"][key].dimension == "time"
    return f"{value * 1e6:,.1f} us" if is_time else f"{value:.3f}"
