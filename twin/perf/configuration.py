"""What is asked: a model on GPUs, how they share it, and the load; resolved against the catalog, or refused."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from twin import catalog
from twin.catalog import Card, huggingface
from twin.errors import CatalogError, Fault, ScenarioError, TwinError
from twin.physics import inference
from twin.plant import cards

MEMORY_UTILIZATION = 0.9
"""Share of HBM for weights and KV cache: the default of vLLM (gpu_memory_utilization), 2026-11."""

ALIASES = {
    "a100_sxm": "a100-80g", "h100_sxm": "h100-sxm", "h200_sxm": "h200-sxm", "b200_sxm": "b200-sxm",
    "b300_sxm": "b300-sxm", "gb200": "gb200-nvl72", "gb300": "gb300-nvl72", "h100": "h100-sxm", "h200": "h200-sxm",
    "b200": "b200-sxm", "b300": "b300-sxm", "h800": "h800-sxm", "a100": "a100-80g", "vr200": "vr-nvl72",
}  # fmt: skip
"""Names that benchmarks use."""

BOARD_GPUS = 8
"""GPUs that NVLink joins where only the GPU is named: a board of eight (HGX)."""

OUTSIDE_BYTES_PER_S = {
    "Hopper": 50e9,
    "Ampere": 25e9,
    "Blackwell": 50e9,
    "Blackwell Ultra": 100e9,
    "Rubin": 200e9,
}
"""Scale-out network of a GPU, one way [bytes/s]: one NIC a GPU of the generation sold with it (ConnectX-6 to 9), from
the data sheets of NVIDIA, 2026-11."""


@dataclass(frozen=True)
class Configuration:
    """A serving configuration under a closed loop of requests.

    Parameters
    ----------
    system : str
        A system or GPU of the catalog, or a name that benchmarks use, for example ``gb200-nvl72``.
    model : str
        A model card, a name on the hub, or the path of a ``config.json``.
    gpus : int
        All GPU packages.
    isl, osl : float
        Prompt and output tokens of a request, at least 1.
    concurrency : float
        Requests in flight over all GPUs, above 0.
    engine : str
        An engine of the catalog.
    precision : {"bf16", "fp8", "fp4", "int4"}
        Of the weights; with four bits and experts, of the experts.
    kv_cache : str, optional
        Precision of the KV cache; fp8 beside narrower weights if left out, else bf16.
    tensor, pipeline, experts, attention_data : int
        Parallel sizes of one engine; ``experts`` 1 cuts experts like other matrices, which needs
        ``attention_data`` 1: ranks share the experts.
    drafts : int
        Tokens drafted for each sequence and iteration.
    is_steady : bool
        Requests come one by one, rather than in waves as those of a load generator that starts all at once.
    is_polled : bool
        The server answers in intervals of several iterations.
    is_offline : bool
        Nothing is streamed to clients.
    """

    system: str
    model: str
    gpus: int
    isl: float
    osl: float
    concurrency: float
    engine: str = "trtllm"
    precision: str = "fp8"
    kv_cache: str | None = None
    tensor: int = 1
    pipeline: int = 1
    experts: int = 1
    attention_data: int = 1
    drafts: int = 0
    is_steady: bool = False
    is_polled: bool = False
    is_offline: bool = False

    @property
    def layout(self) -> inference.Layout:
        """How one engine shares the model."""
        return inference.Layout(self.tensor, self.pipeline, self.experts, self.attention_data)

    @property
    def kv_precision(self) -> str:
        """Precision of the KV cache, given or not."""
        return self.kv_cache or ("bf16" if self.precision == "bf16" else "fp8")

    @property
    def engines(self) -> int:
        """Engines side by side."""
        return self.gpus // self.layout.gpus


@dataclass(frozen=True)
class Resolved:
    """A configuration with everything that its price needs.

    Parameters
    ----------
    given : Configuration
    coefficients : Iteration
        Of one replica of an engine.
    room_tokens : int
        KV cache of a replica [tokens].
    engine, gpu, model : Card
        From the catalog.
    family : str
        Whose engine constants are taken.
    handoff_bytes : float
        KV of a token over all layers, as it is sent from prefill to decode [bytes].
    outside_bytes_per_s : float
        What a GPU sends to others outside its NVLink domain, one way [bytes/s].
    """

    given: Configuration
    coefficients: inference.Iteration
    room_tokens: int
    engine: Card
    gpu: Card
    model: Card
    family: str
    handoff_bytes: float
    outside_bytes_per_s: float

    def constant(self, name: str) -> float:
        """A constant of the engine on this family of GPUs."""
        return float(self.engine.get(f"{self.family}_{name}", 0.0))


def resolve(given: Configuration, constants: Card | None = None) -> Resolved:
    """Look up what a configuration names and price one iteration of it.

    Parameters
    ----------
    given : Configuration
        What is asked.
    constants : Card, optional
        Engine card in place of that of the catalog.

    Raises
    ------
    TwinError
        With all that is wrong: unknown names, a layout that the model or the GPUs do not allow, weights that do not
        fit (by how many GB).
    """
    gpu, domain, model, engine = _looked_up(given, constants)
    family = cards.family_of(gpu, engine.name)
    outside = OUTSIDE_BYTES_PER_S[gpu.architecture]
    shape, kept = _shape(model.name, model), cards.stored(model, given.precision)
    peaks = cards.gpu_of(gpu, model, given.precision, outside if given.layout.gpus > domain else 0.0)
    reached = cards.engine_of(engine, gpu, model, given.precision)
    if given.is_offline:
        kept_frac = float(engine.get(f"{family}_offline_sequence_frac", 1.0))
        reached = reached._replace(sequence_s=kept_frac * reached.sequence_s)
    kv_cache = given.kv_precision
    stored = {**kept.bytes_per_param, "kv_bytes_per_value": cards.BYTES[kv_cache]}
    coef = inference.coefficients(
        shape, peaks, reached, given.layout, verify_tokens=1.0 + given.drafts, **stored
    )
    launches_s = coef.overhead_s - reached.step_overhead_s + coef.group_overhead_s
    drafted = given.drafts * float(engine.get(f"{family}_draft_layers", 0.0)) / shape.layers
    room = inference.kv_capacity_tokens(
        shape, peaks, given.layout, memory_utilization_frac=MEMORY_UTILIZATION, **stored
    )
    _check_room(given, room)
    return Resolved(
        given, coef._replace(draft_s=drafted * launches_s), room, engine, gpu, model, family,
        handoff_bytes=cards.kv_bytes_per_token(model, kv_cache),
        outside_bytes_per_s=peaks.link_bytes_per_s if domain > BOARD_GPUS else outside,
    )  # fmt: skip


def _looked_up(given: Configuration, constants: Card | None) -> tuple[Card, int, Card, Card]:
    """GPU, how many of them NVLink joins, model and engine; all faults at once."""
    faults = list(_faults(given))
    gpu, domain = _found(lambda: gpu_of(given.system), faults) or (None, 0)
    model = _found(lambda: huggingface.find(given.model), faults)
    engine = constants or _found(lambda: catalog.get("engine", given.engine), faults)
    if gpu is not None:
        faults += _lacking(given, gpu)
    if model is not None:
        faults += _beyond(given, model)
    if gpu is None or model is None or engine is None or faults:
        raise ScenarioError("a configuration cannot be priced", faults)
    return gpu, domain, model, engine


def _check_room(given: Configuration, room_tokens: int) -> None:
    """Refuse a KV cache that holds no prompt."""
    needed = given.isl + 1
    if room_tokens < needed:
        found = f"KV cache for {room_tokens:,} tokens, {needed - room_tokens:,.0f} too few for one prompt"
        mend = "use more GPUs an engine, a smaller precision or shorter prompts"
        fault = Fault("", 0, "replica memory", found, f"{needed:,.0f} tokens", mend)
        raise ScenarioError("a configuration cannot be priced", [fault])


def gpu_of(system: str) -> tuple[Card, int]:
    """GPU of a system, and how many of them NVLink joins.

    Examples
    --------
    >>> gpu_of("gb200-nvl72")[0].name, gpu_of("h100_sxm")[1]
    ('b200-gb200', 8)
    """
    name = ALIASES.get(system, system)
    if name in catalog.names("system"):
        card = catalog.get("system", name)
        return catalog.get("gpu", card.gpu), int(card.get("domain_packages", card.gpu_packages))
    if name in catalog.names("gpu"):
        card = catalog.get("gpu", name)
        return card, int(card.get("nvlink_packages", BOARD_GPUS))
    known = list(dict.fromkeys([*catalog.names("system"), *catalog.names("gpu"), *ALIASES]))
    near = difflib.get_close_matches(system, known, 3, 0.4)
    fault = Fault(
        "",
        0,
        "system",
        system,
        "a system or GPU: twin catalog list",
        f"write {' or '.join(near or known[:3])}",
    )
    raise CatalogError("no such system", [fault])


@lru_cache(256)
def _shape(name: str, model: Any) -> inference.Model:
    return cards.model_of(model)


def _found(look: Any, faults: list[Fault]) -> Any:
    try:
        return look()
    except TwinError as error:
        faults += error.faults
        return None


def _faults(given: Configuration) -> list[Fault]:
    """Values that no configuration can have."""
    at = given.layout
    checks = (
        ("precision", given.precision, given.precision in ("bf16", "fp8", "fp4", "int4"), "bf16, fp8, fp4 or int4",
         "choose one of them"),
        ("kv_cache", given.kv_cache, given.kv_cache in (None, "bf16", "fp8"), "bf16 or fp8", "leave it out"),
        ("isl", given.isl, given.isl >= 1, "1 token or more", "give the length of the prompt"),
        ("osl", given.osl, given.osl >= 1, "1 token or more", "give the length of the answer"),
        ("concurrency", given.concurrency, given.concurrency > 0, "above 0", "give the requests in flight"),
        ("drafts", given.drafts, 0 <= given.drafts <= 16, "0 to 16", "leave it out"),
        ("gpus", given.gpus, at.gpus > 0 and given.gpus >= at.gpus and given.gpus % at.gpus == 0,
         f"a multiple of the {at.gpus} of one engine", f"write {max(1, given.gpus // max(at.gpus, 1)) * at.gpus}"),
    )  # fmt: skip
    return [
        Fault("", 0, name, str(found), want, mend)
        for name, found, is_right, want, mend in checks
        if not is_right
    ]


def _lacking(given: Configuration, gpu: Card) -> list[Fault]:
    """What a GPU lacks for a configuration."""
    if given.precision in ("fp8", "fp4") and not cards.card_peak(gpu, "fp8"):
        expected = "bf16 or int4"
        return [Fault("", 0, "precision", f"{given.precision} on {gpu.name}", expected, "write bf16")]
    return []


def _beyond(given: Configuration, model: Card) -> list[Fault]:
    """A request that is longer than the model was made for; limits that the card only assumes are none."""
    limit, tokens = model.values.get("max_context"), given.isl + given.osl
    if limit is None or limit.source.confidence == "assumption" or tokens <= float(limit.si):
        return []
    found = f"{given.isl:,.0f} tokens in and {given.osl:,.0f} out"
    mend = "shorten them, or raise max_context in the model's card"
    return [Fault("", 0, "context", found, f"at most the {limit.si:,} tokens of {given.model}", mend)]
