"""Mixes of clients from tiny files: rates, lengths, scaling, and faults by line."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from twin.errors import ScenarioError
from twin.rng import stream
from twin.scenario.workloads.clients import mixed, read_lengths, read_rates
from twin.scenario.workloads.schema import Clients, Scale

draw = partial(stream, 1, "test")
RATES = """client_id,window_start_s,rate_rps,iat_cv,iat_family,param_a,param_b
1,0,2,1,Gamma,1,0.5
1,600,4,2,Weibull,0.6,0.2
2,600,1,1,Gamma,1,1
"""
LENGTHS = """client_id,window_start_s,field,mean,p0,p50,p100
1,0,input_tokens,150,100,150,200
1,600,input_tokens,1500,1000,1500,2000
1,0,output_tokens,10,10,10,10
"""
PICTURES = """client_id,window_start_s,field,mean,p0,p50,p100
1,0,text_tokens,100,100,100,100
1,0,image_tokens,1000,1000,1000,1000
1,0,output_tokens,10,0,10,20
"""


@pytest.fixture
def mix(write):
    def _mix(scale=None, lengths=LENGTHS, end_s=1200.0, **given):
        clients = Clients.model_validate({"rates": "r", "lengths": "l", **given})
        return mixed(clients, write(RATES, "r.csv"), write(lengths, "l.csv"), end_s, scale, draw)

    return _mix


def test_rates_and_lengths_change_with_the_window(mix):
    got = mix(as_tenants=True)
    early = got.arrived_at_s < 600
    one = got.tenant == got.tenants.index("1")
    assert early.sum() == pytest.approx(1200, abs=150)
    assert (one & ~early).sum() == pytest.approx(2400, abs=350)
    assert (~one).sum() == pytest.approx(600, abs=100)
    assert got.arrived_at_s[~one].min() >= 600
    assert (got.prompt_tokens[early].min(), got.prompt_tokens[early].max()) == (100, 200)
    assert got.prompt_tokens[one & early].mean() == pytest.approx(150, abs=3)
    assert got.prompt_tokens[~early].min() >= 1000  # client 2 borrows from client 1
    assert set(got.output_tokens) == {10}


def test_a_later_begin_moves_the_windows(mix):
    got = mix(end_s=300.0, begin="10 min")
    assert got.rows == pytest.approx(1500, abs=300)
    assert got.prompt_tokens.min() >= 1000
    with pytest.raises(ScenarioError, match="windows from 0 s to 600 s"):
        mix(begin="1 h")


@pytest.mark.parametrize(
    ("by", "factor"), [("superposition", 2.5), ("superposition", 0.5), ("thinning", 0.25), ("time-warp", 3.0)]
)
def test_scaling_multiplies_the_requests(mix, by, factor):
    plain, more = mix(), mix(Scale(by=by, factor=factor))
    assert more.rows == pytest.approx(factor * plain.rows, rel=0.15)
    assert (np.diff(more.arrived_at_s) >= 0).all()
    assert more.arrived_at_s[-1] < 1200.0


def test_text_and_images_add_up(mix):
    got = mix(lengths=PICTURES)
    assert set(got.prompt_tokens) == {1100}
    assert got.output_tokens.min() >= 1


@pytest.mark.parametrize(
    ("read", "text", "line", "where"),
    [
        (read_rates, RATES.replace("Weibull", "Pareto"), 3, "iat_family"),
        (read_rates, RATES.replace("1,0,2", "1,0,-2"), 2, "rate_rps"),
        (read_rates, RATES.replace("iat_family", "family"), 1, "iat_family"),
        (read_lengths, LENGTHS.replace("1000,1500,2000", "1000,900,2000"), 3, "p0"),
        (read_lengths, LENGTHS.replace("1000,1500", "1000,many"), 3, "p50"),
        (read_lengths, LENGTHS.replace("output_tokens", "answer"), 2, "field"),
        (read_lengths, LENGTHS.replace("p0,p50,p100", "a,b,c"), 1, "p0"),
    ],
)
def test_faults_of_client_files(write, read, text, line, where):
    with pytest.raises(ScenarioError) as error:
        read(write(text, "c.csv"))
    assert (error.value.faults[0].line, error.value.faults[0].where) == (line, where)
