"""The schema: which values a card of each kind may carry, in which unit, within which bounds."""

from __future__ import annotations

from typing import NamedTuple

from twin.catalog.kernel_fields import KERNEL_FIELDS
from twin.units import SUFFIX

_PLAIN = ("count", "number", "text")
_INFINITE = float("inf")


class Field(NamedTuple):
    """One value that a card may carry.

    Parameters
    ----------
    dimension : str
        A dimension of :mod:`twin.units`, or ``count`` (whole), ``number`` (bare) or ``text``.
    low, high : float
        Plausible range in SI; a value outside is a fault, so that a slipped unit is seen.
    required : bool
        Without it the card is of no use.
    refers_to : str
        For a text that names a card: the kind of that card.
    attribute : str
        Name inside, where it is not the key with the suffix of its dimension.
    """

    dimension: str
    low: float = -_INFINITE
    high: float = _INFINITE
    required: bool = False
    refers_to: str = ""
    attribute: str = ""


def attribute(key: str, field: Field) -> str:
    """Name of a value inside: its key and the SI suffix of its dimension.

    Examples
    --------
    >>> attribute("tdp", KINDS["gpu"]["tdp"])
    'tdp_w'
    """
    if field.attribute or field.dimension in _PLAIN:
        return field.attribute or key
    return key + SUFFIX[field.dimension]


def _count(low: float = 0, high: float = 1e6, required: bool = False) -> Field:
    return Field("count", low, high, required)


def _name(kind: str, required: bool = False) -> Field:
    return Field("text", required=required, refers_to=kind)


def _power(low: float, high: float, required: bool = False) -> Field:
    return Field("power", low, high, required)


_TEXT = Field("text")
_YEAR = Field("count", 1990, 2040)
_SHARE = Field("fraction", 0, 1)
_NEEDED_SHARE = Field("fraction", 0, 1, required=True)
_LENGTH = Field("length", 0.001, 30)
_MASS = Field("mass", 0.01, 1e5)
_MONEY = Field("money", 0, 1e9)
_FLOP = Field("compute rate", 1e12, 1e21)
_BANDWIDTH = Field("data rate", 1e8, 1e17)
_MEMORY = Field("data", 1e8, 1e16)
_DELAY = Field("time", 0, 1e-4)
_LOSS = Field("fraction", -0.05, 0.1, required=True)

_SIZE = {"width": _LENGTH, "depth": _LENGTH, "height": _LENGTH, "mass": _MASS}

_CONVERTER = {
    "rating": _power(1e3, 1e9, required=True),
    "loss_constant": _LOSS,
    "loss_linear": _LOSS,
    "loss_quadratic": _LOSS,
    "power_factor": _SHARE,
    "price": _MONEY,
    **_SIZE,
}

_GPU = {
    "architecture": Field("text", required=True),
    "year": _YEAR,
    "dies": _count(1, 16),
    "fp16_dense": _FLOP,
    "fp8_dense": _FLOP,
    "fp4_dense": _FLOP,
    "fp4_inference": _FLOP,
    "memory_type": _TEXT,
    "hbm_capacity": _MEMORY,
    "hbm_bandwidth": _BANDWIDTH,
    "sram_capacity": _MEMORY,
    "sram_bandwidth": _BANDWIDTH,
    "nvlink_generation": _count(1, 20),
    "nvlink_bandwidth": _BANDWIDTH,  # both directions summed, per package
    "nvlink_packages": _count(2, 1024),  # that a bridge joins; 8 on a board unless a system says otherwise
    "chip_to_chip_bandwidth": _BANDWIDTH,  # both directions summed, where the link is not NVLink
    "c2c_bandwidth": _BANDWIDTH,  # to the CPU, both directions summed
    "transistors": Field("number", 1e9, 1e13),
    "tdp": _power(50, 20e3),
    "idle_power": _power(5, 2e3),
    "floor_power": _power(10, 5e3),  # where full throttling ends
    # demands of parts as shares of tdp - idle_power: being busy, doing so with others, peak FLOP/s, full HBM rate
    "active_power_share": _SHARE,
    "link_power_share": _SHARE,
    "compute_power_share": Field("fraction", 0, 20),
    "memory_power_share": Field("fraction", 0, 5),
    "cooling": _TEXT,  # liquid or air: the medium of plate_resistance and rated_flow
    "throttle_temperature": Field("temperature", 320, 400),
    "full_throttle_temperature": Field("temperature", 320, 410),
    "shutdown_temperature": Field("temperature", 330, 420),
    "die_heat_capacity": Field("heat capacity", 1, 1e4),
    "cold_plate_heat_capacity": Field("heat capacity", 1, 1e5),  # heat sink, where air-cooled
    "junction_resistance": Field("thermal resistance", 1e-3, 1),  # die to plate
    "plate_resistance": Field("thermal resistance", 1e-3, 1),  # plate to coolant at rated flow
    "air_resistance": Field("thermal resistance", 1e-3, 1),  # die to air: junction and plate in series
    "rated_flow": Field("mass flow", 1e-3, 10),
}

