"""Control loops of a plant: what policies are shown, and that those of users are called as documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.plant import control as module
from twin.plant.control import Controls
from twin.policies.setpoint import Memory, Reading


def test_a_policy_of_ones_own_sees_arrays_over_loops(
    scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Reading] = []

    def own(memory: Memory, reading: Reading, tick_s: float) -> tuple[Any, Memory]:
        seen.append(reading)
        effort = np.where(reading.measured_k > reading.setpoint_k + 0.5 * reading.band_k, 1.0, 0.25)
        last = memory.effort_frac if len(memory.effort_frac) else effort
        return 0.5 * (effort + last) * tick_s, Memory(effort_frac=effort)

    monkeypatch.setattr(module, "find", lambda *_: own)
    controls = Controls(twin.load(scenarios / "one-rack.yaml"), {"chiller": 3}, cdus=2)
    measured_k = np.array([400.0, 300.0])
    assert controls.effort_frac("cdu", measured_k).tolist() == [1.0, 0.25]
    assert controls.effort_frac("cdu", measured_k[::-1]).tolist() == [0.625, 0.625], "it remembers its last"
    controls.effort_frac("chiller", measured_k[:1])
    assert [reading.units for reading in seen] == [1, 1, 3]
    for reading in seen:
        assert reading.setpoint_k.shape == reading.band_k.shape == reading.measured_k.shape
