"""Whatever the numbers and sizes: nothing overlaps, and everything is inside its room."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from twin.topology.geometry import Size
from twin.topology.layout import Fleet, Plan, plan

SIZES = st.tuples(st.floats(0.3, 4.0), st.floats(0.3, 3.0), st.floats(0.5, 3.0))


def items(prefix: str, least: int, most: int) -> st.SearchStrategy[list[tuple[str, Size]]]:
    sizes = st.lists(SIZES, min_size=least, max_size=most)
    return sizes.map(lambda found: [(f"{prefix}-{i}", size) for i, size in enumerate(found)])


FLEETS = st.builds(
    Fleet,
    racks=items("rack", 1, 20),
    network_racks=items("network-rack", 1, 5),
    cdus=items("cdu", 0, 5),
    crahs=items("crah", 0, 12),
    pdus=items("pdu", 1, 8),
    electrical=st.tuples(items("ups", 1, 5), items("transformer", 1, 3)),
    yard=st.tuples(items("skid", 0, 2), items("dry-cooler", 0, 9), items("chiller", 0, 4)),
    racks_per_row=st.integers(1, 12),
    aisle_m=st.floats(0.5, 3.0),
)
ROOMS = ("hall", "electrical-room", "outdoor")


def room_of(name: str) -> str:
    if name.startswith(("ups", "transformer")):
        return "electrical-room"
    return "outdoor" if name.startswith(("skid", "dry-cooler", "chiller")) else "hall"


@given(FLEETS)
@settings(max_examples=60, deadline=None)
def test_nothing_overlaps_and_all_is_inside(fleet: Fleet) -> None:
    made = plan(fleet)
    boxes = {n: b for n, b in made.boxes.items() if n not in (*ROOMS, "site")}
    given_sizes = [*fleet.racks, *fleet.network_racks, *fleet.cdus, *fleet.crahs]
    assert all(boxes[name].size == size for name, size in given_sizes)
    for name, box in boxes.items():
        assert made.boxes[room_of(name)].holds(box), name
    for (a, one), (b, other) in combinations(boxes.items(), 2):
        assert not one.overlaps(other), (a, b)
    for one, other in combinations(ROOMS, 2):
        assert not made.boxes[one].overlaps(made.boxes[other])
    assert all(made.boxes["site"].holds(made.boxes[room]) for room in ROOMS)


@given(FLEETS)
@settings(max_examples=30, deadline=None)
def test_aisles_are_kept_free(fleet: Fleet) -> None:
    made = plan(fleet)
    for row, following in zip(range(len(made.row_y_m)), range(1, len(made.row_y_m)), strict=False):
        assert _edge(made, following, 0) - _edge(made, row, 1) >= fleet.aisle_m - 1e-9
        assert made.row_facing[row] == -made.row_facing[following]


def _edge(made: Plan, row: int, side: int) -> float:
    boxes = [made.boxes[n] for n, r in made.row_of.items() if r == row]
    return max(b.end[1] for b in boxes) if side else min(b.place[1] for b in boxes)
