"""A model in the plant: who owns its inputs, and what it did over a tick of several steps."""

from __future__ import annotations

import numpy as np

from twin.models import water_loop
from twin.plant.node import Node


def loop_node() -> tuple[Node, np.ndarray]:
    """Two water loops, and the array that all their inputs were made from."""
    shared = np.full(2, 20.0)
    params = water_loop.Params(*np.full((3, 2), 4e6))
    state = water_loop.at_rest(params, 300.0)
    return Node(water_loop.step, params, state, water_loop.Inputs(shared, shared, shared)), shared


def test_inputs_are_written_in_place_and_belong_to_the_model() -> None:
    node, shared = loop_node()
    held = node.inputs.heat_w
    node.write(heat_w=np.array([1.0, 2.0]), removed_w=3.0)
    assert held is node.inputs.heat_w
    assert held.tolist() == [1.0, 2.0]
    assert node.inputs.removed_w.tolist() == [3.0, 3.0], "a number is for all"
    assert node.inputs.flow_kg_per_s.tolist() == shared.tolist() == [20.0, 20.0]


def test_a_tick_of_several_steps_is_taken_as_one() -> None:
    node, _ = loop_node()
    for dt_s in (0.5, 1.5):
        node.made.append(water_loop.Outputs(np.array([dt_s, 2.0 * dt_s]), np.zeros(2)))
    assert node.take("supply_k", 2.0).tolist() == [1.0, 2.0]
    assert node.take_all("supply_k", 2.0) == 3.0
    node.made.clear()
    assert node.take("supply_k", 2.0).tolist() == [0.0, 0.0]
    assert node.take_all("supply_k", 2.0) == 0.0
