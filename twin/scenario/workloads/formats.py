"""Formats of request traces, told apart by their columns, and read into one shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.requests import Requests, make
from twin.scenario.workloads.scaling import spread_out
from twin.scenario.workloads.schema import Columns
from twin.scenario.workloads.tables import Table, first, read_table

_MAX_TOKENS = np.iinfo(np.int32).max
_TO_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_TIME, _TOKENS = "a time of 0 s or later", "a whole number of tokens, at least 1"


class Format(NamedTuple):
    """What the columns of a known format mean.

    Parameters
    ----------
    name : str
        As in ``format`` of a stream; a format may have several variants.
    columns : Columns
        The columns that must be there; ``prefix`` and ``session`` count only if they are.
    is_coarse : bool
        Whether arrival times are so coarse that they are spread by default.
    has_failures : bool
        Whether rows without tokens are failed requests, to be left out.
    """

    name: str
    columns: Columns
    is_coarse: bool = False
    has_failures: bool = False


def _columns(arrival: str, prompt: str, output: str, **more: Any) -> Columns:
    return Columns(arrival=arrival, prompt=prompt, output=output, **more)


FORMATS = (
    Format("azure", _columns("arrival_s", "context_tokens", "generated_tokens")),
    Format("azure", _columns("TIMESTAMP", "ContextTokens", "GeneratedTokens", time="iso")),
    Format(
        "mooncake",
        _columns("timestamp", "input_length", "output_length", prefix="hash_ids", time="ms"),
        is_coarse=True,
    ),
    Format(
        "mooncake",
        _columns("timestamp_ms", "input_length", "output_length", prefix="hash_ids", time="ms"),
        is_coarse=True,
    ),
    Format(
        "burstgpt",
        _columns("Timestamp", "Request tokens", "Response tokens", session="Session ID"),
        has_failures=True,
    ),
)
"""Known formats: Azure LLM inference (own and upstream columns), Mooncake (upstream and CSV), BurstGPT."""

PREFIX_TOKENS = 512
"""Tokens of a hashed block of the Mooncake traces (FAST'25 release)."""


def detect(names: Sequence[str], name: str = "auto") -> Format:
    """The format that fits the columns of a file best.

    Parameters
    ----------
    names : sequence of str
        Columns of the file.
    name : str
        A format of :data:`FORMATS`, or ``auto`` for any.

    Examples
    --------
    >>> detect(["timestamp", "input_length", "output_length", "hash_ids"]).name
    'mooncake'
    """
    able = [f for f in FORMATS if name in ("auto", f.name)]
    return max(able, key=lambda f: sum(c in names for c in _needed(f.columns)))


def read_trace(
    file: Path,
    name: str = "auto",
    columns: Columns | None = None,
    spread: bool | None = None,
    prefix_block: int = PREFIX_TOKENS,
) -> Requests:
    """Read a trace.

    Parameters
    ----------
    file : pathlib.Path
        CSV, JSON lines or Parquet.
    name : str
        Format, or ``auto``.
    columns : Columns, optional
        Meaning of the columns, for a file in none of the formats.
    spread : bool, optional
        Whether equal arrival times are spread; by default as the format says.
    prefix_block : int
        Tokens of the blocks in which prefixes are told apart; a divisor of 512 for Mooncake, otherwise those of the
        hashes in the file.

    Returns
    -------
    Requests
        Sorted by arrival, ties as in the file; sessions and prefix ids are dense from 0.

    Raises
    ------
    ScenarioError
        When a column is missing or a row cannot be a request; with the lines.

    Examples
    --------
    >>> from pathlib import Path
    >>> read_trace(Path("scenarios/data/azure2023-conversation.csv.gz")).rows
    10108
    """
    table = read_table(file)
    shape = Format("", columns) if columns else detect(list(table.columns), name)
    table.need(_needed(shape.columns))
    if shape.has_failures:
        table = _without_failures(table, shape.columns)
    meaning = _present(table, shape.columns, bool(columns))
    arrived, faults = _times(table, meaning)
    prompt, wrong = table.numbers(meaning.prompt, 1, _MAX_TOKENS, _TOKENS)
    output, wrong_too = table.numbers(meaning.output, 1, _MAX_TOKENS, _TOKENS)
    if faults := faults + wrong + wrong_too:
        raise ScenarioError(f"{file} is not a trace", first(faults))
    hashed = PREFIX_TOKENS if shape.name == "mooncake" else prefix_block
    more, names = _labels(table, meaning, prompt, hashed)
    order = np.argsort(arrived, kind="stable")
    arrived = arrived[order]
    if shape.is_coarse if spread is None else spread:
        arrived = spread_out(arrived)
    trace = make(
        arrived, prompt[order], output[order], prefix_block_tokens=hashed, names=names,
        **{k: v if k == "prefix_ids" else v[order] for k, v in more.items()},
    )  # fmt: skip
    return refined(trace, prefix_block, str(file))


def refined(trace: Requests, block_tokens: int, file: str = "") -> Requests:
    """The same prefixes in smaller blocks: every block becomes several.

    Examples
    --------
    >>> coarse = make([0.0], [700], [1], prefix_blocks=2, prefix_ids=[0, 1])
    >>> refined(coarse, 256).prefix_ids.tolist(), refined(coarse, 256).prefix_blocks.tolist()
    ([0, 1, 2, 3], [3])
    """
    if not len(trace.prefix_ids):
        return trace._replace(prefix_block_tokens=block_tokens)
    parts, rest = divmod(trace.prefix_block_tokens, block_tokens)
    if rest:
        expected = f"a divisor of {trace.prefix_block_tokens}, the block of the prefixes in {file}"
        fault = Fault("", 0, "workload.prefix_block", str(block_tokens), expected, "write 512")
        raise ScenarioError("prefixes stand in other blocks", [fault])
    ids = (trace.prefix_ids[:, None] * parts + np.arange(parts)).ravel()
    blocks = np.minimum(trace.prefix_blocks * parts, -(-trace.prompt_tokens // block_tokens))
    return trace._replace(
        prefix_ids=ids.astype(np.int32),
        prefix_start=trace.prefix_start * parts,
        prefix_blocks=blocks.astype(np.int32),
        prefix_block_tokens=block_tokens,
    )


def _needed(columns: Columns) -> tuple[str, str, str]:
    return columns.arrival, columns.prompt, columns.output


def _present(table: Table, columns: Columns, is_given: bool) -> Columns:
    """Columns without the optional ones that the file lacks; those that a user names must be there."""
    extra = {k: getattr(columns, k) for k in ("prefix", "session", "tenant") if getattr(columns, k)}
    if is_given:
        table.need(extra.values())
    return columns.model_copy(update={k: None for k, name in extra.items() if name not in table.columns})


def _without_failures(table: Table, columns: Columns) -> Table:
    empty = {"0", "0.0", 0}
    pairs = zip(table.columns[columns.prompt], table.columns[columns.output], strict=True)
    rows = [i for i, (prompt, output) in enumerate(pairs) if prompt not in empty and output not in empty]
    kept = Table(
        table.file,
        {k: [v[i] for i in rows] for k, v in table.columns.items()},
        [table.lines[i] for i in rows],
    )
    kept.need(())
    return kept


def _times(table: Table, columns: Columns) -> tuple[NDArray[np.float64], list[Fault]]:
    """Arrivals [s]."""
    if columns.time != "iso":
        numbers, faults = table.numbers(columns.arrival, 0.0, np.inf, _TIME, whole=False)
        seconds = numbers * _TO_SECONDS[columns.time]
        return seconds - (seconds.min() if columns.origin == "first" and not faults else 0.0), faults
    instants = np.array([_instant(text) for text in table.columns[columns.arrival]], dtype="datetime64[ns]")
    wrong = np.flatnonzero(np.isnat(instants))
    if len(wrong):
        expected = "day and time, for example 2023-11-16 18:15:46.68"
        return np.zeros(len(instants)), list(table.faults(columns.arrival, wrong, expected))
    return (instants - instants.min()) / np.timedelta64(1, "s"), []


def _instant(text: Any) -> np.datetime64:
    """An instant; a zone at its end is left out, since only differences count."""
    written = str(text).strip().removesuffix("Z").removesuffix("+00:00")
    try:
        return np.datetime64(written, "ns")
    except ValueError:
        return np.datetime64("NaT", "ns")


def _labels(
    table: Table, columns: Columns, prompt: NDArray[np.float64], block_tokens: int
) -> tuple[dict[str, NDArray[Any]], dict[str, tuple[str, ...]]]:
    """Sessions, tenants and prefixes, where the file has them."""
    more: dict[str, NDArray[Any]] = {}
    names: dict[str, tuple[str, ...]] = {}
    if columns.session:
        more["session"] = _dense(table.columns[columns.session])[0]
    if columns.tenant:
        tenants = ["none" if v is None or v == "" else v for v in table.columns[columns.tenant]]
        more["tenant"], names["tenants"] = _dense(tenants)
    if columns.prefix:
        hashes, faults = _hashes(table, columns.prefix)
        blocks = np.array([len(h) for h in hashes], dtype=np.int64)
        too_many = np.flatnonzero(blocks > np.ceil(prompt / block_tokens))
        expected = f"no more hashes than the prompt has blocks of {block_tokens} tokens"
        if faults := faults + list(table.faults(columns.prefix, too_many, expected)):
            raise ScenarioError(f"{table.file} is not a trace", first(faults))
        more["prefix_ids"] = _dense([h for row in hashes for h in row])[0]
        more["prefix_start"], more["prefix_blocks"] = np.cumsum(blocks) - blocks, blocks
    return more, names


def _dense(values: Sequence[Any]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Numbers from 0 in order of first appearance, and the names; -1 for what is missing."""
    seen: dict[Any, int] = {}
    numbers = [-1 if v is None or v == "" else seen.setdefault(v, len(seen)) for v in values]
    return np.array(numbers, dtype=np.int32), tuple(map(str, seen))


def _hashes(table: Table, name: str) -> tuple[list[list[Any]], list[Fault]]:
    found = [_list(value) for value in table.columns[name]]
    wrong = [i for i, value in enumerate(found) if value is None]
    faults = list(table.faults(name, wrong, "a list of hashes, or hashes separated by spaces"))
    return [value or [] for value in found], faults


def _list(value: Any) -> list[Any] | None:
    if value is None:
        return []
    if isinstance(value, str):
        return value.strip("[] ").replace(",", " ").split()
    return list(value) if isinstance(value, Sequence | np.ndarray) else None