_SYSTEM = {
    "generation": Field("text", required=True),
    "year": _YEAR,
    "gpu": _name("gpu", required=True),
    "gpu_packages": _count(1, 1e5),
    "dies_total": _count(1, 1e5),
    "cpu": _name("cpu"),
    "cpus": _count(0, 1e4),
    "domain_packages": _count(1, 1e5),
    "domain_dies": _count(1, 1e5),
    "compute_trays": _count(0, 1e3),
    "gpus_per_tray": _count(0, 100),
    "switch_trays": _count(0, 1e3),
    "switch_chips": _count(0, 1e4),
    "nvlink_switch": _name("switch"),
    "nvlink_bandwidth": _BANDWIDTH,  # both directions summed, all packages
    "chip_to_chip_bandwidth": _BANDWIDTH,
    "hbm_capacity": _MEMORY,
    "hbm_bandwidth": _BANDWIDTH,
    "sram_capacity": _MEMORY,
    "sram_bandwidth": _BANDWIDTH,
    "cpu_memory": _MEMORY,
    "fp4_dense": _FLOP,
    "fp4_inference": _FLOP,
    "fp8_dense": _FLOP,
    "power_idle": _power(1, 1e8),
    "power_typical": _power(1, 1e8),
    "power_max": _power(1, 1e8),
    "base_power": _power(1, 1e8),  # at the inlet, of everything but the GPU packages
    "cpu_range": _power(1, 1e6),  # CPUs at full load above idle; base_power is then idle, behind the shelves
    "liquid": _SHARE,
    "coolant_supply": Field("temperature", 273, 350),
    "power_shelves": _TEXT,
    **_SIZE,
    "price": _MONEY,
    "nvlink_cables": _count(0, 1e6),
    "parts": _count(0, 1e8),
    "nic": _name("nic"),
    "nics": _count(0, 1e4),
    "nics_per_tray": _count(0, 100),
    "dpu": _name("nic"),
    "dpus": _count(0, 1e4),
    "dpus_per_tray": _count(0, 100),
}

