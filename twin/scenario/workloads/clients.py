"""Mixes of clients: each window of each client is a renewal process with lengths of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.requests import Requests, make
from twin.scenario.workloads.arrivals import renewal
from twin.scenario.workloads.schema import Clients, Scale
from twin.scenario.workloads.tables import Table, first, read_table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Draw = Callable[..., np.random.Generator]
INPUT_FIELDS = ("input_tokens", "text_tokens", "image_tokens")
OUTPUT_FIELD = "output_tokens"
_LATE = 1e10  # seconds beyond any window, to order by client and then by window


class Rates(NamedTuple):
    """Renewal processes of a mix, one a client and window.

    Parameters
    ----------
    client : (process,)
        Id of the client.
    begin_s, rate_per_s, shape : (process,)
        Begin of the window [s], mean rate [1/s], shape of the intervals.
    is_weibull : (process,)
        Weibull rather than gamma.
    """

    client: Ints
    begin_s: Floats
    rate_per_s: Floats
    shape: Floats
    is_weibull: NDArray[np.bool_]


class Quantiles(NamedTuple):
    """Quantiles of one field, sorted by client and window.

    Parameters
    ----------
    client, begin_s : (row,)
        Whose, and from when on [s].
    levels : (level,)
        From 0 to 1.
    tokens : (row, level)
        Values at the levels.
    """

    client: Ints
    begin_s: Floats
    levels: Floats
    tokens: Floats

    def draw(self, chances: Floats, client: Ints, time_s: Floats) -> Floats:
        """Values at these chances, linear between the levels, of each client in its window."""
        at = np.searchsorted(self.client * _LATE + self.begin_s, client * _LATE + time_s, "right") - 1
        at = np.maximum(at, 0)
        at += self.client[at] != client  # before its first window a client has the lengths of that
        i = np.clip(np.searchsorted(self.levels, chances, "right") - 1, 0, len(self.levels) - 2)
        low, high = self.tokens[at, i], self.tokens[at, i + 1]
        part = (chances - self.levels[i]) / (self.levels[i + 1] - self.levels[i])
        found: Floats = low + (high - low) * part
        return found


def read_rates(file: Path) -> Rates:
    """Read the processes of a mix; windows without requests are left out."""
    table = read_table(file)
    table.need(("client_id", "window_start_s", "rate_rps", "iat_family", "param_a"))
    client, faults = table.numbers("client_id", 0, 2**31, "a whole number")
    begin, more = table.numbers("window_start_s", 0, _LATE / 2, "a time of 0 s or later", whole=False)
    rate, wrong = table.numbers("rate_rps", 0, 1e9, "a rate of 0 or more", whole=False)
    shape, bad = table.numbers("param_a", 1e-3, 1e3, "a shape from 0.001 to 1000", whole=False)
    families = [str(name).lower() for name in table.columns["iat_family"]]
    strange = [i for i, name in enumerate(families) if name not in ("gamma", "weibull")]
    faults += [*more, *wrong, *bad, *table.faults("iat_family", strange, "Gamma or Weibull")]
    if faults:
        raise ScenarioError(f"{file} holds no rates of clients", first(faults))
    here = rate > 0
    is_weibull = np.array([name == "weibull" for name in families])
    return Rates(client.astype(np.int64)[here], begin[here], rate[here], shape[here], is_weibull[here])


def read_lengths(file: Path) -> tuple[tuple[Quantiles, ...], Quantiles]:
    """Read the lengths of a mix: those that add up to the prompt, and the output."""
    table = read_table(file)
    levels = sorted((float(c[1:]) / 100, c) for c in table.columns if _is_level(c))
    table.need(("client_id", "window_start_s", "field", *(() if len(levels) > 1 else ("p0", "p100"))))
    client, faults = table.numbers("client_id", 0, 2**31, "a whole number")
    begin, more = table.numbers("window_start_s", 0, _LATE / 2, "a time of 0 s or later", whole=False)
    read = [table.numbers(c, 0, 1e9, "a number of tokens", whole=False) for _, c in levels]
    faults += [*more, *(f for _, wrong in read for f in wrong)]
    tokens = np.stack([values for values, _ in read], axis=1)
    faults += table.faults(
        levels[0][1], np.flatnonzero((np.diff(tokens, axis=1) < 0).any(axis=1)), "rising quantiles"
    )
    fields = np.array([str(f) for f in table.columns["field"]])
    inputs = [name for name in INPUT_FIELDS if (fields == name).any()]
    if not inputs or not (fields == OUTPUT_FIELD).any():
        faults.append(_no_field(table, sorted(set(fields))))
    if faults:
        raise ScenarioError(f"{file} holds no lengths of clients", first(faults))

    def of(name: str) -> Quantiles:
        rows = np.flatnonzero(fields == name)
        rows = rows[np.lexsort((begin[rows], client[rows]))]
        fractions = np.array([level for level, _ in levels])
        return Quantiles(client[rows].astype(np.int64), begin[rows], fractions, tokens[rows])

    return tuple(of(name) for name in inputs), of(OUTPUT_FIELD)


def mixed(
    clients: Clients, rates: Path, lengths: Path, end_s: float, scale: Scale | None, draw: Draw
) -> Requests:
    """Draw the requests of a mix of clients.

    Intervals keep the shape that was fitted to a client, their mean is one over its rate. Each window
    begins anew, as if the process had run for long. Prompt and output are independent draws, linear between
    the quantiles. A client without lengths borrows those of another, drawn at random.

    Parameters
    ----------
    clients : Clients
        Where in the files the run begins, and the length of their windows.
    rates, lengths : pathlib.Path
        The files.
    end_s : float
        Duration of the run [s].
    scale : Scale, optional
        Superposition multiplies the clients, thinning drops requests, time-warp shortens the intervals.
    draw : callable
        Gives the random stream of a name.

    Returns
    -------
    Requests
        Sorted by arrival; ``tenants`` are the clients if these are tenants.

    Raises
    ------
    ScenarioError
        When a file cannot be used, or does not cover the run.
    """
    processes, (inputs, outputs) = read_rates(rates), read_lengths(lengths)
    times, client = _arrivals(processes, clients, end_s, scale, draw)
    if not len(times):
        windows = f"windows from {processes.begin_s.min():g} s to {processes.begin_s.max():g} s"
        expected = f"requests from {clients.begin:g} s to {clients.begin + end_s:g} s"
        fault = Fault(str(rates), 0, "", windows, expected, "move begin")
        raise ScenarioError("the mix of clients has no requests in the run", [fault])
    lender = _lenders(client, (*inputs, outputs), draw)
    in_file_s = times + clients.begin
    chances = draw("input").random(len(times)), draw("output").random(len(times))
    prompt = sum((q.draw(chances[0], lender, in_file_s) for q in inputs), np.zeros(len(times)))
    output = outputs.draw(chances[1], lender, in_file_s)
    ids, who = np.unique(client, return_inverse=True)
    tenants = tuple(map(str, ids)) if clients.as_tenants else ("all",)
    return make(
        times, np.maximum(np.rint(prompt), 1), np.maximum(np.rint(output), 1),
        tenant=who if clients.as_tenants else 0, names={"tenants": tenants},
    )  # fmt: skip


def _arrivals(
    processes: Rates, clients: Clients, end_s: float, scale: Scale | None, draw: Draw
) -> tuple[Floats, Ints]:
    """Arrivals from the start of the run, sorted, and their clients."""
    factor = scale.factor if scale else 1.0
    faster = factor if scale and scale.by == "time-warp" else 1.0
    copies = 1 if faster != 1.0 else math.ceil(factor)
    kept = 1.0 if faster != 1.0 else factor - (copies - 1)
    times, owners = [np.empty(0)], [np.empty(0, np.int64)]
    for begin in np.unique(processes.begin_s):
        at = begin - clients.begin
        if at >= end_s or at + clients.window <= 0:
            continue
        rng = draw("window", f"{begin:g}")
        here = np.flatnonzero(processes.begin_s == begin)
        for copy in range(copies):
            shapes, rate = processes.shape[here], processes.rate_per_s[here] * faster
            found, whose = renewal(rng, shapes, rate, processes.is_weibull[here], clients.window)
            if copy == copies - 1 and kept < 1.0:
                stays = rng.random(len(found)) < kept
                found, whose = found[stays], whose[stays]
            times.append(found + at)
            owners.append(processes.client[here[whose]])
    all_times, all_owners = np.concatenate(times), np.concatenate(owners)
    inside = np.flatnonzero((all_times >= 0) & (all_times < end_s))
    order = inside[np.argsort(all_times[inside], kind="stable")]
    return all_times[order], all_owners[order]


def _lenders(client: Ints, fields: tuple[Quantiles, ...], draw: Draw) -> Ints:
    """Client whose lengths each request has: its own, or one that stands in for it."""
    able = fields[0].client
    for field in fields[1:]:
        able = np.intersect1d(able, field.client)
    able = np.unique(able)
    ids, who = np.unique(client, return_inverse=True)
    lent = ids.copy()
    for i in np.flatnonzero(~np.isin(ids, able)):
        lent[i] = able[draw("lender", str(ids[i])).integers(len(able))]
    found: Ints = lent[who]
    return found


def _is_level(name: str) -> bool:
    return name[:1] == "p" and name[1:].replace(".", "", 1).isdigit()


def _no_field(table: Table, fields: list[str]) -> Fault:
    expected = f"rows of {OUTPUT_FIELD} and of {' or '.join(INPUT_FIELDS[:2])}"
    return Fault(table.file, 2, "field", ", ".join(fields[:6]), expected, "name a file with both lengths")
