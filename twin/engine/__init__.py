"""The clock: SimPy owns when, the plant's arrays own what."""

from twin.engine.clock import Agenda, Context, Ticks, run_loop
from twin.engine.recorder import Recorder

__all__ = ["Agenda", "Context", "Recorder", "Ticks", "run_loop"]
