"""The list of cables as they are plugged: written from a fabric, read back and made a fabric again."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import Fault, ScenarioError
from twin.scenario.fabric import Words
from twin.topology.fabric.arrays import Fabric, Ints
from twin.topology.fabric.custom import table
from twin.units import parse

if TYPE_CHECKING:
    import pandas as pd


def wiring(fabric: Fabric) -> pd.DataFrame:
    """List every line outside the NVLink domains, one a row.

    Returns
    -------
    pandas.DataFrame
        Columns ``from``, ``from_port``, ``to``, ``to_port``, ``rate``, ``length_m``, ``medium``, ``part``, ``layer``.

    Examples
    --------
    >>> from twin.topology.fabric import build, preset
    >>> wiring(build(preset("dgx-b200-superpod"))).iloc[0, :5].tolist()
    ['node-001/gpu-1', '1', 'leaf-01', '1', '400 Gbit/s']
    """
    import pandas as pd

    names = np.asarray(fabric.names(), dtype=object)
    kept = np.ones(fabric.links, bool) if "nvlink" not in fabric.layers else ~fabric.of_layer("nvlink")
    f = fabric.only(kept)
    media = np.asarray([medium.name for medium in f.media] + [""], dtype=object)
    lanes = lanes_of(f)
    rates, at = np.unique(f.rate_bytes_per_s, return_inverse=True)
    return pd.DataFrame({
        "from": names[f.a], "from_port": _labels(f.port_a, lanes[f.a]),
        "to": names[f.b], "to_port": _labels(f.port_b, lanes[f.b]),
        "rate": np.asarray([f"{rate * 8e-9:.12g} Gbit/s" for rate in rates], dtype=object)[at],
        "length_m": np.round(f.length_m, 2), "medium": media[f.medium],
        "part": np.asarray(f.parts, dtype=object)[f.part], "layer": np.asarray(f.layers, dtype=object)[f.layer],
    })  # fmt: skip


def write_wiring(fabric: Fabric, path: str | Path) -> Path:
    """Write :func:`wiring` as CSV."""
    wiring(fabric).to_csv(path, index=False)
    return Path(path)


def lanes_of(fabric: Fabric) -> Ints:
    """Lanes of a port of every node (node,)."""
    each = [fabric.lanes_of(b.first) if not fabric.node_names else 1 for b in fabric.blocks]
    return np.repeat(np.asarray(each), [b.count for b in fabric.blocks])


def _labels(port: Ints, lanes: Ints) -> np.ndarray[Any, Any]:
    """Ports as people write them; every label is made once."""
    key = port * 64 + lanes
    found, at = np.unique(key, return_inverse=True)
    made = [
        f"{p // n + 1}/{p % n + 1}" if n > 1 else str(p + 1)
        for p, n in zip((found // 64).tolist(), (found % 64).tolist(), strict=True)
    ]
    return np.asarray(made, dtype=object)[at]


def read_wiring(words: Words, design: Fabric) -> Fabric:
    """Read the wiring that words name, as a fabric of the design's nodes.

    Raises
    ------
    ScenarioError
        With every row whose names, ports or rates cannot be read.
    """
    import pandas as pd

    file = words.source.data_file("wiring", words.wiring or "")
    if not file.is_file():
        fault = words.source.fault("wiring", f"{file}: no such file", "a CSV of cables", "correct the path")
        raise ScenarioError("the wiring cannot be read", [fault])
    rows = table(file)
    faults = [
        Fault(str(file), 1, "", f"no column {c}", "ports of both ends", f"add {c}")
        for c in ("from_port", "to_port")
        if c not in rows
    ]
    if faults:
        raise ScenarioError(f"{file} is no list of cables", faults)
    names = design.names()
    at = pd.Series(np.arange(len(names)), index=names)
    node = [rows[c].map(at).fillna(-1).to_numpy(np.int64) for c in ("from", "to")]
    lanes = lanes_of(design)
    port = [
        _lanes(rows[c], np.where(n >= 0, lanes[n], 1))
        for c, n in zip(("from_port", "to_port"), node, strict=True)
    ]
    faults = _faults(rows, file, names, node, port)
    if faults:
        raise ScenarioError(f"{file} cannot be used as it is", faults)
    return _plugged(design, rows, file, node, port)


def _lanes(texts: pd.Series, lanes: Ints) -> Ints:
    """First lane of a port as written, ``33`` or ``33/2``; -1 where it is neither."""
    known = {}
    for text in texts.unique():
        parts = str(text).split("/")
        is_port = all(p.strip().isdigit() and int(p) > 0 for p in parts) and len(parts) <= 2
        known[text] = (
            (int(parts[0]) - 1, int(parts[-1]) - 1 if len(parts) == 2 else 0) if is_port else (-1, 0)
        )
    pairs = np.asarray([known[t] for t in texts], dtype=np.int64).reshape(-1, 2)
    return np.where(pairs[:, 0] < 0, -1, pairs[:, 0] * lanes + pairs[:, 1])


def _faults(
    rows: pd.DataFrame, file: Path, names: list[str], node: list[Ints], port: list[Ints]
) -> list[Fault]:
    found = []
    for column, number, at in (("from", 0, node[0]), ("to", 1, node[1])):
        for i in np.flatnonzero(at < 0).tolist():
            near = difflib.get_close_matches(rows[column][i], names, 1)
            mend = f"write {near[0]}" if near else "correct the name"
            found.append(
                Fault(str(file), i + 2, column, rows[column][i] or "nothing", "a node of the fabric", mend)
            )
        for i in np.flatnonzero(port[number] < 0).tolist():
            text = rows[f"{column}_port"][i]
            found.append(
                Fault(
                    str(file),
                    i + 2,
                    f"{column}_port",
                    text or "nothing",
                    "a port such as 33 or 33/2",
                    "write 33",
                )
            )
    return found


def _plugged(design: Fabric, rows: pd.DataFrame, file: Path, node: list[Ints], port: list[Ints]) -> Fabric:
    """Cables of the rows; what they do not tell is that of the design's cable at their lower or upper end."""
    tier = design.per_node("tier")
    swap = tier[node[0]] > tier[node[1]]
    a, b = np.where(swap, node[1], node[0]), np.where(swap, node[0], node[1])
    port_a, port_b = np.where(swap, port[1], port[0]), np.where(swap, port[0], port[1])
    kept = np.flatnonzero(design.of_layer("nvlink"))
    like = _like(design, a, port_a, b, port_b)
    links = np.concatenate([kept, like])
    made: dict[str, Any] = {
        name: getattr(design, name)[links].copy()
        for name in ("part", "layer", "cable", "rate_bytes_per_s", "latency_s", "length_m", "medium")
    }
    if "rate" in rows:
        made["rate_bytes_per_s"][len(kept) :] = _rates(rows, file, made["rate_bytes_per_s"][len(kept) :])
    ends = {"a": a, "b": b, "port_a": port_a, "port_b": port_b}
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(design, name)[kept], value]) for name, value in ends.items()
    }
    return replace(design, **joined, **made)


