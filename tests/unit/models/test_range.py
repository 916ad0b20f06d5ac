"""The guard of the physical range."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import PhysicalRangeError
from twin.models._range import within


def test_temperatures_inside_pass() -> None:
    within("gpu", np.array([230.0, 450.0]))
    within("gpu", np.empty((3, 0)))


@pytest.mark.parametrize("value", [229.0, 451.0, float("nan"), float("inf")])
def test_the_asset_and_its_value_are_named(value: float) -> None:
    temperature_k = np.full((2, 9), 300.0)
    temperature_k[1, 6] = value
    with pytest.raises(PhysicalRangeError) as caught:
        within("gpu", temperature_k)
    (fault,) = caught.value.faults
    assert fault.where == "gpu 6"
    assert fault.found == f"{value:.6g} K"


def test_no_more_than_five_assets_are_listed() -> None:
    with pytest.raises(PhysicalRangeError) as caught:
        within("gpu", np.full(40, 999.0))
    assert len(caught.value.faults) == 5
