"""Every trace format by a tiny file, its faults by line, and the prefixes of the shipped traces."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from twin.errors import MissingLibrary, ScenarioError
from twin.scenario.workloads import read_trace
from twin.scenario.workloads.formats import detect
from twin.scenario.workloads.schema import Columns

from .conftest import SCENARIOS


def columns(**given):
    return Columns.model_validate(given)


OWN = {"arrival": "at", "prompt": "in", "output": "out"}


@pytest.mark.parametrize(
    ("name", "text", "times", "prompts", "outputs"),
    [
        ("a.csv", "arrival_s,context_tokens,generated_tokens\n2,5,6\n1,3,4\n", [1, 2], [3, 5], [4, 6]),
        (
            "b.csv",
            "TIMESTAMP,ContextTokens,GeneratedTokens\n"
            "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n",
            [0, 4.314579],
            [374, 396],
            [44, 109],
        ),
        (
            "c.csv",
            "TIMESTAMP,ContextTokens,GeneratedTokens\n"
            "2024-05-10 00:00:00.500000+00:00,7,1\n2024-05-10 00:01:00+00:00,8,2\n",
            [0, 59.5],
            [7, 8],
            [1, 2],
        ),
        (
            "d.csv",
            "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
            "5,a,1,GPT-4,10,20,30,API log\n6,a,1,GPT-4,10,0,10,API log\n9,b,1,ChatGPT,30,40,70,API log\n",
            [5, 9],
            [10, 30],
            [20, 40],
        ),
    ],
)
def test_formats_are_told_by_their_columns(write, name, text, times, prompts, outputs):
    got = read_trace(write(text, name))
    assert got.arrived_at_s.tolist() == pytest.approx(times)
    assert got.prompt_tokens.tolist() == prompts
    assert got.output_tokens.tolist() == outputs


def test_burstgpt_keeps_its_sessions(write):
    text = "Timestamp,Session ID,Request tokens,Response tokens\n0,x,1,1\n1,,1,1\n2,y,1,1\n3,x,1,1\n"
    assert read_trace(write(text, "t.csv"), "burstgpt").session.tolist() == [0, -1, 1, 0]


MOONCAKE = [
    {"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [70, 71]},
    {"timestamp": 0, "input_length": 700, "output_length": 6, "hash_ids": [70, 80]},
    {"timestamp": 3000, "input_length": 100, "output_length": 7, "hash_ids": [90]},
]


def test_mooncake_as_published_and_as_csv_are_the_same(write):
    lines = write("\n".join(map(json.dumps, MOONCAKE)) + "\n\n", "t.jsonl")
    rows = [
        f"{r['timestamp']},{r['input_length']},{r['output_length']},{' '.join(map(str, r['hash_ids']))}"
        for r in MOONCAKE
    ]
    table = write("\n".join(["timestamp_ms,input_length,output_length,hash_ids", *rows]), "t.csv")
    for file in (lines, table):
        got = read_trace(file)
        assert got.arrived_at_s.tolist() == [0.0, 1.5, 3.0]
        assert got.prefix_ids.tolist() == [0, 1, 0, 2, 3]
        assert got.prefix_blocks.tolist() == [2, 2, 1]
        assert got.prefix_block_tokens == 512
        assert read_trace(file, spread=False).arrived_at_s.tolist() == [0.0, 0.0, 3.0]


def test_prefixes_in_smaller_blocks_cover_the_same_tokens(write):
    file = write("\n".join(map(json.dumps, MOONCAKE)), "t.jsonl")
    got = read_trace(file, prefix_block=128)
    assert got.prefix_blocks.tolist() == [5, 6, 1]
    first, second = (got.prefix_ids[s : s + 5].tolist() for s in got.prefix_start[:2])
    assert first[:4] == second[:4]
    assert first[4] != second[4]
    with pytest.raises(ScenarioError, match="a divisor of 512"):
        read_trace(file, prefix_block=100)


@pytest.mark.parametrize(("name", "share"), [("conversation", 0.3409029), ("synthetic", 0.3293456)])
def test_ideal_hits_of_the_shipped_prefixes(name, share):
    got = read_trace(SCENARIOS / f"data/mooncake-{name}.csv.gz")
    seen = np.zeros(got.distinct_prefixes, dtype=bool)
    hits = 0
    for start, blocks in zip(got.prefix_start, got.prefix_blocks, strict=True):
        ids = got.prefix_ids[start : start + blocks]
        missed = np.flatnonzero(~seen[ids])
        hits += missed[0] if len(missed) else blocks
        seen[ids] = True
    assert hits / got.prefix_blocks.sum() == pytest.approx(share, abs=5e-8)


def test_columns_of_a_format_of_its_own(write):
    text = "out,when,in,who,talk,hash\n1,5000,10,ann,t1,7 8\n2,7000,20,,t2,\n3,9000,30,bob,t1,7\n"
    given = columns(
        arrival="when", prompt="in", output="out", tenant="who", session="talk", prefix="hash",
        time="ms", origin="first",
    )  # fmt: skip
    got = read_trace(write(text, "t.csv"), columns=given, prefix_block=8)
    assert got.arrived_at_s.tolist() == [0.0, 2.0, 4.0]
    assert [got.tenants[i] for i in got.tenant] == ["ann", "none", "bob"]
    assert got.session.tolist() == [0, 1, 0]
    assert got.prefix_blocks.tolist() == [2, 0, 1]
    assert got.prefix_block_tokens == 8


def test_json_lines_in_gzip(tmp_path):
    file = tmp_path / "t.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"at": 1, "in": 2, "out": 3}\n'))
    assert read_trace(file, columns=columns(**OWN)).prompt_tokens.tolist() == [2]


def test_parquet_is_read_where_it_can_be(tmp_path, monkeypatch):
    frame = pd.DataFrame({"at": [1.0, 2.0], "in": [3, 4], "out": [5, 6]})
    monkeypatch.setattr(pd, "read_parquet", lambda file: frame)
    assert read_trace(tmp_path / "t.parquet", columns=columns(**OWN)).output_tokens.tolist() == [5, 6]

    def lacks(file):
        raise ImportError("no engine")

    monkeypatch.setattr(pd, "read_parquet", lacks)
    with pytest.raises(MissingLibrary) as error:
        read_trace(tmp_path / "t.parquet", columns=columns(**OWN))
    assert "[parquet]" in error.value.faults[0].mend


@pytest.mark.parametrize(
    ("name", "text", "line", "where", "found"),
    [
        ("t.jsonl", '{"at": 1, "in": 2, "out": 3}\n{"at": 1\n', 2, "", "delimiter"),
        ("t.jsonl", "[1, 2]\n", 1, "", "not an object"),
        ("t.jsonl", '{"at": 1, "in": 2, "out": 3}\n\n{"at": 2, "in": 2}\n', 3, "out", "nothing"),
        ("t.jsonl", '{"at": -1, "in": 2, "out": 3}\n', 1, "at", "-1"),
        ("t.csv", "at,in,out\n1,2,3\n\n1,2.5,3\n", 4, "in", "2.5"),
        ("t.csv", "at,in\n1,2\n", 1, "out", "columns at, in"),
        ("t.csv", "at,in,out\n", 1, "", "no rows"),
    ],
)
def test_faults_carry_the_line(write, name, text, line, where, found):
    file = write(text, name)
    with pytest.raises(ScenarioError) as error:
        read_trace(file, columns=columns(**OWN))
    fault = error.value.faults[0]
    assert (fault.file, fault.line, fault.where) == (str(file), line, where)
    assert found in fault.found


def test_faults_of_hashes_and_instants(write):
    hashed = write("timestamp_ms,input_length,output_length,hash_ids\n0,100,1,1 2\n", "h.csv")
    with pytest.raises(ScenarioError) as error:
        read_trace(hashed)
    assert (error.value.faults[0].line, error.value.faults[0].where) == (2, "hash_ids")
    clock = write("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:00,1,1\nlater,1,1\n", "c.csv")
    with pytest.raises(ScenarioError) as error:
        read_trace(clock)
    assert (error.value.faults[0].line, error.value.faults[0].found) == (3, "later")
    named = columns(**OWN, tenant="who")
    with pytest.raises(ScenarioError, match="a column who"):
        read_trace(write("at,in,out\n1,2,3\n", "n.csv"), columns=named)


def test_only_burstgpt_leaves_failures_out(write):
    rows = "Timestamp,Request tokens,Response tokens\n0,5,0\n"
    with pytest.raises(ScenarioError, match="no rows"):
        read_trace(write(rows, "t.csv"))
    with pytest.raises(ScenarioError, match="at least 1"):
        read_trace(write("arrival_s,context_tokens,generated_tokens\n0,5,0\n", "u.csv"))
    assert detect([], "burstgpt").has_failures
