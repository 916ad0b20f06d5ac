"""A point as a run: what a scenario says so that its serving models do what the prediction prices."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import yaml

from twin import catalog
from twin.errors import Fault, ScenarioError
from twin.perf.arrivals import HELD_ITERATIONS, MOST_SEQUENCES, arriving, budget_tokens
from twin.perf.configuration import Configuration, resolve
from twin.perf.prediction import Prediction, told

LIVES, LEAST_REQUESTS, STEP_S = 12, 100, 30
"""A run of a point lasts so many times a request, until so many have come, in whole steps [s]: a start without
requests then counts for 2 %."""

CHANCE_FRAC, NUDGE = 0.02, 1.1
"""Error of the time of a token that chance may bring, and more load by which is seen how many requests that needs."""

BLOCK_TOKENS = 16
"""Of the paged KV cache: the closed form counts the mean context of sequences, not what they will need at last."""


def at_load(found: Prediction, share: float) -> Prediction:
    """The prediction when a share of the requests of a point come one by one.

    Parameters
    ----------
    found : Prediction
        Of :func:`predict` or :func:`point`.
    share : float
        Of its requests per second, above 0 to 1.

    Examples
    --------
    >>> from twin.perf import predict
    >>> full = predict(Configuration("dgx-h100", "llama-3.1-8b", 8, 1024, 256, 512))
    >>> half = at_load(full, 0.5)
    >>> half.tpot_s < full.tpot_s, half.configuration.concurrency < 256
    (True, True)
    """
    decode, ahead = resolve(found.configuration), resolve(found.prefill) if found.prefill else None
    rate_per_s = share * found.requests_per_s
    loop = arriving(decode, rate_per_s, ahead)
    lanes = decode.given.engines * decode.given.layout.replicas
    lighter = replace(decode, given=replace(decode.given, concurrency=loop.batch * lanes, is_steady=True))
    return told(lighter, ahead, loop, rate_per_s)


def settings(found: Prediction, share: float = 0.7) -> dict[str, Any]:
    """Values of a scenario that runs a point at a share of its load.

    Parameters
    ----------
    found : Prediction
        A point of a model of the catalog.
    share : float
        Of its requests per second, above 0 to 1.

    Returns
    -------
    dict
        Values by path, as in ``set`` of a scenario. The site is that of the scenario they are laid over; it
        needs as many GPUs of the system. The run lasts until chance counts for little.

    Raises
    ------
    ScenarioError
        With all that a scenario cannot say of the point.

    Examples
    --------
    >>> from twin.perf import predict
    >>> found = predict(Configuration("gb200-nvl72", "deepseek-r1", 72, 1024, 1024, 576, precision="fp4", tensor=8))
    >>> settings(found)["serving.pools"]
    {'all': {'replicas': 9}}
    """
    given = found.configuration
    if faults := _faults(found, share):
        raise ScenarioError("this point cannot be run as a scenario", faults)
    stream = {
        "arrivals": {"rate": f"{share * found.requests_per_s:.6g} 1/s"},
        "prompt": {"shape": "constant", "mean": int(given.isl)},
        "output": {"shape": "constant", "mean": int(given.osl)},
    }
    return {
        "workload": {"streams": {"point": {"synthetic": stream}}},
        "time.duration": f"{duration_s(found, share)} s",
        "serving.model": given.model,
        "serving.engine": given.engine,
        **{f"serving.{name}": value for name, value in _layout(given).items()},
        "serving.pools": _pools(found),
        "serving.kv": {"mode": "paged", "block": BLOCK_TOKENS},
        "serving.max_batch": MOST_SEQUENCES,
        "serving.max_batched_tokens": budget_tokens(given.isl) + MOST_SEQUENCES * given.drafts,
        "serving.prefill_delay": HELD_ITERATIONS,
        "serving.routing": "round-robin",
        **_speculation(given),
    }


def duration_s(found: Prediction, share: float) -> int:
    """How long a run of a point lasts: many times a request, and until many have come [s].

    Examples
    --------
    >>> from twin.perf import predict
    >>> found = predict(Configuration("dgx-h100", "llama-3.1-8b", 8, 1024, 256, 512))
    >>> duration_s(found, 0.7)
    60
    """
    expected, more = at_load(found, share), at_load(found, share * NUDGE)
    each_s = expected.ttft_s + expected.configuration.osl * expected.tpot_s
    slope = math.log(more.tpot_s / expected.tpot_s) / math.log(NUDGE)
    requests = max((slope / CHANCE_FRAC) ** 2, LEAST_REQUESTS)
    wanted_s = max(LIVES * each_s, requests / expected.requests_per_s)
    return max(int(wanted_s // STEP_S) + 1, 2) * STEP_S


def _layout(given: Configuration) -> dict[str, Any]:
    """Precisions and sizes, by the names of a scenario."""
    return {
        "weights": given.precision, "kv_cache": given.kv_precision, "tensor_parallel": given.tensor,
        "pipeline_parallel": given.pipeline, "expert_parallel": given.experts,
        "attention_data_parallel": given.attention_data,
    }  # fmt: skip


def _pools(found: Prediction) -> dict[str, Any]:
    """One pool, or those of prompts and of tokens."""
    decode, prefill = found.configuration, found.prefill
    if prefill is None:
        return {"all": {"replicas": decode.engines}}
    return {
        "prompts": {"role": "prefill", "replicas": prefill.engines, **_layout(prefill)},
        "tokens": {"role": "decode", "replicas": decode.engines},
    }


def _speculation(given: Configuration) -> dict[str, Any]:
    if given.drafts == 0:
        return {}
    r = resolve(given)
    chance, draft_s = r.constant("draft_acceptance_frac"), r.coefficients.draft_s
    return {
        "serving.speculation": {
            "drafts": given.drafts, "acceptance": round(chance, 6), "draft_time": f"{draft_s * 1e6:.6g} us"
        }
    }  # fmt: skip


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
        ("model", given.model, given.model not in catalog.names("llm"), "a card of the catalog",
         "see twin catalog list llm"),
    )  # fmt: skip
    return [
        Fault("", 0, name, what, wanted, mend) for name, what, is_wrong, wanted, mend in checks if is_wrong
    ]
