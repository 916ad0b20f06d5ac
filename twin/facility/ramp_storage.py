"""The least storage with which a load obeys a ramp limit of the grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.optimize import linprog

from twin.errors import Fault, TwinError

Array = NDArray[np.float64]

FIGURE = 100.0
"""What the largest load becomes inside the solver, whose tolerance of 1e-7 (HiGHS 1.12, 2026) is absolute."""


class StorageError(TwinError):
    """A storage question that has no answer, with what stands in its way."""


class StoragePlan(NamedTuple):
    """A store and how it is used.

    Parameters
    ----------
    energy_j : float
        Least size of the store [J].
    grid_w : array (step)
        Power from the grid [W].
    stored_j : array (step + 1)
        Energy in the store at the ends of the steps [J].
    charge_w : array (step)
        Power into the store [W].
    """

    energy_j: float
    grid_w: Array
    stored_j: Array
    charge_w: Array

    @property
    def power_w(self) -> float:
        """Largest power into or out of the store in this plan [W]."""
        return float(np.abs(self.charge_w).max())


def least_storage(
    load_w: ArrayLike,
    step_s: float,
    up_w_per_s: float,
    down_w_per_s: float | None = None,
    *,
    cyclic: bool = True,
    grid_min_w: float = 0.0,
    grid_max_w: float = math.inf,
) -> StoragePlan:
    """Return the smallest store without loss that keeps the grid's power inside its ramp limits, all load known.

    Parameters
    ----------
    load_w : array (step)
        Mean load of each step [W]; two steps or more.
    step_s : float
        Length of a step [s], above zero.
    up_w_per_s, down_w_per_s : float
        Fastest rise and fall of the grid's power [W/s], zero or larger; the fall is as the rise if left out.
    cyclic : bool
        Whether the store ends as full as it began.
    grid_min_w, grid_max_w : float
        Least and largest power from the grid [W]; a negative least power may flow back.

    Returns
    -------
    StoragePlan
        The energy is the least one; of the plans that reach it, this is one, so its power may not be the least.

    Raises
    ------
    StorageError
        When a figure is out of range, or no store of any size can do it.

    Notes
    -----
    A linear program over power ``g`` and energy ``s``: least ``E`` with ``s[t+1] - s[t] = (g[t] - load[t]) step``,
    ``0 <= s <= E``, ``-down step <= g[t+1] - g[t] <= up step``. Solved by HiGHS (Huangfu and Hall, *Parallelizing
    the dual revised simplex method*, 2018).

    Examples
    --------
    >>> load_w = np.repeat([20e6, 100e6], 100)
    >>> plan = least_storage(load_w, 1.0, 2e6)
    >>> round(plan.energy_j / 1e6, 6), bool(np.abs(np.diff(plan.grid_w)).max() <= 2e6 + 1e-3)
    (400.0, True)
    """
    load = np.asarray(load_w, dtype=np.float64)
    down = up_w_per_s if down_w_per_s is None else down_w_per_s
    _refuse_bad(load, step_s, up_w_per_s, down, (grid_min_w, grid_max_w))
    scale_w = float(np.abs(load).max()) / FIGURE or 1.0
    count = len(load)
    grid_bounds = (grid_min_w / scale_w, grid_max_w / scale_w)
    found = linprog(
        np.concatenate([np.zeros(2 * count + 1), [1.0]]),
        *_limits(count, up_w_per_s * step_s / scale_w, down * step_s / scale_w),
        *_balance(load / scale_w, step_s, cyclic),
        bounds=np.vstack([np.tile(grid_bounds, (count, 1)), np.tile((0.0, math.inf), (count + 2, 1))]),
        method="highs",
    )
    if found.x is None:
        fault = Fault(
            "", 0, "load", f"a mean of {load.mean():g} W that no store can bring inside the limits",
            f"{grid_min_w:g} to {grid_max_w:g} W from the grid", "widen the limits, or give up the same end",
        )  # fmt: skip
        raise StorageError("no store is large enough", [fault])
    grid_w, stored_j = found.x[:count] * scale_w, found.x[count:-1] * scale_w
    return StoragePlan(float(found.fun * scale_w), grid_w, stored_j, grid_w - load)


def _limits(count: int, up: float, down: float) -> tuple[sparse.csr_array, Array]:
    """Ramps of the grid, and no more in the store than it holds."""
    change = sparse.diags_array(
        [-np.ones(count - 1), np.ones(count - 1)], offsets=[0, 1], shape=(count - 1, count)
    )
    rest = sparse.csr_array((count - 1, count + 2))
    stored = sparse.hstack([sparse.csr_array((count + 1, count)), sparse.eye_array(count + 1)])
    held = sparse.hstack([stored, -np.ones((count + 1, 1))])
    matrix = sparse.vstack([sparse.hstack([change, rest]), sparse.hstack([-change, rest]), held])
    bound = np.concatenate([np.full(count - 1, up), np.full(count - 1, down), np.zeros(count + 1)])
    return matrix.tocsr(), bound


def _balance(load: Array, step_s: float, cyclic: bool) -> tuple[sparse.csr_array, Array]:
    """What the grid gives beyond the load is stored."""
    count = len(load)
    gain = sparse.diags_array([-np.ones(count), np.ones(count)], offsets=[0, 1], shape=(count, count + 1))
    matrix = sparse.hstack([-step_s * sparse.eye_array(count), gain, sparse.csr_array((count, 1))])
    if not cyclic:
        return matrix.tocsr(), -load * step_s
    same = sparse.csr_array(([-1.0, 1.0], ([0, 0], [count, 2 * count])), shape=(1, 2 * count + 2))
    return sparse.vstack([matrix, same]).tocsr(), np.append(-load * step_s, 0.0)


def _refuse_bad(load: Array, step_s: float, up: float, down: float, grid: tuple[float, float]) -> None:
    checks = (
        (
            "load",
            f"shape {load.shape}",
            load.ndim == 1 and len(load) > 1,
            "two steps or more",
            "give a series",
        ),
        ("load", "a figure that is no number", bool(np.all(np.isfinite(load))), "numbers", "mend the series"),
        ("step", f"{step_s:g} s", 0 < step_s < math.inf, "above 0 s", "give the length of a step"),
        ("rise", f"{up:g} W/s", 0 <= up < math.inf, "0 W/s or more", "give the limit without a sign"),
        ("fall", f"{down:g} W/s", 0 <= down < math.inf, "0 W/s or more", "give the limit without a sign"),
        ("grid", f"{grid[0]:g} to {grid[1]:g} W", grid[0] <= grid[1], "least before largest", "swap them"),
    )
    faults = [
        Fault("", 0, where, found, want, mend)
        for where, found, is_right, want, mend in checks
        if not is_right
    ]
    if faults:
        raise StorageError("the storage question cannot be read", faults)
