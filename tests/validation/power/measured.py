"""The shipped rows, what was measured in them, and their halves."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.validation.power import rows
from tests.validation.power.split import by_groups, by_models, by_rows, by_shapes, by_tasks
from twin.perf import measurements

Array = NDArray[np.float64]

TABLE = Path(__file__).parent / "mlenergy_llm.csv.gz"

SEEDS = range(4)
"""Random halves of groups and of rows beside the stated ones."""

CALIBRATIONS = {"all": "", "half": "groups", "rows": "rows"}
"""Constants that are shipped, and the half that they were fitted to; all rows without one."""


class Measured(NamedTuple):
    """Rows with what was measured: power of a GPU [W], mean and median latency of a token [s]; calibration halves."""

    cases: list[rows.Case]
    gpu_w: Array
    mean_s: Array
    median_s: Array
    halves: dict[str, NDArray[np.bool_]]

    def side(self, calibration: str) -> NDArray[np.bool_]:
        """Whether each row is among those that shipped constants were fitted to."""
        split = CALIBRATIONS[calibration]
        return self.halves[split] if split else np.ones(len(self.cases), dtype=bool)


@lru_cache(1)
def measured() -> Measured:
    """Shipped rows."""
    table = measurements.rows_of(TABLE)

    def column(name: str) -> Array:
        return np.array([float(row[name]) for row in table])

    mean_s = column("avg_batch_size") / column("output_throughput_tokens_per_sec")
    halves = {"groups": by_groups(table), "rows": by_rows(table), "tasks": by_tasks(table)}
    halves |= {f"groups, seed {seed}": by_groups(table, seed) for seed in SEEDS}
    halves |= {f"rows, seed {seed}": by_rows(table, seed) for seed in SEEDS}
    halves |= {"models": by_models(table), "shapes": by_shapes(table)}
    return Measured(
        [rows.read({k: row[k] for k in rows.STATED}) for row in table],
        column("avg_power_watts") / column("num_gpus"), mean_s, column("median_itl_ms") * 1e-3,
        {name: np.array(half) for name, half in halves.items()},
    )  # fmt: skip
