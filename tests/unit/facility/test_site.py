"""Load flow of built sites: against the power chain, by conservation, with elements out, and as a drawing."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from twin import facility, topology
from twin.cli.siting import app
from twin.errors import ScenarioError
from twin.facility import Wiring, one_line, site_outages, solve_site
from twin.facility.diagram import COLOURS
from twin.physics.converter import loss_w
from twin.report import Run
from twin.topology.power import PowerTree

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=["gb200-hall", "h100-hall", "one-rack"])
def site(request: pytest.FixtureRequest) -> nx.MultiDiGraph:
    return topology.build(twin.load(ROOT / "scenarios" / f"{request.param}.yaml"))


@pytest.fixture(scope="module")
def hall() -> nx.MultiDiGraph:
    return topology.build(twin.load(ROOT / "scenarios" / "gb200-hall.yaml"))


def by_name(flow: facility.SiteFlow) -> dict[str, facility.Element]:
    return {element.name: element for element in flow.elements}


def test_energy_and_current_are_conserved(site: nx.MultiDiGraph) -> None:
    flow = solve_site(site)
    totals = flow.totals
    assert abs(totals["residual_w"]) < 1e-9 * totals["grid_w"]
    assert flow.mismatch_va < 1e-9 * totals["grid_w"]
    assert totals["loads_w"] == pytest.approx(
        sum(d for _, d in site.nodes(data="demand_max_w") if d), rel=1e-12
    )


def test_it_is_the_power_chain_with_cables_and_current_instead_of_power(site: nx.MultiDiGraph) -> None:
    flow = solve_site(site)
    chain_w, totals = PowerTree.of(site).out_w()["feed"], flow.totals
    # the chain takes load losses at a power factor of 0.95, and loads have a better one
    extra_w = totals["grid_w"] - chain_w - totals["cable_loss_w"]
    assert 0 < totals["cable_loss_w"] < 0.01 * chain_w
    assert -1e-3 * chain_w < extra_w < 2e-4 * chain_w


def test_a_ups_loses_by_its_polynomial_whatever_the_grid(hall: nx.MultiDiGraph) -> None:
    sagged, whole = by_name(solve_site(Wiring(hall, 0.92))), by_name(solve_site(hall))
    card = hall.nodes["ups-1"]
    coefficients = [card[f"loss_{c}_frac"] for c in ("constant", "linear", "quadratic")]
    figures = (whole["ups-1"].out_w, card["rating_w"], *coefficients)
    assert whole["ups-1"].loss_w == pytest.approx(float(loss_w(*map(np.float64, figures))), rel=1e-12)
    assert sagged["ups-1"].in_w == pytest.approx(whole["ups-1"].in_w, rel=1e-12)
    assert sagged["rack-01/psu"].in_pu == whole["rack-01/psu"].in_pu
    assert sagged["transformer-1"].loading_frac > 1.08 * whole["transformer-1"].loading_frac
    assert sagged["transformer to ups"].loss_w > 1.17 * whole["transformer to ups"].loss_w
    assert sagged["chiller-1"].in_pu < 0.91


def test_the_load_of_a_lost_ups_moves_to_the_other(hall: nx.MultiDiGraph) -> None:
    whole, left = by_name(solve_site(hall)), by_name(solve_site(hall, down=["ups-2"]))
    assert not left["ups-2"].is_up
    assert not left["pdu-2"].is_up
    carried_w = whole["ups-1"].out_w + whole["ups-2"].out_w
    assert left["ups-1"].out_w == pytest.approx(carried_w, rel=1e-2)
    assert left["rack-01/psu"].in_w == whole["rack-01/psu"].in_w
    assert left["rack-01/psu"].in_pu < whole["rack-01/psu"].in_pu


def test_loads_can_be_given(hall: nx.MultiDiGraph) -> None:
    idle = {name: 1e3 for name, kind in hall.nodes(data="kind") if kind == "rack"}
    found = solve_site(hall, idle)
    assert by_name(found)["rack-03/psu"].in_w == pytest.approx(1e3)
    assert found.totals["loads_w"] == pytest.approx(solve_site(hall).totals["loads_w"] - 8 * 131e3)


def test_every_outage_is_that_of_a_site_without_the_element(site: nx.MultiDiGraph) -> None:
    outages = site_outages(site)
    kinds = [kind for _, kind in site.nodes(data="kind")]
    assert len(outages) == sum(kinds.count(k) for k in ("feed", "transformer", "ups", "pdu"))
    for outage in outages:
        alone = [e for e in solve_site(site, down=[outage.part]).elements if e.is_up]
        highest = max((e.loading_frac for e in alone), default=0.0)
        assert outage.highest_loading_frac == pytest.approx(highest, rel=1e-12)
        assert bool(outage.dark) == (outage.part in ("feed", "transformer-1"))
        assert set(outage.overloaded) == {e.name for e in alone if e.loading_frac > 1}
    assert outages[-1].dark_w == pytest.approx(solve_site(site).totals["loads_w"])


def test_outages_upon_outages(hall: nx.MultiDiGraph) -> None:
    found = {outage.part: outage for outage in site_outages(hall, down=["pdu-1"])}
    assert "pdu-1" not in found
    assert len(found["pdu-2"].dark) == 4 + 4 + 2 + 1, "racks, leaves, spines and a CDU that hang on both"
    assert not found["pdu-3"].dark
    assert site_outages(hall, down=["feed"]) == []


def test_both_solvers_agree(hall: nx.MultiDiGraph) -> None:
    pytest.importorskip("power_grid_model", reason="the extra 'power' is not installed")
    own, exact = solve_site(hall), solve_site(hall, solver=facility.solve_exact)
    for one, other in zip(own.elements, exact.elements, strict=True):
        assert one.name == other.name
        np.testing.assert_allclose(one[3:], other[3:], rtol=1e-7, atol=1e-3)
    for one, other in zip(site_outages(hall), site_outages(hall, solver=facility.solve_exact), strict=True):
        assert one.overloaded == other.overloaded
        assert one.lowest_pu == pytest.approx(other.lowest_pu, abs=1e-9, nan_ok=True)


def test_an_instant_of_a_run(short_run: Run) -> None:
    """A run counts the chain without cables; the load flow of its loads adds them and little else."""
    graph = topology.build(twin.load(ROOT / "scenarios" / "one-rack.yaml"))
    drawn_w: dict[str, float] = {}
    for kind in ("rack", "cdu", "facility_water", "dry_cooler", "crah", "chiller"):
        found = short_run[f"{kind}.power_w"]
        drawn_w |= dict(zip(found.ids, map(float, found.values[-1]), strict=True))
    totals = solve_site(graph, drawn_w).totals
    run_w = float(short_run["site.power_w"].values[-1, 0])
    assert totals["grid_w"] - totals["cable_loss_w"] == pytest.approx(run_w, rel=1e-3)


def test_the_drawing_shows_every_element_and_what_is_wrong(hall: nx.MultiDiGraph) -> None:
    calm = ET.fromstring(one_line(solve_site(hall), "a <hall> & more"))
    words = [text.text for text in calm.iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == "a <hall> & more"
    for name in ("feed", "transformer-1", "ups-1", "ups-2", "pdu-1", "pdu-4"):
        assert words.count(name) == 1
    assert words.count("4 rack, 264 kW") == 4
    wrong = one_line(solve_site(hall, down=["ups-2"]), "hall")
    assert wrong.count(COLOURS["over"]) == 1 + 2, "the legend and two PDUs"
    assert wrong.count(COLOURS["dead"]) == 1 + 3, "the legend, a UPS and its PDUs"


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_command(tmp_path: Path) -> None:
    scenario, drawing = str(ROOT / "scenarios" / "gb200-hall.yaml"), tmp_path / "one-line.svg"
    found = json.loads(run(scenario, "--n-1", "--json", "--grid", "0.95", "--svg", str(drawing)))
    assert found["grid_pu"] == found["elements"][0]["in_pu"] == 0.95
    assert {o["part"] for o in found["outages"] if o["dark"]} == {"transformer-1", "feed"}
    assert drawing.read_text().startswith("<svg")
    told = run(scenario, "--n-1")
    assert "above their rating: pdu-2, pdu-4" in " ".join(told.split())
    assert "outages" not in json.loads(run(scenario, "--json"))


def test_the_command_at_an_instant() -> None:
    scenario = str(ROOT / "scenarios" / "one-rack.yaml")
    early = json.loads(run(scenario, "--at", "20 s", "--json"))
    most = json.loads(run(scenario, "--json"))
    assert early["at_s"] == 20.0
    assert 0.2 * most["totals"]["grid_w"] < early["totals"]["grid_w"] < most["totals"]["grid_w"]


@pytest.mark.parametrize(
    "words",
    [
        ("--at", "9 d"),
        ("--down", "ups-9"),
        ("--at", "0 s"),
        ("--at", "7"),
        ("--at", "1 s", "-s", "hall.count=2"),
    ],
)
def test_an_instant_that_is_none(words: tuple[str, ...]) -> None:
    with pytest.raises(ScenarioError):
        run(str(ROOT / "scenarios" / "one-rack.yaml"), *words)
