"""A million requests through a hall: the whole run, with its file, against a kernel timed in the same session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COMPILE = """
import sys
import twin
from twin import simulate

simulate.run(twin.load(sys.argv[1], set={"time.duration": "1 min"}), out=sys.argv[2])
"""
"""In a process of its own: compiling takes more memory than any run."""
RUN = """
import json, resource, sys, time
import twin
from twin import simulate

scenario = twin.load(sys.argv[1])
simulate.run(twin.load(sys.argv[1], set={"time.duration": "1 min"}), out=sys.argv[2])
began = time.process_time()
folder = simulate.run(scenario, out=sys.argv[2])
cpu_s = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
requests = len(twin.open_run(folder).requests)
print(json.dumps({"cpu_s": cpu_s, "peak_bytes": peak, "requests": requests}))
"""
# 15 s for 1.6 million requests where a step of the chase takes 15.6 ns (an AMD EPYC of 2026)
CHASES_PER_REQUEST = 590


def test_hall_of_a_million_requests(scenarios: Path, tmp_path: Path, chase_s: float) -> None:
    where = [str(scenarios / "gb200-hall.yaml"), str(tmp_path)]
    subprocess.run([sys.executable, "-c", COMPILE, *where], capture_output=True, check=True)
    done = subprocess.run([sys.executable, "-c", RUN, *where], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    chases = said["cpu_s"] / said["requests"] / chase_s
    print(
        f"\ngb200-hall: {said['requests']:,} requests in {said['cpu_s']:.2f} s of CPU, {chases:.0f} chases a request; "
        f"peak {said['peak_bytes'] / 1e6:.0f} MB"
    )
    assert said["requests"] >= 1_000_000
    assert said["peak_bytes"] < 1e9
    assert chases < CHASES_PER_REQUEST
