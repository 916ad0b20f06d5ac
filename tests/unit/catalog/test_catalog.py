"""The shipped cards: all usable, and right where another source lets us check."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from twin import catalog, units
from twin.catalog.kinds import ENGINE_ARCHITECTURE, KINDS, attribute
from twin.errors import CatalogError

CARDS = [(kind, name) for kind in catalog.kinds() for name in catalog.names(kind)]
THERMAL = ("h100-sxm", "h200-sxm", "b200-sxm", "b200-gb200", "b300-sxm", "b300-gb300", "rubin-vr200")


def test_all_cards_are_without_fault() -> None:
    assert catalog.check_all() == []


@pytest.mark.parametrize(("kind", "name"), CARDS)
def test_every_value_has_a_source(kind: str, name: str) -> None:
    card = catalog.get(kind, name)
    for row in card.table():
        assert all(row), f"{name}: {row}"


# Rows with a source in the published tables that the catalog began with.
@pytest.mark.parametrize(
    ("kind", "least"),
    [("gpu", 19), ("cpu", 7), ("system", 23), ("nic", 7), ("switch", 12), ("optics", 9), ("llm", 10)]
    + [("economics", 13), ("roadmap", 18), ("engine", 2)]
    + [(k, 1) for k in ("ups", "transformer", "pdu", "psu", "cdu", "dry_cooler", "crah", "chiller")],
)
def test_no_row_was_lost(kind: str, least: int) -> None:
    assert len(catalog.names(kind)) >= least


# Packages and dies by the public announcements; the number in an NVL name counts one or the other.
@pytest.mark.parametrize(
    ("name", "packages", "dies"),
    [
        ("gb200-nvl72", 72, 144),
        ("gb300-nvl72", 72, 144),
        ("vr-nvl72", 72, 144),
        ("rubin-ultra-kyber", 144, 576),
        ("dgx-h100", 8, 8),
        ("dgx-b200", 8, 16),
    ],
)
def test_packages_and_dies_are_counted_apart(name: str, packages: int, dies: int) -> None:
    system = catalog.get("system", name)
    assert (system.gpu_packages, system.dies_total) == (packages, dies)
    assert system.dies_total == packages * catalog.get("gpu", system.gpu).dies


def _racks() -> list[catalog.Card]:
    systems = [catalog.get("system", name) for name in catalog.names("system")]
    return [s for s in systems if s.get("compute_trays") and s.get("gpus_per_tray")]


@pytest.mark.parametrize("system", _racks(), ids=lambda s: s.name)
def test_counts_of_a_rack_agree(system: catalog.Card) -> None:
    assert system.compute_trays * system.gpus_per_tray == system.gpu_packages
    if system.get("nics_per_tray"):
        assert system.nics == system.compute_trays * system.nics_per_tray
    chips = catalog.get("switch", system.get("nvlink_switch", "nvswitch3")).get("chips_per_tray")
    if chips and system.get("switch_trays"):
        assert system.switch_chips == system.switch_trays * chips


@pytest.mark.parametrize(
    "name", ["gb200-nvl72", "gb300-nvl72", "vr-nvl72", "dgx-h100", "dgx-h200", "dgx-b200"]
)
def test_totals_of_a_system_follow_from_its_gpus(name: str) -> None:
    system = catalog.get("system", name)
    gpu = catalog.get("gpu", system.gpu)
    per_package = {
        "hbm_capacity_bytes": gpu.hbm_capacity_bytes,
        "nvlink_bandwidth_bytes_per_s": gpu.nvlink_bandwidth_bytes_per_s,
        "fp8_dense_flop_per_s": gpu.fp8_dense_flop_per_s,
    }
    for total, one in per_package.items():
        assert system.get(total) is None or getattr(system, total) == pytest.approx(
            system.gpu_packages * one, rel=0.01
        )


def test_gpus_of_a_rack_fit_into_its_power() -> None:
    for system in _racks():
        gpu = catalog.get("gpu", system.gpu)
        if system.get("power_max_w") and gpu.get("tdp_w"):
            assert system.gpu_packages * gpu.tdp_w < system.power_max_w


@pytest.mark.parametrize("name", THERMAL)
def test_gpus_can_be_cooled_and_powered(name: str) -> None:
    gpu = catalog.get("gpu", name)
    rise_k = gpu.tdp_w * (gpu.junction_resistance_k_per_w + gpu.plate_resistance_k_per_w)
    inlet_k = units.parse({"liquid": "55 degC", "air": "27 degC"}[gpu.cooling], "temperature")
    assert inlet_k + rise_k < gpu.throttle_temperature_k < gpu.full_throttle_temperature_k
    assert gpu.full_throttle_temperature_k < gpu.shutdown_temperature_k
    assert gpu.idle_power_w < gpu.floor_power_w < gpu.tdp_w
    assert gpu.active_power_share_frac + gpu.link_power_share_frac < gpu.memory_power_share_frac
    assert 1.0 < gpu.compute_power_share_frac < 10.0
    if gpu.cooling == "air":
        series = gpu.junction_resistance_k_per_w + gpu.plate_resistance_k_per_w
        assert gpu.air_resistance_k_per_w == pytest.approx(series)


@pytest.mark.parametrize(("name", "low_w", "high_w"), [("h100-sxm", 435, 554), ("b200-sxm", 526, 794)])
def test_decode_draws_what_was_measured(name: str, low_w: float, high_w: float) -> None:
    """Middle half of the runs of ML.ENERGY V3, most on several GPUs: memory at 40 to 70 %, little arithmetic."""
    gpu = catalog.get("gpu", name)
    for memory, compute in ((0.4, 0.05), (0.7, 0.03)):
        demand = (
            gpu.active_power_share_frac + gpu.link_power_share_frac + memory * gpu.memory_power_share_frac
        )
        demand += compute * gpu.compute_power_share_frac
        drawn = demand / (1.0 + demand**2) ** 0.5
        assert low_w <= gpu.idle_power_w + (gpu.tdp_w - gpu.idle_power_w) * drawn <= high_w


def test_gb200_die_temperature_of_the_reference_transient() -> None:
    """Steady state before the loss of flow: 1,200 W over rack coolant at 53.03 degC gives 84.23 degC."""
    gpu = catalog.get("gpu", "b200-gb200")
    rise_k = 1200 * (gpu.junction_resistance_k_per_w + gpu.plate_resistance_k_per_w)
    assert 53.03165 + rise_k == pytest.approx(84.23165, abs=1e-4)
    assert 72 * gpu.rated_flow_kg_per_s == pytest.approx(2.75, rel=0.001)


def test_units_become_si() -> None:
    gpu = catalog.get("gpu", "b200-gb200")
    assert gpu.tdp_w == 1200.0
    assert gpu.hbm_bandwidth_bytes_per_s == 8e12
    assert gpu.fp8_dense_flop_per_s == 5e15
    assert gpu.throttle_temperature_k == pytest.approx(360.15)
    assert isinstance(gpu.dies, int)
    assert catalog.get("nic", "cx7").rate_bytes_per_s == 50e9
    assert catalog.get("switch", "qm9700").height_m == pytest.approx(0.04445)
    assert catalog.get("optics", "fiber").propagation_s_per_m == pytest.approx(4.9e-9)
    assert catalog.get("engine", "trtllm").output_token_overhead_s == pytest.approx(46e-6)
    assert catalog.get("system", "gb200-nvl72").liquid_frac == 0.87


@pytest.mark.parametrize("name", catalog.names("llm"))
def test_kv_cache_follows_from_the_shapes(name: str) -> None:
    llm = catalog.get("llm", name)
    is_latent = llm.get("kv_lora_rank") is not None
    values = llm.kv_lora_rank + llm.rope_head_dim if is_latent else 2 * llm.kv_heads * llm.head_dim
    assert llm.kv_bytes_per_token_per_layer == 2 * values
    assert llm.active_params <= llm.params


def test_every_gpu_of_a_serving_generation_has_engine_constants() -> None:
    for engine in (catalog.get("engine", n) for n in catalog.names("engine")):
        for gpu in (catalog.get("gpu", name) for name in THERMAL):
            family = ENGINE_ARCHITECTURE[gpu.architecture]
            assert 0 < engine.get(f"{family}_memory_efficiency_frac") <= 1
            assert engine.get(f"{family}_layer_overhead_s") > 0


def test_an_unknown_name_shows_the_nearest() -> None:
    with pytest.raises(CatalogError) as caught:
        catalog.get("gpu", "b200-gb20")
    assert caught.value.faults[0].mend == "write b200-gb200"
    with pytest.raises(CatalogError, match="unknown kind 'gpus'"):
        catalog.names("gpus")


def test_a_blank_value_says_which_and_what_to_do() -> None:
    card = catalog.get("gpu", "lp30")
    assert card.get("tdp_w") is None
    assert card.get("tdp_w", default=1.0) == 1.0
    with pytest.raises(CatalogError) as caught:
        _ = card.tdp_w
    fault = caught.value.faults[0]
    assert "tdp" in fault.found
    assert "choose another gpu" in fault.mend


def test_an_unknown_attribute_is_a_programming_error() -> None:
    card = catalog.get("gpu", "h100-sxm")
    for ask in (lambda: card.tpd_w, lambda: card.get("tdp"), lambda: card.source_of("watts")):
        with pytest.raises(AttributeError):
            ask()


def test_a_source_says_text_date_and_confidence() -> None:
    source = catalog.get("ups", "ups-1500kw").source_of("loss_constant_frac")
    assert source.confidence == "assumption"
    assert source.date == "2026-11"


def test_a_card_survives_pickling() -> None:
    card = catalog.get("system", "gb200-nvl72")
    assert pickle.loads(pickle.dumps(card)) == card


def test_every_dimension_of_the_schema_has_a_unit() -> None:
    for fields in KINDS.values():
        for key, field in fields.items():
            assert field.dimension in {*units.DIMENSIONS, "count", "number", "text"}
            assert attribute(key, field).startswith(key)


def test_cards_of_other_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Path(catalog.__file__).parent / "pump" / "pump-25kgs.yaml"
    (tmp_path / "pump").mkdir()
    text = own.read_text().replace("name: pump-25kgs", "name: pump-mine")
    (tmp_path / "pump" / "pump-mine.yaml").write_text(text)
    (tmp_path / "parts.py").write_text("")
    entry = type("Entry", (), {"load": lambda _: type("Module", (), {"__file__": tmp_path / "parts.py"})})
    monkeypatch.setattr(catalog, "entry_points", lambda group: [entry()])
    caches = (catalog.get, catalog._paths, catalog._folders)
    for cached in caches:
        cached.cache_clear()
    try:
        assert {"pump-mine", "pump-25kgs"} <= set(catalog.names("pump"))
        assert catalog.get("pump", "pump-mine").rated_flow_kg_per_s == 25.0
    finally:
        for cached in caches:
            cached.cache_clear()
