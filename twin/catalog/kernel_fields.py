"""What a card of the kind ``kernel`` may carry: the constants of :mod:`twin.physics.kernels`, and how well they fit.

Fields are (dimension, low, high, required, refers_to, attribute) of :class:`twin.catalog.kinds.Field`.
"""

from __future__ import annotations

_TIME = ("time", 0.0, 1e-2)
_PER_ITEM = ("time", 0.0, 1e-4)  # for each row, step, tile, token or expert
_SHARE = ("fraction", 0.0, 1.0)
_COUNT = ("number", 0.0, 1e6)
_RATIO = ("number", 0.0, 100.0)

KERNEL_FIELDS: dict[str, tuple[object, ...]] = {
    "family": ("text", 0.0, 0.0, True),
    "operation": ("text", 0.0, 0.0, True),
    "precision": ("text",),
    "kernel_source": ("text",),
    "error_median": ("fraction", 0.0, 5.0),  # on the half held back, or of the published fit
    "error_p90": ("fraction", 0.0, 5.0),
    "rows_fitted": ("count", 0, 1e6),
    "rows_held_back": ("count", 0, 1e6),
    "processors": ("count", 1, 1e4),
    "cache": ("data", 1e6, 1e10),
    "launch": _TIME,
    "floor": _TIME,
    "cold": _TIME,
    "bulk": _TIME,
    "bulk_gpu": _TIME,
    "gpu": _TIME,
    "start": _TIME,
    "step": _PER_ITEM,
    "row": _PER_ITEM,
    "tile": _PER_ITEM,
    "group": _PER_ITEM,
    "head": _PER_ITEM,
    "expert": _PER_ITEM,
    "token": _PER_ITEM,
    "compute_efficiency": _SHARE,
    "wide_compute_efficiency": _SHARE,
    "memory_efficiency": _SHARE,
    "link_efficiency": ("fraction", 0.0, 10.0),  # above 1 where narrow values are counted as wide ones
    "low_latency_efficiency": _SHARE,
    "whole_wave": _SHARE,
    "cache_start": ("fraction", 0.0, 10.0),  # of the cache
    "cache_end": ("fraction", 0.0, 10.0),
    "sharpness": ("number", 1.0, 100.0),
    "input_passes": ("data", 0.0, 100.0),
    "split_depth": _COUNT,
    "least_rows": _COUNT,
    "most_rows": _COUNT,
    "tile_rows": _COUNT,
    "tile_columns": _COUNT,
    "tile_tokens": _COUNT,
    "kv_passes": _RATIO,
    "pair_passes": _RATIO,
    "token_passes": _RATIO,
    "cache_speedup": _RATIO,
    "wide_heads": _COUNT,
    "least_heads": _COUNT,
    "growth": ("number", -2.0, 2.0),
    "grace_ratio": ("number", 0.1, 10.0),
}
