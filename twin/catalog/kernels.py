"""Kernel constants of a GPU from the catalog: its own family's where measured, else the nearest with a wider band."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from twin.catalog import Card, get, names
from twin.errors import CatalogError, Fault
from twin.physics.group_kernels import AllToAll, Collective, Moe
from twin.physics.kernels import Decode, Device, Gemm, Prefill

#: Families whose constants a GPU of an architecture takes, the nearest first.
FAMILIES = {
    "Ampere": ("ampere", "hopper"),
    "Hopper": ("hopper",),
    "Blackwell": ("blackwell",),
    "Blackwell Ultra": ("blackwell-ultra", "blackwell"),
    "Rubin": ("blackwell-ultra", "blackwell"),
}
#: Bytes of a value with its scales, and the peak of the GPU card that it computes at.
PRECISIONS = {
    "bf16": (2.0, "fp16_dense_flop_per_s"),
    "fp8": (1.0, "fp8_dense_flop_per_s"),
    "fp8-block": (1.0, "fp8_dense_flop_per_s"),
    "nvfp4": (0.5625, "fp4_dense_flop_per_s"),
    "w4a16-mxfp4": (0.53125, "fp16_dense_flop_per_s"),
    "w4a8-mxfp4": (0.53125, "fp8_dense_flop_per_s"),
}
#: A band is that many times wider where the constants are those of another family.
INHERITED_BAND = 2.0

Constants = TypeVar("Constants", Gemm, Prefill, Decode, Moe, Collective, AllToAll)


class Measured(NamedTuple):
    """Where constants come from and how far to trust them.

    Parameters
    ----------
    card : Card
        With its sources.
    band_frac : float
        Nine of ten kernels lie within this share of the prediction, up or down.
    is_inherited : bool
        They were measured on another family.
    """

    card: Card
    band_frac: float
    is_inherited: bool

    def read(self, kind: type[Constants]) -> Constants:
        """Return the constants as the relations take them."""
        return kind(*(float(getattr(self.card, name)) for name in kind._fields))


def measured(gpu: Card, operation: str, precision: str = "", source: str = "") -> Measured:
    """Return the card that holds the constants of an operation on a GPU.

    Parameters
    ----------
    gpu : Card
        Of the GPU package.
    operation : str
        ``gemm``, ``prefill``, ``decode``, ``mla-prefill``, ``mla-decode``, ``moe``, ``nccl-all-reduce`` and so on.
    precision : str
        Of the operands; for attention ``bf16-kv-fp8`` for the KV cache apart. Empty where there is none.
    source : str
        Kernel, where there are several; without it, or where it has no card of its own, the usual one.

    Raises
    ------
    CatalogError
        When nothing was measured for it.

    Examples
    --------
    >>> from twin import catalog
    >>> found = measured(catalog.get("gpu", "h100-sxm"), "gemm", "bf16")
    >>> found.card.name, found.is_inherited
    ('hopper-gemm-bf16', False)
    >>> measured(catalog.get("gpu", "rubin-vr200"), "prefill", "fp8-kv-fp8").is_inherited
    True
    """
    families = FAMILIES.get(gpu.architecture, ())
    known = names("kernel")
    wanted = [part for part in (operation, precision) if part]
    for family in families:
        for parts in ([family, *wanted, source], [family, *wanted]):
            name = "-".join(part for part in parts if part)
            if name in known:
                card = get("kernel", name)
                is_inherited = family != gpu.architecture.lower().replace(" ", "-")
                wider = INHERITED_BAND if is_inherited else 1.0
                return Measured(card, wider * float(card.get("error_p90_frac", 0.0)), is_inherited)
    what = " ".join(wanted)
    near = sorted(n for n in known if n.startswith(families or ("-",)) and operation in n)
    fault = Fault(
        "", 0, f"gpu {gpu.name}", f"no constants for {what} on {gpu.architecture}",
        ", ".join(near[:8]) or "an architecture of " + ", ".join(FAMILIES), "choose one of these, or add a kernel card",
    )  # fmt: skip
    raise CatalogError(f"no kernel constants for {what} on {gpu.name}", [fault])


def device(gpu: Card, precision: str = "bf16", is_repeated: bool = False) -> Device:
    """Return the peaks of a GPU as the relations take them.

    Parameters
    ----------
    gpu : Card
        Of the GPU package.
    precision : str
        A key of :data:`PRECISIONS`.
    is_repeated : bool
        The kernel runs again and again on the same data, as in a benchmark, so that the cache holds what fits.

    Raises
    ------
    CatalogError
        When the GPU has no such peak, or nothing is known of its family.

    Examples
    --------
    >>> from twin import catalog
    >>> device(catalog.get("gpu", "h200-sxm"), "fp8").flop_per_s
    1979000000000000.0
    """
    if precision not in PRECISIONS:
        fault = Fault("", 0, "precision", precision, ", ".join(PRECISIONS), "choose one of these")
        raise CatalogError(f"unknown precision {precision!r}", [fault])
    card = measured(gpu, "processors").card
    return Device(
        flop_per_s=float(getattr(gpu, PRECISIONS[precision][1])),
        memory_bytes_per_s=float(gpu.hbm_bandwidth_bytes_per_s),
        processors=float(card.processors),
        cache_bytes=float(card.cache_bytes) if is_repeated else 0.0,
        link_bytes_per_s=float(gpu.get("nvlink_bandwidth_bytes_per_s", 0.0)) / 2.0,
    )
