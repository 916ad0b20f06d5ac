"""The ``jobs`` section: what runs on whole nodes, from a table or drawn, and who goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field, field_validator, model_validator

from twin.errors import Fault, ScenarioError
from twin.models.jobs import Table
from twin.rng import stream
from twin.scenario.fields import Named, refuse
from twin.scenario.section import Count, Duration, FileName, Fraction, Key, Name, Rate, Section, default
from twin.scenario.workloads.tables import first, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.scenario.schema import Scenario

STEADY = "steady"


class JobColumns(Section):
    """Which columns of a table of jobs stand for what; times in seconds."""

    submitted: str = Field("submit_s", description="column of arrival times, from the start of the run")
    duration: str = Field("duration_s", description="column of run times")
    nodes: str = Field("nodes", description="column of whole nodes, or of GPUs with gpus_per_node")
    limit: str | None = Field(None, description="column of the run times that were asked for")
    gpu: str | None = Field(None, description="column of the utilisation of GPUs, 0 to 1")
    cpu: str | None = Field(None, description="column of the utilisation of CPUs, 0 to 1")
    profile: str | None = Field(None, description="column of names of profiles")
    gpus_per_node: Count = Field(
        1, description="where the table counts GPUs: how many make a node, rounded up"
    )


class DrawnJobs(Section):
    """Jobs that come at random: Poisson arrivals, sizes and run times evenly spread over their logarithm."""

    rate: Rate = Field(description="mean arrivals", examples=["36 1/h"])
    nodes: list[int] = Field(description="smallest and largest number of nodes", examples=[[1, 1024]])
    duration: list[Duration] = Field(description="shortest and longest run time", examples=[["2 min", "6 h"]])
    limit_factor: Annotated[float, Field(ge=1, le=100)] = Field(2.0, description="asked for over run time")

    @field_validator("nodes", "duration")
    @classmethod
    def _a_range(cls, value: list[float]) -> list[float]:
        if len(value) != 2 or not 0 < value[0] <= value[1]:
            raise refuse(str(value), "the smallest and the largest, above zero", "write two values, rising")
        return value


class Cycle(Section):
    """Levels that repeat, as the iterations of synchronous training do: all nodes of a job at the same time."""

    levels: list[Fraction] = Field(
        description="factors of the utilisation, of equally long parts", examples=[["100 %", "100 %", "40 %"]]
    )
    period: Duration = Field(description="of all of them together", examples=["2 s"])

    @field_validator("levels")
    @classmethod
    def _some(cls, value: list[float]) -> list[float]:
        if not value:
            raise refuse("no levels", "one level or more", "write for example [100 %, 40 %]")
        return value


class Jobs(Section):
    """Batch jobs on whole nodes."""

    racks: list[Key] | None = Field(None, description="groups of racks that run jobs; all without serving")
    table: FileName | None = Field(None, description="CSV, JSON lines or Parquet with a row for each job")
    columns: JobColumns = JobColumns.model_validate({})
    drawn: DrawnJobs | None = Field(None, description="jobs at random, instead of a table")
    policy: Annotated[Name, Named("twin.policies.scheduling", "choose")] = Field(
        "backfill", description="which waiting jobs begin"
    )
    gpu: Fraction = default("70 %", "utilisation of the GPUs of a job, where its table has none")
    cpu: Fraction = default("40 %", "utilisation of the CPUs of a job, where its table has none")
    profiles: dict[Key, list[Fraction]] = Field(
        default_factory=dict,
        description="factors of the utilisation over the run of a job, of equally long parts, by name",
    )
    cycles: dict[Key, Cycle] = Field(
        default_factory=dict, description="profiles that repeat with a period of their own, by name"
    )
    profile: Key | None = Field(
        None, description="profile or cycle of all jobs whose table names none; steady if left out"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Jobs:
        if (self.table is None) == (self.drawn is None):
            found = "neither table nor drawn" if self.table is None else "table and drawn"
            mend = "add `table: FILE` or drawn" if self.table is None else "remove one of them"
            raise refuse(found, "either table or drawn", mend)
        if both := sorted(set(self.profiles) & set(self.cycles)):
            raise refuse(f"{both[0]} in profiles and cycles", "one of them", "rename one")
        if self.profile is not None and self.profile not in {**self.profiles, **self.cycles}:
            raise refuse(f"profile {self.profile}", "one of profiles or cycles", "add it to profiles")
        return self


def racks_of_jobs(scenario: Scenario) -> list[str]:
    """Groups of racks whose nodes run jobs, in the order of the scenario."""
    if scenario.jobs is None:
        return []
    named = scenario.jobs.racks
    return [group for group in scenario.racks if named is None or group in named]


def check_jobs(scenario: Scenario) -> Iterator[Fault]:
    """Racks that are there and not shared with replicas, and a table that can be read."""
    wanted, source = scenario.jobs, scenario.source
    if wanted is None:
        return
    known = ", ".join(scenario.racks)
    if scenario.traffic is not None and not scenario.has_requests:
        yield source.fault(
            "traffic", "traffic without serving", "replicas whose links it shares", "remove it"
        )
    for i, name in enumerate(wanted.racks or ()):
        if name not in scenario.racks:
            yield source.fault(f"jobs.racks[{i}]", name, f"a group of racks: {known}", "write one of these")
    if scenario.has_requests and wanted.racks is None:
        yield source.fault("jobs.racks", "nothing", f"some of the racks {known}: replicas take the others",
                           "add `racks: [NAME]`")  # fmt: skip
    elif scenario.has_requests and len(racks_of_jobs(scenario)) == len(scenario.racks):
        yield source.fault("jobs.racks", known, "racks left for the replicas", "leave a group out")


def jobs(scenario: Scenario, seed: int | None = None) -> Table:
    """Jobs of a scenario up to the end of the run, sorted by arrival.

    Raises
    ------
    ScenarioError
        When the table cannot be read, with every row that cannot be a job.
    """
    wanted = scenario.jobs
    if wanted is None:
        raise ValueError("a scenario without jobs")
    names = [STEADY, *wanted.profiles, *wanted.cycles]
    levels = (
        (1.0,), *(tuple(p) for p in wanted.profiles.values()), *(tuple(c.levels) for c in wanted.cycles.values()),
    )  # fmt: skip
    once_s = (np.inf,) * (1 + len(wanted.profiles))
    period_s = (*once_s, *(cycle.period for cycle in wanted.cycles.values()))
    usual = names.index(wanted.profile) if wanted.profile else 0
    if wanted.drawn is not None:
        found = _drawn(scenario, wanted.drawn, scenario.seed if seed is None else seed)
    else:
        found = _read(scenario, names)
    count = len(found["nodes"])
    columns = {"gpu_frac": np.full(count, wanted.gpu), "cpu_frac": np.full(count, wanted.cpu),
               "profile": np.full(count, usual), **found}  # fmt: skip
    keep = columns["submitted_at_s"] < scenario.time.duration
    order = np.argsort(columns["submitted_at_s"][keep], kind="stable")
    picked = {name: values[keep][order] for name, values in columns.items()}
    whole = {name: picked.pop(name).astype(np.int64) for name in ("nodes", "profile")}
    return Table(**picked, nodes=whole["nodes"], profile=whole["profile"], levels=levels, period_s=period_s)


def _drawn(scenario: Scenario, wanted: DrawnJobs, seed: int) -> dict[str, np.ndarray]:
    random = stream(seed, "jobs")
    mean = wanted.rate * scenario.time.duration
    count = int(random.poisson(mean))
    submitted_at_s = random.uniform(0.0, scenario.time.duration, count)

    def spread(low: float, high: float) -> np.ndarray:
        return np.exp(random.uniform(np.log(low), np.log(high), count))

    duration_s = spread(*wanted.duration)
    return {
        "submitted_at_s": submitted_at_s, "nodes": np.floor(spread(wanted.nodes[0], wanted.nodes[1] + 1)),
        "duration_s": duration_s, "limit_s": duration_s * wanted.limit_factor,
    }  # fmt: skip


def _read(scenario: Scenario, profiles: list[str]) -> dict[str, np.ndarray]:
    wanted = scenario.jobs
    assert wanted is not None and wanted.table is not None
    columns = wanted.columns
    table = read_table(scenario.source.data_file("jobs.table", wanted.table))
    table.need([c for c in (columns.submitted, columns.duration, columns.nodes, columns.limit, columns.gpu,
                            columns.cpu, columns.profile) if c])  # fmt: skip
    found: dict[str, np.ndarray] = {}
    faults: list[Fault] = []

    def numbers(key: str, column: str | None, low: float, high: float, expected: str) -> None:
        if column is not None:
            found[key], wrong = table.numbers(column, low, high, expected, whole=key == "nodes")
            faults.extend(wrong)

    numbers("submitted_at_s", columns.submitted, 0.0, 1e12, "seconds from the start of the run")
    numbers("duration_s", columns.duration, 1e-3, 1e12, "seconds above zero")
    numbers("nodes", columns.nodes, 1, 1e9, "a whole number from 1 on")
    numbers("limit_s", columns.limit, 1e-3, 1e12, "seconds above zero")
    numbers("gpu_frac", columns.gpu, 0.0, 1.0, "0 to 1")
    numbers("cpu_frac", columns.cpu, 0.0, 1.0, "0 to 1")
    if columns.profile is not None:
        named = [str(value) for value in table.columns[columns.profile]]
        wrong_rows = [row for row, name in enumerate(named) if name not in profiles]
        faults += table.faults(columns.profile, wrong_rows, f"one of {', '.join(profiles)}")
        found["profile"] = np.array([profiles.index(n) if n in profiles else 0 for n in named])
    if faults:
        raise ScenarioError("the table of jobs cannot be used", first(faults))
    found["nodes"] = np.ceil(found["nodes"] / columns.gpus_per_node)
    found.setdefault("limit_s", found["duration_s"])
    return found
