"""The ``traffic`` section: what shares the links of a hall with KV transfers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.scenario.section import Count, Duration, Key, Section, Time, default
from twin.scenario.serving import Bandwidth, Bytes

STORAGE, OUTSIDE = "storage", "outside"
"""Ends of a flow that are no racks."""

Ends = Annotated[list[Key], Field(min_length=1)]


class Storage(Section):
    """Storage of the hall; it hangs above the leaves, as the way in for requests does."""

    read: Bandwidth = Field(description="all of it together, to the racks", examples=["200 GB/s"])
    write: Bandwidth = Field(description="all of it together, from the racks", examples=["100 GB/s"])


class Flows(Section):
    """Bytes that move between racks, storage and outside: once, again and again, or all the time."""

    source: Ends | None = Field(
        None, description="groups of racks, or storage, or outside", examples=["[storage]"]
    )
    target: Ends | None = Field(None, description="the same at the other end", examples=["[storage]"])
    among: Ends | None = Field(
        None, description="in place of source and target: groups of racks of a job that runs a collective"
    )
    collective: Literal["all_reduce", "reduce_scatter", "all_gather", "all_to_all"] = Field(
        "all_reduce", description="with among; ring over NVLink domains, or direct from each to each"
    )
    bytes: Bytes | None = Field(
        None,
        description="in a round, of all together; with among the message that each GPU holds",
        examples=["2 TB"],
    )
    rate: Bandwidth | None = Field(
        None, description="at most, of all together; without bytes all the time", examples=["5 GB/s"]
    )
    each_request: Bytes | None = Field(
        None,
        description="in place of rate: bytes of a request, at the mean rate of arrivals",
        examples=["2 MB"],
    )
    start: Time = default("0 s", "of the first round")
    stop: Duration | None = Field(
        None, description="no round begins from here on; the end of the run if left out"
    )
    every: Duration | None = Field(
        None, description="from the start of a round to that of the next, or more if it takes longer"
    )
    pause: Time | None = Field(None, description="from the end of a round to the start of the next")
    streams: Count = Field(
        1, description="KV transfers that an NVLink domain counts as when links are shared", examples=[8]
    )


class Traffic(Section):
    """What shares links with KV transfers; nothing does if the section is left out."""

    storage: Storage | None = None
    weights: Literal["restart", "cold-start"] | None = Field(
        None,
        description="replicas read their weights from storage before they open: those that start again, or all at the "
        "start of the run too; at once if left out",
    )
    flows: dict[Key, Flows] = Field(default_factory=dict, description="classes of flows by name")
