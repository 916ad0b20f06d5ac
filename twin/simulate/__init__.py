"""One run from scenario to result file; the only place that wires the rooms."""

from twin.simulate.halls import FOLDER, run_hall, stitch_site
from twin.simulate.prepare import Prepared, hall_ids, prepare, prove
from twin.simulate.run import run, run_spec

__all__ = ["FOLDER", "Prepared", "hall_ids", "prepare", "prove", "run", "run_hall", "run_spec", "stitch_site"]
