"""Power of a GPU of a priced configuration: its work per second, through the relation that runs use as well."""

from __future__ import annotations

import numpy as np

from twin import catalog
from twin.perf.configuration import Resolved
from twin.physics import gpu_power, inference
from twin.plant import cards

WARM_K = 333.15
"""Die temperature of a GPU at work, for its leakage: 60 °C, where leakage begins to count."""

STAND_IN = "h100-sxm"
"""GPU whose shares are taken for a card that has none, such as that of A100; assumption (2026-11)."""


def work_of(
    r: Resolved,
    batch: float,
    steps_per_s: float,
    prompts_per_s: float,
    busy_frac: float = 1.0,
    kernel_frac: float = 0.0,
) -> gpu_power.Work:
    """Work of a GPU in one second.

    Parameters
    ----------
    r : Resolved
        The configuration.
    batch : float
        Sequences in decode at a replica, 0 or more.
    steps_per_s : float
        Decode iterations [1/s].
    prompts_per_s : float
        Prompts that all its GPUs compute [1/s].
    busy_frac : float
        Share of the time in which an iteration runs [1].
    kernel_frac : float
        As in :func:`~twin.physics.gpu_power.memory_bytes_per_s`.

    Examples
    --------
    >>> from twin.perf.configuration import Configuration, resolve
    >>> chat = resolve(Configuration("h100-sxm", "llama-3.1-8b", 1, 100, 100, 8, "vllm", "bf16"))
    >>> work = work_of(chat, 8, 100.0, 0.0)
    >>> round(float(work.hbm_bytes) / 1e12, 1), float(work.output_tokens)
    (1.5, 800.0)
    """
    c, given = r.coefficients, r.given
    stages, ranks = given.pipeline, given.layout.replicas
    lanes = given.engines * ranks
    tokens = batch * steps_per_s * c.verify_tokens
    context = batch * steps_per_s * (given.isl + 0.5 * given.osl)
    asked = prompts_per_s * given.isl / lanes
    pairs = prompts_per_s / lanes * given.isl**2 / 2.0
    touched = steps_per_s * inference.expert_frac(c, batch * c.verify_tokens * ranks)
    all_tokens = tokens + asked
    decoded = inference.windows(c.window_tokens, batch * steps_per_s, context)
    seen = c.verify_tokens * decoded + inference.windows(c.prompt_window_tokens, asked, pairs)
    flop = inference.flop(c, all_tokens, tokens, context, pairs, all_tokens * ranks, seen)
    hbm = inference.hbm_bytes(c, steps_per_s, touched, all_tokens, context, decoded)
    hbm += c.expert_bytes * touched * (gpu_power.EXPERT_MEMORY_FRAC + kernel_frac)
    # a GPU of a pipeline works for every lane
    amounts = busy_frac, stages * flop, stages * hbm, stages * batch * steps_per_s
    return gpu_power.Work(*(np.asarray(amount, dtype=np.float64) for amount in amounts))


def params_of(r: Resolved) -> gpu_power.Params:
    """Power figures of the GPU for :func:`work_of`, which counts what experts cost besides.

    Examples
    --------
    >>> from twin.perf.configuration import Configuration, resolve
    >>> chat = resolve(Configuration("h100-sxm", "llama-3.1-8b", 1, 100, 100, 8, "vllm", "bf16"))
    >>> float(params_of(chat).hbm_bytes_per_s)
    3350000000000.0
    """
    card, given = r.gpu, r.given
    measured = card if card.get("memory_power_share_frac") else catalog.get("gpu", STAND_IN)
    active, link, compute, memory = (
        getattr(measured, f"{part}_power_share_frac") for part in ("active", "link", "compute", "memory")
    )
    together = link if given.layout.gpus > 1 else 0.0
    peaks = cards.gpu_of(card, r.model, given.precision)
    values = (
        card.get("idle_power_w", 0.1 * card.tdp_w), card.tdp_w, active, together, compute, memory,
        max(peaks.flop_per_s, peaks.expert_flop_per_s), card.hbm_bandwidth_bytes_per_s,
    )  # fmt: skip
    return gpu_power.Params(*(np.asarray(value, dtype=np.float64) for value in values))


def power_w(params: gpu_power.Params, work: gpu_power.Work) -> float:
    """Power of a GPU at full clock with the work of one second [W].

    Examples
    --------
    >>> from twin.perf.configuration import Configuration, resolve
    >>> chat = resolve(Configuration("h100-sxm", "llama-3.1-8b", 1, 100, 100, 8, "vllm", "bf16"))
    >>> 350.0 < power_w(params_of(chat), work_of(chat, 8, 137.0, 0.0)) < 550.0
    True
    """
    return float(gpu_power.energy_j(params, work, np.array(1.0), np.array(WARM_K), 1.0))
