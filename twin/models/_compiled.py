"""Compiles the steps of models, and keeps them on disk as long as nothing that they lean on changes."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import njit
from numba.extending import register_jitable

from twin.models import _linear


def compiled(step: Callable[..., Any], *relations: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a step of arrays on its first call.

    Parameters
    ----------
    step : callable
        ``(params, state, inputs, dt_s)``, all but the last NamedTuples of arrays, as NumPy computes it.
    relations : callables
        Relations of the physics that it calls; others of their modules may be called by them.

    Notes
    -----
    Numba caches by the file of the function alone: the digest in the closure adds the modules of the relations.
    """
    modules = [sys.modules[step.__module__], _linear, *(sys.modules[r.__module__] for r in relations)]
    for module in dict.fromkeys(modules[2:]):
        for found in vars(module).values():
            if isinstance(found, FunctionType) and found.__module__ == module.__name__:
                register_jitable(error_model="numpy")(found)
    files = b"".join(Path(inspect.getfile(m)).read_bytes() for m in modules)
    digest = hashlib.blake2b(files, digest_size=8).hexdigest()
    inner = register_jitable(error_model="numpy")(step)

    home = modules[0]
    as_params, as_state, as_inputs = home.Params, home.State, home.Inputs

    @njit(cache=True, error_model="numpy")
    def entry(params: Any, state: Any, inputs: Any, dt_s: float) -> Any:
        span_s = dt_s if digest != "" else 0.0
        return inner(as_params(*params), as_state(*state), as_inputs(*inputs), span_s)

    # as plain tuples: Numba takes NamedTuples of one name and length for the same and then looks twice
    return lambda params, state, inputs, dt_s: entry(tuple(params), tuple(state), tuple(inputs), dt_s)
