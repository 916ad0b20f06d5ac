"""Named streams in a scenario: merged by arrival, independent of each other, and refused when senseless."""

from __future__ import annotations

import numpy as np
import pytest

from twin.scenario import check, digest, load, requests, resolved_text
from twin.scenario.workloads import KINDS
from twin.scenario.workloads.lengths import missing
from twin.scenario.workloads.schema import Workload

from .conftest import SCENARIOS

DATA = SCENARIOS / "data"
CHAT = "chat: {kind: chat, synthetic: {arrivals: {rate: 3 1/s}}}"
AGENTS = "agents: {kind: agentic, limit: 900, synthetic: {arrivals: {process: gamma, rate: 0.1 1/s, cv: 3}}}"
USERS = "users: {kind: rag, synthetic: {closed: {users: 5, think: 10 s}}}"
TRACE = f"trace: {{trace: {DATA}/mooncake-synthetic.csv.gz, scale: {{by: superposition, factor: 1.5}}}}"
MIX = (
    f"mix: {{clients: {{rates: {DATA}/servegen-deepseek-r1-rates.csv.gz, "
    f"lengths: {DATA}/servegen-deepseek-r1-lengths.csv.gz, begin: 1 h}}}}"
)
TIER = "{slo: {ttft: 1 s, tpot: 50 ms}, input_tokens: 2 USD/Mtoken, output_tokens: 6 USD/Mtoken}"


@pytest.fixture
def site(hall_text, write):
    """The hall with a workload of these streams."""

    def _site(*streams, more=""):
        head, rest = hall_text.split("workload:")
        tail = rest[rest.index("\n\n") :]
        lines = "".join(f"    {s}\n" for s in streams)
        return write(f"{head}workload:\n{more}  streams:\n{lines}{tail}")

    return _site


def of(got, tenant):
    return got.tenant == got.tenants.index(tenant)


def test_streams_are_merged_by_arrival(site):
    got = requests(load(site(CHAT, AGENTS, USERS, TRACE, MIX)))
    waits = np.isnan(got.arrived_at_s)
    opens = int((~waits).sum())
    assert not waits[:opens].any()
    assert (np.diff(got.arrived_at_s[:opens]) >= 0).all()
    assert got.tenants == ("agents", "chat", "mix", "trace", "users")
    assert sorted(set(got.follower)) == np.flatnonzero(waits).tolist()
    assert (got.tenant[got.follows] == got.tenant[got.follower]).all()
    assert set(got.kinds) == {"agentic", "chat", "request", "rag"}
    talks = [set(got.session[of(got, t) & (got.session >= 0)]) for t in ("agents", "users")]
    assert not talks[0] & talks[1]


def test_prefixes_of_streams_stay_apart(site):
    got = requests(load(site(AGENTS, TRACE)))

    def ids(tenant):
        return {
            int(i)
            for row in np.flatnonzero(of(got, tenant))[:400]
            for i in got.prefix_ids[got.prefix_start[row] :][: got.prefix_blocks[row]] + got.prefix_shift[row]
        }

    assert ids("agents")
    assert not ids("agents") & ids("trace")


@pytest.mark.parametrize("stream", [CHAT, AGENTS, USERS, TRACE, MIX], ids=lambda s: s.split(":")[0])
def test_one_more_stream_or_tenant_leaves_the_others_as_they_are(site, stream):
    name = stream.split(":")[0]
    nine = "{mean: 9, cv: 1}"
    other = (
        f"another: {{tenant: acme, synthetic: {{arrivals: {{rate: 5 1/s}}, prompt: {nine}, output: {nine}}}}}"
    )
    alone, both = (requests(load(site(*streams))) for streams in ((stream,), (other, stream)))
    mine = of(both, name)
    assert both.rows > alone.rows
    for column in ("arrived_at_s", "prompt_tokens", "output_tokens", "pause_s", "prefix_blocks"):
        assert getattr(both, column)[mine].tobytes() == getattr(alone, column).tobytes(), column


def test_seeds_move_all_but_the_recorded_times(site):
    scenario = load(site(CHAT, MIX))
    one, again, two = requests(scenario, 1), requests(scenario, 1), requests(scenario, 2)
    assert one.arrived_at_s.tobytes() == again.arrived_at_s.tobytes()
    for tenant in ("chat", "mix"):
        a, b = (r.arrived_at_s[of(r, tenant)] for r in (one, two))
        assert not np.array_equal(a[:50], b[:50])


def test_streams_carry_their_class(site):
    stream = (
        "a: {tenant: acme, tier: gold, kind: batch, priority: 3, patience: 5 min, adapter: 7, "
        "synthetic: {arrivals: {rate: 2 1/s}}}"
    )
    plain = "b: {kind: batch, synthetic: {arrivals: {rate: 2 1/s}}}"
    got = requests(load(site(stream, plain, more=f"  tiers: {{basic: {TIER}, gold: {TIER}}}\n")))
    assert (got.tiers, got.tenants) == (("basic", "gold"), ("acme", "b"))
    first, second = of(got, "acme"), of(got, "b")
    for column, values in {
        "tier": (1, 0), "priority": (3, 10), "patience_s": (300.0, np.inf), "adapter": (7, -1),
    }.items():  # fmt: skip
        assert set(getattr(got, column)[first]) == {values[0]}
        assert set(getattr(got, column)[second]) == {values[1]}


def test_system_prompts_are_shared_by_groups(site):
    stream = "a: {kind: chat, synthetic: {arrivals: {rate: 2 1/s}, prefix: {groups: 3, tokens: 1100}}}"
    got = requests(load(site(stream)))
    assert set(got.prefix_blocks) == {2}
    assert set(got.prefix_start) == {0, 2, 4}
    assert got.prompt_tokens.min() > 1100


