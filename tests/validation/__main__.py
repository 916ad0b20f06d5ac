"""``python -m tests.validation``: the ledger; ``… perf FILE.csv [--json OUT]``: predictions for a table."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from tests.validation import claims, kernels, perf
from twin.perf import bands, ledger, ledger_text

DOCS = Path(__file__).parents[2] / "docs"
PAGE, CLAIMS = DOCS / "performance-ledger.md", DOCS / "performance-claims.md"


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.validation", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    one = commands.add_parser("perf", help="predictions for the rows of a measured table")
    one.add_argument("file", type=Path)
    one.add_argument("--json", type=Path, dest="out", help="write them here")
    commands.add_parser("write", help="write the bands and the page of the ledger anew")
    commands.add_parser("claims", help="write the page about public claims anew")
    given = parser.parse_args()
    if given.command == "perf":
        return _perf(given.file, given.out)
    if given.command == "write":
        return _write()
    if given.command == "claims":
        CLAIMS.write_text(claims.page())
        return 0
    return _ledger()


def _perf(file: Path, out: Path | None) -> int:
    if not file.is_file():
        print(f"{file}: no such file; give a .csv or .csv.gz", file=sys.stderr)
        return 2
    found = perf.answers(file)
    text = json.dumps(found, indent=0)
    if out:
        out.write_text(text + "\n")
    else:
        print(text)
    reasons = Counter(answer["refused"] for answer in found.values() if "refused" in answer)
    priced = len(found) - sum(reasons.values())
    print(f"{priced:,} of {len(found):,} rows priced", file=sys.stderr)
    for reason, count in reasons.most_common():
        print(f"  {count:,} refused: {reason}", file=sys.stderr)
    return 0


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
