"""What one replica can do in a role, as planners want to know it."""

from __future__ import annotations

import numpy as np

from twin.models.serving import DECODE, PREFILL, Params
from twin.physics import inference
from twin.requests import Requests


def capacities_tokens_per_s(params: Params, requests: Requests) -> tuple[float, float]:
    """Capacity of the median replica of each role at full clock, with requests of mean length.

    Parameters
    ----------
    params : Params
        Replicas, some of role PREFILL and some of role DECODE.
    requests : Requests
        Of the run.

    Returns
    -------
    float, float
        Prompt tokens that a prefill replica computes, and output tokens that a decode replica
        yields with the batch that its KV cache holds [tokens/s].
    """
    prompt = float(requests.prompt_tokens.mean()) if requests.rows else 1.0
    output = float(requests.output_tokens.mean()) if requests.rows else 1.0
    found = []
    for role, rate in ((PREFILL, _prefill), (DECODE, _decode)):
        engines = params.engines[params.engines["role"] == role]
        found.append(float(np.median([rate(params, engine, prompt, output) for engine in engines])))
    return found[0], found[1]


def _prefill(params: Params, engine: np.void, prompt: float, output: float) -> float:
    coef = inference.Iteration(*params.coefficients[engine["kind"]].tolist())
    tokens = float(engine["max_batched_tokens"])
    pieces = max(tokens / prompt, 1.0)
    lasts_s = inference.iteration_s(coef, 1.0, 0, 0, tokens, pieces, 0.5 * tokens * prompt)
    return tokens / lasts_s


def _decode(params: Params, engine: np.void, prompt: float, output: float) -> float:
    coef = inference.Iteration(*params.coefficients[engine["kind"]].tolist())
    room = float(engine["kv_blocks"]) * float(engine["block_tokens"])
    batch = max(1.0, min(float(engine["max_batch"]), room / (prompt + output)))
    lasts_s = inference.iteration_s(coef, 1.0, batch, batch * (prompt + 0.5 * output), 0, 0, 0)
    return batch / lasts_s