def test_lengths_can_come_in_pairs_from_a_trace(site):
    stream = f"a: {{synthetic: {{arrivals: {{rate: 2 1/s}}, lengths: {DATA}/azure2023-conversation.csv.gz}}}}"
    got = requests(load(site(stream)))
    assert got.prompt_tokens.mean() == pytest.approx(1243, rel=0.1)


def test_client_mixes_have_their_rates(site):
    scenario = load(
        site(MIX.replace("}}", "}, limit: 1000000}").replace("begin: 1 h", "begin: 1 h, as_tenants: true"))
    )
    table = np.genfromtxt(
        DATA / "servegen-deepseek-r1-rates.csv.gz", delimiter=",", names=True, encoding="utf8"
    )
    inside = (table["window_start_s"] >= 3600) & (table["window_start_s"] < 7200)
    expected = (table["rate_rps"][inside] * 600).sum()
    got = requests(scenario)
    assert got.rows == pytest.approx(expected, rel=0.1)
    assert all(tenant.startswith("mix-") for tenant in got.tenants)
    assert len(got.tenants) > 10


def test_limits_keep_sessions_whole(site):
    whole = requests(load(site(AGENTS.replace("limit: 900, ", ""))))
    got = requests(load(site(AGENTS)))
    assert 600 < got.rows <= 900 < whole.rows
    sizes = np.bincount(whole.session)
    assert np.array_equal(np.bincount(got.session), sizes[: got.session.max() + 1])
    assert sorted(set(got.follower)) == np.flatnonzero(np.isnan(got.arrived_at_s)).tolist()


def test_a_scenario_with_streams_is_written_out_and_named(site):
    scenario = load(site(CHAT, TRACE, MIX))
    again = site(CHAT, TRACE, MIX).with_name("again.yaml")
    again.write_text(resolved_text(scenario))
    assert load(again).workload.streams["chat"] == scenario.workload.streams["chat"]
    assert digest(load(again)) == digest(scenario)
    assert digest(load(again, set={"workload.streams.chat.patience": "9 s"})) != digest(scenario)


@pytest.mark.parametrize(
    ("stream", "where", "expected"),
    [
        ("a: {}", "workload.streams.a", "one of trace"),
        ("a: {synthetic: {}}", "workload.streams.a.synthetic", "arrivals or closed"),
        ("a: {synthetic: {arrivals: {rate: 1 1/s}}}", "workload.streams.a.synthetic.prompt", "lengths"),
        (
            "a: {kind: chat, synthetic: {arrivals: {rate: 1 1/s, cv: 2}}}",
            "workload.streams.a.synthetic.arrivals",
            "cv",
        ),
        (
            "a: {kind: chat, tier: gild, synthetic: {arrivals: {rate: 1 1/s}}}",
            "workload.streams.a.tier",
            "gold",
        ),
        (
            "a: {kind: chat, copies: 2, synthetic: {arrivals: {rate: 1 1/s}}}",
            "workload.streams.a.copies",
            "a trace",
        ),
        (
            f"a: {{trace: {DATA}/azure2023-conversation.csv.gz, scale: {{by: thinning, factor: 2}}}}",
            "workload.streams.a.scale.factor",
            "at most 1",
        ),
        (f"a: {{trace: {DATA}/azure2032-conversation.csv.gz}}", "workload.streams.a.trace", "readable"),
        (
            "a: {kind: chat, synthetic: {arrivals: {rate: 5}}}",
            "workload.streams.a.synthetic.arrivals.rate",
            "1/s",
        ),
        ("a: {kind: chatty, synthetic: {arrivals: {rate: 5 1/s}}}", "workload.streams.a.kind", "chat"),
        (
            "a: {kind: agentic, synthetic: {closed: {users: 3, think: 1 s}}}",
            "workload.streams.a.synthetic.closed",
            "one",
        ),
        (
            "a: {kind: chat, synthetic: {arrivals: {rate: 1 1/s}, prefix: {groups: 2, tokens: 100}}}",
            "workload.streams.a.synthetic.prefix.tokens",
            "512",
        ),
        (
            "a: {kind: chat, synthetic: {arrivals: {rat: 1 1/s}}}",
            "workload.streams.a.synthetic.arrivals.rat",
            "rate",
        ),
    ],
)
def test_senseless_streams_are_refused_where_they_stand(site, stream, where, expected):
    faults = check(site(stream, more=f"  tiers: {{gold: {TIER}}}\n"))
    fault = next(f for f in faults if f.where == where)
    assert expected in fault.expected
    assert fault.line > 1


def test_blocks_of_prefixes_must_divide(site):
    faults = check(site(TRACE, more="  prefix_block: 100\n"))
    assert [(f.where, f.found, f.line > 1) for f in faults] == [("workload.prefix_block", "100", True)]


def test_the_schema_for_editors_describes_every_key():
    for part in Workload.model_json_schema()["$defs"].values():
        assert part["additionalProperties"] is False
        for name, value in part["properties"].items():
            assert set(value) & {"description", "type", "enum", "anyOf", "$ref"}, name


def test_trace_and_streams_exclude_each_other(site):
    faults = check(site(CHAT, more="  copies: 3\n"))
    assert [f.where for f in faults] == ["workload"]
    assert [f.mend for f in check(site(CHAT, more="  trace: x.csv\n"))] == ["move the trace into streams"]


def test_every_kind_says_what_it_is_based_on():
    for name, kind in KINDS.items():
        assert kind.basis
        assert kind.patience_s > 0
        for lengths in (kind.prompt, kind.output):
            assert (lengths is None) == (name == "request")
            assert lengths is None or missing(lengths) == ""
