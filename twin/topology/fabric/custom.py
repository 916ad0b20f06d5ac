"""Graphs of people's own: GraphML, or a CSV of links; and the list of cables as they are plugged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from twin.errors import Fault, ScenarioError
from twin.scenario.fabric import Words
from twin.topology.fabric.arrays import Builder, Fabric, Floats, Ints, order_within
from twin.units import parse

if TYPE_CHECKING:
    import pandas as pd

TIERS = {
    "gpu": 0,
    "host": 0,
    "server": 0,
    "manager": 0,
    "leaf": 1,
    "router": 1,
    "switch": 1,
    "spine": 2,
    "core": 3,
}
"""Kinds that a name may begin with, such as ``leaf-3``, and their tiers; other names are switches."""

COLUMNS = ("from", "to", "rate")
DEFAULT_RATE_BYTES_PER_S = 50e9
"""Of links without one: 400 Gbit/s, the rate of NDR and of ConnectX-7."""


def read_graph(path: str | Path, words: Words | None = None) -> Fabric:
    """Read a fabric from GraphML or from a CSV of links.

    Parameters
    ----------
    path : str or pathlib.Path
        ``.graphml`` with the edge attributes ``rate`` (text with its unit, or ``rate_bytes_per_s``), ``length_m`` and
        ``latency_s``, and the node attribute ``kind``; or CSV with the columns ``from``, ``to`` and optionally
        ``from_port``, ``to_port``, ``rate``, ``length_m``, ``latency_s``. Kinds come from the names
        (``gpu-1``, ``leaf-2``) where none are given.
    words : Words, optional
        Kept with the fabric.

    Raises
    ------
    ScenarioError
        With all rows that cannot be read.
    """
    file = Path(path)
    if not file.is_file():
        fault = Fault(
            str(file), 0, "graph", "no such file", "a GraphML file or a CSV of links", "correct the path"
        )
        raise ScenarioError("the graph cannot be read", [fault])
    if file.suffix == ".graphml":
        rows, kinds = _from_graphml(file)
    else:
        rows, kinds = table(file), {}
    faults = _faults(rows, file)
    if faults:
        raise ScenarioError(f"{file} holds no fabric", faults)
    return _fabric(rows, kinds, file.stem, words)


def table(file: Path) -> pd.DataFrame:
    """Read a CSV of links as text, one row a line of the file.

    Raises
    ------
    ScenarioError
        When it is no CSV, or lacks the columns ``from`` and ``to``.
    """
    import pandas as pd

    try:
        rows = pd.read_csv(file, dtype=str, keep_default_na=False, comment="#")
    except (OSError, ValueError) as error:
        fault = Fault(str(file), 0, "", str(error).strip(), "a CSV with a header line", "name a CSV of links")
        raise ScenarioError(f"{file} cannot be read", [fault]) from None
    missing = [c for c in ("from", "to") if c not in rows]
    if missing:
        found = f"the columns {', '.join(rows.columns)}"
        fault = Fault(str(file), 1, "", found, "columns from and to", f"add {' and '.join(missing)}")
        raise ScenarioError(f"{file} is no list of links", [fault])
    return rows


def _from_graphml(file: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    import pandas as pd

    try:
        graph = nx.read_graphml(file)
    except Exception as error:  # noqa: BLE001  the parser has no error of its own
        fault = Fault(str(file), 0, "", str(error), "GraphML", "export the graph as GraphML")
        raise ScenarioError(f"{file} cannot be read", [fault]) from None
    rows = [
        {"from": str(u), "to": str(v), **{k: str(x) for k, x in d.items()}}
        for u, v, d in graph.edges(data=True)
    ]
    kinds = {str(n): str(k) for n, k in graph.nodes(data="kind") if k}
    return pd.DataFrame(rows, columns=None if rows else ["from", "to"]).fillna(""), kinds


def _faults(rows: pd.DataFrame, file: Path) -> list[Fault]:
    """Empty names, links to themselves, numbers that are none."""
    faults = [] if len(rows) else [Fault(str(file), 1, "", "no links", "a row for each", "add rows")]
    for i, (a, b) in enumerate(zip(rows["from"], rows["to"], strict=True), 2):
        if not a or not b:
            faults.append(
                Fault(str(file), i, "from" if not a else "to", "nothing", "a name", "write the name")
            )
        elif a == b:
            faults.append(Fault(str(file), i, "to", a, "another node than from", "correct one of them"))
    for key in ("rate", "rate_bytes_per_s", "length_m", "latency_s"):
        for i, text in enumerate(rows.get(key, ()), 2):
            try:
                wrong = bool(text) and _number(key, text) < 0
            except (ValueError, ScenarioError):
                wrong = True
            if wrong:
                sample = "400 Gbit/s" if key == "rate" else "0.5"
                faults.append(Fault(str(file), i, key, text, "a value of 0 or more", f"write {sample}"))
    return faults


def _number(key: str, text: str) -> float:
    if key != "rate":
        return float(text)
    try:
        return parse(text, "data rate")
    except Exception as error:
        raise ValueError(text) from error


def _column(rows: pd.DataFrame, key: str, default: float) -> Floats:
    if key not in rows:
        return np.full(len(rows), default)
    known = {text: _number(key, text) if text else default for text in rows[key].unique()}
    return np.asarray(rows[key].map(known), dtype=np.float64)


def _fabric(rows: pd.DataFrame, kinds: dict[str, str], name: str, words: Words | None) -> Fabric:
    import pandas as pd

    names = pd.unique(np.concatenate([rows["from"].to_numpy(), rows["to"].to_numpy()]))
    kind_of = {n: kinds.get(n) or _kind(n) for n in names}
    order = sorted(names, key=lambda n: (TIERS.get(kind_of[n], 1), kind_of[n]))
    made = Builder(name, words)
    leaf, spine, core = words.cards() if words else ("", "", "")
    for kind in dict.fromkeys(kind_of[n] for n in order):
        card = {0: "", 2: spine, 3: core}.get(TIERS.get(kind, 1), leaf)
        count = sum(kind_of[n] == kind for n in order)
        made.add(kind, "compute", TIERS.get(kind, 1), count, card)
    at = {n: i for i, n in enumerate(order)}
    tier = np.asarray([TIERS.get(kind_of[n], 1) for n in order])
    a, b = (rows[key].map(at).to_numpy(np.int64) for key in ("from", "to"))
    swap = tier[a] > tier[b]
    port_a, port_b = _ports(rows, "from_port", a, b, 0), _ports(rows, "to_port", a, b, 1)
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    port_a, port_b = np.where(swap, port_b, port_a), np.where(swap, port_a, port_b)
    default = DEFAULT_RATE_BYTES_PER_S
    rate = _column(rows, "rate_bytes_per_s" if "rate_bytes_per_s" in rows else "rate", default)
    made.join("link", "compute", a, port_a, b, port_b, rate)
    found = made.done(tuple(order))
    found.length_m[:] = _column(rows, "length_m", 0.0)
    found.latency_s[:] = _column(rows, "latency_s", 0.0)
    return found


def _kind(name: str) -> str:
    """Kind of a node by its name: the last part of its path, up to the number."""
    match = re.match(r"(?:.*[/-])?([a-z]+)[-_]?\d*$", name.lower())
    word = match.group(1) if match else ""
    return word if word in TIERS else "switch"


def _ports(rows: pd.DataFrame, key: str, a: Ints, b: Ints, side: int) -> Ints:
    """Ports as written, or else numbered in the order of the links over both ends of a node."""
    import pandas as pd

    free: Ints = order_within(np.concatenate([a, b])).reshape(2, -1)[side]
    if key not in rows:
        return free
    written = pd.to_numeric(rows[key], errors="coerce").to_numpy()
    found: Ints = np.where(np.isnan(written), free, np.nan_to_num(written) - 1).astype(np.int64)
    return found
