"""From a study file to the runs that it asks for; pure planning, nothing is run here."""

from twin.study.planning import plan
from twin.study.spec import Plan, RunSpec

__all__ = ["Plan", "RunSpec", "plan"]
