"""Colours, families and fonts of the picture; everything a designer would want to change."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import Fault, ResultsError

if TYPE_CHECKING:
    from twin.quantities import Quantity

FAMILIES = {
    "power": ("feed", "generator", "transformer", "ups", "pdu"),
    "liquid": (
        "cdu", "facility_water", "dry_cooler", "adiabatic_cooler", "cooling_tower", "water_chiller", "economiser",
        "radiator",
    ),
    "air": ("crah", "chilled_water", "chiller"),
    "network": ("network_rack", "leaf", "spine", "core", "gateway", "server"),
    "compute": ("rack",),
}  # fmt: skip
FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}
FAMILY_NAMES = {
    "compute": "racks",
    "network": "network",
    "power": "power",
    "liquid": "liquid cooling",
    "air": "air cooling",
}
KIND_NAMES = {
    "feed": "Grid feed",
    "ups": "UPS",
    "pdu": "PDU",
    "cdu": "CDU",
    "crah": "CRAH",
    "gpu": "GPU",
}  # No body of their own: grounds, ideas, and what shows on the front of a rack.
UNDRAWN = {
    "site", "outdoor", "hall", "room", "psu", "optic", "gpu", "nic", "tray", "switch_tray", "node", "nvswitch",
    "replica", "leaf", "spine", "core", "gateway", "server", "rear_door",
}  # fmt: skip


def kind_name(kind: str) -> str:
    """Name of a kind of asset in a picture.

    Examples
    --------
    >>> kind_name("ups"), kind_name("dry_cooler")
    ('UPS', 'Dry cooler')
    """
    return KIND_NAMES.get(kind, kind.replace("_", " ").capitalize())


def rgb(colour: str) -> np.ndarray:
    """Return a colour ``#rrggbb`` as three bytes.

    Examples
    --------
    >>> rgb("#ff8000").tolist()
    [255, 128, 0]
    """
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.uint8)


@dataclass(frozen=True)
class Theme:
    """Colours of one theme; ``family`` holds the body and the accent of each family."""

    paper: str
    ground: str
    slab: str
    tile: str
    wall: str
    ink: str
    faint: str
    panel: str
    shadow: float
    trim: str
    metal: str
    edge: str
    cabinet: str
    tray: str
    shade: str
    hot: str
    cold: str
    family: dict[str, tuple[str, str]]

    def tone(self, family: str, tone: str) -> np.ndarray:
        """Colour of a part of a shape, as three bytes."""
        body, accent = self.family[family]
        named = {"body": body, "accent": accent}
        return rgb(named[tone] if tone in named else getattr(self, tone))


THEMES = {
    "light": Theme(
        paper="#eef1f4", ground="#dde2e0", slab="#fafbfc", tile="#e0e4ea", wall="#c3cad4", ink="#1d2530",
        faint="#66707e", panel="#ffffff", shadow=0.34, trim="#4a525e", metal="#aab2bd", edge="#58616e",
        cabinet="#3a414c", tray="#8b95a3", shade="#5b6470", hot="#d8574a", cold="#3b82d0",
        family={
            "power": ("#f1dfba", "#e09a1f"), "liquid": ("#cfe1f4", "#2f7fd1"), "air": ("#cdebe6", "#17998c"),
            "network": ("#ddd5f5", "#7d5bd9"), "compute": ("#8b95a3", "#59636f"),
        },
    ),
    "dark": Theme(
        paper="#12161c", ground="#1b2128", slab="#2a313b", tile="#363f4b", wall="#48525f", ink="#eef2f7",
        faint="#9aa6b5", panel="#1f262f", shadow=0.55, trim="#20262e", metal="#7d8794", edge="#0d1014",
        cabinet="#151a20", tray="#566170", shade="#39424d", hot="#e8695b", cold="#4b97e8",
        family={
            "power": ("#8a7344", "#f0ad38"), "liquid": ("#46688c", "#4b97e8"), "air": ("#3d7a74", "#2fc2b2"),
            "network": ("#5f5391", "#a58bf5"), "compute": ("#566170", "#8b95a3"),
        },
    ),
}  # fmt: skip


def theme(name: str) -> Theme:
    """Return a theme by name.

    Raises
    ------
    ResultsError
        For an unknown name.
    """
    if name not in THEMES:
        fault = Fault("", 0, "theme", name, " or ".join(THEMES), f"write {next(iter(THEMES))}")
        raise ResultsError("unknown theme", [fault])
    return THEMES[name]


def colour_map(quantity: Quantity) -> np.ndarray:
    """256 colours for a quantity, lowest first, as bytes (colour, rgb); perceptually uniform.

    Temperatures and powers have maps of their own, so that two pictures are not mistaken for each other.
    """
    from matplotlib import colormaps

    name, low, high = {"K": ("plasma", 0.0, 0.97), "W": ("viridis", 0.05, 1.0)}.get(
        quantity.unit, ("cividis", 0.0, 1.0)
    )
    return (colormaps[name](np.linspace(low, high, 256))[:, :3] * 255).round().astype(np.uint8)


@functools.cache
def font(size_px: int, bold: bool = False) -> Any:
    """DejaVu Sans as it comes with Matplotlib, so that pictures are the same on every machine."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size_px)
