"""Key figures as people read them."""

from __future__ import annotations

import math

from twin.report.kpis import DISPLAY


def written(key: str, value: float) -> str:
    """A key figure as people read it, without its unit.

    Examples
    --------
    >>> written("ttft_p50_s", 0.1234), written("requests_arrived", 1617280), written("pue", 1.0789)
    ('123', '1,617,280', '1.079')
    """
    _, _, _, scale, offset = DISPLAY[key]
    shown = value * scale + offset
    if not math.isfinite(shown):
        return "–"
    return f"{shown:,.{digits_of(shown)}f}" if key != "pue" else f"{shown:.3f}"


def digits_of(shown: float) -> int:
    """Decimals that leave three significant digits, at most four; none for whole numbers.

    Examples
    --------
    >>> digits_of(1617280.0), digits_of(35.71), digits_of(0.0000001)
    (0, 1, 4)
    """
    if float(shown).is_integer():
        return 0
    return min(max(0, 2 - math.floor(math.log10(abs(shown)))), 4)
