"""Runs jobs on a dask cluster: on this machine, at an address, or through Slurm."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from twin.errors import Fault, MissingLibrary, StudyError
from twin.launch.job import ATTEMPTS, Job, died, execute

_CONNECT_TIMEOUT = "10 s"


def run_on_cluster(
    jobs: Sequence[Job], workers: int, on: str
) -> Iterator[tuple[Job, Future[dict[str, Any]]]]:
    """Run jobs on dask workers; yields each with its future as it ends.

    A run whose worker dies is given to another one by the scheduler.

    Parameters
    ----------
    on : str
        ``dask`` for a scheduler and workers of our own, ``slurm``, or the address of a scheduler.

    Raises
    ------
    MissingLibrary
        Without dask, or without dask-jobqueue for Slurm.
    StudyError
        When no scheduler answers at the address.
    """
    distributed = _library("distributed", "pip install 'ai-factory-twin[cluster]'")
    with _client(distributed, on, min(workers, len(jobs))) as client:
        futures = {client.submit(execute, job, key=job.run_id): job for job in jobs}
        for done in distributed.as_completed(futures, raise_errors=False):
            ended: Future[dict[str, Any]] = Future()
            error = done.exception()
            if isinstance(error, distributed.KilledWorker):
                ended.set_exception(died(futures[done]))
            elif error is not None:
                ended.set_exception(error)
            else:
                ended.set_result(done.result())
            yield futures[done], ended


@contextmanager
def _client(distributed: Any, on: str, workers: int) -> Iterator[Any]:
    if "://" in on:
        try:
            client = distributed.Client(on, timeout=_CONNECT_TIMEOUT)
        except (OSError, ValueError) as error:
            mend = "start one with `dask scheduler`, or use --on dask"
            fault = Fault("", 0, "--on", f"{on}: {error}", "the address of a dask scheduler", mend)
            raise StudyError("no scheduler answers", [fault]) from None
        with client:
            yield client
        return
    # One run at a time on a worker, so that a dying worker is blamed on the run that it was doing.
    settings = {
        "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
        "distributed.scheduler.worker-saturation": 1.0,
    }
    import dask

    with dask.config.set(settings):
        cluster = _slurm(workers) if on == "slurm" else distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        )  # fmt: skip
        with cluster, distributed.Client(cluster) as client:
            yield client


def _slurm(workers: int) -> Any:
    cluster = _library("dask_jobqueue", "pip install dask-jobqueue").SLURMCluster()
    cluster.scale(jobs=workers)  # cores, memory and queue are the site's own, in its jobqueue.yaml
    return cluster


def _library(name: str, mend: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        fault = Fault("", 0, "--on", f"the package {name} is not installed", f"the package {name}", mend)
        raise MissingLibrary(f"a study like this needs {name}", [fault]) from None
