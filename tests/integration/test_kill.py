"""A run that is killed leaves a file that opens and says what it is."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import twin

BLOCK_S = 300.0  # a block is 30 samples of 10 s
CHILD = """
import sys, twin
from twin import simulate
scenario = twin.load(sys.argv[1], set={"time.duration": "3 h", "time.sample": "10 s"})
ready = simulate.prepare(scenario)
simulate.run(ready, out=sys.argv[2], progress=lambda now, end: print(now, flush=True))
print("complete", flush=True)
"""


@pytest.mark.slow
def test_twenty_kills(scenarios: Path, tmp_path: Path) -> None:
    draw = random.Random(20)
    torsos = 0
    for trial in range(20):
        out = tmp_path / str(trial)
        args = [sys.executable, "-c", CHILD, str(scenarios / "one-rack.yaml"), str(out)]
        with subprocess.Popen(args, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            line = child.stdout.readline()  # the first block is on disk
            reached = float(line)
            time.sleep(draw.uniform(0.0, 0.4))
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split()
        run = twin.open_run(next(out.iterdir()))
        reported = [float(x) for x in rest if x != "complete"]
        reached = max([reached, *reported])
        if "complete" in rest:
            assert run.complete
            continue
        torsos += 1
        assert not run.complete
        series = run["rack.power_w"]
        assert series.time_s[-1] >= reached - BLOCK_S
        assert len(series.values) == len(series.time_s)
        requests = run.requests
        assert len(requests) > 0
        assert requests["done_at_s"].notna().all()
    assert torsos >= 10, "the kills came too late to show anything"