_LLM = {
    "layers": _count(1, 1000, required=True),
    "hidden": _count(64, 1e5, required=True),
    "heads": _count(1, 1000, required=True),
    "kv_heads": _count(1, 1000),
    "head_dim": _count(16, 1024),
    "q_lora_rank": _count(1, 1e5),  # the five sizes of multi-head latent attention
    "kv_lora_rank": _count(1, 1e5),
    "rope_head_dim": _count(1, 1024),
    "nope_head_dim": _count(1, 1024),
    "v_head_dim": _count(1, 1024),
    "sliding_window": _count(1, 1e7),  # tokens seen by windowed_layers of the layers
    "windowed_layers": _count(0, 1000),
    "dense_ffn": _count(64, 1e6),
    "moe_ffn": _count(64, 1e6),
    "ffn_matrices": _count(2, 3, required=True),  # 3 with a gate, 2 without
    "experts": _count(1, 1e5),
    "active_experts": _count(1, 1e4),
    "shared_experts": _count(0, 1e4),
    "expert_hidden": _count(64, 1e5),  # width that routed experts take in, where it is not hidden
    "shared_ffn": _count(0, 1e6),  # of a layer's shared experts together, else shared_experts * moe_ffn
    "first_dense_layers": _count(0, 1000),
    "moe_layers": _count(0, 1000),  # with routed experts, else all behind first_dense_layers
    "dense_layers": _count(0, 1000),  # with a dense feed-forward block, else all without experts
    "kv_layers": _count(0, 1000),  # with a KV cache, else all without a state
    "state_layers": _count(0, 1000),  # with a recurrent state of fixed size (linear attention, Mamba)
    "state_params_per_layer": Field("number", 1e3, 1e11),
    "state_bytes_per_layer": Field("data", 16, 1e9, attribute="state_bytes_per_layer"),  # a sequence
    "query_gate": _count(0, 1),  # 1 where a gate as wide as the queries scales what attention gives
    "sparse_context": _count(1, 1e7),  # tokens that an indexer picks for each query to see
    "indexer_heads": _count(1, 1000),
    "indexer_head_dim": _count(1, 1024),  # keys of one head, cached beside the KV
    "mtp_layers": _count(0, 100),  # that draft tokens; outside params
    "tied_embeddings": _count(0, 1),  # 1 where the output head is the input embedding
    "vocabulary": _count(1000, 1e7, required=True),
    "max_context": _count(1024, 1e8),
    "attention_params_per_layer": Field("number", 1e5, 1e11, required=True),
    "params": Field("number", 1e6, 1e15, required=True),
    "active_params": Field("number", 1e6, 1e15, required=True),
    "published_params": Field("number", 1e6, 1e15),  # as its makers say
    "published_active_params": Field("number", 1e6, 1e15),
    "native_precision": _TEXT,
    "attention_bits": Field("number", 1, 32),  # of a stored weight, with its share of the scales
    "ffn_bits": Field("number", 1, 32),  # dense blocks and shared experts
    "expert_bits": Field("number", 1, 32),  # routed experts
    "hub_names": _TEXT,  # names on Hugging Face, with a comma between
    "kv_bytes_per_token_per_layer": Field(
        "data", 16, 1e6, required=True, attribute="kv_bytes_per_token_per_layer"
    ),  # at bf16; scale by bytes per element / 2
}

_OVERHEAD = Field("time", 0, 1e-2)
_NEEDED_OVERHEAD = Field("time", 0, 0.1, required=True)
_ENGINE_CONSTANTS = {
    "bf16_compute_efficiency": _NEEDED_SHARE,
    "fp8_compute_efficiency": _SHARE,
    "fp4_compute_efficiency": _SHARE,
    "moe_bf16_compute_efficiency": _NEEDED_SHARE,
    "moe_fp8_compute_efficiency": _SHARE,
    "moe_fp4_compute_efficiency": _SHARE,
    "memory_efficiency": _NEEDED_SHARE,
    "fp4_memory_efficiency": _NEEDED_SHARE,
    "moe_memory_efficiency": _NEEDED_SHARE,
    "moe_int4_memory_efficiency": _NEEDED_SHARE,
    "moe_spread": Field("number", 0.1, 2.0, required=True),
    "kv_efficiency": _NEEDED_SHARE,
    "attention_efficiency": _NEEDED_SHARE,
    "decode_attention_efficiency": _NEEDED_SHARE,
    "link_efficiency": _NEEDED_SHARE,
    "step_overhead": _NEEDED_OVERHEAD,
    "sequence_overhead": _NEEDED_OVERHEAD,
    "layer_overhead": _NEEDED_OVERHEAD,
    "latent_layer_overhead": _OVERHEAD,
    "fp8_layer_overhead": _OVERHEAD,
    "fp4_layer_overhead": _OVERHEAD,
    "moe_layer_overhead": _OVERHEAD,
    "all_reduce_latency": _NEEDED_OVERHEAD,
    "all_to_all_latency": _NEEDED_OVERHEAD,
    "prompt_layer_overhead": _OVERHEAD,
    "prompt_latent_layer_overhead": _OVERHEAD,
    "prompt_moe_layer_overhead": _OVERHEAD,
    "draft_layers": Field("number", 0, 100),
    "draft_acceptance": _SHARE,
    # of a benchmark that keeps a number of requests in flight
    "edge_time": Field("time", 0, 1, required=True),
    "wait_iterations": Field("number", 0, 1e3),
    "poll_iterations": Field("number", 0, 1e3),
    "rank_wait_iterations": Field("number", 0, 1e3),
    "burst": Field("number", 0, 10),
    "steady_burst": Field("number", 0, 10),
    "offline_sequence": _SHARE,
    "clump": Field("number", 0, 10),
    "handoff_time": Field("time", 0, 1),
    "handoff_iterations": Field("number", 0, 1e3),
}
#: Architectures with constants of their own, and whose constants others take: announced parts those of their
#: predecessor, Ampere those of its successor.
ENGINE_ARCHITECTURE = {
    "Ampere": "hopper",
    "Hopper": "hopper",
    "Blackwell": "blackwell",
    "Blackwell Ultra": "blackwell",
    "Rubin": "blackwell",
}

