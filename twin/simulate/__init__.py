"""One run from scenario to result file; the only place that wires the rooms."""

from twin.simulate.prepare import Prepared, prepare, prove
from twin.simulate.run import run, run_spec

__all__ = ["Prepared", "prepare", "prove", "run", "run_spec"]
