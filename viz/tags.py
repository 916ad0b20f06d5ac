"""Which words stand where: labels of racks and equipment, and the entries of the legend."""

from __future__ import annotations

import numpy as np

from viz import look, scene
from viz.camera import Camera, corners_of
from viz.faces import CABINETS, COLOURED_WITH_RACK, gpu_cells, highest, owners, paint
from viz.page import Label, number
from viz.site import Assets, Shown, Site

MANY = 10  # of more equal units only the first and the last get a tag
MIN_ROOM_PX = 13.0  # width of a roof that still takes a number, at a height of 1080
# Who gets its label first where there is not room for all.
ORDER = (
    "transformer", "feed", "ups", "cdu", "dry_cooler", "chiller", "facility_water", "chilled_water",
    "pdu", "crah",
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
    """Labels in the order of their weight; of a site of several halls only those of the halls."""
    kind = shown.quantity.asset_kind
    found: list[Label] = []
    if "hall" in site.assets and len(site.assets["hall"]) > 1:
        return _of_halls(site.assets["hall"], theme, camera)
    for each, letter in (("rack", ""), ("network_rack", "N")):
        if each in site.assets:
            under = _roof_colours(site, each, shown, colours, theme)
            found += _on_roofs(site.assets[each], each, letter, under, theme, camera)
    for each in sorted(site.assets, key=lambda k: (k != kind, ORDER.index(k) if k in ORDER else len(ORDER))):
        if each not in look.UNDRAWN and each not in CABINETS:
            found += _above(site.assets[each], each, shown, theme, camera)
    return found


def _of_halls(halls: Assets, theme: look.Theme, camera: Camera) -> list[Label]:
    at, accent = camera.project(halls.middle), theme.family["compute"][1]
    names = (name.split("/", 1)[0] for name in halls.ids)
    return [Label(name, (float(x), float(y)), accent=accent) for name, (x, y) in zip(names, at, strict=True)]


def on_gpus(site: Site, shown: Shown, colours: np.ndarray, theme: look.Theme, camera: Camera) -> list[Label]:
    """Values on the cells of the GPUs, on the fronts with the smaller coordinate."""
    found: list[Label] = []
    if shown.quantity.asset_kind != "gpu" or not {"rack", "gpu"} <= site.assets.keys():
        return found
    racks, step = site.assets["rack"], (shown.limits[1] - shown.limits[0]) / 20
    for kind in COLOURED_WITH_RACK:
        if kind not in site.assets:
            continue
        units = site.assets[kind]
        cells = gpu_cells(units, site.assets["gpu"])
        owner = owners(racks.ids, units)[cells.unit]
        place, wide = racks.place[owner].copy(), np.argmin(racks.size[owner, :2], axis=1)
        row, right = np.arange(len(owner)), place.copy()
        for end, share in ((place, cells.share[0]), (right, cells.share[1])):
            end[row, wide] += share * racks.size[owner[row], wide]
            end[:, 2] = np.mean(cells.height_m, axis=0)
        left_px, right_px = camera.project(place), camera.project(right)
        values = shown.of(cells.ids)
        for value, a, b, on in zip(
            values, left_px, right_px, paint(shown, values, colours, theme), strict=True
        ):
            middle = (float(a[0] + b[0]) / 2, float(a[1] + b[1]) / 2)
            found.append(
                Label(
                    number(float(value), step),
                    middle,
                    float(b[0] - a[0]) * 0.9,
                    (int(on[0]), int(on[1]), int(on[2])),
                )
            )
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
    name = look.kind_name(kind)
    texts = [f"{name} {short(i)}" if len(group) > 1 else name for i in group.ids]
    if shown.quantity.asset_kind == kind:
        step = (shown.limits[1] - shown.limits[0]) / 20
        unit = shown.quantity.shown_as
        texts = [f"{t}  {number(v, step)} {unit}" for t, v in zip(texts, shown.of(group.ids), strict=True)]
    accent = theme.family[look.FAMILY_OF.get(kind, "compute")][1]
    named = range(len(group)) if len(group) <= MANY else (0, len(group) - 1)
    at = camera.project(top)
    return [Label(texts[i], (float(at[i, 0]), float(at[i, 1])), accent=accent) for i in named]


def _on_roofs(
    group: Assets, kind: str, letter: str, under: np.ndarray, theme: look.Theme, camera: Camera
) -> list[Label]:
    """Numbers on the roofs of cabinets; where those are too small, tags at the heads of some rows."""
    roof = group.middle
    roof[:, 2] = (group.place + group.size)[:, 2]
    index, narrow = np.arange(len(group)), np.argmin(group.size[:, :2], axis=1)
    across = np.zeros_like(roof)
    across[index, narrow] = 0.86 * group.size[index, narrow]
    at = camera.project(roof)
    room = np.abs(camera.project(roof + across) - at).max(axis=1)
    if float(room.min()) >= MIN_ROOM_PX * camera.size[1] / 1080:
        return [
            Label(letter + short(name), (float(x), float(y)), float(w), (int(c[0]), int(c[1]), int(c[2])))
            for name, (x, y), w, c in zip(group.ids, at, room, under, strict=True)
        ]
    lines = rows(group) if kind == "rack" else []
    ends = [row[0] for row in lines[:: max(1, len(lines) // MANY)]]
    accent = theme.family[look.FAMILY_OF[kind]][1]
    return [Label(group.ids[i], (float(at[i, 0]), float(at[i, 1])), accent=accent) for i in ends]


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


def _roof_colours(site: Site, kind: str, shown: Shown, colours: np.ndarray, theme: look.Theme) -> np.ndarray:
    group = site.assets[kind]
    if shown.quantity.asset_kind == kind:
        return paint(shown, shown.of(group.ids), colours, theme)
    if kind == "rack" and shown.quantity.asset_kind == "gpu" and "gpu" in site.assets:
        gpus = site.assets["gpu"]
        worst = highest(shown.of(gpus.ids), owners(group.ids, gpus), len(group))
        return paint(shown, worst, colours, theme)
    plain = look.rgb(theme.tray) if kind == "rack" else theme.tone("network", "body")
    return np.broadcast_to(plain, (len(group), 3))