KINDS: dict[str, dict[str, Field]] = {
    "gpu": _GPU,
    "cpu": {
        "year": _YEAR,
        "cores": _count(1, 1e4),
        "threads": _count(1, 1e4),
        "isa": _TEXT,
        "memory_type": _TEXT,
        "memory_capacity": _MEMORY,
        "memory_bandwidth": _BANDWIDTH,
        "c2c_bandwidth": _BANDWIDTH,  # both directions summed
        "tdp": _power(5, 2e3),
    },
    "system": _SYSTEM,
    "switch": {
        "switch_type": Field("text", required=True),
        "year": _YEAR,
        "ports": _count(1, 1e4),
        "port_rate": _BANDWIDTH,  # one direction
        "total_bandwidth": _BANDWIDTH,  # both directions summed
        "radix": _count(1, 1e5),
        "chips_per_system": _count(1, 1e4),
        "chips_per_tray": _count(1, 100),
        "tray_power": _power(10, 1e5),
        "power_typical": _power(10, 1e5),  # without pluggable optics
        "power_max": _power(10, 1e5),
        "latency": _DELAY,
        "height": _LENGTH,
    },
    "nic": {
        "year": _YEAR,
        "rate": _BANDWIDTH,
        "pcie": _TEXT,
        "cores": _TEXT,
        "memory": _TEXT,
        "power": _power(1, 1e3),
        "latency": _DELAY,
    },
    "optics": {
        "medium": Field("text", required=True),
        "rate": _BANDWIDTH,
        "power_per_end": _power(0, 100, required=True),
        "price_per_end": _MONEY,
        "reach": Field("length", 0.1, 1e5),
        "propagation": Field("time per length", 3e-9, 7e-9),
        "latency": _DELAY,  # of the signal processors of both ends together
    },
    "ups": {
        **_CONVERTER,
        "eco_loss_constant": _SHARE,
        "eco_loss_linear": _SHARE,
        "eco_loss_quadratic": _SHARE,
    },
    "generator": {
        "rating": _power(1e4, 1e8, required=True),  # standby
        "step": _NEEDED_SHARE,  # largest block of load that it takes at once, of the rating
        "fuel_idle": _NEEDED_SHARE,  # heat of fuel without load, of the rating
        "fuel_per_output": Field("number", 1, 10, required=True),  # heat of fuel for each unit of energy more
        "fuel_carbon": Field("number", 1e-9, 1e-6),  # kg of CO2 for each joule of heat
        "least_load": _SHARE,  # beside the grid, of the rating
        "loading": Field("time", 0.1, 3600),  # from no load to the rating beside the grid
        "price": _MONEY,
        **_SIZE,
    },
    "battery": {
        # of the power of the scenario: drawn all the time, and lost on the way in and on the way out
        "loss_constant": _LOSS,
        "loss_linear": _LOSS,
        "loss_quadratic": _LOSS,
        "cells": Field("energy price", 0, 1e-3, required=True),  # that wear out, of its energy
        "cycle_life": _count(100, 1e6, required=True),  # full cycles of cycle_depth that it lasts
        "cycle_depth": _NEEDED_SHARE,
        "depth_exponent": Field("number", 1, 4, required=True),  # wear of a cycle by its depth
        "calendar_life": Field("time", 3e7, 2e9, required=True),
    },
    "transformer": {**_CONVERTER, "apparent_rating": Field("apparent power", 1e4, 1e9), "impedance": _SHARE},
    "pdu": {**_CONVERTER, "voltage": Field("voltage", 40, 1500), "current": Field("current", 10, 1e4)},
    "psu": {**_CONVERTER, "voltage": Field("voltage", 10, 1500), "hold_up": Field("time", 1e-3, 600)},
    "cdu": {
        "rated_heat": _power(1e4, 1e7, required=True),
        "rated_flow": Field("mass flow", 0.1, 500, required=True),
        "facility_flow": Field("mass flow", 0.1, 500),  # of those that give their heat to water
        "rated_air_flow": Field("mass flow", 0.1, 500),  # of those that give it to the air of the hall
        "fan_power": _power(100, 1e5),
        "rated_conductance": Field("conductance", 1e3, 1e7, required=True),
        "pumps": _count(1, 10, required=True),
        "pumps_on_duty": _count(1, 10, required=True),
        "pump_power": _power(100, 1e5, required=True),
        "pump_coast_down": Field("time", 0.1, 120, required=True),
        "volume": Field("volume", 0.01, 50, required=True),
        "price": _MONEY,
        **_SIZE,
    },
    "pump": {
        "rated_flow": Field("mass flow", 0.1, 1000, required=True),
        "head": Field("pressure", 1e4, 2e6, required=True),
        "power": _power(100, 1e6, required=True),
        **_SIZE,
    },
    "dry_cooler": {
        "rated_heat": _power(1e4, 1e7, required=True),
        "rated_conductance": Field("conductance", 1e3, 1e7, required=True),
        "rated_air_flow": Field("mass flow", 1, 1e4, required=True),
        "fan_power": _power(100, 1e6, required=True),
        **_SIZE,
    },
    "crah": {
        "rated_heat": _power(1e3, 1e6, required=True),
        "rated_air_flow": Field("mass flow", 0.1, 200, required=True),
        "fan_power": _power(50, 1e5, required=True),
        "effectiveness": _NEEDED_SHARE,
        **_SIZE,
    },
    "chiller": {
        "rated_heat": _power(1e4, 5e7, required=True),
        "carnot": _NEEDED_SHARE,
        "condenser_approach": Field("temperature difference", 0, 40, required=True),
        "evaporator_approach": Field("temperature difference", 0, 20, required=True),
        "parasitic": _NEEDED_SHARE,  # pumps and fans, of the heat moved
        "rated_supply": Field("temperature", 270, 320),
        "rated_outdoor": Field("temperature", 270, 330),
        "rated_cop": Field("number", 1, 20),
        **_SIZE,
    },
    "llm": _LLM,
    "engine": {
        "request_overhead": Field("time", 0, 1, required=True),
        "output_token_overhead": Field("time", 0, 1e-2),
        **{
            f"{family}_{name}": field
            for family in sorted(set(ENGINE_ARCHITECTURE.values()))
            for name, field in _ENGINE_CONSTANTS.items()
        },
    },
    "kernel": {key: Field(*field) for key, field in KERNEL_FIELDS.items()},  # type: ignore[arg-type]
    "collective": {
        "launch": Field("time", 0, 1e-2),
        "link_step": _DELAY,
        "multicast": Field("time", 0, 1e-2),
        "link_efficiency": _SHARE,
        "tree_efficiency": _SHARE,
        "multicast_efficiency": _SHARE,  # 0 where NVLink switches cannot reduce
        "buffer": Field("data", 0, 1e9),
        "network_buffer": Field("data", 0, 1e9),
        "slowdown": Field("number", 0, 1e3),
        "network_slowdown": Field("number", 0, 1e3),
        "sharpness": Field("number", 1, 100),
        "most_rails": Field("number", 1, 1e4),
        "nic_rate": _BANDWIDTH,  # of a GPU, one way, where its system names no NICs
        "exchange_launch": Field("time", 0, 1e-2),
        "exchange_throughput": Field("time", 0, 1e-2),
        "exchange_network": Field("time", 0, 1e-2),
        "exchange_link_efficiency": _SHARE,
        "network_step": _DELAY,
        "nic_efficiency": _SHARE,
        "aggregation_efficiency": _SHARE,  # 0 where switches cannot reduce
        "exchange_nic_efficiency": _SHARE,
    },
    "economics": {
        "all_in_power": _power(100, 1e5),  # of the facility, per GPU
        "own_hyperscaler_per_gpu_hour": Field("money", 0.01, 100),
        "own_neocloud_per_gpu_hour": Field("money", 0.01, 100),
        "rent_3_years_per_gpu_hour": Field("money", 0.01, 100),
        "price": _MONEY,
        "price_low": _MONEY,
        "price_high": _MONEY,
        "per": _TEXT,
    },
    "roadmap": {
        "when": Field("text", required=True),
        "nvl_number_counts": _TEXT,
        "meaning": _TEXT,
        "interconnect": _TEXT,
    },
}
