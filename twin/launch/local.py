"""Runs jobs in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from twin.launch.job import ATTEMPTS, Job, died, execute

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_local(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Future[dict[str, Any]]]]:
    """Run jobs on worker processes; yields each with its future as it ends.

    Each worker is a pool of its own, so a dead process costs only the run that it was doing. Workers
    end when the leash is cut: by this function, or by the system when this process is killed.
    """
    context = multiprocessing.get_context("spawn")
    held, leash = context.Pipe(duplex=False)
    free: queue.SimpleQueue[ProcessPoolExecutor] = queue.SimpleQueue()

    def pool() -> ProcessPoolExecutor:
        # set here, for libraries read it when they are loaded, which is before any code of ours runs there
        os.environ.update({name: os.environ.get(name, "1") for name in _THREADS})
        return ProcessPoolExecutor(1, mp_context=context, initializer=_settle, initargs=(held,))

    def attempt(job: Job) -> dict[str, Any]:
        worker = free.get()
        try:
            for _ in range(ATTEMPTS):
                try:
                    return worker.submit(execute, job).result()
                except BrokenProcessPool:
                    if leash.closed:
                        raise
                    worker.shutdown()
                    worker = pool()
            raise died(job)
        finally:
            free.put(worker)

    for _ in range(workers):
        free.put(pool())
    threads = ThreadPoolExecutor(workers)
    try:
        futures = {threads.submit(attempt, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future
    finally:
        leash.close()
        threads.shutdown(cancel_futures=True)
        while not free.empty():
            free.get().shutdown()
        held.close()


def _settle(leash: Connection) -> None:
    """Prepare a fresh worker: it ends when its leash is cut."""

    def follow() -> None:
        leash.poll(None)  # nothing is ever sent: readable means that the other end is gone
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
