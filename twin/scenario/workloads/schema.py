"""The ``workload`` section: streams of requests from traces, client mixes and random processes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from twin.scenario.fields import Measure, refuse
from twin.scenario.section import (
    Count,
    Duration,
    FileName,
    Fraction,
    Key,
    Rate,
    Section,
    ServiceLevel,
    Time,
    TokenPrice,
    default,
)

Tokens = Annotated[float, Field(ge=1, le=100_000_000)]
Variation = Annotated[float, Field(ge=0, le=100)]
KindName = Literal["request", "chat", "reasoning", "rag", "deep-research", "batch", "agentic"]


class Columns(Section):
    """Which columns of a file stand for what."""

    arrival: str = Field(description="column of arrival times", examples=["arrival_s"])
    prompt: str = Field(description="column of prompt tokens", examples=["context_tokens"])
    output: str = Field(description="column of output tokens", examples=["generated_tokens"])
    prefix: str | None = Field(
        None, description="column of prefix block hashes, a list or separated by spaces"
    )
    session: str | None = Field(None, description="column of conversations")
    tenant: str | None = Field(None, description="column of tenants")
    time: Literal["s", "ms", "us", "ns", "iso"] = Field(
        "s", description="unit of the arrival times; iso for date and time, which then count from the first"
    )
    origin: Literal["file", "first"] = Field(
        "file", description="zero of the times: as in the file, or the first arrival"
    )


class Scale(Section):
    """More or less load from the same recording."""

    by: Literal["superposition", "thinning", "time-warp", "resample"] = Field(
        description="superposition: shifted copies; thinning: a random part; time-warp: times divided; "
        "resample: random draws along the rate of the recording"
    )
    factor: Annotated[float, Field(gt=0, le=1_000_000)] = Field(description="times the load", examples=[2])


class Clients(Section):
    """A mix of clients, each with its own renewal process and lengths for each window of time."""

    rates: FileName = Field(
        description="CSV with client_id, window_start_s, rate_rps, iat_cv, iat_family, param_a, param_b",
        examples=["data/servegen-deepseek-r1-rates.csv.gz"],
    )
    lengths: FileName = Field(
        description="CSV with client_id, window_start_s, field, mean and quantiles p0 to p100",
        examples=["data/servegen-deepseek-r1-lengths.csv.gz"],
    )
    begin: Time = default("0 s", "time in the files that is the start of the run")
    window: Duration = default("10 min", "length of a window of rates")
    as_tenants: bool = Field(False, description="every client is a tenant, named after stream and client")


class Lengths(Section):
    """Distribution of a number of tokens or turns, rounded to whole numbers of at least 1."""

    shape: Literal["constant", "lognormal", "uniform", "geometric"] = "lognormal"
    mean: Tokens | None = Field(None, description="of constant, lognormal and geometric")
    cv: Variation | None = Field(None, description="standard deviation over mean of a lognormal")
    p50: Tokens | None = Field(None, description="median of a lognormal, with p99 instead of mean and cv")
    p99: Tokens | None = Field(None, description="99th percentile of a lognormal")
    low: Tokens = Field(1, description="smallest value; values below are raised to it")
    high: Tokens = Field(1_000_000, description="largest value; values above are lowered to it")


class Pause(Section):
    """Lognormal time between requests."""

    mean: Duration
    cv: Variation = Field(1.0, description="standard deviation over mean; 0 for a constant")


class Arrivals(Section):
    """When requests or sessions arrive."""

    process: Literal["poisson", "gamma", "weibull", "constant", "diurnal"] = "poisson"
    rate: Rate = Field(description="mean rate of requests, or of sessions")
    cv: Annotated[float, Field(gt=0, le=100)] | None = Field(
        None, description="of the times between arrivals; for gamma and weibull"
    )
    swing: Fraction = default("50 %", "of a diurnal sinusoid: largest rate over mean, minus one")
    peak: Annotated[float, Measure("time", "15 h", low=0.0, high=86400.0)] = default(
        "15 h", "of a diurnal sinusoid: time of day with the largest rate"
    )
    hourly: list[Annotated[float, Field(ge=0)]] | None = Field(
        None, description="24 weights of the hours of the day, instead of the sinusoid"
    )


class Prefix(Section):
    """System prompts, each shared by the requests or sessions of a group."""

    groups: Count = Field(description="different system prompts", examples=[20])
    tokens: Count = Field(description="tokens of each, in front of the prompt", examples=[2048])


class SubAgents(Section):
    """Requests that a turn sends off in parallel; the next turn waits for all of them."""

    chance: Fraction = Field(description="share of turns that send sub-agents off", examples=["20 %"])
    count: Lengths = Field(description="sub-agents of such a turn", examples=["{shape: constant, mean: 3}"])
    prompt: Lengths = Field(description="prompt tokens of a sub-agent", examples=["{mean: 3000, cv: 0.5}"])
    output: Lengths = Field(
        description="its output, which the next turn reads", examples=["{mean: 800, cv: 0.5}"]
    )


class Session(Section):
    """Turns that wait for each other; every prompt is the whole context so far and something new."""

    turns: Lengths = Field(description="requests of a session", examples=["{shape: geometric, mean: 20}"])
    new: Lengths = Field(description="tokens that a later turn adds", examples=["{mean: 1500, cv: 1.5}"])
    tool: Pause = Field(description="time of tools between two turns", examples=["{mean: 5 s, cv: 2}"])
    think: Pause | None = Field(None, description="time that a human takes between two turns")
    human: Fraction = default("0 %", "share of the turns that wait for a human instead of a tool")
    context: Count = Field(
        131_072, description="a session ends before its context grows beyond this [tokens]"
    )
    sub_agents: SubAgents | None = None


class Closed(Section):
    """A fixed number of users, each of whom waits for the answer before the next request."""

    users: Count = Field(description="users at the same time", examples=[100])
    think: Duration = Field(description="mean time from an answer to the next request", examples=["10 s"])
    cv: Variation = Field(1.0, description="standard deviation over mean of that time")


class Synthetic(Section):
    """Requests that are drawn; what is left out comes from the kind of the stream."""

    arrivals: Arrivals | None = Field(None, description="of requests, or of sessions")
    closed: Closed | None = Field(None, description="instead of arrivals")
    prompt: Lengths | None = Field(None, description="prompt tokens; in a session those of the first turn")
    output: Lengths | None = Field(None, description="output tokens of each request")
    lengths: FileName | None = Field(
        None,
        description="a trace from which pairs of prompt and output are drawn, instead of prompt and output",
    )
    prefix: Prefix | None = None
    session: Session | None = Field(None, description="conversations and agents")


class Stream(Section):
    """Requests of one source; exactly one of trace, clients and synthetic."""

    trace: FileName | None = Field(None, description="CSV, JSON lines or Parquet file of requests")
    format: Literal["auto", "azure", "mooncake", "burstgpt"] = Field(
        "auto", description="of the trace; auto looks at its columns"
    )
    columns: Columns | None = Field(None, description="of a trace in a format of its own")
    spread: bool | None = Field(
        None,
        description="spread equal arrival times evenly up to the next one; by default only for mooncake, "
        "whose times stand in steps of about 3 s",
    )
    repeat: bool = Field(True, description="play the trace again and again to fill the run")
    copies: Count = Field(1, description="time-shifted copies of the trace laid over each other: the load")
    scale: Scale | None = Field(None, description="instead of copies")
    clients: Clients | None = None
    synthetic: Synthetic | None = None
    limit: Count | None = Field(None, description="only the first so many requests")
    kind: KindName = Field(
        "request", description="a kind fills in what the stream leaves out: lengths, priority, patience"
    )
    tenant: Key | None = Field(None, description="who pays; by default the name of the stream")
    tier: Key | None = Field(None, description="one of workload.tiers; by default the first")
    priority: Annotated[int, Field(strict=True, ge=-100, le=100)] | None = Field(
        None, description="smaller goes first, where the queue policy looks at it; 0 by default"
    )
    patience: Duration | None = Field(None, description="the client gives up this long after the arrival")
    adapter: Annotated[int, Field(strict=True, ge=0, le=32_767)] | None = Field(
        None, description="LoRA adapter that the requests need"
    )


class Tier(Section):
    """A class of service: what is promised, and what it costs."""

    slo: ServiceLevel
    input_tokens: TokenPrice
    output_tokens: TokenPrice


class Workload(Section):
    """Which requests arrive: one trace, or several named streams."""

    trace: FileName | None = Field(
        None,
        description="CSV, JSON lines or Parquet (may be gzipped) in a known format, such as arrival_s, "
        "context_tokens, generated_tokens",
        examples=["data/azure2023-conversation.csv.gz"],
    )
    copies: Count = Field(1, description="time-shifted copies of the trace laid over each other: the load")
    limit: Count | None = Field(None, description="only the first so many requests")
    streams: dict[Key, Stream] = Field(default_factory=dict, description="streams by name, instead of trace")
    tiers: dict[Key, Tier] = Field(
        default_factory=dict, description="classes of service by name; one with serving.slo if left out"
    )
    prefix_block: Count = Field(
        512, description="tokens of the blocks in which shared prefixes are told apart"
    )

    @model_validator(mode="after")
    def _one_form(self) -> Workload:
        if (self.trace is None) == (not self.streams):
            found = "neither trace nor streams" if self.trace is None else "trace and streams"
            mend = "add `trace: FILE`" if self.trace is None else "move the trace into streams"
            raise refuse(found, "either trace or streams", mend)
        if self.streams and self.copies != 1:
            raise refuse("copies beside streams", "copies of each stream", "move copies into a stream")
        return self

    @property
    def named(self) -> dict[str, Stream]:
        """Streams in order of name; the short form is one with an empty name."""
        if self.trace is not None:
            return {"": Stream.model_validate({"trace": self.trace, "copies": self.copies})}
        return dict(sorted(self.streams.items()))
