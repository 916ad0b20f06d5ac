"""A point as a run: what a scenario says so that its serving models do what the prediction prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from twin import catalog
from twin.errors import Fault, ScenarioError
from twin.perf.configuration import Configuration
from twin.perf.prediction import Prediction, predict

HELD_ITERATIONS = 200
TOKENS_OF_AN_ITERATION = 16384
MOST_SEQUENCES = 2048
"""What the closed form takes for granted: requests are dealt out evenly, every rank has a prompt when prompts start,
and a prompt fits into one iteration beside the decode."""


def at_load(found: Prediction, share: float) -> Prediction:
    """The prediction for as many sequences as decode when a share of the requests of a point come one by one.

    Parameters
    ----------
    found : Prediction
        Of :func:`predict` or :func:`point`.
    share : float
        Of its requests per second, above 0 to 1.

    Examples
    --------
    >>> full = predict(Configuration("dgx-h100", "llama-3.1-8b", 8, 1024, 256, 512))
    >>> half = at_load(full, 0.5)
    >>> half.tpot_s < full.tpot_s, half.configuration.concurrency < 256
    (True, True)
    """
    given = replace(found.configuration, is_steady=True)
    wanted = share * found.requests_per_s
    low, high = 1e-3, given.concurrency
    for _ in range(40):
        middle = (low * high) ** 0.5
        # who waits for a first token does not decode: in flight are as many as decode at this rate
        is_low = middle < wanted * given.osl * predict(replace(given, concurrency=middle)).tpot_s
        low, high = (middle, high) if is_low else (low, middle)
    return predict(replace(given, concurrency=high))


def settings(found: Prediction, share: float = 0.7) -> dict[str, Any]:
    """Values of a scenario that runs a point at a share of its load.

    Parameters
    ----------
    found : Prediction
        A point without drafts and without prefill apart, of a model of the catalog.
    share : float
        Of its requests per second, above 0 to 1.

    Returns
    -------
    dict
        Values by path, as in ``set`` of a scenario. The site is that of the scenario they are laid over; it
        needs as many GPUs of the system.

    Raises
    ------
    ScenarioError
        With all that a scenario cannot say of the point.

    Examples
    --------
    >>> found = predict(Configuration("gb200-nvl72", "deepseek-r1", 72, 1024, 1024, 576, precision="fp4", tensor=8))
    >>> settings(found)["serving.pools"]
    {'all': {'replicas': 9}}
    """
    given = found.configuration
    if faults := _faults(found, share):
        raise ScenarioError("this point cannot be run as a scenario", faults)
    budget = max(TOKENS_OF_AN_ITERATION, 2 * int(given.isl))
    stream = {
        "arrivals": {"rate": f"{share * found.requests_per_s:.6g} 1/s"},
        "prompt": {"shape": "constant", "mean": int(given.isl)},
        "output": {"shape": "constant", "mean": int(given.osl)},
    }
    return {
        "workload": {"streams": {"point": {"synthetic": stream}}},
        "serving.model": given.model,
        "serving.engine": given.engine,
        "serving.weights": given.precision,
        "serving.kv_cache": given.kv_precision,
        "serving.tensor_parallel": given.tensor,
        "serving.pipeline_parallel": given.pipeline,
        "serving.expert_parallel": given.experts,
        "serving.attention_data_parallel": given.attention_data,
        "serving.pools": {"all": {"replicas": given.engines}},
        "serving.max_batch": MOST_SEQUENCES,
        "serving.max_batched_tokens": budget,
        "serving.prefill_delay": HELD_ITERATIONS,
        "serving.routing": "round-robin",
    }


def overlay(found: Prediction, share: float = 0.7) -> str:
    """:func:`settings` as the text of an overlay file for ``twin run SCENARIO --overlay FILE``."""
    given = found.configuration
    expected = at_load(found, share)
    head = {
        "overlay": f"{given.model.rsplit('/', 1)[-1]}-point",
        "description": f"{given.gpus} GPUs of {given.system} at {share:.0%} of the requests of a point; predicted TPOT"
        f" {expected.tpot_s * 1e3:.2f} ms.",
    }
    return str(yaml.safe_dump(head | {"set": settings(found, share)}, sort_keys=False, width=120))


def _faults(found: Prediction, share: float) -> list[Fault]:
    given: Configuration = found.configuration
    checks = (
        ("share", f"{share}", not 0.0 < share <= 1.0, "above 0, at most 1", "give a share of the point's load"),
        ("prefill_gpus", "prefill apart", found.prefill is not None, "one pool", "leave prefill_gpus out, or write"
         " pools by hand (docs/serving.md)"),
        ("drafts", str(given.drafts), given.drafts > 0, "0", "leave drafts out, or write serving.speculation by hand"),
        ("model", given.model, given.model not in catalog.names("llm"), "a card of the catalog",
         "see twin catalog list llm"),
    )  # fmt: skip
    return [
        Fault("", 0, name, what, wanted, mend) for name, what, is_wrong, wanted, mend in checks if is_wrong
    ]
