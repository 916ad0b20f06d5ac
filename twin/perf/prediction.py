"""What a configuration gives: latency, throughput, power, and where the time of a token goes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from twin import catalog
from twin.perf import power
from twin.perf.bands import band_of
from twin.perf.closed_loop import Loop, accepted_tokens, apart, served
from twin.perf.configuration import ALIASES, Configuration, Resolved, resolve


@dataclass(frozen=True)
class Prediction:
    """A priced configuration; all per GPU package unless named otherwise.

    Parameters
    ----------
    configuration : Configuration
        What was asked; of the decode side when prefill is apart.
    prefill : Configuration or None
        The prefill side.
    ttft_s, tpot_s : float
        Mean time to first token, and per output token after it [s].
    tokens_per_s, tokens_per_s_per_gpu, tokens_per_s_per_user, requests_per_s : float
        Output tokens of all GPUs, of one, of one user (1 / TPOT); requests of all GPUs [1/s].
    gpu_power_w, power_w : float
        Mean power of a GPU package; of all of them with their share of the rack [W].
    tokens_per_s_per_mw : float
        Output tokens per megawatt of ``power_w`` [tokens/s].
    joules_per_token : float
        ``power_w`` per output token [J].
    batch : float
        Sequences in decode at a replica.
    parts_s : dict of str to float
        Where the time of a token goes [s].
    bound : str
        The largest part.
    room_tokens : int
        KV cache of a replica [tokens].
    band : dict of str to (float, float)
        Low and high end of ``tpot_s`` and ``ttft_s`` between which four of five like it lie.
    """

    configuration: Configuration
    prefill: Configuration | None
    ttft_s: float
    tpot_s: float
    tokens_per_s: float
    tokens_per_s_per_gpu: float
    tokens_per_s_per_user: float
    requests_per_s: float
    gpu_power_w: float
    power_w: float
    tokens_per_s_per_mw: float
    joules_per_token: float
    batch: float
    parts_s: dict[str, float]
    bound: str
    room_tokens: int
    band: dict[str, tuple[float, float]]

    def json(self) -> dict[str, Any]:
        """As plain values for machines."""
        return asdict(self)


def predict(given: Configuration, prefill: Configuration | None = None, constants: Any = None) -> Prediction:
    """Price a configuration.

    Parameters
    ----------
    given : Configuration
        What serves; with ``prefill``, what decodes.
    prefill : Configuration, optional
        GPUs that compute prompts and hand them over.
    constants : Card, optional
        Engine card in place of that of the catalog.

    Raises
    ------
    TwinError
        With all that is wrong with it.

    Examples
    --------
    >>> chat = Configuration("gb200-nvl72", "llama-3.1-70b", 8, 1024, 1024, 64, tensor=8)
    >>> found = predict(chat)
    >>> found.bound, 4e-3 < found.tpot_s < 20e-3
    ('launch', True)
    """
    decode = resolve(given, constants)
    ahead = resolve(prefill, constants) if prefill else None
    loop = apart(ahead, decode) if ahead else served(decode)
    return told(decode, ahead, loop, given.concurrency / (loop.ttft_s + given.osl * loop.tpot_s))


def told(decode: Resolved, ahead: Resolved | None, loop: Loop, requests_per_s: float) -> Prediction:
    """The prediction that goes with the times of a load.

    Parameters
    ----------
    decode : Resolved
        What serves; with ``ahead``, what decodes.
    ahead : Resolved or None
        What computes prompts.
    loop : Loop
        Times.
    requests_per_s : float
        Of all GPUs, above 0.

    Examples
    --------
    >>> from twin.perf.closed_loop import served
    >>> r = resolve(Configuration("dgx-h100", "llama-3.1-8b", 8, 1024, 256, 512))
    >>> told(r, None, served(r), 10.0).tokens_per_s
    2560.0
    """
    given, prefill = decode.given, ahead.given if ahead else None
    gpus, tokens = given.gpus + (prefill.gpus if prefill else 0), requests_per_s * given.osl
    sides = [(decode, loop.batch, 0.0 if ahead else requests_per_s)]
    if ahead:
        sides.append((ahead, 0.0, requests_per_s))
    gpu_w = [_gpu_w(side, loop, batch, prompts) for side, batch, prompts in sides]
    total_w = sum(
        (w + _rack_share_w(side)) * side.given.gpus for w, (side, _, _) in zip(gpu_w, sides, strict=True)
    )
    return Prediction(
        configuration=given, prefill=prefill, ttft_s=loop.ttft_s, tpot_s=loop.tpot_s, tokens_per_s=tokens,
        tokens_per_s_per_gpu=tokens / gpus, tokens_per_s_per_user=1.0 / loop.tpot_s, requests_per_s=requests_per_s,
        gpu_power_w=sum(w * side.given.gpus for w, (side, _, _) in zip(gpu_w, sides, strict=True)) / gpus,
        power_w=total_w, tokens_per_s_per_mw=tokens / total_w * 1e6, joules_per_token=total_w / tokens,
        batch=loop.batch, parts_s=loop.parts_s, bound=max(loop.parts_s, key=lambda part: loop.parts_s[part]),
        room_tokens=decode.room_tokens, band=_band(decode, loop),
    )  # fmt: skip


def _gpu_w(r: Resolved, loop: Loop, batch: float, prompts_per_s: float) -> float:
    """Mean power of a GPU: decode at the mean context, and its share of the prompts [W]."""
    given = r.given
    yields = accepted_tokens(r.constant("draft_acceptance_frac"), given.drafts)
    steps_per_s = 1.0 / (loop.tpot_s * yields) if batch > 0.0 else 0.0
    lanes = given.engines * given.layout.replicas
    busy = 1.0 if batch > 0.0 else min(1.0, prompts_per_s / lanes * loop.ttft_s)
    return power.power_w(power.params_of(r), power.work_of(r, batch, steps_per_s, prompts_per_s, busy))


def _rack_share_w(r: Resolved) -> float:
    """Share of a GPU in what else its system draws: CPUs, NICs, switches, fans [W]."""
    name = ALIASES.get(r.given.system, r.given.system)
    if name not in catalog.names("system"):
        return 0.0
    card = catalog.get("system", name)
    return float(card.get("base_power_w", 0.0)) / float(card.gpu_packages)


def _band(r: Resolved, loop: Loop) -> dict[str, tuple[float, float]]:
    return band_of(r, loop)
