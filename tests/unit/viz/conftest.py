"""A small hall written by the results room: eight racks in two rows, with plant, routes and six samples."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from twin.errors import MissingLibrary
from twin.results import Writer
from viz import headless

RACKS = tuple(f"rack-{i:02d}" for i in range(1, 9))
TRAYS, GPUS_PER_TRAY = 6, 4
TIME_S = np.arange(10.0, 70.0, 10.0)
COOLING = {"cdu-1": (1.6, 4.0), "cdu-2": (1.6, 8.0)}


def rack_power_w(time_s: np.ndarray) -> np.ndarray:
    """Power (time, rack): each rack has its own, all rise with time."""
    return 60e3 + 1e3 * np.arange(len(RACKS)) + 100.0 * time_s[:, None]


def gpu_temperature_k(time_s: np.ndarray) -> np.ndarray:
    """Temperature (time, GPU); one GPU was never recorded."""
    count = len(RACKS) * TRAYS * GPUS_PER_TRAY
    values = 320.0 + 0.1 * np.arange(count) + 0.0 * time_s[:, None]
    values[:, 5] = np.nan
    return values


def _put(
    writer: Writer, kind: str, items: dict[str, tuple[tuple[float, ...], tuple[float, ...], str]]
) -> None:
    places, sizes, parents = (np.array(column) for column in zip(*items.values(), strict=True))
    writer.assets(kind, list(items), places, sizes, list(parents), [""] * len(items))


def write_hall(path: Path, *, samples: int = len(TIME_S), complete: bool = True) -> Path:
    """Write the hall and return the run folder."""
    path.mkdir(parents=True, exist_ok=True)
    writer = Writer(
        path / "trace.h5", run_id="small-hall-1", scenario_text="scenario: small-hall", overlays=[], seed=1,
        start_iso="2022-07-20 13:00", numbers_version="1", sources=[],
    )  # fmt: skip
    writer.attrs({"scenario": "small-hall"})
    _put(writer, "hall", {"hall": ((0, 0, 0), (8, 12, 4), "site")})
    _put(writer, "room", {"electrical-room": ((8.2, 0, 0), (4, 12, 4), "site")})
    _put(writer, "outdoor", {"outdoor": ((-6, 0, 0), (5.8, 12, 4), "site")})
    spots = {r: (2.6 + 0.6 * (i % 4), 4.0 + 4.0 * (i // 4), 0.0) for i, r in enumerate(RACKS)}
    _put(writer, "rack", {r: (spot, (0.6, 1.2, 2.2), "hall") for r, spot in spots.items()})
    trays, gpus = {}, {}
    for rack, (x, y, _) in spots.items():
        for t in range(TRAYS):
            tray, z = f"{rack}/tray-{t + 1}", 0.1 + 0.33 * t
            trays[tray] = ((x + 0.03, y + 0.04, z), (0.54, 1.0, 0.3), rack)
            for g in range(GPUS_PER_TRAY):
                name = f"{rack}/gpu-{t * GPUS_PER_TRAY + g + 1:02d}"
                gpus[name] = ((x + 0.05 + 0.12 * g, y + 0.3, z + 0.02), (0.1, 0.1, 0.05), tray)
    _put(writer, "tray", trays)
    _put(writer, "gpu", gpus)
    _put(writer, "network_rack", {"network-rack-1": ((5.1, 4.0, 0), (0.8, 1.2, 2.2), "hall")})
    _put(writer, "leaf", {"leaf-1": ((5.13, 4.0, 1.0), (0.6, 0.8, 0.09), "network-rack-1")})
    _put(writer, "cdu", {c: ((x, y, 0), (0.8, 1.2, 2.0), "hall") for c, (x, y) in COOLING.items()})
    _put(writer, "pdu", {"pdu-1": ((7.2, 5, 0), (0.8, 1.0, 2.0), "hall")})
    _put(writer, "ups", {"ups-1": ((9.0, 4, 0), (2.4, 0.9, 2.0), "electrical-room")})
    _put(writer, "facility_water", {"facility-water": ((-2, 5, 0), (1.5, 1.0, 1.6), "outdoor")})
    _put(writer, "dry_cooler", {"dry-cooler-1": ((-5.5, 3, 0), (3, 2, 2.2), "outdoor")})
    _write_routes(writer, spots)
    _write_series(writer, list(gpus), samples)
    writer.close(complete=complete)
    return path


def _write_routes(writer: Writer, spots: dict[str, tuple[float, float, float]]) -> None:
    ends, routes = [], []
    for i, (rack, (x, y, _)) in enumerate(spots.items()):
        cdu = f"cdu-{i // 4 + 1}"
        route = np.array(
            [[2.0, y + 0.6, 2.0], [2.0, y + 0.6, 2.6], [x + 0.3, y + 0.6, 2.6], [x + 0.3, y + 0.6, 2.2]]
        )
        ends += [(cdu, rack), (rack, cdu)]
        routes += [route, route[::-1] + 0.12]
    sources, targets = zip(*ends, strict=True)
    writer.edges("coolant", sources, targets, [""] * len(ends), np.full(len(ends), 5.0), routes)
    cable = np.array([[7.6, 5.5, 2.0], [7.6, 5.5, 3.0], [2.9, 5.5, 3.0]])
    writer.edges("power", ["pdu-1"], ["rack-01"], [""], np.array([6.0]), [cable])
    inner = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    writer.edges("network", ["rack-01/nic-1"], ["rack-01/gpu-01"], [""], np.array([1.0]), [inner])


def _write_series(writer: Writer, gpus: list[str], samples: int) -> None:
    time_s = TIME_S[:samples]
    blocks = {
        "rack.power_w": (list(RACKS), rack_power_w(time_s)),
        "gpu.temperature_k": (gpus, gpu_temperature_k(time_s)),
        "cdu.supply_k": (list(COOLING), np.full((samples, 2), 313.15)),
        "site.power_w": (["site"], np.full((samples, 1), 1e6)),
    }
    for name, (ids, _) in blocks.items():
        writer.open_series(name, ids, 10.0)
    if samples:
        writer.append_series(time_s, {name: block for name, (_, block) in blocks.items()})


@pytest.fixture(scope="session")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of the small hall."""
    return write_hall(tmp_path_factory.mktemp("runs") / "small-hall")


@pytest.fixture(scope="session")
def recorded() -> SimpleNamespace:
    """What the small hall holds: the oracle of the tests."""
    return SimpleNamespace(
        racks=RACKS, time_s=TIME_S, rack_power_w=rack_power_w(TIME_S),
        gpu_temperature_k=gpu_temperature_k(TIME_S), write=write_hall,
    )  # fmt: skip


@pytest.fixture(scope="session")
def can_draw() -> None:
    """Skip where a person has no OpenGL, fail in CI; the message of that case has its own test."""
    try:
        headless.prepare()
    except MissingLibrary as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(error.message)
