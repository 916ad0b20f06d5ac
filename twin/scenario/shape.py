"""The schema as a tree that can be walked by path: what may stand where, with an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from twin.scenario.fields import Measure, Named
from twin.scenario.schema import Scenario
from twin.scenario.section import Section


@cache
def _hints(section: type[Section]) -> dict[str, Any]:
    hints = get_type_hints(section, include_extras=True)
    return {name: hints[name] for name in section.model_fields}


def bare(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Type and metadata under ``Annotated`` and ``| None``."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        kind, metadata = bare(inner)
        return kind, (*metadata, *own)
    if get_origin(annotation) in (Union, UnionType):
        return bare(next(a for a in get_args(annotation) if a is not NoneType))
    return annotation, ()


def section_of(annotation: Any) -> type[Section] | None:
    """The section that an annotation stands for, if it is one."""
    kind, _ = bare(annotation)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def marker(annotation: Any, kind: type) -> Any:
    """The :class:`Measure` or :class:`Named` of an annotation, if it has one."""
    return next((m for m in bare(annotation)[1] if isinstance(m, kind)), None)


def below(annotation: Any, key: str) -> Any:
    """Annotation of the value under a key; ``None`` when the schema has no such key."""
    section = section_of(annotation)
    if section:
        return _hints(section).get(key)
    kind, _ = bare(annotation)
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if get_origin(kind) is list and key.isdigit():
        return get_args(kind)[0]
    return None


def annotation_at(path: str) -> Any:
    """Annotation of the value at a dotted path; ``None`` when the schema has no such path.

    Examples
    --------
    >>> section_of(annotation_at("racks.nvl72")).__name__
    'Racks'
    >>> annotation_at("racks.nvl72.colour") is None
    True
    """
    annotation: Any = Scenario
    for key in filter(None, path.split(".")):
        annotation = below(annotation, key)
    return annotation


def is_group(annotation: Any) -> bool:
    """Whether people name the keys below, as those of ``racks``."""
    return get_origin(bare(annotation)[0]) is dict


def leaves(document: object, annotation: Any = Scenario, path: str = "") -> Iterator[tuple[str, Any, object]]:
    """Path, annotation and value of everything in a document that the schema knows.

    Examples
    --------
    >>> [(p, v) for p, _, v in leaves({"hall": {"aisle": "2 m"}, "odd": 1})]
    [('hall.aisle', '2 m')]
    """
    if isinstance(document, Mapping | list):
        entries = document.items() if isinstance(document, Mapping) else enumerate(document)
        for key, value in entries:
            inner = below(annotation, str(key))
            if inner is not None:
                yield from leaves(value, inner, f"{path}.{key}".lstrip("."))
    else:
        yield path, annotation, document


def paths(document: object, annotation: Any = Scenario, path: str = "") -> Iterator[str]:
    """Every dotted path that an overlay may set: what stands, and what may be left out."""
    section = section_of(annotation)
    if isinstance(document, Mapping):
        for key in {**document, **(_hints(section) if section else {})}:
            inner = f"{path}.{key}".lstrip(".")
            yield inner
            yield from paths(document.get(key), below(annotation, str(key)), inner)
    elif isinstance(document, list):
        for i, item in enumerate(document):
            yield f"{path}.{i}"
            yield from paths(item, below(annotation, str(i)), f"{path}.{i}")


def example(annotation: Any, section: type[Section] | None = None, key: str = "") -> str:
    """A value that could stand there, as people write it.

    Examples
    --------
    >>> example(annotation_at("serving.slo"))
    '{ttft: 2 s, tpot: 60 ms}'
    """
    given = section.model_fields[key].examples if section else None
    if given:
        return str(given[0])
    kind, _ = bare(annotation)
    measure = marker(annotation, Measure)
    named = marker(annotation, Named)
    inner = section_of(annotation)
    if measure:
        return str(measure.example)
    if named:
        return next(iter(named.names()), "name")
    if inner:
        needed = [k for k, f in inner.model_fields.items() if f.is_required()]
        return "{" + ", ".join(f"{k}: {example(_hints(inner)[k], inner, k)}" for k in needed) + "}"
    if get_origin(kind) is Literal:
        return str(get_args(kind)[0])
    if get_origin(kind) is dict:
        return "{name: " + example(get_args(kind)[1]) + "}"
    if get_origin(kind) is list:
        return "[" + example(get_args(kind)[0]) + "]"
    return {bool: "true", int: "1"}.get(kind, "text")
