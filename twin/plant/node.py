"""One model in the plant: its parameters, state, inputs, and what it did since the last tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.plant._over_units import whole

Array = NDArray[np.float64]
Step = Callable[[Any, Any, Any, float], tuple[Any, Any]]


@dataclass
class Node:
    """A model with its arrays.

    Parameters
    ----------
    step : callable
        The model's pure ``step(params, state, inputs, dt_s) -> (state, outputs)``.
    params, state, inputs : NamedTuple
        As the model declares them. Arrays of inputs are the node's own and change at ticks: who keeps one copies it.
    stored_j : callable, optional
        The model's energy content, for the audit.
    outputs : NamedTuple, optional
        Of the last step.
    made : list
        Outputs of the steps of the present tick.
    """

    step: Step
    params: Any
    state: Any
    inputs: Any
    stored_j: Callable[[Any, Any], Array] | None = None
    outputs: Any = None
    made: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Own the inputs: what they are made from may be shared."""
        own = (v.copy() if isinstance(v, np.ndarray) else v for v in self.inputs)
        self.inputs = type(self.inputs)(*own)

    def advance(self, dt_s: float) -> None:
        """Step the model; what it did is kept until the tick ends."""
        self.state, self.outputs = self.step(self.params, self.state, self.inputs, dt_s)
        self.made.append(self.outputs)

    def amount(self, name: str) -> Array:
        """What a model did of something over the tick that ends now."""
        if not self.made:
            return np.zeros(len(self.params[0]))
        found: Array = getattr(self.made[0], name)
        for outputs in self.made[1:]:
            found = found + getattr(outputs, name)
        return found

    def take(self, name: str, tick_s: float) -> Array:
        """Mean rate of an amount over the tick that ends now."""
        made = self.made
        return (getattr(made[0], name) if len(made) == 1 else self.amount(name)) / tick_s

    def take_all(self, name: str, tick_s: float) -> float:
        """Mean rate of an amount over the tick that ends now, of all assets together."""
        made = self.made
        return whole(getattr(made[0], name) if len(made) == 1 else self.amount(name)) / tick_s

    def tell(self, **values: Array) -> None:
        """Set inputs for the next tick."""
        kind = type(self.inputs)
        is_all = len(values) == len(kind._fields)  # replacing all costs as much as a small step
        self.inputs = kind(**values) if is_all else self.inputs._replace(**values)

    def write(self, **values: Array | float) -> None:
        """Set inputs for the next tick in place, which costs a fraction of new arrays; a number is for all assets."""
        inputs = self.inputs
        for name, value in values.items():
            getattr(inputs, name)[...] = value

    def content_j(self) -> float:
        """Energy content of the model's state [J]."""
        return float(np.sum(self.stored_j(self.params, self.state))) if self.stored_j else 0.0
