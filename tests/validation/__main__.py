"""``python -m tests.validation``: the ledger; ``… perf FILE``, ``… power FILE``: rows; ``… facility FILE``: cases."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.validation import claims, fit, kernels, perf, plants, points
from tests.validation.facility import runner
from tests.validation.power import answers
from tests.validation.power.measured import CALIBRATIONS
from twin.errors import TwinError
from twin.perf import bands, ledger, ledger_text

DOCS = Path(__file__).parents[2] / "docs"
PAGE, CLAIMS = DOCS / "performance-ledger.md", DOCS / "performance-claims.md"
POINTS = DOCS / "performance-points.md"


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.validation", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    one = commands.add_parser("perf", help="predictions for the rows of a measured table")
    one.add_argument("file", type=Path)
    one.add_argument("--json", type=Path, dest="out", help="write them here")
    facility = commands.add_parser("facility", help="answers to reference cases of the facility")
    facility.add_argument("file", type=Path)
    facility.add_argument("--json", type=Path, dest="out", help="write them here")
    power = commands.add_parser(
        "power", help="power, energy and latency for the rows of a table of ML.ENERGY"
    )
    power.add_argument("file", type=Path)
    power.add_argument("--json", type=Path, dest="out", help="write them here")
    power.add_argument(
        "--calibration", choices=tuple(CALIBRATIONS), default="all",
        help="measured rows behind the answers: all, half of the groups (half), half of the rows",
    )  # fmt: skip
    commands.add_parser("write", help="write the bands and the page of the ledger anew")
    commands.add_parser("fit", help="fit the engine cards and the constants of the folds anew; minutes")
    commands.add_parser("claims", help="write the page about public claims anew")
    commands.add_parser("plants", help="write tables and pictures of the pages of cooling plants anew")
    ran = commands.add_parser(
        "points", help="run points of frontiers and write their page anew; many minutes"
    )
    ran.add_argument("places", type=_place, nargs="*", metavar="N", help="only these, from 1")
    ran.add_argument("--resume", action="store_true", help="only those of which nothing is kept")
    given = parser.parse_args()
    if given.command == "perf":
        return _answered(given.file, given.out, perf.answers)
    if given.command == "power":
        return _answered(given.file, given.out, partial(answers.answers, calibration=given.calibration))
    if given.command == "facility":
        return _facility(given.file, given.out)
    if given.command == "write":
        return _write()
    if given.command == "fit":
        fit.write()
        return 0
    if given.command == "claims":
        CLAIMS.write_text(claims.page())
        return 0
    if given.command == "points":
        points.write(POINTS, given.places, given.resume)
        return 0
    if given.command == "plants":
        plants.write()
        return 0
    return _ledger()


def _place(text: str) -> int:
    """Place of a frontier."""
    most = len(points.CASES + points.UNSEEN)
    if text.isdecimal() and 1 <= int(text) <= most:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is no frontier; write 1 to {most}")


def _answered(file: Path, out: Path | None, answer: Callable[[Path], dict[str, Any]]) -> int:
    if not file.is_file():
        print(f"{file}: no such file; give a .csv or .csv.gz", file=sys.stderr)
        return 2
    found = answer(file)
    text = json.dumps(found, indent=0)
    if out:
        out.write_text(text + "\n")
    else:
        print(text)
    reasons = Counter(one["refused"] for one in found.values() if "refused" in one)
    priced = len(found) - sum(reasons.values())
    print(f"{priced:,} of {len(found):,} rows priced", file=sys.stderr)
    if known := [one["measured_rows"] for one in found.values() if "measured_rows" in one]:
        print(f"  {sum(map(bool, known)):,} of configurations that were measured", file=sys.stderr)
    for reason, count in reasons.most_common():
        print(f"  {count:,} refused: {reason}", file=sys.stderr)
    return 0


def _facility(file: Path, out: Path | None) -> int:
    try:
        found = runner.run(file)
    except TwinError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if out:
        out.write_text(json.dumps(found.answers, indent=1) + "\n")
    print(runner.table(found))
    for case, reason in found.refused.items():
        print(f"{case} refused: {reason}", file=sys.stderr)
    return 1 if found.refused or any(not n.share <= 1.0 for n in found.numbers) else 0


def _write() -> int:
    unseen, _ = ledger.lines(lambda asked: f"fold {asked.fold}")
    held = {
        "note": "Quantiles 0.1 and 0.9 of measured over predicted, runs priced by fits that had not seen "
        "their configuration group; by family of GPUs and engine",
        "date": "2026-11",
        "bands": ledger.learned(unseen),
    }
    bands.FILE.write_text(json.dumps(held, indent=1) + "\n")
    PAGE.write_text(ledger_text.markdown(ledger.build()))
    return 0


def _ledger() -> int:
    print("Errors in percent: median / mean / 90th percentile")
    for table in ledger_text.tables(ledger.build()):
        print(f"\n{table.title}")
        rows = [table.header, *table.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(table.header))]
        for row in rows:
            first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join([first.strip().ljust(widths[0]), *rest]))
    print("\nKernels, the half of the configuration groups kept from calibration")
    for name, found in kernels.ledger().items():
        shares = f"median {found.median_frac:6.1%}  mean {found.mean_frac:6.1%}  p90 {found.p90_frac:6.1%}"
        print(f"{name:42s} {found.rows:6,} rows  {found.refused:4,} refused  {shares}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
