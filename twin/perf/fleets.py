"""Frontiers of several systems at equal power, as a table, and what they earn."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from twin import catalog
from twin.errors import Fault, ScenarioError, TwinError
from twin.perf.configuration import ALIASES, Configuration, gpu_of
from twin.perf.frontier import Frontier, frontier
from twin.perf.points import written
from twin.perf.prediction import Prediction
from twin.plant import cards


class Tier(NamedTuple):
    """A price for tokens that come fast enough.

    Parameters
    ----------
    name : str
    tokens_per_s_per_user : float
        Least speed [tokens/s].
    usd_per_million_tokens : float
        Price of output tokens [USD].
    """

    name: str
    tokens_per_s_per_user: float
    usd_per_million_tokens: float

    @classmethod
    def parse(cls, text: str) -> Tier:
        """Read ``NAME:tokens/s per user:USD per million tokens``.

        Raises
        ------
        ScenarioError
            When it is not of this form.

        Examples
        --------
        >>> Tier.parse("premium:100:15")
        Tier(name='premium', tokens_per_s_per_user=100.0, usd_per_million_tokens=15.0)
        """
        try:
            name, speed, usd = text.split(":")
            found = cls(name, float(speed), float(usd))
            is_right = 0.0 <= found.tokens_per_s_per_user < math.inf > found.usd_per_million_tokens >= 0.0
        except ValueError:
            is_right = False
        if not is_right:
            fault = Fault(
                "", 0, "tier", text, "NAME:tokens/s per user:USD per million tokens", "write premium:100:15"
            )
            raise ScenarioError("not a price tier", [fault])
        return found

    def usd_per_hour(self, found: Frontier) -> float:
        """What one megawatt earns in an hour when it serves this tier alone [USD]; 0 when nothing is fast enough."""
        at = found.at_least(self.tokens_per_s_per_user)
        return at.tokens_per_s_per_mw * 3600.0 * self.usd_per_million_tokens / 1e6 if at else 0.0


@dataclass(frozen=True)
class Fleets:
    """Frontiers of several systems at equal power.

    Parameters
    ----------
    title : str
        Model, lengths and engine.
    priced : tuple of Frontier
    refused : dict of str to str
        Why the other systems are not there.
    megawatts : float
        Power of the site that tables and charts speak of [MW].
    """

    title: str
    priced: tuple[Frontier, ...]
    refused: dict[str, str]
    megawatts: float

    @property
    def remarks(self) -> list[str]:
        """What a reader must know before comparing."""
        alone = "power is that of the GPUs alone: the catalog states nothing for the rest of the system"
        return [f"{one.system}: {alone}" for one in self.priced if not _has_rack(one.system)]

    def rows(self) -> list[dict[str, Any]]:
        """One row a point, units in the names; ``site_*`` are for the power of the site."""
        return [row(one, p, self.megawatts) for one in self.priced for p in one.points]

    def json(self, tiers: Sequence[Tier] = ()) -> dict[str, Any]:
        """As plain values for machines."""
        systems = [
            {
                "system": one.system,
                "tried": one.tried,
                "area_tokens_per_s_per_mw": one.area,
                "knee": row(one, one.knee, self.megawatts),
                "revenue_usd_per_mw_hour": {tier.name: tier.usd_per_hour(one) for tier in tiers},
                "points": [row(one, p, self.megawatts) for p in one.points],
            }
            for one in self.priced
        ]
        head = {"title": self.title, "site_mw": self.megawatts}
        return {**head, "systems": systems, "refused": self.refused, "remarks": self.remarks}

    def write_csv(self, path: str | Path) -> None:
        """Write the rows as a table."""
        rows = self.rows()
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(rows)


def frontiers(
    systems: Iterable[str],
    model: str,
    isl: float,
    osl: float,
    *,
    engine: str = "trtllm",
    kv_cache: str | None = None,
    precisions: Sequence[str] = (),
    megawatts: float = 1.0,
    **options: Any,
) -> Fleets:
    """Search the frontiers of several systems.

    Parameters
    ----------
    systems : iterable of str
        Those that cannot be priced are left out, with the reason.
    model, isl, osl, engine, kv_cache
        As in :class:`Configuration`.
    precisions : sequence of str
        What is tried; what each GPU computes of fp8 and fp4 if left out, else bf16.
    megawatts : float
        Power of the site, above 0 [MW].
    **options
        As in :func:`twin.perf.frontier.frontier`.

    Raises
    ------
    TwinError
        When no system can be priced.

    Examples
    --------
    >>> found = frontiers(["dgx-h100", "lpx"], "llama-3.1-8b", 1024, 256)
    >>> [one.system for one in found.priced], [*found.refused]
    (['dgx-h100'], ['lpx'])
    """
    if not (math.isfinite(megawatts) and megawatts > 0.0):
        fault = Fault("", 0, "megawatts", str(megawatts), "above 0", "give the power of the site")
        raise ScenarioError("a frontier needs power", [fault])
    priced: list[Frontier] = []
    errors: dict[str, TwinError] = {}
    for system in dict.fromkeys(systems):
        given = Configuration(system, model, 1, isl, osl, 1, engine, kv_cache=kv_cache)
        try:
            tried = tuple(precisions) or own_precisions(system, engine)
            priced.append(frontier(replace(given, precision=tried[0]), precisions=tried, **options))
        except TwinError as error:
            errors[system] = error
    if not priced:
        raise _together(errors)
    title = f"{model} on {engine}, {isl:,.0f} tokens in, {osl:,.0f} out"
    return Fleets(title, tuple(priced), {name: reason(e) for name, e in errors.items()}, megawatts)


def own_precisions(system: str, engine: str) -> tuple[str, ...]:
    """Precisions of weights in which the GPU of a system computes.

    Examples
    --------
    >>> own_precisions("gb200-nvl72", "trtllm"), own_precisions("dgx-a100", "vllm")
    (('fp8', 'fp4'), ('bf16',))
    """
    gpu, _ = gpu_of(system)
    cards.family_of(gpu, engine)
    return tuple(name for name in ("fp8", "fp4") if cards.card_peak(gpu, name)) or ("bf16",)


def reason(error: TwinError) -> str:
    """Say in one line why something is refused.

    Examples
    --------
    >>> reason(ScenarioError("it does not fit", [Fault("", 0, "memory", "9 GB", "8 GB", "less")]))
    'it does not fit (memory: 9 GB; expected 8 GB; less)'
    """
    said = "; ".join(f"{f.where}: {f.found}; expected {f.expected}; {f.mend}" for f in error.faults)
    return f"{error.message} ({said})"


def kind(p: Prediction) -> str:
    """How a point shares the model, in a word or two.

    Examples
    --------
    >>> from twin.perf import predict
    >>> kind(predict(Configuration("dgx-h100", "llama-3.1-8b", 8, 512, 512, 8, tensor=8)))
    'tensor parallel'
    """
    at = p.configuration.layout
    base = "tensor parallel" if at.pipeline == 1 else "pipeline"
    if at.attention_data > 1:
        base = "wide experts"
    elif at.gpus == 1:
        base = "one GPU"
    return f"{base}, prefill apart" if p.prefill else base


def row(one: Frontier, p: Prediction, megawatts: float) -> dict[str, Any]:
    """A point as a row of the table, units in the names."""
    given, ahead = p.configuration, p.prefill
    gpus = given.gpus + (ahead.gpus if ahead else 0)
    return {
        "system": one.system, "model": given.model, "engine": given.engine, "precision": given.precision,
        "drafts": given.drafts, "isl_tokens": given.isl, "osl_tokens": given.osl, "gpus": gpus,
        "layout": written(given), "tp": given.tensor, "pp": given.pipeline, "ep": given.experts,
        "dp": given.attention_data, "prefill_gpus": ahead.gpus if ahead else 0,
        "prefill_layout": written(ahead) if ahead else "", "concurrency": given.concurrency,
        "tokens_per_s_per_user": p.tokens_per_s_per_user, "tokens_per_s_per_mw": p.tokens_per_s_per_mw,
        "tokens_per_s_per_gpu": p.tokens_per_s_per_gpu, "ttft_s": p.ttft_s, "tpot_s": p.tpot_s,
        "tpot_low_s": p.band["tpot_s"][0], "tpot_high_s": p.band["tpot_s"][1],
        "ttft_low_s": p.band["ttft_s"][0], "ttft_high_s": p.band["ttft_s"][1],
        "gpu_power_w": p.gpu_power_w, "power_w": p.power_w, "joules_per_token": p.joules_per_token,
        "bound": p.bound, "is_knee": p is one.knee, "site_mw": megawatts,
        "site_gpus": megawatts * 1e6 * gpus / p.power_w,
        "site_tokens_per_s": megawatts * p.tokens_per_s_per_mw,
    }  # fmt: skip


def _together(errors: dict[str, TwinError]) -> TwinError:
    """One error for all systems; a single one as it is."""
    if len(errors) == 1:
        return next(iter(errors.values()))
    faults = dict.fromkeys(fault for error in errors.values() for fault in error.faults)
    return ScenarioError("none of the systems can be priced", [*faults])


def _has_rack(system: str) -> bool:
    name = ALIASES.get(system, system)
    return name in catalog.names("system") and bool(catalog.get("system", name).get("base_power_w", 0.0))
