"""The house rules that a machine can check."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from twin.quantities import QUANTITIES

ROOT = Path(__file__).parents[2]


def test_import_contract_holds() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _cpu_s(code: str) -> float:
    end = "u = resource.getrusage(resource.RUSAGE_SELF)\nprint(u.ru_utime + u.ru_stime)"
    script = f"import resource\n{code}\n{end}"
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        for _ in range(4)
    ]
    return min(float(r.stdout.strip().splitlines()[-1]) for r in runs[1:])


def test_import_is_quick() -> None:
    """``import twin`` takes under 0.3 s of CPU, interpreter included."""
    assert _cpu_s("import twin") < 0.3


def test_help_is_quick() -> None:
    """``twin --help`` takes under 0.5 s of CPU, interpreter included."""
    code = (
        "import sys, io, contextlib\nsys.argv = ['twin', '--help']\nimport twin.cli\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    twin.cli.main()"
    )
    assert _cpu_s(code) < 0.5


SUFFIXES = (
    r"(_s|_m|_m2|_m3|_kg|_k|_w|_j|_pa|_hz|_v|_a|_bytes|_tokens|_requests|\.preemptions"
    r"|_flop|_usd|_frac|_va|_pu|_kg_per_s|_pue)$"
)
PREFIXED = re.compile(r"_(ms|us|ns|kw|mw|gw|kwh|mwh|degc|celsius|bps|gbps|gb|tb|mb|tflops|km|mm|cm)\b", re.I)


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_recorded_names_carry_their_unit(name: str) -> None:
    assert name == "site.pue" or re.search(SUFFIXES, name), name


def test_no_prefixed_units_inside() -> None:
    """SI base units inside: no public name ends in a prefixed unit."""
    wrong = []
    for file in sorted((ROOT / "twin").rglob("*.py")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for match in re.finditer(r"^\s*(?:def )?([a-z]\w*)\s*(?::\s*\w+.*)?=|def ([a-z]\w*)\(", line):
                name = match.group(1) or match.group(2)
                if PREFIXED.search(name + " "):
                    wrong.append(f"{file.relative_to(ROOT)}:{number}: {name}")
    assert not wrong, "\n".join(wrong)
