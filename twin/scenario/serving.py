"""The ``serving`` section: model, engine, pools of replicas, policies."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from twin.scenario.fields import Measure, Named, refuse
from twin.scenario.section import Count, Duration, Fraction, Key, Name, Section, ServiceLevel, Time, default
from twin.scenario.source import Source

Precision = Literal["bf16", "fp16", "fp8", "fp4"]
Tokens = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
PREFILL_DELAY = 50
"""Iterations: the ``timeout_iters`` of TensorRT-LLM where it balances ranks (AttentionDpConfig, 1.3, 2026-11)."""

Iterations = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Bytes = Annotated[float, Measure("data", "1 TB", above=0.0)]
Bandwidth = Annotated[float, Measure("data rate", "50 GB/s", above=0.0)]


class Tier(Section):
    """Memory below HBM that keeps cached prefixes; for each replica."""

    capacity: Bytes
    bandwidth: Bandwidth = Field(description="at which KV is loaded back")


class Kv(Section):
    """The KV cache of a replica."""

    mode: Literal["reserved", "paged"] = Field(
        "reserved",
        description="reserved: room for prompt and output at admission; paged: blocks as tokens come",
    )
    block: Count = Field(16, description="tokens of a block; counts when paged or with a prefix cache")
    preemption: Literal["recompute", "swap"] = Field(
        "recompute", description="when paged: what becomes of the KV of a request that must make room"
    )
    victim: Literal["last-admitted", "largest-rank"] = Field(
        "last-admitted", description="when paged: who must make room"
    )
    swap_bandwidth: Bandwidth = default("50 GB/s", "to and from host memory, for each replica")
    prefix_cache: bool = Field(False, description="KV of prompts is kept and found again")
    host: Tier | None = Field(None, description="host memory behind the prefix cache")
    storage: Tier | None = Field(None, description="storage behind host memory")


class Adapters(Section):
    """LoRA adapters in the memory of a replica."""

    slots: Count = Field(8, description="adapters held at once")
    load: Time = default("200 ms", "to load one")


class Overheads(Section):
    """Time of the CPU beside the GPUs."""

    admission: Time = default("0 s", "once for each admitted request")
    per_sequence: Time = default("0 s", "for each sequence and prompt piece of an iteration")


class Speculation(Section):
    """Tokens are drafted and verified together."""

    drafts: Annotated[int, Field(strict=True, ge=1, le=64)] = Field(
        description="drafted for each sequence and iteration", examples=[3]
    )
    acceptance: list[float] = Field(
        description="chance that a draft is accepted, or of each draft that all up to it are, descending",
        examples=[0.7],
    )
    draft_time: Time = default("0 s", "drafting, once an iteration")

    @field_validator("acceptance", mode="plain", json_schema_input_type=float | list[float])
    @classmethod
    def _one_or_many(cls, value: object) -> list[float]:
        given = value if isinstance(value, list) else [value]
        chances = [
            float(v) if isinstance(v, int | float) and not isinstance(v, bool) else -1.0 for v in given
        ]
        falls = all(a >= b for a, b in zip([1.0, *chances], chances, strict=False))
        if not chances or not falls or min(chances) < 0.0:
            raise refuse(
                str(value), "0 to 1, or a list of such that descends", "write 0.7 or [0.8, 0.6, 0.4]"
            )
        return chances

    @model_validator(mode="after")
    def _one_each(self) -> Speculation:
        if len(self.acceptance) not in (1, self.drafts):
            found = f"{len(self.acceptance)} chances for {self.drafts} drafts"
            raise refuse(found, "one chance for all or one for each", f"write drafts: {len(self.acceptance)}")
        return self

    @property
    def chances(self) -> list[float]:
        """Chance that at least so many drafts are accepted; a single chance ``a`` gives ``a**k`` for k."""
        if len(self.acceptance) == self.drafts:
            return self.acceptance
        return [self.acceptance[0] ** (k + 1) for k in range(self.drafts)]


class FeedForwardSide(Section):
    """Feed-forward layers on GPUs of their own, which are not part of the site; their power is not counted."""

    gpu: Annotated[Name, Named("gpu")]
    gpus: Count = Field(description="for each group of replicas", examples=[8])
    link: Bandwidth = Field(description="between the sides, one direction, all GPUs of a group together")
    latency: Time = default("2 us", "of one crossing of the link")
    micro_batches: Annotated[int, Field(strict=True, ge=1, le=64)] = Field(
        2, description="parts of a batch that the sides work at in turn"
    )


class EngineKeys(Section):
    """What may differ from pool to pool."""

    engine: Annotated[Name, Named("engine")] = Field("trtllm", description="engine constants")
    weights: Precision = "fp8"
    kv_cache: Precision = "fp8"
    tensor_parallel: Count = Field(8, description="GPU packages that share each matrix of a replica")
    pipeline_parallel: Count = Field(1, description="stages; a group has as many replicas as lanes")
    expert_parallel: Count = Field(
        1, description="GPU packages over which routed experts lie whole; 1 to cut experts like the rest"
    )
    attention_data_parallel: Count = Field(1, description="ranks of a group, each with a replica of its own")
    max_batch: Count = Field(256, description="requests in the running batch of a replica")
    max_batched_tokens: Count = Field(
        8192, description="tokens of one iteration, decode and prefill together"
    )
    max_queue: Count | None = Field(
        None, description="requests that wait for a place in the batch of a replica; more are shed"
    )
    prefill: Literal["chunked", "separate"] = "chunked"
    prefill_delay: Iterations = Field(
        PREFILL_DELAY,
        description="with attention_data_parallel: iterations that prompts wait at most until every rank has one",
    )
    memory_utilization: Fraction = default("90 %", "share of HBM for weights and KV cache")
    kv: Kv = Kv.model_validate({})
    adapters: Adapters = Adapters.model_validate({})
    overheads: Overheads = Overheads.model_validate({})
    feed_forward: FeedForwardSide | None = None


Role = Literal["both", "prefill", "decode"]


class Pool(Section):
    """Replicas on some of the racks; what is left out stands in ``serving``."""

    role: Role = "both"
    racks: list[Key] | None = Field(None, description="groups of racks; all that no other pool names")
    replicas: Count | None = Field(None, description="at most so many groups of replicas; all that fit")
    kv_transfer: Bandwidth | None = Field(
        None, description="at which a replica sends or receives KV; that of its adapters if left out"
    )
    engine: Annotated[Name, Named("engine")] | None = None
    weights: Precision | None = None
    kv_cache: Precision | None = None
    tensor_parallel: Count | None = None
    pipeline_parallel: Count | None = None
    expert_parallel: Count | None = None
    attention_data_parallel: Count | None = None
    max_batch: Count | None = None
    max_batched_tokens: Count | None = None
    max_queue: Count | None = None
    prefill: Literal["chunked", "separate"] | None = None
    prefill_delay: Iterations | None = None
    memory_utilization: Annotated[float, Measure("fraction", "90 %", low=0.0, high=1.0)] | None = None
    kv: Kv | None = None
    adapters: Adapters | None = None
    overheads: Overheads | None = None
    feed_forward: FeedForwardSide | None = None


class Planner(Section):
    """Moves replicas between prefill and decode while requests run."""

    policy: Annotated[Name, Named("twin.policies.planning")] = Field(
        "backlog", description="how many replicas should compute prompts"
    )
    interval: Duration = default("30 s", "between two looks")
    start_up: Time = default("60 s", "from empty to open in the new role")


class Serving(EngineKeys):
    """Model, engine and routing."""

    model: Annotated[str, Named("llm")] = Field(
        description="model card, name on Hugging Face, or a config.json"
    )
    routing: Annotated[Name, Named("twin.policies.routing", "choose")] = Field(
        "least-outstanding-tokens", description="routing policy"
    )
    decode_routing: Annotated[Name, Named("twin.policies.routing", "choose")] | None = Field(
        None, description="among replicas that decode; that of routing if left out"
    )
    queueing: Annotated[Name, Named("twin.policies.queueing", "rank")] = Field(
        "first-come", description="order of the queue of a replica"
    )
    admission: Annotated[Name, Named("twin.policies.admission", "admit")] = Field(
        "everyone", description="who is let in"
    )
    placement: Annotated[Name, Named("twin.policies.placement", "place")] = Field(
        "packed", description="order in which replicas take the NVLink domains"
    )
    limits: dict[str, float | str] = Field(
        default_factory=dict, description="numbers of the admission and queue policies, by name"
    )
    publish: Time = default("0 s", "period at which the router learns about loads; 0 at once")
    retry: Time = default("1 s", "requests of a dead replica come again after this long")
    cuda_graphs: bool | list[int] = Field(
        False, description="decode batches are padded to captured sizes: those of the engine, or a list"
    )
    speculation: Speculation | None = None
    disaggregate_above: Tokens = Field(
        0, description="shorter uncached prompts are computed where they decode"
    )
    push: Literal["layer-wise", "at-end"] = Field(
        "layer-wise", description="KV is sent while a prompt is computed, or after it"
    )
    pools: dict[Key, Pool] = Field(default_factory=dict, description="pools of replicas by name")
    planner: Planner | None = None
    slo: ServiceLevel

    @field_validator("cuda_graphs", mode="plain", json_schema_input_type=bool | list[int])
    @classmethod
    def _sizes(cls, value: object) -> bool | list[int]:
        if isinstance(value, bool):
            return value
        if isinstance(value, list) and value and all(type(v) is int and v > 0 for v in value):
            return sorted(value)
        raise refuse(str(value), "true, false or a list of batch sizes", "write true")

    @field_validator("limits", mode="plain", json_schema_input_type=dict[str, float | str])
    @classmethod
    def _numbers(cls, value: object) -> dict[str, float | str]:
        if isinstance(value, dict) and all(isinstance(v, int | float | str) for v in value.values()):
            return value
        raise refuse(str(value), "numbers by name", "write for example {waiting_per_replica: 16}")


def model_name(source: Source, value: str) -> str:
    """A model as everybody finds it: the place of its ``config.json``, else the name as it is."""
    file = source.data_file("serving.model", value)
    inside = file / "config.json"
    return str(inside) if inside.is_file() else str(file) if file.suffix == ".json" else value


class Placed(NamedTuple):
    """A pool with all that it takes from the section.

    Parameters
    ----------
    name : str
        Name of the pool, empty for the section itself.
    pool : Pool
        Role, racks and number.
    keys : Serving
        The section with the values of the pool.
    """

    name: str
    pool: Pool
    keys: Serving

    def path(self, key: str) -> str:
        """Where a key of this pool stands in the scenario.

        Examples
        --------
        >>> pool = Pool.model_validate({"max_batch": 64})
        >>> placed = Placed("fast", pool, None)
        >>> placed.path("max_batch"), placed.path("prefill")
        ('serving.pools.fast.max_batch', 'serving.prefill')
        """
        is_own = self.name and getattr(self.pool, key.partition(".")[0], None) is not None
        return f"serving.pools.{self.name}.{key}" if is_own else f"serving.{key}"


def placed(serving: Serving) -> list[Placed]:
    """Pools in order, each with its own values; one of role both where none is named.

    Examples
    --------
    >>> slo = {"ttft": "2 s", "tpot": "60 ms"}
    >>> pools = {"prompts": {"role": "prefill", "max_batch": 16}, "tokens": {"role": "decode"}}
    >>> serving = Serving.model_validate({"model": "llama-3.1-8b", "slo": slo, "pools": pools})
    >>> [(p.name, p.pool.role, p.keys.max_batch) for p in placed(serving)]
    [('prompts', 'prefill', 16), ('tokens', 'decode', 256)]
    """
    if serving.model == "none":
        return []
    if not serving.pools:
        return [Placed("", Pool.model_validate({}), serving)]
    found = []
    for name, pool in serving.pools.items():
        own: dict[str, Any] = {
            key: value for key in EngineKeys.model_fields if (value := getattr(pool, key)) is not None
        }
        found.append(Placed(name, pool, serving.model_copy(update=own)))
    return found


def racks_of(serving: Serving, name: str, groups: list[str]) -> list[str]:
    """Groups of racks of a pool: those that it names, else all that no pool names.

    Examples
    --------
    >>> slo = {"ttft": "2 s", "tpot": "60 ms"}
    >>> pools = {"a": {"racks": ["new"]}, "b": {}}
    >>> serving = Serving.model_validate({"model": "llama-3.1-8b", "slo": slo, "pools": pools})
    >>> racks_of(serving, "a", ["old", "new"]), racks_of(serving, "b", ["old", "new"])
    (['new'], ['old'])
    """
    own = serving.pools[name].racks if name else None
    if own is not None:
        return own
    named = {rack for pool in serving.pools.values() for rack in pool.racks or ()}
    return [group for group in groups if group not in named]
