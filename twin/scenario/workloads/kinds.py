"""Kinds of requests: what a stream of that kind is like where the scenario does not say."""

from __future__ import annotations

import math
from typing import NamedTuple

from twin.scenario.workloads.schema import Lengths, Session


class Kind(NamedTuple):
    """What a kind fills in.

    Parameters
    ----------
    prompt, output : Lengths or None
        Tokens; in a session of the first prompt and of each output.
    session : Session or None
        Turns, for kinds that come as sessions.
    priority : int
        Smaller goes first.
    patience_s : float
        The client gives up after this long [s]; infinite for never.
    basis : str
        Where the numbers come from.
    """

    prompt: Lengths | None
    output: Lengths | None
    session: Session | None
    priority: int
    patience_s: float
    basis: str


def _lengths(mean: float, cv: float, high: float) -> Lengths:
    return Lengths.model_validate({"mean": mean, "cv": cv, "high": high})


KINDS = {
    "request": Kind(None, None, None, 0, math.inf, "a bare request: nothing is filled in"),
    "chat": Kind(
        _lengths(1243, 0.95, 14_050), _lengths(217, 0.78, 1000), None, 0, 60.0,
        "means, variation and maxima of the Azure 2023 conversation excerpt; patience assumed",
    ),
    "reasoning": Kind(
        _lengths(1024, 0.5, 8192), _lengths(8192, 0.5, 32_768), None, 0, 600.0,
        "1k in, 8k out as in public serving benchmarks; variation and patience assumed",
    ),
    "rag": Kind(
        _lengths(6000, 0.4, 32_768), _lengths(300, 0.8, 2048), None, 0, 60.0,
        "assumed: ten passages of about 500 tokens and instructions, a short answer",
    ),
    "deep-research": Kind(
        _lengths(40_000, 0.6, 120_000), _lengths(4000, 0.6, 16_384), None, 5, 1800.0,
        "assumed: many documents read at once, a report written",
    ),
    "batch": Kind(
        _lengths(2000, 1.0, 16_384), _lengths(500, 1.0, 4096), None, 10, math.inf,
        "assumed: documents in bulk without anyone waiting",
    ),
    "agentic": Kind(
        _lengths(8000, 0.5, 32_768), _lengths(300, 1.0, 4096),
        Session.model_validate(
            {
                "turns": {"shape": "geometric", "mean": 20, "high": 200},
                "new": {"mean": 1500, "cv": 1.5, "high": 16_384},
                "tool": {"mean": "3 s", "cv": 2.0},
                "think": {"mean": "30 s", "cv": 1.5},
                "human": "10 %",
            }
        ),
        2, 600.0,
        "assumed: coding agents that read files and run commands, a human looking in now and then",
    ),
}  # fmt: skip
"""Kinds by name. Where the basis says assumed, no public measurement stands behind the numbers."""
