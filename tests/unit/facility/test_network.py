"""Load flows by hand: two buses, ties, islands, dead parts, and refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from twin.facility import Bus, Line, Load, Network, NetworkError, Source, Tie, Transformer, solve

R, X, VOLT = 0.25, 0.4, 11e3
CABLE = Line("F1", "A", "B", R, X, rated_a=200.0)
BUSES = (Bus("A", VOLT), Bus("B", VOLT))
GRID = Source("grid", "A")


def two(load: Load, **changes: object) -> Network:
    return replace(Network(BUSES, (GRID,), (CABLE,), loads=(load,)), **changes)  # type: ignore[arg-type]


def closed_form_v(power_va: complex, volt: float = VOLT) -> float:
    """Voltage behind R + jX at constant power: the larger root of the quadratic in its square."""
    drop = power_va.real * R + power_va.imag * X
    inner = volt**2 / 2 - drop
    return math.sqrt(inner + math.sqrt(inner**2 - abs(power_va) ** 2 * (R**2 + X**2)))


@pytest.mark.parametrize("power_va", [2e6 + 1e6j, 8e6 - 2e6j, -3e6 + 0j, 60e6 + 0j])
def test_two_buses_at_constant_power(power_va: complex) -> None:
    flow = solve(two(Load("hall", "B", power_va=power_va)))
    behind_v = closed_form_v(power_va)
    assert abs(flow.voltage_pu[0, 1]) * VOLT == pytest.approx(behind_v, rel=1e-11)
    current_a = abs(power_va) / math.sqrt(3) / behind_v
    assert flow.from_a[0, 0] == pytest.approx(current_a, rel=1e-11)
    assert flow.loss_w[0, 0] == pytest.approx(3 * current_a**2 * R, rel=1e-9)
    assert flow.loading_frac[0, 0] == pytest.approx(current_a / 200, rel=1e-11)
    assert flow.source_va[0, 0].real == pytest.approx(power_va.real + flow.loss_w[0, 0], rel=1e-12)


def test_a_sag_raises_the_current_of_constant_power_and_lowers_that_of_impedance() -> None:
    for kind, sign in (("power_va", 1), ("current_va", 0), ("impedance_va", -1)):
        network = two(Load("hall", "B", **{kind: 2e6 + 0j}))  # type: ignore[arg-type]
        sagged = replace(network, sources=(replace(GRID, voltage_pu=0.9),))
        ratio = float(solve(sagged).from_a[0, 0] / solve(network).from_a[0, 0])
        assert ratio == pytest.approx(0.9**-sign, rel=2e-3)


def test_power_beyond_what_the_cable_carries_is_refused_by_step() -> None:
    limit_w = VOLT**2 / (2 * (abs(complex(R, X)) + R))
    assert solve(two(Load("hall", "B", power_va=0.999 * limit_w + 0j))).voltage_pu.shape == (1, 2)
    with pytest.raises(NetworkError, match="1 steps have no load flow") as caught:
        solve(two(Load("hall", "B", power_va=np.array([1e6, 1.001 * limit_w]) + 0j)))
    assert caught.value.faults[0].where == "step 1"


def test_each_step_is_solved_by_itself() -> None:
    series = np.array([1e6 + 0j, 9e6 + 4e6j, 2e6 - 1e6j])
    whole = solve(two(Load("hall", "B", power_va=series)))
    for step, power in enumerate(series):
        alone = solve(two(Load("hall", "B", power_va=complex(power))))
        np.testing.assert_array_equal(alone.voltage_pu[0], whole.voltage_pu[step])


def test_a_capacitor_raises_the_voltage_and_the_power_factor() -> None:
    load = Load("hall", "B", power_va=4e6 + 2e6j)
    mended = two(load, loads=(load, Load("bank", "B", impedance_va=-2e6j)))
    before, after = solve(two(load)), solve(mended)
    assert abs(after.voltage_pu[0, 1]) > abs(before.voltage_pu[0, 1])
    assert after.power_factor[0, 0] > 0.999 > before.power_factor[0, 0]


def test_a_closed_tie_makes_one_bus() -> None:
    buses = (*BUSES, Bus("C", VOLT))
    far = Load("hall", "C", power_va=2e6 + 1e6j)
    flow = solve(Network(buses, (GRID,), (CABLE,), ties=(Tie("T", "B", "C", closed=True),), loads=(far,)))
    assert flow.voltage_pu[0, 1] == flow.voltage_pu[0, 2]
    assert abs(flow.voltage_pu[0, 2]) * VOLT == pytest.approx(closed_form_v(2e6 + 1e6j), rel=1e-11)
    assert flow.mismatch_va[0] < 1e-3


def test_parallel_cables_share_and_a_ring_is_solved() -> None:
    pair = (CABLE, replace(CABLE, name="F2"))
    flow = solve(two(Load("hall", "B", power_va=4e6 + 1e6j), lines=pair))
    assert flow.from_va[0, 0] == pytest.approx(flow.from_va[0, 1], rel=1e-12)
    single = replace(CABLE, resistance_ohm=R / 2, reactance_ohm=X / 2)
    merged = solve(two(Load("hall", "B", power_va=4e6 + 1e6j), lines=(single,)))
    np.testing.assert_allclose(flow.voltage_pu, merged.voltage_pu, rtol=1e-12)


def test_unequal_taps_in_parallel_drive_a_circulating_current() -> None:
    plate = ("A", "B", 2.5e6, 11e3, 415.0, 0.06, 0.01)
    units = (Transformer("T1", *plate), Transformer("T2", *plate, tap_from_frac=0.025))
    network = Network((Bus("A", VOLT), Bus("B", 415.0)), (GRID,), transformers=units)
    flow = solve(network)
    # 2.5 % of voltage around 12 % of impedance
    expected_a = 0.025 / 1.025 / (0.06 + 0.06) * 2.5e6 / (math.sqrt(3) * 415)
    assert flow.to_a[0] == pytest.approx([expected_a] * 2, rel=2e-2)
    assert flow.load_va.sum() == 0


def test_what_hangs_on_nothing_is_dead() -> None:
    buses = (*BUSES, Bus("C", VOLT), Bus("D", VOLT))
    lines = (CABLE, Line("F2", "C", "D", R, X, 200.0))
    loads = (Load("hall", "B", power_va=1e6 + 0j), Load("lost", "D", power_va=1e6 + 0j))
    flow = solve(Network(buses, (GRID,), lines, loads=loads))
    assert flow.energised.tolist() == [True, True, False, False]
    assert flow.voltage_pu[0, 3] == flow.load_va[0, 3] == flow.from_va[0, 1] == 0
    everything = replace(flow.network, sources=(replace(GRID, in_service=False),))
    dead = solve(everything)
    assert not dead.energised.any()
    assert dead.mismatch_va[0] == 0


def test_two_sources_share_a_load() -> None:
    lines = (CABLE, Line("F2", "C", "B", R, X, 200.0))
    sources = (GRID, Source("plant", "C", 1.0))
    network = Network((*BUSES, Bus("C", VOLT)), sources, lines, loads=(Load("hall", "B", power_va=4e6 + 0j),))
    flow = solve(network)
    assert flow.source_va[0, 0] == pytest.approx(flow.source_va[0, 1], rel=1e-9)


def test_two_sources_at_one_bus_are_refused() -> None:
    with pytest.raises(NetworkError, match="two sources hold one voltage"):
        solve(two(Load("hall", "B"), sources=(GRID, Source("plant", "A"))))


def test_all_faults_of_a_network_at_once() -> None:
    with pytest.raises(NetworkError) as caught:
        Network(
            (Bus("A", VOLT), Bus("A", -1.0), Bus("L", 415.0)),
            (),
            lines=(Line("F1", "A", "L", 0.0, 0.0, 100.0), Line("F2", "L", "L", 0.1, 0.1, math.nan)),
            transformers=(Transformer("T", "A", "X", 1e6, 11e3, 415.0, 0.01, 0.02),),
            loads=(
                Load("a", "L", power_va=np.zeros(3, complex)),
                Load("b", "L", power_va=np.zeros(2, complex)),
            ),
        )
    found = "\n".join(str(fault) for fault in caught.value.faults)
    for part in (
        "twice",
        "-1",
        "no impedance",
        "both ends at L",
        "nan",
        "bus X",
        "0.02",
        "shape (2,)",
        "no source",
    ):
        assert part in found
