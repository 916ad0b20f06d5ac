"""Studies on a real dask scheduler with two worker processes."""

from __future__ import annotations

import pytest

from twin.errors import StudyError

pytest.importorskip("distributed")


def test_dask_gives_the_table_of_the_local_run_though_workers_die(launch, plan_of, starts, tmp_path):
    values = [{"dies": "always"}, {"dies": "once"}, {"melts": True}, {}, {}]
    there = launch(plan_of(*values), on="dask")
    assert [spec.run_id for spec, _ in there.failed] == ["fake-000", "fake-002"]
    assert "died 3 times" in str(there.failed[0][1])
    assert there.failed[1][1].faults[0].found == "500 K"
    assert starts() == {"fake-000": 3, "fake-001": 2, "fake-002": 1, "fake-003": 1, "fake-004": 1}
    here = launch(plan_of(*values), out=tmp_path / "local")
    assert here.table.read_bytes() == there.table.read_bytes()


def test_an_address_is_used_as_it_is(launch, plan_of, starts):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        launch(plan_of({}, {}), on=cluster.scheduler_address).raise_if_failed()
    assert starts() == {"fake-000": 1, "fake-001": 1}


def test_says_that_no_scheduler_answers(launch, plan_of, monkeypatch):
    monkeypatch.setattr("twin.launch.cluster._CONNECT_TIMEOUT", "0.5 s")
    with pytest.raises(StudyError, match="no scheduler answers"):
        launch(plan_of({}), on="tcp://127.0.0.1:9")
