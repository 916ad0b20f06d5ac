"""How the command line prints: consoles, errors, JSON."""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from twin.errors import TwinError

MOST_FAULTS = 12


def stdout() -> Console:
    """Console for data."""
    return Console()


def stderr(quiet: bool = False) -> Console:
    """Console for progress and remarks."""
    return Console(stderr=True, quiet=quiet)


def print_json(data: Any) -> None:
    """Machine-readable output, NaN written as null."""
    json.dump(_plain(data), sys.stdout, indent=2)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_error(error: TwinError) -> None:
    """An error on one screen: sentence, then each fault with found, expected, mend."""
    console = stderr()
    text = Text()
    text.append("error: ", style="bold red")
    text.append(error.message + "\n")
    for fault in error.faults[:MOST_FAULTS]:
        file = os.path.normpath(fault.file) if fault.file else ""
        spot = f"{file}:{fault.line}" if fault.line else file
        text.append(f"\n{spot}" if spot else "\n", style="bold")
        text.append(f" {fault.where}\n" if spot else f"{fault.where}\n", style="cyan")
        text.append(f"  found:    {fault.found}\n  expected: {fault.expected}\n")
        text.append("  mend:     ", style="green")
        text.append(fault.mend + "\n")
    if len(error.faults) > MOST_FAULTS:
        text.append(f"\n… and {len(error.faults) - MOST_FAULTS} more; twin check --json lists all\n")
    for note in getattr(error, "__notes__", ()):
        text.append(f"\n{note}\n")
    console.print(text, end="", soft_wrap=True)
