"""Placement policies: every GPU is taken once, tensor groups are never torn apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin import registry

NAMES = ("packed", "spread")


def test_these_policies_are_there() -> None:
    assert set(NAMES) <= set(registry.names("twin.policies.placement"))


@pytest.mark.parametrize("name", NAMES)
@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    tensor=st.integers(1, 4),
    parts=st.integers(1, 6),
)
def test_groups_are_whole_and_share_no_gpu(name: str, sizes: list[int], tensor: int, parts: int) -> None:
    domains = [[f"{d}/{i}" for i in range(n)] for d, n in enumerate(sizes)]
    made = registry.find("twin.policies.placement", name, "place")(domains, tensor * parts, tensor)
    gpus = [gpu for group in made for gpu in group]
    assert len(gpus) == len(set(gpus))
    for group in made:
        assert len(group) == tensor * parts
        for start in range(0, len(group), tensor):
            assert len({gpu.split("/")[0] for gpu in group[start : start + tensor]}) == 1
    if max(sizes) >= tensor * parts:
        assert len(made) == sum(n // (tensor * parts) for n in sizes)
        assert all(len({gpu.split("/")[0] for gpu in group}) == 1 for group in made)
    else:
        assert len(made) == sum(n // tensor for n in sizes) // parts


def test_they_take_the_domains_in_their_own_order() -> None:
    domains = [list("abcd"), list("efgh"), list("ij")]
    orders = {name: registry.find("twin.policies.placement", name, "place")(domains, 2, 2) for name in NAMES}
    assert ["".join(g) for g in orders["packed"]] == ["ab", "cd", "ef", "gh", "ij"]
    assert ["".join(g) for g in orders["spread"]] == ["ab", "ef", "ij", "cd", "gh"]
