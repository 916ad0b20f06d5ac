"""Answers to the rows of a table with the columns of ``mlenergy_llm.csv``: power, energy per token, latency.

Before anything reads a row, all columns but those that state its configuration are dropped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.validation.power import rows
from tests.validation.power.timing import Constants, Timing, constants
from twin.errors import TwinError
from twin.perf import measurements, power
from twin.physics import gpu_power
from twin.plant import cards

Answer = dict[str, Any]
FIGURES = ("avg_power_watts", "energy_per_token_joules", "median_itl_ms")


def answers(path: Path, calibration: str = "all") -> dict[str, Answer]:
    """Return an answer for each row of a CSV file, by its number from 0 as text.

    Parameters
    ----------
    path : Path
        A table with the columns :data:`~tests.validation.power.rows.NEEDED`.
    calibration : str
        ``all`` for constants fitted to all shipped rows, ``half`` for those of the calibration half.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "what.csv"
    ...     _ = file.write_text("model_id,num_gpus\\nllama,1\\n")
    ...     answers(file)["0"]["refused"]
    'columns are missing: task, weight_precision, gpu_model, max_num_seqs'
    """
    held, out = constants(calibration), {}
    for number, row in enumerate(measurements.rows_of(path)):
        stated = {name: row[name] for name in rows.STATED if isinstance(row.get(name), str)}
        out[str(number)] = _answer(stated, held)
    return out


def _answer(row: dict[str, str], held: Constants) -> Answer:
    if missing := [name for name in rows.NEEDED if name not in row]:
        return {"refused": f"columns are missing: {', '.join(missing)}"}
    try:
        case = rows.read(row)
        time = held.times(case)
    except TwinError as error:
        return {"refused": measurements.reason(error)}
    except (KeyError, ValueError, OverflowError, ZeroDivisionError) as error:
        return {"refused": f"the row cannot be read: {error!r}"}
    given = time.resolved.given
    gpu_w = power_w(case, time, held)
    tokens_per_s = time.batch * given.layout.replicas * given.engines / time.step_s
    return {
        "avg_power_watts": gpu_w * given.gpus,
        "energy_per_token_joules": gpu_w * given.gpus / tokens_per_s,
        "median_itl_ms": time.median_s * 1e3,
        "mean_itl_ms": time.step_s * 1e3,
        "gpu_power_w": gpu_w,
    }


def power_w(case: rows.Case, time: Timing, held: Constants, step_s: float = 0.0) -> float:
    """Power of a GPU [W].

    Parameters
    ----------
    case : Case
    time : Timing
    held : Constants
    step_s : float
        Measured mean time of a step in place of the predicted one [s]; 0 for the latter.
    """
    r, step_s = time.resolved, step_s or time.step_s
    values, given = held.held["families"][r.family], r.given
    lanes = given.engines * given.layout.replicas
    prompts_per_s = lanes * time.batch / step_s / given.osl * held.held["prompt_power_frac"][case.task]
    kernel_frac = values["blocked_expert_power_frac"] if case.is_blocked else 0.0
    params = power.params_of(r)
    if "power_shares" in values:
        shares = {**held.held["power_shares"], **values["power_shares"]}
        together = shares["link"] if given.layout.gpus > 1 else 0.0
        params = params._replace(
            active_share_frac=np.asarray(shares["active"]), link_share_frac=np.asarray(together),
            compute_share_frac=np.asarray(shares["compute"]), memory_share_frac=np.asarray(shares["memory"]),
        )  # fmt: skip
    if given.precision == "fp4":  # weights of four bits only: this engine multiplied in bf16
        params = params._replace(
            flop_per_s=np.asarray(cards.peak_flop_per_s(r.gpu, "bf16")),
            active_share_frac=params.active_share_frac + values["unpack_share"],
        )
    work: gpu_power.Work = power.work_of(r, time.batch, 1.0 / step_s, prompts_per_s, kernel_frac=kernel_frac)
    return power.power_w(params, work)
