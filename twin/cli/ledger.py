"""``twin perf ledger``: what predictions miss."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from twin.cli.output import print_json, stdout


def ledger(*, as_json: bool) -> None:
    """Print the error ledger."""
    from twin.perf import ledger as ledgers
    from twin.perf import ledger_text

    built = ledgers.build()
    if as_json:
        print_json(built.json())
        return
    console = stdout()
    console.print("Errors in percent: median / mean / 90th percentile.\n")
    for one in ledger_text.tables(built, digits=0):
        drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        for i, name in enumerate(one.header):
            drawn.add_column(name, justify="right" if i else "left", no_wrap=bool(i))
        for row in one.rows:
            drawn.add_row(*map(Text, row))
        console.print(Text(one.title, style="bold"))
        if one.note:
            console.print(Text(one.note, style="dim"))
        console.print(drawn)