def _like(design: Fabric, a: Ints, port_a: Ints, b: Ints, port_b: Ints) -> Ints:
    """The design's cable of the same lower port, else of the same upper port, else the first of its kind."""
    import pandas as pd

    rows = (
        np.flatnonzero(~design.of_layer("nvlink")) if "nvlink" in design.layers else np.arange(design.links)
    )
    found = np.full(len(a), -1)
    for mine, node, lane in ((design.a, a, port_a), (design.b, b, port_b)):
        lanes = design.port_a if mine is design.a else design.port_b
        at = pd.Series(rows, index=mine[rows] * 8192 + lanes[rows])
        at = at[~at.index.duplicated()]
        guess = at.reindex(node * 8192 + lane).fillna(-1).to_numpy(np.int64)
        found = np.where(found < 0, guess, found)
    tier = design.per_node("tier")
    for i in np.flatnonzero(found < 0).tolist():
        same = rows[(tier[design.a[rows]] == tier[a[i]]) & (tier[design.b[rows]] == tier[b[i]])]
        found[i] = same[0] if len(same) else rows[0]
    return found


def _rates(rows: pd.DataFrame, file: Path, default: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    known: dict[str, float] = {}
    faults = []
    for text in rows["rate"].unique():
        try:
            known[text] = parse(text, "data rate") if text else float("nan")
        except Exception:  # noqa: BLE001  told with its row below
            line = int(np.flatnonzero(rows["rate"] == text)[0]) + 2
            faults.append(
                Fault(str(file), line, "rate", str(text), "a rate with its unit", "write 400 Gbit/s")
            )
    if faults:
        raise ScenarioError(f"{file} cannot be used as it is", faults)
    found = rows["rate"].map(known).to_numpy(float)
    return np.where(np.isnan(found), default, found)
