"""Compiles the steps of models, and keeps them on disk as long as nothing that they lean on changes."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from twin.models import _linear
from twin.physics import constants

Array = NDArray[np.float64]


def compiled(fill: Callable[..., None], rows: int, *relations: Callable[..., Any]) -> Callable[..., Array]:
    """Compile a step of arrays on its first call.

    Parameters
    ----------
    fill : callable
        ``(params, state, inputs, dt_s, out, *more)``, NamedTuples of arrays (asset), as NumPy computes it; fills in
        ``out``, array (row, asset).
    rows : int
        Rows of ``out``.
    relations : callables
        Relations of the physics that it calls; others of their modules may be called by them.

    Returns
    -------
    callable
        ``(params, state, inputs, dt_s, *more)``, which returns the rows.

    """
    home = sys.modules[fill.__module__]
    digest = digest_of(home, _linear) + _with_relations(*(sys.modules[r.__module__] for r in relations))
    inner = register_jitable(error_model="numpy")(fill)

    as_params, as_state, as_inputs = home.Params, home.State, home.Inputs
    first, second = len(as_params._fields), len(as_params._fields) + len(as_state._fields)
    third = second + len(as_inputs._fields)

    # arrays one by one, and one to fill in: unpacking tuples and making arrays costs more than many a step
    @njit(cache=True, error_model="numpy")
    def entry(out: Any, dt_s: float, *arrays: Any) -> None:
        span_s = dt_s if digest != "" else 0.0
        inner(
            as_params(*arrays[:first]),
            as_state(*arrays[first:second]),
            as_inputs(*arrays[second:third]),
            span_s,
            out,
            *arrays[third:],
        )

    def call(params: Any, state: Any, inputs: Any, dt_s: float, *more: Array) -> Array:
        out = np.empty((rows, len(inputs[0])))
        entry(out, dt_s, *params, *state, *inputs, *more)
        return out

    return call


def compiled_relation(relation: Callable[..., Array]) -> Callable[..., Array]:
    """Compile a relation of the physics on its first call: arrays and NamedTuples of arrays in, one array out."""
    digest = _with_relations(sys.modules[relation.__module__])

    @njit(cache=True, error_model="numpy")
    def entry(*given: Any) -> Any:
        if digest == "":
            raise ValueError
        return relation(*given)

    return entry


def digest_of(*modules: ModuleType) -> str:
    """Digest of the files of modules and of the constants of the physics.

    Numba caches what it compiles by the file of the function alone; a digest in its closure adds what it calls.
    """
    files = [Path(inspect.getfile(module)).read_bytes() for module in (constants, *modules)]
    return hashlib.blake2b(b"".join(files), digest_size=8).hexdigest()


def _with_relations(*modules: ModuleType) -> str:
    """Let compiled code call the functions of modules, and give the digest of all their files."""
    for module in dict.fromkeys(modules):
        for found in vars(module).values():
            if isinstance(found, FunctionType) and found.__module__ == module.__name__:
                register_jitable(error_model="numpy")(found)
    return digest_of(*modules)
