"""Air rack by rack: split, balance and steady states, and the same answer as an independent matrix exponential."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from twin.models import hall_racks
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K as CP

ONE = np.ones(1)


def case(
    seed: int, racks: int = 6, air_frac: float = 1.0
) -> tuple[hall_racks.Params, hall_racks.State, hall_racks.Inputs]:
    """A hall with random cabinets, shares that neither row nor column overdraws, and a random state."""
    rng = np.random.default_rng(seed)
    flow = rng.uniform(0.5, 3.0, racks)
    params = hall_racks.Params(
        rng.uniform(5e3, 5e4, racks), flow, 4e5 * ONE, 2e5 * ONE,
        rng.uniform(1e7, 1e8) * ONE, rng.uniform(1e3, 1e4) * ONE,
    )  # fmt: skip
    share = rng.uniform(0.0, 1.0, (racks, racks)) ** 4
    least = max(1.0 - air_frac, 0.05)
    share *= least / share.sum(axis=1, keepdims=True)
    share *= np.minimum(1.0, flow / (flow @ share))
    fresh = float(flow @ (1.0 - share.sum(axis=1)))
    state = hall_racks.State(rng.uniform(290, 330, racks), 297.0 * ONE, 310.0 * ONE, 296.0 * ONE)
    inputs = hall_racks.Inputs(
        rng.uniform(0, 4e4, racks), 5e3 * ONE, rng.uniform(0, 2e5) * ONE, max(fresh, air_frac * flow.sum()) * ONE, share
    )  # fmt: skip
    return params, state, inputs


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dt_s", [0.3, 20.0, 3600.0])
def test_a_step_may_be_cut_anywhere_and_keeps_all_heat(seed: int, dt_s: float) -> None:
    params, state, inputs = case(seed, air_frac=0.3 + 0.3 * seed)
    whole, out = hall_racks.step(params, state, inputs, dt_s)
    half, _ = hall_racks.step(params, state, inputs, 0.37 * dt_s)
    cut, _ = hall_racks.step(params, half, inputs, 0.63 * dt_s)
    np.testing.assert_allclose(np.concatenate(cut), np.concatenate(whole), rtol=1e-11)
    gained = hall_racks.stored_j(params, whole).sum() - hall_racks.stored_j(params, state).sum()
    put_in = hall_racks.net_in_j(inputs, out, dt_s)
    assert gained == pytest.approx(
        put_in, abs=1e-9 * (abs(put_in) + hall_racks.stored_j(params, whole).sum() * 1e-2)
    )


def test_the_step_is_the_exponential_of_its_equations() -> None:
    """The equations of the module, written once more in another order, with SciPy's exponential."""
    params, state, inputs = case(3)
    n, flow, share = 6, params.flow_kg_per_s, inputs.share_frac
    fresh, crah = 1.0 - share.sum(axis=1), float(inputs.crah_kg_per_s[0])
    rate, source = np.zeros((n + 4, n + 4)), n + 3  # the last is a one that carries the sources
    cold, hot, slab = n, n + 1, n + 2
    for i in range(n):
        for j in range(n):
            rate[i, j] += flow[i] * CP * share[i, j] / params.rack_j_per_k[i]
            rate[hot, j] -= flow[i] * CP * share[i, j] / params.hot_j_per_k[0]
        rate[i, cold] += flow[i] * CP * fresh[i] / params.rack_j_per_k[i]
        rate[i, i] -= flow[i] * CP / params.rack_j_per_k[i]
        rate[hot, i] += flow[i] * CP / params.hot_j_per_k[0]
        rate[i, source] = inputs.heat_w[i] / params.rack_j_per_k[i]
    rate[hot, cold] += (crah - flow @ fresh) * CP / params.hot_j_per_k[0]
    rate[hot, hot] -= crah * CP / params.hot_j_per_k[0]
    rate[hot, source] = inputs.other_w[0] / params.hot_j_per_k[0]
    loss = params.structure_w_per_k[0]
    rate[cold, hot] = crah * CP / params.cold_j_per_k[0]
    rate[cold, slab] = loss / params.cold_j_per_k[0]
    rate[cold, cold] = -(crah * CP + loss) / params.cold_j_per_k[0]
    rate[cold, source] = -inputs.removed_w[0] / params.cold_j_per_k[0]
    rate[slab, cold], rate[slab, slab] = (
        loss / params.structure_j_per_k[0],
        -loss / params.structure_j_per_k[0],
    )
    start = np.concatenate([*state, ONE])
    end, _ = hall_racks.step(params, state, inputs, 40.0)
    np.testing.assert_allclose(np.concatenate(end), (expm(40.0 * rate) @ start)[:-1], rtol=1e-10)


def test_order_of_racks_is_of_no_account() -> None:
    params, state, inputs = case(5)
    order = np.array([3, 0, 5, 1, 4, 2])
    turned = (
        params._replace(rack_j_per_k=params.rack_j_per_k[order], flow_kg_per_s=params.flow_kg_per_s[order]),
        state._replace(rack_k=state.rack_k[order]),
        inputs._replace(heat_w=inputs.heat_w[order], share_frac=inputs.share_frac[np.ix_(order, order)]),
    )
    end, _ = hall_racks.step(params, state, inputs, 30.0)
    other, _ = hall_racks.step(*turned, 30.0)
    np.testing.assert_allclose(other.rack_k, end.rack_k[order], rtol=1e-12)


def test_more_heat_in_one_rack_warms_those_that_take_its_air() -> None:
    params, state, inputs = case(2)
    more = inputs._replace(heat_w=inputs.heat_w + 1e4 * (np.arange(6) == 4))
    plain, _ = hall_racks.step(params, state, inputs, 600.0)
    warm, _ = hall_racks.step(params, state, more, 600.0)
    assert (hall_racks.inlet_k(warm, more) > hall_racks.inlet_k(plain, inputs)).all()
    assert (warm.rack_k - plain.rack_k).argmax() == 4
