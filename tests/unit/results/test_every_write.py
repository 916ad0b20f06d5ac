"""Every single write of a run is a place where a kill can cut it off; all earlier blocks must be whole there."""

from __future__ import annotations

import io
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from twin.results import writer as writing

BLOCKS, SAMPLES, ROWS = 16, 30, 900


class Tape(io.BytesIO):
    """A file in memory that remembers every write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[int | None, bytes | None]] = []

    def write(self, data: Any) -> int:
        self.writes.append((self.tell(), bytes(data)))
        return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        self.writes.append((size, None))
        return super().truncate(size)

    def states(self) -> Iterator[bytearray]:
        """The file after each write."""
        file = bytearray()
        for at, data in self.writes:
            if data is None:
                del file[at:]
                file.extend(b"\0" * ((at or 0) - len(file)))
            else:
                assert at is not None
                file.extend(b"\0" * (at - len(file)))
                file[at : at + len(data)] = data
            yield file


def record(monkeypatch: pytest.MonkeyPatch) -> tuple[Tape, list[int]]:
    """Write some blocks; the tape, and how many writes had been made when each block returned."""
    tape = Tape()
    opened = types.SimpleNamespace(
        File=lambda path, mode, **more: h5py.File(tape, mode, **more), Dataset=h5py.Dataset, h5s=h5py.h5s
    )
    monkeypatch.setattr(writing, "h5py", opened)
    writer = writing.Writer(
        Path("x"), run_id="r", scenario_text="s", overlays=[], seed=1, start_iso="2022-07-20 13:00",
        numbers_version="1", sources=["s"],
    )  # fmt: skip
    writer.open_series("gpu.power_w", [f"gpu-{i}" for i in range(300)], 10.0, BLOCKS * SAMPLES)
    writer.expect("requests", BLOCKS * ROWS)
    returned = []
    for b in range(BLOCKS):
        k = np.arange(b * SAMPLES, (b + 1) * SAMPLES)
        writer.append_series(k * 10.0, {"gpu.power_w": np.repeat(k[:, None], 300, axis=1)})
        k = np.arange(b * ROWS, (b + 1) * ROWS)
        writer.append(
            "requests", {c.name: k % 100 if c.dtype == "i1" else k for c in writing.TABLES["requests"]}
        )
        returned.append(len(tape.writes))
    monkeypatch.undo()
    return tape, returned


def test_earlier_blocks_are_whole_after_every_write(monkeypatch: pytest.MonkeyPatch) -> None:
    tape, returned = record(monkeypatch)
    checked = 0
    for i, state in enumerate(tape.states(), 1):
        safe = sum(r <= i for r in returned)
        if safe == 0:
            continue
        checked += 1
        with h5py.File(io.BytesIO(bytes(state)), "r") as file:
            series, requests = file["series/10s"], file["requests"]
            assert series.attrs["rows"] >= safe * SAMPLES, f"write {i}"
            assert requests.attrs["rows"] >= safe * ROWS, f"write {i}"
            np.testing.assert_array_equal(
                series["gpu.power_w"][: safe * SAMPLES, 7], np.arange(safe * SAMPLES)
            )
            np.testing.assert_array_equal(requests["arrived_at_s"][: safe * ROWS], np.arange(safe * ROWS))
    assert checked > 200
