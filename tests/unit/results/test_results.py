"""The result file: what is written comes back, torsos open, strangers are refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from twin.errors import ResultsError
from twin.results import FINISHED, SCHEMA_VERSION, TABLES, Writer, is_complete, open_file

RACKS = ("rack-1", "rack-2")


def new(path: Path) -> Writer:
    return Writer(
        path, run_id="r", scenario_text="scenario: r\nname: Zürich\n", overlays=["hot"], seed=7,
        start_iso="2022-07-20 13:00", numbers_version="1", sources=["gpu/x: a sheet"],
    )  # fmt: skip


def block(first: int, rows: int) -> dict[str, np.ndarray]:
    request = np.arange(first, first + rows)
    return {
        "request": request, "arrived_at_s": request * 0.5, "first_token_at_s": request * 0.5 + 0.1,
        "done_at_s": request + 1.0, "input_tokens": request + 10, "output_tokens": request + 2,
        "replica": request % 3, "status": np.full(rows, FINISHED),
    }  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "trace.h5"
    with new(path) as writer:
        place = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        writer.assets("rack", RACKS, place, np.ones((2, 3)), ["hall", "hall"], ["a", "b"])
        writer.edges(
            "power", ["pdu"], ["rack-1"], [""], [12.5], [np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]])]
        )
        writer.open_series("rack.power_w", RACKS, 10.0)
        writer.append_series(np.array([10.0, 20.0]), {"rack.power_w": np.array([[1.0, 2.0], [3.0, 4.0]])})
        writer.append_series(np.array([30.0]), {"rack.power_w": np.array([[5.0, 6.0]])})
        writer.append("requests", block(0, 5))
        writer.append("requests", block(5, 3))
        writer.append(
            "events",
            {"time_s": [3.0], "kind": ["cdu"], "asset": ["cdu-1"], "what": ["Störung"], "cause": [""]},
        )
        writer.append(
            "audit", {"name": ["energy"], "in": [2.0], "out": [1.0], "inside": [1.0], "residual_rel": [0.0]}
        )
        writer.close(complete=True)
    return tmp_path


def test_what_is_written_comes_back(written: Path) -> None:
    file = open_file(written)
    assert file.complete
    assert is_complete(written)
    assert (file.attrs["seed"], file.attrs["schema_version"]) == (7, SCHEMA_VERSION)
    assert "Zürich" in file.scenario
    assert (file.overlays, file.sources) == (["hot"], ("gpu/x: a sheet",))
    series = file.series("rack.power_w")
    assert series.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert (series.ids, series.unit, series.time_s.tolist()) == (RACKS, "W", [10, 20, 30])
    rack = file.asset("rack")
    assert (rack["id"], rack["place"][1].tolist(), rack["catalog"]) == (RACKS, [3, 4, 5], ("a", "b"))
    edges = file.edges("power")
    assert (edges.to_id, edges.length_m.tolist(), edges.routes[0].shape) == (("rack-1",), [12.5], (3, 3))
    requests = file.requests()
    assert requests.keys() == {c.name for c in TABLES["requests"]}
    np.testing.assert_array_equal(requests["request"], np.arange(8))
    np.testing.assert_array_equal(requests["first_token_at_s"], np.arange(8) * 0.5 + 0.1)
    assert file.events()["what"] == ("Störung",)
    assert file.audit()["energy"]["inside"] == 1.0
    assert len(file.spans()["hop"]) == 0


def test_xarray_opens_it_with_labels_and_units(written: Path) -> None:
    data = xr.open_dataset(
        written / "trace.h5", group="series/10s", engine="h5netcdf", phony_dims="sort", decode_times=False
    )
    power = data["rack.power_w"]
    assert power.dims == ("time_s", "rack_id")
    assert power.attrs["units"] == "W"
    assert data["time_s"].attrs["units"].startswith("seconds since 2022-07-20")
    assert float(power.sel(time_s=20.0).sum()) == 7.0


def test_a_block_without_its_commit_is_not_seen(written: Path) -> None:
    """Rows beyond what the group says are whole belong to a block that a kill cut off."""
    with h5py.File(written / "trace.h5", "r+") as file:
        file["requests"]["request"].resize(9, axis=0)
        file["series/10s/time_s"].resize(4, axis=0)
    file = open_file(written)
    assert {len(c) for c in file.requests().values()} == {8}
    assert len(file.series("rack.power_w").time_s) == 3


def test_error_leaves_a_torso_that_says_why(tmp_path: Path) -> None:
    path = tmp_path / "trace.h5"
    with pytest.raises(RuntimeError), new(path):
        raise RuntimeError("the roof came down")
    file = open_file(path)
    assert not file.complete
    assert not is_complete(path)
    assert "roof" in file.attrs["error"]


def _newer(path: Path) -> None:
    new(path).close(complete=True)
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION + 1


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda p: None, "no result file"),
        (lambda p: p.write_bytes(b"not an hdf5 file at all"), "signature"),
        (lambda p: h5py.File(p, "w").close(), "None"),
        (_newer, "version"),
    ],
)
def test_strangers_are_refused(tmp_path: Path, make: object, found: str) -> None:
    make(tmp_path / "trace.h5")  # type: ignore[operator]
    with pytest.raises(ResultsError) as caught:
        open_file(tmp_path)
    assert found in str(caught.value)
    assert caught.value.faults[0].mend


def _newer(path: Path) -> None:
    new(path).close(complete=True)
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION + 1


@pytest.mark.parametrize(
    "ask", [lambda f: f.series("rack.pwr_w"), lambda f: f.asset("racks"), lambda f: f.edges("powr")]
)
def test_unknown_names_are_answered_with_the_nearest(written: Path, ask: object) -> None:
    with pytest.raises(ResultsError) as caught:
        ask(open_file(written))  # type: ignore[operator]
    assert caught.value.faults[0].mend in ("write rack.power_w", "write rack", "write power")


def test_columns_that_are_left_out_or_older_take_their_defaults(written: Path) -> None:
    file = open_file(written)
    requests = file.requests()
    assert requests["attempts"].tolist() == [1] * 8
    assert requests["generated_tokens"].tolist() == [-1] * 8
    assert np.isnan(requests["admitted_at_s"]).all()
    assert len(file.gaps()["first_s"]) == 0
    file.close()
    with h5py.File(written / "trace.h5", "r+") as raw:
        del raw["requests/cached_tokens"]
        del raw["requests/session"]
    older = open_file(written).requests()
    assert (older["cached_tokens"].tolist(), older["session"].tolist()) == ([0] * 8, [-1] * 8)


def test_gaps_come_back(tmp_path: Path) -> None:
    with new(tmp_path / "trace.h5") as writer:
        gap = {
            "group": [0, 1],
            "sequences": [3, 1],
            "steps": [10, 1],
            "first_s": [0.02, 0.5],
            "growth_s": [1e-6, 0],
        }
        writer.append("gaps", gap)
        writer.close(complete=True)
    gaps = open_file(tmp_path).gaps()
    assert {name: values.tolist() for name, values in gaps.items()} == gap
