"""Time of a collective on GPUs of the catalog: one size, a curve over sizes, or an exchange with experts."""

from __future__ import annotations

import csv
import difflib
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from twin.errors import Fault, ScenarioError, TwinError, UnitError
from twin.network.collective_group import Ground, ground
from twin.physics.collective_exchange import MODES, Exchange, Tokens, exchange
from twin.physics.collectives import ALGORITHMS, Fabric, Library, algorithms, parts, passes
from twin.units import parse

AUTO = "auto"
ON_REQUEST = ("sharp",)
"""Never chosen by ``auto``: a job has it only where an administrator and a plug-in enable it."""

EXCHANGES = {"dispatch": 1.0 + 4.0 / 128.0, "combine": 2.0}
"""Operations between tokens and experts, and bytes of a value: FP8 with a scale for each 128 out, BF16 back."""

SIZES = tuple(2**power for power in range(10, 35))
"""Sizes of a curve, 1 KiB to 16 GiB [bytes]."""


@dataclass(frozen=True)
class Prediction:
    """What a collective takes.

    Parameters
    ----------
    operation, algorithm : str
        ``all_reduce`` and the like; the algorithm, or the mode of an exchange.
    system, fabric : str
        Names in the catalog.
    gpus, domains : int
        GPUs, and the NVLink domains they fill.
    size_bytes : float
        What each GPU holds; of an exchange what it sends, copies that stay included [bytes].
    time_s : float
        The whole [s].
    algorithm_bytes_per_s, bus_bytes_per_s : float
        Size over time; that times the passes of a ring, as nccl-tests prints it. Of an exchange both are the
        bandwidth as DeepEP counts it [bytes/s].
    binds : str
        The part that takes longest.
    parts_s : dict of str to float
        Floor, NVLink, network and filling of pipelines [s]; NVLink and network overlap.
    algorithms_s : dict of str to float
        Time of each algorithm that the hardware can do [s].
    is_inherited : bool
        Constants were measured on an earlier generation.
    """

    operation: str
    algorithm: str
    system: str
    fabric: str
    gpus: int
    domains: int
    size_bytes: float
    time_s: float
    algorithm_bytes_per_s: float
    bus_bytes_per_s: float
    binds: str
    parts_s: dict[str, float] = field(hash=False)
    algorithms_s: dict[str, float] = field(hash=False)
    is_inherited: bool = False

    def json(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return asdict(self)


def collective(
    operation: str,
    system: str,
    gpus: int,
    size: str | float,
    algorithm: str = AUTO,
    fabric: str = "infiniband",
    nic: str | float | None = None,
) -> Prediction:
    """Time of a collective.

    Parameters
    ----------
    operation : str
        ``all_reduce``, ``all_gather``, ``reduce_scatter``, ``all_to_all``, ``broadcast`` or ``reduce``.
    system, gpus, fabric, nic
        As in :func:`twin.network.collective_group.ground`.
    size : str or float
        What each GPU holds, of all-gather and reduce-scatter the long side: ``"8GB"``, or a number of bytes.
    algorithm : str
        ``ring``, ``tree``, ``nvls`` (reduction in NVLink switches), ``sharp`` (in network switches too), ``direct``,
        or ``auto``, the fastest that needs no plug-in.

    Returns
    -------
    Prediction

    Raises
    ------
    ScenarioError, CatalogError
        When the question makes no sense or a name is unknown; all faults at once.

    Examples
    --------
    >>> two_racks = collective("all_reduce", "gb200-nvl72", 144, "8GB")
    >>> two_racks.algorithm, 750e9 < two_racks.bus_bytes_per_s < 850e9
    ('nvls', True)
    """
    return curve(operation, system, gpus, (size,), algorithm, fabric, nic)[0]


def curve(
    operation: str,
    system: str,
    gpus: int,
    sizes: tuple[str | float, ...] = SIZES,
    algorithm: str = AUTO,
    fabric: str = "infiniband",
    nic: str | float | None = None,
) -> list[Prediction]:
    """Time of a collective for each of several sizes.

    Parameters
    ----------
    operation, system, gpus, algorithm, fabric, nic
        As in :func:`collective`.
    sizes : tuple of str or float
        Sizes; 1 KiB to 16 GiB if left out.

    Examples
    --------
    >>> small, large = curve("all_reduce", "dgx-h200", 8, ("64kB", "8GB"))
    >>> small.binds, round(large.bus_bytes_per_s / 1e10)
    ('launch and steps', 47)
    """
    faults, values, on = _operation(operation), [], None
    for asked in sizes:
        try:
            values.append(_bytes(asked))
        except ScenarioError as error:
            faults += error.faults
    try:
        on = ground(system, gpus, fabric, nic)
    except TwinError as error:
        faults += error.faults
    if on is not None and operation in ALGORITHMS:
        faults += _algorithm(operation, algorithm, _able(on, operation), on)
    if faults or on is None:
        raise ScenarioError(f"cannot price {operation} on {system}", faults)
    return [_predict(on, operation, algorithm, value) for value in values]


def expert_exchange(
    operation: str,
    system: str,
    gpus: int,
    tokens: float = 4096,
    mode: str = "throughput",
    hidden: float = 7168,
    active: float = 8,
    most_domains: float = 0,
    fabric: str = "infiniband",
    nic: str | float | None = None,
) -> Prediction:
    """Time of dispatch or combine of a mixture of experts that are spread over all the GPUs.

    Parameters
    ----------
    operation : {"dispatch", "combine"}
        Tokens to experts with FP8 values, or back with BF16.
    system, gpus, fabric, nic
        As in :func:`collective`.
    tokens, hidden, active : float
        Tokens of each GPU, values of a token, experts that it takes, all 1 or more.
    mode : {"throughput", "latency"}
        Kernels for prompts and training, or for few tokens.
    most_domains : float
        Domains to which the router keeps the experts of a token; 0 for all.

    Raises
    ------
    ScenarioError, CatalogError
        When the question makes no sense or a name is unknown; all faults at once.

    Examples
    --------
    >>> sent = expert_exchange("dispatch", "h800-sxm", 64, most_domains=4)
    >>> 45e9 < sent.bus_bytes_per_s < 55e9
    True
    """
    faults, on = _operation(operation), None
    faults += [_unlike("mode", mode, MODES)] if mode not in MODES else []
    for name, value in (("tokens", tokens), ("hidden", hidden), ("active", active)):
        if not 1.0 <= value < math.inf:
            faults.append(Fault("", 0, name, str(value), "1 or more", f"write {name} 8"))
    if not 0.0 <= most_domains < math.inf:
        faults.append(Fault("", 0, "most_domains", str(most_domains), "0 or more", "write 0 for no limit"))
    try:
        on = ground(system, gpus, fabric, nic)
    except TwinError as error:
        faults += error.faults
    if faults or on is None:
        raise ScenarioError(f"cannot price {operation} on {system}", faults)
    what = Tokens(tokens, hidden, active, EXCHANGES[operation], most_domains)
    found = exchange(on.read(Exchange), on.group, mode, what)
    time_s, rate = float(found.total_s), float(found.logical_bytes_per_s)
    split = {
        "launch and steps": float(found.floor_s),
        "NVLink": float(found.link_s),
        "network": float(found.network_s),
    }
    return _prediction(on, operation, mode, rate * time_s, time_s, rate, split, {mode: time_s})


def write_csv(predictions: list[Prediction], path: str | Path) -> Path:
    """Write predictions as CSV, a row each, with units in the header.

    Parameters
    ----------
    predictions : list of Prediction
    path : str or pathlib.Path
    """
    names = ("operation", "algorithm", "system", "gpus", "domains", "size_bytes", "time_s", "algorithm_bytes_per_s",
             "bus_bytes_per_s", "binds")  # fmt: skip
    with Path(path).open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(names)
        out.writerows([getattr(one, name) for name in names] for one in predictions)
    return Path(path)


def _predict(on: Ground, operation: str, algorithm: str, size_bytes: float) -> Prediction:
    library, fabric, able = on.read(Library), on.read(Fabric), _able(on, operation)
    every = {name: parts(library, fabric, on.group, operation, name, size_bytes) for name in able}
    times_s = {name: float(one.total_s) for name, one in every.items()}
    open_to_all = [name for name in able if name not in ON_REQUEST]
    chosen = min(open_to_all, key=times_s.__getitem__) if algorithm == AUTO else algorithm
    best = every[chosen]
    split = {
        "launch and steps": float(best.floor_s),
        "NVLink": float(best.link_s),
        "network": float(best.network_s),
        "filling": float(best.fill_s),
    }
    bus = size_bytes / times_s[chosen] * float(passes(operation, on.group.gpus))
    return _prediction(on, operation, chosen, size_bytes, times_s[chosen], bus, split, times_s)


def _prediction(
    on: Ground, operation: str, how: str, size_bytes: float, time_s: float, bus: float, split: dict[str, float],
    times_s: dict[str, float],
) -> Prediction:  # fmt: skip
    binds = max(split, key=split.__getitem__)
    return Prediction(
        operation, how, on.system, on.fabric.name, on.group.gpus, on.group.domains, size_bytes, time_s,
        size_bytes / time_s, bus, binds, split, times_s, on.is_inherited,
    )  # fmt: skip


def _able(on: Ground, operation: str) -> tuple[str, ...]:
    return algorithms(operation, on.read(Library), on.read(Fabric), on.group)


def _operation(operation: str) -> list[Fault]:
    known = (*ALGORITHMS, *EXCHANGES)
    return [] if operation in known else [_unlike("operation", operation, known)]


def _algorithm(operation: str, algorithm: str, able: tuple[str, ...], on: Ground) -> list[Fault]:
    known = (AUTO, *ALGORITHMS[operation])
    if algorithm not in known:
        return [_unlike("algorithm", algorithm, known)]
    if algorithm in (AUTO, *able):
        return []
    expected = f"{', '.join(able)} on {on.group.gpus} GPUs in {on.group.domains} NVLink domains over {on.fabric.name}"
    return [
        Fault("", 0, "algorithm", f"{algorithm}, which this hardware cannot do", expected, f"write {AUTO}")
    ]


def _unlike(where: str, found: str, known: tuple[str, ...]) -> Fault:
    near = difflib.get_close_matches(found, known, 1, 0.4) or [known[0]]
    return Fault("", 0, where, repr(found), ", ".join(known), f"write {near[0]}")


def _bytes(size: str | float) -> float:
    try:
        value = float(size) if isinstance(size, int | float) else parse(size, "data")
    except UnitError as error:
        one = error.faults[0]
        fault = Fault("", 0, "size", one.found, one.expected, one.mend.replace("1 bytes", "8GB"))
        raise ScenarioError("not a size", [fault]) from None
    if not 1.0 <= value < math.inf:
        raise ScenarioError("not a size", [Fault("", 0, "size", str(size), "1 byte or more", "write 8GB")])
    return value
