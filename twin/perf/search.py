"""Which configurations there are: layouts that a model and an NVLink domain allow, and loads on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from twin.catalog import huggingface
from twin.errors import Fault, ScenarioError, TwinError
from twin.perf.configuration import Configuration, gpu_of, resolve
from twin.perf.prediction import Prediction, predict

TENSOR = (1, 2, 4, 8, 16)
STAGES = (1, 2, 4)
RANKS = (2, 4, 8, 9, 16, 18, 24, 32, 36, 48, 64, 72)
"""Sizes of tensor and pipeline parallelism and of data-parallel attention that are tried."""

LOADS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
"""Requests in flight at one rank of attention that are tried."""


MOST_GPUS = 512
"""Where the search for an engine that holds a model ends."""

ONE: dict[str, Any] = {"tensor": 1, "pipeline": 1, "experts": 1, "attention_data": 1}
"""The layout of a single GPU."""


def layouts(given: Configuration, most_gpus: int, stages: Sequence[int] = (1,)) -> Iterator[Configuration]:
    """Layouts of one engine on up to so many GPUs that hold the model and a prompt, smallest first.

    Matrices are cut inside an NVLink domain. Mixtures also have attention copied and experts spread over all ranks;
    pipelines of such ranks are not tried.

    Parameters
    ----------
    given : Configuration
        What is served; its own layout does not matter.
    most_gpus : int
        GPUs of the largest engine, usually those that NVLink joins.
    stages : sequence of int
        Pipelines to try; they pay where one NVLink domain does not hold the model.
    """
    for tp, pp, dp, ep in sorted(
        _sizes(given, most_gpus, stages), key=lambda at: (at[0] * at[1] * at[2], at[1], -at[0])
    ):
        one = replace(
            given, gpus=tp * pp * dp, tensor=tp, pipeline=pp, attention_data=dp, experts=ep, concurrency=1.0
        )
        try:
            resolve(one)
        except TwinError:
            continue
        yield one


def _sizes(given: Configuration, most_gpus: int, stages: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Tensor, pipeline, ranks and expert sizes to try."""
    experts = int(huggingface.find(given.model).get("experts", 0))
    cuts = [n for n in TENSOR if n <= min(most_gpus, gpu_of(given.system)[1])]
    staged = [(tp, pp) for tp in cuts for pp in stages if tp * pp <= most_gpus]
    tried = [(tp, pp, 1, 1) for tp, pp in staged]
    if experts:
        tried += [(tp, pp, 1, tp) for tp, pp in staged if tp > 1]
        ranks = {*RANKS, *(n for n in range(2, most_gpus + 1) if most_gpus % n == 0)}
        pairs = [(tp, dp) for tp in cuts for dp in ranks if tp * dp <= min(most_gpus, experts)]
        tried += [(tp, 1, dp, tp * dp) for tp, dp in pairs]
    return tried


def loaded(engine: Configuration) -> Iterator[Configuration]:
    """One engine under growing load, up to what its KV cache holds."""
    room = resolve(engine).room_tokens / (engine.isl + 0.5 * engine.osl)
    for load in LOADS:
        if load > 1 and load > room:
            return
        yield replace(engine, concurrency=float(load * engine.layout.replicas))


def best(given: Configuration) -> Prediction:
    """The layout with the most tokens per second at a number of GPUs and of requests in flight.

    Parameters
    ----------
    given : Configuration
        Its layout is replaced; engines stand side by side where one does not take all GPUs.

    Raises
    ------
    ScenarioError
        When no layout holds the model: by how much the largest one misses it.

    Examples
    --------
    >>> best(Configuration("h100-sxm", "llama-3.1-8b", 8, 1024, 256, 64)).configuration.gpus
    8
    """
    return max((predict(one) for one in filling(given)), key=lambda found: found.tokens_per_s)


def fed(given: Configuration, prefill_gpus: int, is_free: bool = False) -> Prediction:
    """The prefill side with the most tokens per second beside a decode side.

    Parameters
    ----------
    given : Configuration
        The decode side.
    prefill_gpus : int
        GPUs that only compute prompts.
    is_free : bool
        Search the layout of the decode side as well.

    Raises
    ------
    ScenarioError
        As :func:`best`.

    Examples
    --------
    >>> chat = Configuration("h100-sxm", "llama-3.1-8b", 4, 1024, 256, 64)
    >>> fed(chat, 4, is_free=True).prefill.gpus
    4
    """
    sides = filling(given) if is_free else [given]
    ahead = filling(replace(given, gpus=prefill_gpus, drafts=0))
    return max((predict(one, two) for one in sides for two in ahead), key=lambda found: found.tokens_per_s)


def filling(given: Configuration) -> list[Configuration]:
    """Engines side by side that use all GPUs, by layout; beyond an NVLink domain when nothing fits inside.

    Raises
    ------
    ScenarioError
        When no layout holds the model.
    """
    try:
        _, domain = gpu_of(given.system)
        huggingface.find(given.model)
    except TwinError:
        resolve(replace(given, **ONE, gpus=1))  # says all that is wrong at once
        raise
    for most, stages in ((min(given.gpus, domain), (1,)), (given.gpus, STAGES)):
        found = [one for one in layouts(given, most, stages) if given.gpus % one.gpus == 0]
        if found:
            return [replace(one, gpus=given.gpus, concurrency=given.concurrency) for one in found]
    raise unfit(given)


def unfit(given: Configuration) -> TwinError:
    """Why no layout on these GPUs holds the model, and what would."""
    largest = max(n for n in TENSOR[:4] if n <= max(given.gpus, 1))
    one = replace(given, **{**ONE, "gpus": largest, "tensor": largest})
    try:
        resolve(one)
    except TwinError as error:
        return mended(error, given)
    fault = Fault("", 0, "gpus", str(given.gpus), "a multiple of the GPUs of one engine", _holding(given))
    return ScenarioError("no layout takes all GPUs", [fault])


def mended(error: TwinError, given: Configuration) -> TwinError:
    """An error about memory with what would hold the model; others as they are."""
    if not any(fault.where == "replica memory" for fault in error.faults):
        return error
    mend = _holding(given)
    return ScenarioError(error.message, [replace(fault, mend=mend) for fault in error.faults])


def _holding(given: Configuration) -> str:
    fits = next(layouts(given, MOST_GPUS, STAGES), None)
    if fits is None:
        return "no number of these GPUs holds it: shorten the prompts, or choose a smaller model or precision"
    at = f"tensor {fits.tensor}, pipeline {fits.pipeline}, attention data {fits.attention_data}"
    return f"use a multiple of {fits.gpus}: so many GPUs hold it at {fits.precision} ({at}, experts {fits.experts})"
