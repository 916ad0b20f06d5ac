"""Where runs execute: processes of this machine, or a dask cluster; resumes, and survives dead workers."""

from twin.launch.halls import run_site
from twin.launch.studies import Outcome, run_study

__all__ = ["Outcome", "run_site", "run_study"]
