"""The ledger as tables for terminals and as a page of the docs."""

from __future__ import annotations

from textwrap import wrap
from typing import NamedTuple

from twin.perf.ledger import BY, Entry, Errors, Ledger, Published


class Table(NamedTuple):
    """A table of texts.

    Parameters
    ----------
    title, note : str
    header : tuple of str
        The first column is a name, the others are numbers.
    rows : list of tuple of str
    """

    title: str
    note: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


_HEADER = ("runs", "groups", "TPOT", "TTFT", "tokens/s")
_NAMES = {"gpu": "GPU", "source": "who measured"}
_ENGINES = {"trtllm": "TensorRT-LLM", "vllm": "vLLM", "sglang": "SGLang"}


def tables(ledger: Ledger, digits: int = 1) -> list[Table]:
    """Return the ledger as tables, errors in percent: median / mean / 90th percentile.

    Parameters
    ----------
    ledger : Ledger
    digits : int
        Decimals of the errors.
    """
    whole = [
        _row(entry._replace(name=name), digits)
        for name, entry in zip(_WHOLE, ledger.whole.values(), strict=True)
    ]
    out = [Table("All runs", _WHOLE_NOTE, ("priced by", *_HEADER), whole)]
    for by in BY:
        name = _NAMES.get(by, by)
        out.append(
            Table(f"By {name}", "", (name, *_HEADER), [_row(entry, digits) for entry in ledger.tables[by]])
        )
    left = [_row(entry, digits) for entry in ledger.models]
    out.append(Table("Each model by a fit that saw no run of it", _MODELS_NOTE, ("model", *_HEADER), left))
    public = [_published(one, digits) for one in ledger.published]
    header = ("figures", "rows", "tokens/s per GPU")
    out.append(Table("Published throughputs", _PUBLISHED_NOTE, header, public))
    for kind, title in (("runs", "Refused runs"), ("published", "Refused published figures")):
        reasons: list[tuple[str, ...]] = [
            (reason, f"{count:,}") for reason, count in ledger.refused[kind].items()
        ]
        out.append(Table(title, "", ("reason", "rows"), reasons))
    return out


def markdown(ledger: Ledger) -> str:
    """Return the page of the docs."""
    parts = [_INTRODUCTION]
    for table in tables(ledger):
        parts.append(f"## {table.title}")
        if table.note:
            parts.append("\n".join(wrap(table.note, 120, break_on_hyphens=False)))
        parts.append("\n".join([_line(table.header), _rule(table.header), *map(_line, table.rows)]))
    return "\n\n".join(parts) + "\n"


def _row(entry: Entry, digits: int) -> tuple[str, ...]:
    shown = (_percent(errors, digits) for errors in (entry.tpot, entry.ttft, entry.throughput))
    return (_ENGINES.get(entry.name, entry.name), f"{entry.runs:,}", str(entry.groups), *shown)


def _published(one: Published, digits: int) -> tuple[str, ...]:
    return one.name, str(one.rows), _percent(one.errors, digits)


def _percent(errors: Errors, digits: int) -> str:
    return " / ".join(f"{x * 100.0:.{digits}f}" for x in errors)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(header: tuple[str, ...]) -> str:
    return "|---|" + "---:|" * (len(header) - 1)


_WHOLE = (
    "fit without its group",
    "the same, InferenceX",
    "fit without its model",
    "calibrated on",
)
_WHOLE_NOTE = (
    "The first line is what to expect of a configuration that was not measured, the third of a model that was not. "
    "The last is the engine cards as shipped on the runs they were calibrated on: no prediction."
)
_MODELS_NOTE = (
    "DeepSeek R1, V3 and V3.1 are one model here. Dense models and mixtures both stay in each fit, so a model is "
    "priced from others of its kind and of the other kind."
)
_PUBLISHED_NOTE = (
    "Priced by the engine cards. One constant was chosen with the TensorRT-LLM rows in view: the share of the cost of "
    "a sequence that remains when nothing is streamed (0.2). With all requests queued a replica decodes as many as its "
    "KV cache holds, at most 2,048; MLPerf Server and Interactive as many as the rule on time per output token allows. "
    "MLPerf entries state no layout: the best one of up to eight GPUs an engine is taken. Those of Llama-2-70B and "
    "Mixtral state no prompt length: 294 tokens are assumed. Layouts, software and latency margins of submitters "
    "differ by more than the model can know: entries of one system, model and scenario differ by up to a factor of two."
)
_INTRODUCTION = """# The error ledger of the performance model

Computed by `twin perf ledger` from the measurements that ship with the package; a test compares this page with it.
Errors are |predicted / measured - 1| in percent: median / mean / 90th percentile. TPOT is the mean time per output
token after the first, TTFT the mean time to first token, tokens/s the output of a closed loop, which follows from the
two.

**Calibrated on what.** The constants of the engine cards come from one robust hierarchical fit to the public serving
runs of InferenceX and NVIDIA (Hopper and Blackwell, three engines); `python -m tests.validation fit` repeats it.
Nothing measured in a run is read when it is priced.

**Held back what.** Runs are grouped by GPU, model shape, precision, mode, engine and lengths. A hash of the group's
name deals the groups to ten parts; the fit was repeated ten times, each time without one part, and each run is priced
by the fit that saw nothing of its group. The form of the relations, the widths of the priors and the reading of
ambiguous rows (drafting campaigns, layouts written as products, recipes that hold prompts back) were decided with all
runs in view: the figures are free of fitted constants, not of every choice.

**Bands.** The 10 % and 90 % quantiles of measured over predicted, by family of GPUs and engine, are the bands of
`twin.perf.predict`; Ampere, Blackwell Ultra and Rubin inherit constants, and their bands are squared.

**Weak spots.** Time to first token where prefill stands apart, GB200 (few runs, several campaigns), models unlike those
calibrated on, and mixtures at full load."""
