"""The command line: data on stdout, progress on stderr, stable exit codes."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Entry point of ``twin``."""
    from twin.cli.main import run_app

    run_app()
