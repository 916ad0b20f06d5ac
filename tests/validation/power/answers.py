"""Answers to the rows of a table with the columns of ``mlenergy_llm.csv``: power, energy per token, latency.

Before anything reads a row, all columns but those that state its configuration are dropped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.validation.power import rows
from tests.validation.power.known import Known, shipped
from tests.validation.power.watts import power_w
from twin.errors import TwinError
from twin.perf import measurements

Answer = dict[str, Any]
FIGURES = ("avg_power_watts", "energy_per_token_joules", "median_itl_ms")


def answers(path: Path, calibration: str = "all") -> dict[str, Answer]:
    """Return an answer for each row of a CSV file, by its number from 0 as text.

    Parameters
    ----------
    path : Path
        A table with the columns :data:`~tests.validation.power.rows.NEEDED`.
    calibration : str
        Rows that the constants were fitted to, and that other rows of their configurations are told by: ``all``
        shipped ones, ``half`` for the calibration half of groups, ``rows`` for that of rows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "what.csv"
    ...     _ = file.write_text("model_id,num_gpus\\nllama,1\\n")
    ...     answers(file)["0"]["refused"]
    'columns are missing: task, weight_precision, gpu_model, max_num_seqs'
    """
    known, out = shipped(calibration), {}
    for number, row in enumerate(measurements.rows_of(path)):
        stated = {name: row[name] for name in rows.STATED if isinstance(row.get(name), str)}
        out[str(number)] = _answer(stated, known)
    return out


def _answer(row: dict[str, str], known: Known) -> Answer:
    if missing := [name for name in rows.NEEDED if name not in row]:
        return {"refused": f"columns are missing: {', '.join(missing)}"}
    try:
        case = rows.read(row)
        time, demand = known.corrected(case, known.held.times(case))
    except TwinError as error:
        return {"refused": measurements.reason(error)}
    except (KeyError, ValueError, OverflowError, ZeroDivisionError) as error:
        return {"refused": f"the row cannot be read: {error!r}"}
    given = time.resolved.given
    gpu_w = power_w(case, time, known.held, factor=demand)
    tokens_per_s = time.batch * given.layout.replicas * given.engines / time.step_s
    return {
        "avg_power_watts": gpu_w * given.gpus,
        "energy_per_token_joules": gpu_w * given.gpus / tokens_per_s,
        "median_itl_ms": time.median_s * 1e3,
        "mean_itl_ms": time.step_s * 1e3,
        "gpu_power_w": gpu_w,
        "measured_rows": known.rows_of(case),
    }
