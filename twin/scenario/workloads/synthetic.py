"""Requests that are drawn: open arrivals, sessions, or a fixed population of users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.requests import Requests, make
from twin.scenario.workloads.arrivals import drawn
from twin.scenario.workloads.kinds import Kind
from twin.scenario.workloads.lengths import lengths
from twin.scenario.workloads.schema import Lengths, Synthetic
from twin.scenario.workloads.sessions import sessions, users

Draw = Callable[..., np.random.Generator]


def completed(spec: Synthetic, kind: Kind) -> Synthetic:
    """The same with what its kind fills in."""
    missing = {
        name: getattr(kind, name)
        for name in ("prompt", "output", "session")
        if getattr(spec, name) is None and not (spec.lengths and name != "session")
    }
    return spec.model_copy(update=missing)


def synthetic(
    spec: Synthetic,
    pairs: Requests | None,
    end_s: float,
    begin_of_day_s: float,
    block_tokens: int,
    draw: Draw,
) -> Requests:
    """Draw the requests of a stream.

    Parameters
    ----------
    spec : Synthetic
        Complete, see :func:`completed`.
    pairs : Requests, optional
        Trace from which prompts and outputs are drawn together, instead of from distributions.
    end_s : float
        Duration of the run [s].
    begin_of_day_s : float
        Time of day at its start [s].
    block_tokens : int
        Tokens of a block of shared prefixes.
    draw : callable
        Gives the random stream of a name.

    Returns
    -------
    Requests
        Sorted by arrival, those that follow others behind.

    Examples
    --------
    >>> from functools import partial
    >>> from twin.rng import stream
    >>> ten = Lengths(shape="constant", mean=10)
    >>> spec = Synthetic(arrivals={"process": "constant", "rate": "1 1/s"}, prompt=ten, output=ten)
    >>> synthetic(spec, None, 3.0, 0.0, 512, partial(stream, 1)).arrived_at_s.tolist()
    [0.0, 1.0, 2.0]
    """
    more: dict[str, Any] = {}
    if spec.arrivals is not None:
        arrived = drawn(draw("arrivals"), spec.arrivals, end_s, begin_of_day_s)
        if spec.session is not None:
            prompt, output = spec.prompt or LEAST, spec.output or LEAST
            return sessions(arrived, spec.session, prompt, output, spec.prefix, block_tokens, draw)
    else:
        assert spec.closed is not None, "checked with the scenario"
        output = spec.output or Lengths.model_construct(shape="constant", mean=_mean(pairs), low=1, high=1e9)
        arrived, session, pause, follows, follower = users(spec.closed, output, end_s, draw)
        more = {"session": session, "pause_s": pause, "follows": follows, "follower": follower}
    prompts, outputs = _tokens(spec, pairs, len(arrived), draw)
    if spec.prefix is not None:
        blocks = spec.prefix.tokens // block_tokens
        prompts = prompts + spec.prefix.tokens
        group = draw("group").integers(0, spec.prefix.groups, len(arrived))
        more |= {
            "prefix_ids": np.arange(spec.prefix.groups * blocks),
            "prefix_start": group * blocks,
            "prefix_blocks": blocks,
        }
    return make(arrived, prompts, outputs, prefix_block_tokens=block_tokens, **more)


LEAST = Lengths.model_validate({"shape": "constant", "mean": 1})
"""One token: stands in where nothing is known yet."""


def _mean(pairs: Requests | None) -> float:
    return float(pairs.output_tokens.mean()) if pairs is not None else 1.0


def _tokens(
    spec: Synthetic, pairs: Requests | None, count: int, draw: Draw
) -> tuple[NDArray[Any], NDArray[Any]]:
    if pairs is not None:
        rows = draw("pairs").integers(0, pairs.rows, count)
        return pairs.prompt_tokens[rows], pairs.output_tokens[rows]
    prompts = lengths(draw("prompt"), spec.prompt or LEAST, count)
    return prompts, lengths(draw("output"), spec.output or LEAST, count)
