"""Power of a GPU in a row: the relation of the product with the constants of these servers."""

from __future__ import annotations

import math

import numpy as np

from tests.validation.power.rows import Case
from tests.validation.power.timing import Constants, Timing
from twin.perf import power
from twin.physics import gpu_power
from twin.plant import cards

LEAST_FRAC = 0.02
"""Measured powers are taken to lie at least this share of the dynamic range above idle and below TDP [1], so that each
has a demand; assumption (2026-11)."""

_FULL_CLOCK = np.array(1.0)


def parts(
    case: Case, time: Timing, held: Constants, step_s: float = 0.0
) -> tuple[gpu_power.Params, gpu_power.Work]:
    """Power figures of a GPU and its work in one second.

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
    return params, power.work_of(r, time.batch, 1.0 / step_s, prompts_per_s, kernel_frac=kernel_frac)


def power_w(case: Case, time: Timing, held: Constants, step_s: float = 0.0, factor: float = 1.0) -> float:
    """Power of a GPU [W].

    Parameters
    ----------
    case, time, held, step_s
        As in :func:`parts`.
    factor : float
        Demand over what the relation says [1], above 0: power stays between idle and TDP.
    """
    params, work = parts(case, time, held, step_s)
    shares = {name: getattr(params, name) * factor for name in params._fields if name.endswith("_share_frac")}
    return power.power_w(params._replace(**shares), work._replace(output_tokens=work.output_tokens * factor))


def demand_miss(case: Case, time: Timing, held: Constants, step_s: float, measured_w: float) -> float:
    """Logarithm of the demand that a measured power tells over the demand of the relation [1].

    Parameters
    ----------
    case, time, held, step_s
        As in :func:`parts`.
    measured_w : float
        Power of a GPU [W].
    """
    params, work = parts(case, time, held, step_s)
    said = float(gpu_power.demand_frac(params, work, _FULL_CLOCK))
    share = (measured_w - float(params.idle_w)) / float(params.tdp_w - params.idle_w)
    share = min(max(share, LEAST_FRAC), 1.0 - LEAST_FRAC)
    return math.log(share / math.sqrt(1.0 - share * share) / said)
