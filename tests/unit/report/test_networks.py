"""Networks of a hall in the report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twin.report.networks import network_rows

SWITCH = {"layer": "storage", "tier": "leaf", "name": "qm9700", "count": 5, "power_w": None}
CABLE = {
    "layer": "compute", "part": "leaf-spine", "lines": 1024, "rate_bytes_per_s": 50e9, "bytes_per_s_per_gpu": 25e9,
    "cables": ["copper", "single-mode fibre"], "length_m": 8000.0, "optics_w": 17_000.0, "price_usd": None,
    "failures_per_day": [0.01, 0.1],
}  # fmt: skip


def rows(*listed: Any) -> list[Any]:
    run = SimpleNamespace(file=SimpleNamespace(json=lambda _: list(listed)))
    return list(network_rows(cast("Any", run)))


def test_switches_and_cables_have_a_table_each() -> None:
    switches, cables = rows(SWITCH, CABLE)
    assert switches.rows == [("storage leaf", "qm9700", "5", "–")], "what nobody knows is a dash"
    name, lines, rate, each, kinds, length, watts, usd, failures = cables.rows[0]
    assert (name, lines, rate, each, length) == ("leaf-spine", "1,024", "400", "25", "8,000")
    assert (kinds, watts, usd, failures) == ("copper, single-mode fibre", "17", "–", "3.65–36.5")


def test_an_older_file_has_none() -> None:
    assert rows() == []
