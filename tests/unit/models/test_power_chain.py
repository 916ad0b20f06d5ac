"""The power chain: balance, dual cords, dead feeders, refused graphs."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import TopologyError
from twin.models import power_chain as chain

# two racks, two PDUs, two UPS, one feed; each rack on both PDUs
RACKS, PDUS, UPS, FEED = [0, 1], [2, 3], [4, 5], 6
RATING = [120e3, 120e3, 250e3, 250e3, 300e3, 300e3, 600e3]
LOSS = np.array([[0.0, 0.0, 0.005]] * 4 + [[0.008, 0.010, 0.012]] * 2 + [[0.0, 0.0, 0.0]]).T


def _build(share: float = 0.5) -> chain.Params:
    return chain.build(
        RATING,
        *LOSS,
        fed=[0, 0, 1, 1, 2, 3, 4, 5],
        feeder=[2, 3, 2, 3, 4, 5, 6, 6],
        share_frac=[share, 1 - share] * 2 + [1.0] * 4,
    )


def _run(params: chain.Params, down: list[int], racks_w: float = 100e3, dt_s: float = 1.0) -> chain.Outputs:
    up = np.ones(7, dtype=bool)
    up[down] = False
    demand = np.array([racks_w] * 2 + [0.0] * 5)
    return chain.step(
        params, chain.full(params), chain.calm(params)._replace(demand_w=demand, is_up=up), dt_s
    )[1]


def test_by_hand() -> None:
    out = _run(_build(), [])
    rack_in = 100e3 + 120e3 * 0.005 * (100 / 120) ** 2
    pdu_in = rack_in + 250e3 * 0.005 * (rack_in / 250e3) ** 2
    load = pdu_in / 300e3
    ups_in = pdu_in + 300e3 * (0.008 + 0.010 * load + 0.012 * load**2)
    assert out.in_j[RACKS] == pytest.approx(rack_in)
    assert out.in_j[PDUS] == pytest.approx(pdu_in)
    assert out.in_j[UPS] == pytest.approx(ups_in)
    assert out.out_j[FEED] == pytest.approx(2 * ups_in)


@pytest.mark.parametrize("down", [[], [2], [4], [0], [2, 5], [6]])
def test_the_grid_pays_for_loads_and_losses(down: list[int]) -> None:
    out = _run(_build(0.3), down, dt_s=7.0)
    assert out.in_j[FEED] == pytest.approx(out.demand_j.sum() + out.loss_j.sum(), rel=1e-12, abs=1e-9)


def test_uneven_shares_are_kept_while_both_feeders_live() -> None:
    out = _run(_build(0.3), [])
    assert out.out_j[2] / out.out_j[3] == pytest.approx(3 / 7)


@pytest.mark.parametrize("down", [2, 4])
def test_the_other_side_takes_over(down: int) -> None:
    out = _run(_build(0.3), [down])
    assert out.served_frac[RACKS].tolist() == [1.0, 1.0]
    assert out.out_j[3] == pytest.approx(out.in_j[RACKS].sum())
    assert out.out_j[2] == 0.0
    assert out.served_frac[2] == 0.0


def test_an_overload_is_reported_and_not_cut() -> None:
    out = _run(_build(), [4], racks_w=160e3)
    assert out.load_frac[5] > 1.0
    assert out.served_frac[RACKS].tolist() == [1.0, 1.0]


def test_with_both_feeders_dead_the_load_gets_nothing() -> None:
    out = _run(_build(), [2, 5])
    assert out.served_frac[RACKS].tolist() == [0.0, 0.0]
    assert out.demand_j.sum() == 0.0
    # the UPS that still has the grid keeps drawing its constant loss
    assert out.loss_j[4] == pytest.approx(0.008 * 300e3)


def test_losses_fall_on_every_level_at_partial_load() -> None:
    low, high = _run(_build(), [], 20e3), _run(_build(), [], 100e3)
    share = [float(o.loss_j.sum() / o.demand_j.sum()) for o in (low, high)]
    assert share[0] > 2 * share[1]


def test_a_cycle_is_refused() -> None:
    with pytest.raises(TopologyError, match="cycle"):
        chain.build([1.0] * 3, *np.zeros((3, 3)), fed=[0, 1, 2], feeder=[1, 2, 0], share_frac=[1.0] * 3)


def test_bad_ratings_shares_and_indices_come_together() -> None:
    with pytest.raises(TopologyError) as caught:
        chain.build([1.0, 0.0], *np.zeros((3, 2)), fed=[0, 0], feeder=[1, 7], share_frac=[1.0, -1.0])
    assert [f.where for f in caught.value.faults] == ["power element 1", "feed 1", "feeds"]


def test_an_element_alone_is_its_own_source() -> None:
    params = chain.build([1e3], [0.01], [0.0], [0.0], fed=[], feeder=[], share_frac=[])
    _, out = chain.step(
        params, chain.full(params), chain.calm(params)._replace(demand_w=np.array([500.0])), 2.0
    )
    assert out.in_j == pytest.approx([1020.0])
