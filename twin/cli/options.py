"""Options that several commands read alike."""

from __future__ import annotations


def values_by_path(pairs: list[str]) -> dict[str, str]:
    """Values of ``--set``, by their paths.

    Raises
    ------
    ScenarioError
        With every one that has no value.

    Examples
    --------
    >>> values_by_path(["serving.max_batch=512"])
    {'serving.max_batch': '512'}
    """
    from twin.errors import Fault, ScenarioError

    wrong = [p for p in pairs if "=" not in p]
    if wrong:
        faults = [Fault("", 0, "--set", p, "path=value", f"write --set {p}=VALUE") for p in wrong]
        raise ScenarioError("a --set without a value", faults)
    return {path.strip(): value.strip() for path, value in (p.split("=", 1) for p in pairs)}
