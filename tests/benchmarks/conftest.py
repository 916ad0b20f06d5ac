"""Yardsticks timed in the same session: times are judged as ratios to them, never as seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

import numba as nb
import numpy as np
import pytest


@nb.njit
def _chase(links: np.ndarray, steps: int) -> int:
    at = 0
    for _ in range(steps):
        at = links[at]
    return at


def _timed(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


@pytest.fixture(scope="session")
def timed() -> Callable[[Callable[[], object]], float]:
    """CPU seconds of a call."""
    return _timed


@pytest.fixture(scope="session")
def chase_s() -> float:
    """CPU seconds a step of a chase through 2 MiB of links in random order."""
    order = np.random.default_rng(1).permutation(1 << 18)
    links = np.empty(1 << 18, dtype=np.int64)
    links[order] = np.roll(order, -1)
    _chase(links, 1 << 18)
    return min(_timed(lambda: _chase(links, 1 << 21)) for _ in range(3)) / (1 << 21)
