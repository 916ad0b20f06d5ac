"""What a run takes before and beside its ticks: memory of a machine of 9,472 nodes, and libraries that stay away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# 383 to 406 MiB were seen: 140 of libraries, 140 of the site, the rest compiled code, arrays and what is written
MOST_MIB = 450
UNUSED = ("pandas", "scipy.sparse", "scipy.optimize", "matplotlib", "pyvista", "dask", "plotly.express")
RUN = """
import json, resource, sys
from pathlib import Path
from twin.cli import main
try:
    main()
finally:
    status = Path("/proc/self/status")  # what getrusage says there counts the process that started this one
    if status.exists():
        peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"peak": peak, "loaded": sorted(sys.modules)}))
"""


def test_a_machine_of_9472_nodes(scenarios: Path, tmp_path: Path) -> None:
    """A minute of it in a process of its own, report included; after one that compiles what is not compiled yet."""
    machine, duration = str(scenarios / "hpc-9472-nodes.yaml"), ("--set", "time.duration=1 min")
    asked = ["run", machine, "--quiet", "--no-picture", *duration, "--out", str(tmp_path)]
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", RUN, *asked], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    print(f"peak memory {told['peak']:.0f} MiB")
    assert next(tmp_path.glob("*/report.html")).stat().st_size > 0
    assert told["peak"] < MOST_MIB
    assert [name for name in UNUSED if name in told["loaded"]] == []
