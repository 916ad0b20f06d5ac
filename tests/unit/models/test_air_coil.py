"""Banks of coils: those that are alike share a result, and an odd one gets its own."""

from __future__ import annotations

import numpy as np

from twin.models import air_coil

PARAMS = (120e3, 200.0, 20.0, 30e3, 0.03, 3850.0)
INPUTS = (321.15, 268.15, 20.0, 1.0)


def test_an_odd_coil_of_a_bank_gets_its_own_result() -> None:
    for place in range(len(PARAMS) + len(INPUTS)):
        figures = np.tile(np.array([*PARAMS, *INPUTS])[:, None], 4)
        figures[place, 2] *= 0.9
        params, inputs = air_coil.Params(*figures[:6]), air_coil.Inputs(*figures[6:])
        _, bank = air_coil.step(params, air_coil.State(), inputs, 2.0)
        for c in range(4):
            own_params = air_coil.Params(*(v[c : c + 1] for v in params))
            own_inputs = air_coil.Inputs(*(v[c : c + 1] for v in inputs))
            _, one = air_coil.step(own_params, air_coil.State(), own_inputs, 2.0)
            for name in air_coil.Outputs._fields:
                assert getattr(bank, name)[c] == getattr(one, name)[0], (place, c, name)
        assert np.array_equal(2.0 * air_coil.heat_to_air_w(params, inputs), bank.heat_to_air_j)
