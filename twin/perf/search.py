"""Which configurations there are: layouts that a model and an NVLink domain allow, and loads on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from twin.catalog import huggingface
from twin.errors import Fault, ScenarioError, TwinError
from twin.perf.configuration import Configuration, gpu_of, resolve
from twin.perf.prediction import Prediction, predict

TENSOR = (1, 2, 4, 8, 16)
RANKS = (2, 4, 8, 16, 24, 32, 36, 48, 64, 72)
"""Sizes of tensor parallelism and of data-parallel attention that are tried."""

LOADS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
"""Requests in flight at one rank of attention that are tried."""


def layouts(given: Configuration, most_gpus: int) -> Iterator[Configuration]:
    """Layouts of one engine on up to so many GPUs that hold the model and a prompt, smallest first.

    Dense models are cut by tensor; mixtures also with attention copied and experts spread over the ranks.

    Parameters
    ----------
    given : Configuration
        What is served; its own layout does not matter.
    most_gpus : int
        GPUs of the largest engine, usually those that NVLink joins.
    """
    card = huggingface.find(given.model)
    experts = int(card.get("experts", 0))
    tried = [(tp, 1, 1) for tp in TENSOR if tp <= most_gpus]
    if experts:
        tried += [(tp, 1, tp) for tp in TENSOR[1:] if tp <= most_gpus]
        tried += [(1, dp, dp) for dp in RANKS if dp <= min(most_gpus, experts)]
    for tp, dp, ep in sorted(tried, key=lambda at: at[0] * at[1]):
        one = replace(given, gpus=tp * dp, tensor=tp, attention_data=dp, experts=ep, pipeline=1, concurrency=1.0)
        try:
            resolve(one)
        except TwinError:
            continue
        yield one


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
    found = None
    for one in layouts(given, min(given.gpus, gpu_of(given.system)[1])):
        if given.gpus % one.gpus:
            continue
        priced = predict(replace(one, gpus=given.gpus, concurrency=given.concurrency))
        if found is None or priced.tokens_per_s > found.tokens_per_s:
            found = priced
    if found is None:
        raise unfit(given)
    return found


def unfit(given: Configuration) -> ScenarioError:
    """Why no layout on these GPUs holds the model, and what would."""
    try:
        resolve(replace(given, tensor=min(given.gpus, 8), gpus=min(given.gpus, 8), concurrency=1.0))
    except TwinError as error:
        faults = list(error.faults)
    else:
        faults = []
    fits = next(layouts(given, 1024), None) if not faults or faults[0].where == "replica memory" else None
    if fits is not None:
        mend = f"{fits.gpus} GPUs hold it: tensor {fits.tensor}, attention data {fits.attention_data}"
        faults.append(Fault("", 0, "gpus", str(given.gpus), "GPUs that hold the model and one prompt", mend))
    return ScenarioError("no layout holds the model", faults)

