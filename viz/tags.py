"""Which words stand where: labels of racks and equipment, and the entries of the legend."""

from __future__ import annotations

import numpy as np

from viz import look, scene
from viz.camera import Camera, corners_of
from viz.faces import highest, owners, paint
from viz.page import Label, number
from viz.site import Assets, Shown, Site

# Who gets its label first where there is not room for all.
ORDER = (
    "transformer", "feed", "ups", "cdu", "dry_cooler", "chiller", "facility_water", "chilled_water",
    "network_rack", "pdu", "crah",
)  # fmt: skip


def short(name: str) -> str:
    """Last part of an id.

    Examples
    --------
    >>> short("rack-07"), short("dry-cooler-2"), short("feed")
    ('07', '2', 'feed')
    """
    return name.rsplit("-", 1)[-1]


def legend(site: Site, shown: Shown, theme: look.Theme, cables: bool) -> list[tuple[str, np.ndarray, str]]:
    """Entries (name, colour, mark) for the families that are drawn in their own colours, and for the routes."""
    found: list[tuple[str, np.ndarray, str]] = []
    for family, name in look.FAMILY_NAMES.items():
        kinds = [k for k in look.FAMILIES[family] if k in site.assets and k != shown.quantity.asset_kind]
        if kinds and family != "compute":
            found.append((name, theme.tone(family, "body"), "box"))
    if cables:
        media = [m for m in scene.ROUTE_NAMES if len(site.segments.get(m, ()))]
        found += [(scene.ROUTE_NAMES[m], theme.tone(*scene.ROUTE_TONES[m]), "line") for m in media]
    return found


def labels(site: Site, shown: Shown, colours: np.ndarray, theme: look.Theme, camera: Camera) -> list[Label]:
    """Labels in the order of their weight."""
    kind = shown.quantity.asset_kind
    found: list[Label] = []
    if "rack" in site.assets:
        found += _on_racks(site, shown, colours, theme, camera)
    for each in sorted(site.assets, key=lambda k: (k != kind, ORDER.index(k) if k in ORDER else len(ORDER))):
        if each not in look.UNDRAWN and each != "rack":
            found += _above(site.assets[each], each, shown, theme, camera)
    return found


def faces(site: Site, camera: Camera) -> np.ndarray:
    """Boxes of the picture (box, x0 y0 x1 y1) that racks fill [px]; tags stay off them."""
    if "rack" not in site.assets:
        return np.empty((0, 4))
    racks = site.assets["rack"]
    at = camera.project(corners_of(racks.place, racks.size)).reshape(len(racks), 8, 2)
    return np.hstack([at.min(axis=1), at.max(axis=1)])


def _above(group: Assets, kind: str, shown: Shown, theme: look.Theme, camera: Camera) -> list[Label]:
    """Tags above the equipment of a kind, with the value where it is the one that is shown."""
    top = group.middle
    top[:, 2] = (group.place + group.size)[:, 2]
    name = look.KIND_NAMES.get(kind, kind.replace("_", " ").capitalize())
    texts = [f"{name} {short(i)}" if len(group) > 1 else name for i in group.ids]
    if shown.quantity.asset_kind == kind:
        step = (shown.limits[1] - shown.limits[0]) / 100
        unit = shown.quantity.shown_as
        texts = [f"{t}  {number(v, step)} {unit}" for t, v in zip(texts, shown.of(group.ids), strict=True)]
    accent = theme.family[look.FAMILY_OF.get(kind, "compute")][1]
    return [
        Label(text, (float(x), float(y)), accent=accent)
        for text, (x, y) in zip(texts, camera.project(top), strict=True)
    ]


def _on_racks(
    site: Site, shown: Shown, colours: np.ndarray, theme: look.Theme, camera: Camera
) -> list[Label]:
    """Numbers on the roofs; where those are too small, tags at the ends of the rows."""
    racks = site.assets["rack"]
    roof = racks.middle
    roof[:, 2] = (racks.place + racks.size)[:, 2]
    across = np.zeros_like(roof)
    narrow = np.argmin(racks.size[:, :2], axis=1)
    across[np.arange(len(racks)), narrow] = 0.86 * racks.size[np.arange(len(racks)), narrow]
    room = np.abs(camera.project(roof + across) - camera.project(roof)).max(axis=1)
    at = camera.project(roof)
    if float(room.min()) >= MIN_ROOM_PX * camera.size[1] / 1080:
        under = _roof_colours(site, shown, colours, theme)
        return [
            Label(short(name), (float(x), float(y)), float(w), (int(c[0]), int(c[1]), int(c[2])))
            for name, (x, y), w, c in zip(racks.ids, at, room, under, strict=True)
        ]
    ends = [i for row in rows(racks) for i in (row[0], row[-1])]
    accent = theme.family["compute"][1]
    return [Label(racks.ids[i], (float(at[i, 0]), float(at[i, 1])), accent=accent) for i in ends]


MIN_ROOM_PX = 13.0  # at a height of 1080


def rows(racks: Assets) -> list[list[int]]:
    """Indices of the racks of each row, in the order in which they stand.

    Examples
    --------
    >>> place = np.array([[0, 0, 0], [2, 0, 0], [1, 0, 0], [0, 5, 0]], dtype=float)
    >>> rows(Assets(("a", "b", "c", "d"), ("",) * 4, place, np.tile([0.6, 1.2, 2.2], (4, 1))))
    [[0, 2, 1], [3]]
    """
    narrow = int(np.median(np.argmin(racks.size[:, :2], axis=1)))
    along, across = racks.middle[:, narrow], racks.middle[:, 1 - narrow].round(1)
    return [
        [int(i) for i in np.flatnonzero(across == line)[np.argsort(along[across == line], kind="stable")]]
        for line in np.unique(across)
    ]


def _roof_colours(site: Site, shown: Shown, colours: np.ndarray, theme: look.Theme) -> np.ndarray:
    racks = site.assets["rack"]
    if shown.quantity.asset_kind == "rack":
        return paint(shown, shown.of(racks.ids), colours, theme)
    if shown.quantity.asset_kind == "gpu" and "gpu" in site.assets:
        gpus = site.assets["gpu"]
        worst = highest(shown.of(gpus.ids), owners(racks.ids, gpus), len(racks))
        return paint(shown, worst, colours, theme)
    return np.broadcast_to(look.rgb(theme.tray), (len(racks), 3))
