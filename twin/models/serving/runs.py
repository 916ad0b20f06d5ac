"""Runs of iterations: when they end, and how to end them sooner."""

from __future__ import annotations

import math
from typing import Any

from twin.models.serving.draws import inner
from twin.models.serving.layout import GAPS
from twin.models.serving.trees import set_leaf


@inner
def end_s(grp: Any, steps: int) -> float:
    """Instant at which ``steps`` iterations of the run are over."""
    return grp.anchor_s + (steps * grp.first_s + grp.growth_s * (0.5 * steps * (steps - 1)))


@inner
def steps_until(grp: Any, at_s: float) -> int:
    """Fewest iterations of the run whose end is not before an instant; the run's own if it ends before."""
    if grp.steps == 1 or at_s >= grp.due_s:
        return grp.steps
    # the root of a quadratic, then settled with the very function that makes the instants
    elapsed_s = at_s - grp.anchor_s
    b = grp.first_s - 0.5 * grp.growth_s
    steps = math.ceil(2.0 * elapsed_s / (b + math.sqrt(b * b + 2.0 * grp.growth_s * elapsed_s)))
    steps = min(max(steps, 1), grp.steps)
    while steps > 1 and end_s(grp, steps - 1) >= at_s:
        steps -= 1
    while steps < grp.steps and end_s(grp, steps) < at_s:
        steps += 1
    return steps


@inner
def cut(grp: Any, at_s: float) -> bool:
    """End the run at its first boundary not before an instant; true if that shortens it."""
    steps = steps_until(grp, at_s)
    if steps == grp.steps:
        return False
    grp.steps = steps
    grp.due_s = end_s(grp, steps)
    return True


@inner
def look(s: Any, g: int, at_s: float) -> None:
    """Have a boundary of a group at an instant, or at its first one from then on."""
    grp = s.groups[g]
    if grp.clock_frac <= 0.0 or grp.is_alive == 0:
        return
    if grp.steps > 0:
        if not cut(grp, at_s):
            return
    elif at_s < grp.due_s:
        grp.due_s = at_s
    else:
        return
    set_leaf(s.due_tree, g, grp.due_s)


@inner
def log_gaps(s: Any, g: int, first_s: float, growth_s: float, steps: int, sequences: int) -> None:
    """Log the gaps between tokens of a run."""
    run = s.gaps[s.counts[GAPS]]
    run.group, run.sequences, run.steps = g, sequences, steps
    run.first_s, run.growth_s = first_s, growth_s
    s.counts[GAPS] += 1
