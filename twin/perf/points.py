"""One point in the words of the command line: given layouts are priced, others searched."""

from __future__ import annotations

from dataclasses import replace

from twin.catalog import huggingface
from twin.errors import Fault, ScenarioError, TwinError
from twin.perf.configuration import Configuration
from twin.perf.prediction import Prediction, predict
from twin.perf.search import best, fed, mended


def point(
    *,
    system: str,
    gpus: int,
    model: str,
    isl: float,
    osl: float,
    concurrency: float,
    precision: str = "fp8",
    tp: int | None = None,
    pp: int | None = None,
    ep: int | None = None,
    dp: int | None = None,
    engine: str = "trtllm",
    kv_cache: str | None = None,
    drafts: int = 0,
    prefill_gpus: int = 0,
) -> Prediction:
    """Price one point.

    Parameters
    ----------
    system, model, engine, precision, kv_cache, drafts, isl, osl, concurrency
        As in :class:`Configuration`.
    gpus : int
        All GPU packages, those of prefill included.
    tp, pp, ep, dp : int, optional
        Tensor, pipeline, experts and ranks of data-parallel attention of one engine. When none is given, the layout
        with the most tokens per second is searched; otherwise those left out are 1, and experts lie over all ranks.
    prefill_gpus : int
        GPUs that only compute prompts, in the layout of most tokens per second; 0 for none.

    Raises
    ------
    TwinError
        With all that is wrong; for a model that does not fit by how many GB, and what would fit.

    Examples
    --------
    >>> found = point(system="dgx-h100", gpus=8, model="llama-3.1-70b", isl=1024, osl=256, concurrency=64, tp=8)
    >>> found.configuration.tensor, 5e-3 < found.tpot_s < 50e-3
    (8, True)
    """
    given = Configuration(
        system, model, gpus, isl, osl, concurrency, engine, precision, kv_cache, drafts=drafts
    )
    _check_counts(given, {"tp": tp, "pp": pp, "ep": ep, "dp": dp}, prefill_gpus)
    decode = replace(given, gpus=gpus - prefill_gpus)
    if tp is None and pp is None and ep is None and dp is None:
        if prefill_gpus:
            return fed(decode, prefill_gpus, is_free=True)
        return best(given)
    tensor, ranks = tp or 1, dp or 1
    spread = tensor * ranks if ranks > 1 and huggingface.find(model).get("experts", 0) else 1
    asked = replace(decode, tensor=tensor, pipeline=pp or 1, experts=ep or spread, attention_data=ranks)
    try:
        return fed(asked, prefill_gpus) if prefill_gpus else predict(asked)
    except TwinError as error:
        raise mended(error, asked) from None


def written(given: Configuration) -> str:
    """Say how a configuration shares the model.

    Examples
    --------
    >>> written(Configuration("gb200-nvl72", "deepseek-r1", 16, 1, 1, 1, tensor=2, experts=8, attention_data=4))
    '2 x TP 2 DP 4 EP 8'
    """
    at = given.layout
    sizes = (("TP", at.tensor), ("PP", at.pipeline), ("DP", at.attention_data), ("EP", at.experts))
    shown = " ".join(f"{name} {n}" for name, n in sizes if n > 1 or name == "TP")
    return f"{given.engines} x {shown}" if given.engines > 1 else shown


def _check_counts(given: Configuration, sizes: dict[str, int | None], prefill_gpus: int) -> None:
    """Refuse numbers of GPUs that nothing can have."""
    faults = [
        Fault("", 0, name, str(n), "1 or more", "give a number of GPUs")
        for name, n in {"gpus": given.gpus, **sizes}.items()
        if n is not None and n < 1
    ]
    if not faults and not 0 <= prefill_gpus < given.gpus:
        expected = f"0 to {given.gpus - 1} of {given.gpus} GPUs"
        faults = [
            Fault(
                "",
                0,
                "prefill_gpus",
                str(prefill_gpus),
                expected,
                "leave some GPUs for decode, or leave it out",
            )
        ]
    if faults:
        raise ScenarioError("a configuration cannot be priced", faults)
