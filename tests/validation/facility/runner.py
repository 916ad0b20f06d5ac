"""``python -m tests.validation facility FILE``: every case of a file, answered and compared.

A family of cases is a file beside this one with the family's name. It has ``solve(case) -> answer``, where the
case is as in the file and ``case["folder"]`` is where the file lies, and ``allowed(path, expected, tolerance)``:
the error that the number at this path of the answer may have, in its unit, or None where nothing is promised.
Without ``allowed``, the tolerance's ``rel`` counts for every number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from twin.errors import Fault, ScenarioError, TwinError

Spot = tuple[str, ...]
"""Path of a number in an answer, for example ``("bus", "LV1", "v_pu")``."""


class Miss(NamedTuple):
    """A number: where, its error and the allowed one; infinite where the answer lacks it."""

    case: str
    path: Spot
    error: float
    allowed: float

    @property
    def share(self) -> float:
        """Error over what is allowed; above 1 is a miss."""
        if self.error == 0.0:
            return 0.0
        return self.error / self.allowed if self.allowed > 0.0 else math.inf


class Outcome(NamedTuple):
    """All of a file: answers by case, refusals by case, and every number that could be compared."""

    family: str
    answers: dict[str, Any]
    refused: dict[str, str]
    numbers: list[Miss]


def run(file: Path) -> Outcome:
    """Answer every case of a file; a case that cannot be answered is refused and the others go on.

    Raises
    ------
    ScenarioError
        When the file is not one of cases, or its family is unknown.

    Examples
    --------
    >>> run(Path(__file__).parent / "data" / "ramp_limited_storage.json").family
    'ramp_limited_storage'
    """
    held, cases = _read(file)
    answers: dict[str, Any] = {}
    refused: dict[str, str] = {}
    numbers: list[Miss] = []
    for place, case in enumerate(cases):
        name = str(case["id"]) if isinstance(case, dict) and "id" in case else str(place)
        try:
            kind = _module(str(file), case.get("family", held.get("family")))
            answers[name] = kind.solve(case | {"folder": file.parent})
        except TwinError as error:
            refused[name] = str(error)
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            refused[name] = f"the case cannot be read: {type(error).__name__}: {error}"
        else:
            if "answer" in case:
                tolerance = held.get("tolerance", case.get("tolerance", {}))
                numbers += _compare(kind, name, case["answer"], answers[name], tolerance)
    return Outcome(str(held.get("family", "")), answers, refused, numbers)


def families() -> list[str]:
    """Families that can be solved."""
    others = ("__init__", Path(__file__).stem)
    names = (file.stem for file in Path(__file__).parent.glob("*.py"))
    return sorted(n for n in names if n not in others and not n.startswith(("test_", "_")))


def table(outcome: Outcome) -> str:
    """Return the worst error against its tolerance, by the last name in the path; all of a series together.

    Examples
    --------
    >>> numbers = [Miss("A", ("bus", "v_pu"), 1e-6, 2e-6), Miss("B", ("bus", "v_pu"), 0.0, 2e-6)]
    >>> print(table(Outcome("power_loadflow", {"A": 0, "B": 0}, {}, numbers)))
    power_loadflow: 2 cases answered, 0 refused, 1 of 1 with every number inside its tolerance
    number   count  misses    worst error   allowed  of allowed  where
    v_pu         2       0          1e-06     2e-06       50.0%  A bus.v_pu
    """
    judged = {n.case for n in outcome.numbers}
    missed = {n.case for n in outcome.numbers if not n.share <= 1.0}
    lines = [
        f"{outcome.family}: {len(outcome.answers)} cases answered, {len(outcome.refused)} refused, "
        f"{len(judged - missed)} of {len(judged)} with every number inside its tolerance"
    ]
    by_name: dict[str, list[Miss]] = {}
    for number in outcome.numbers:
        names = [part for part in number.path if not part.isdigit()]  # a series has one name
        by_name.setdefault(names[-1] if names else "", []).append(number)
    width = max([8, *map(len, by_name)])
    if by_name:
        heads = f"{'count':>6} {'misses':>7} {'worst error':>14} {'allowed':>9} {'of allowed':>11}"
        lines.append(f"{'number':{width}s}{heads}  where")
    for name, found in by_name.items():
        worst = max(found, key=lambda n: n.share)
        misses = sum(not n.share <= 1.0 for n in found)
        lines.append(
            f"{name:{width}s}{len(found):6d} {misses:7d} {worst.error:14.3g} {worst.allowed:9.3g} "
            f"{worst.share:11.1%}  {worst.case} {'.'.join(worst.path)}"
        )
    return "\n".join(lines)


def _read(file: Path) -> tuple[dict[str, Any], list[Any]]:
    try:
        held = json.loads(file.read_text())
    except OSError:
        raise _refusal(str(file), "no file to read", "a JSON file of cases", "mend the path") from None
    except ValueError as error:
        raise _refusal(str(file), f"text that is not JSON: {error}", "JSON", "mend the file") from None
    if isinstance(held, list):
        return {}, held
    if isinstance(held, dict) and isinstance(held.get("cases"), list):
        return held, held["cases"]
    if isinstance(held, dict) and "inputs" in held:
        return held, [held]
    raise _refusal(
        str(file),
        "neither cases nor inputs",
        "a family with its cases",
        "see docs/power-load-flow.md and docs/cooling-relations.md",
    )


def _module(file: str, family: object) -> ModuleType:
    if not isinstance(family, str) or family not in families() or not find_spec(f"{__package__}.{family}"):
        raise _refusal(
            file, f"family {family!r}", f"one of {', '.join(families())}", "write the family's name"
        )
    return import_module(f"{__package__}.{family}")


def _refusal(file: str, found: str, expected: str, mend: str) -> ScenarioError:
    return ScenarioError("the cases cannot be answered", [Fault(file, 0, "", found, expected, mend)])


def _compare(kind: ModuleType, case: str, expected: Any, found: Any, tolerance: dict[str, Any]) -> list[Miss]:
    allowed = getattr(kind, "allowed", _relative)
    seen = dict(_leaves(found))
    out = []
    for path, value in _leaves(expected):
        if isinstance(value, bool | str) or value is None:
            out.append(Miss(case, path, 0.0 if seen.get(path) == value else math.inf, 0.0))
            continue
        limit = allowed(path, value, tolerance)
        if limit is not None:
            got = seen.get(path, math.nan)
            number = got if isinstance(got, int | float) else math.nan
            error = abs(number - value)
            out.append(Miss(case, path, math.inf if math.isnan(error) else error, limit))
    return out


def _relative(path: Spot, expected: float, tolerance: dict[str, Any]) -> float:
    return tolerance["rel"] * abs(expected)


def _leaves(held: Any, path: Spot = ()) -> Iterator[tuple[Spot, Any]]:
    if isinstance(held, dict):
        for name, value in held.items():
            yield from _leaves(value, (*path, str(name)))
    elif isinstance(held, list | tuple):
        for place, value in enumerate(held):
            yield from _leaves(value, (*path, str(place)))
    else:
        yield path, held
