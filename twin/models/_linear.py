"""Exact step of small linear heat networks, one per asset, whose coefficients are constant over the step."""

from __future__ import annotations

import numpy as np
from numba import literal_unroll, njit
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TERMS = 10  # of the Taylor series; with the bound below its remainder is under 1e-15
_BOUND = 0.25


@njit(cache=True)
def _multiply(a: Array, b: Array, into: Array) -> None:
    n = a.shape[0]
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(n):
                total += a[i, k] * b[k, j]
            into[i, j] = total


@njit(cache=True)
def _scale(a: Array, by: float, into: Array) -> None:
    """Fill in ``by a``; element by element, as everywhere here: assigning arrays compiles for seconds."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            into[i, j] = by * a[i, j]


@njit(cache=True)
def _double(x: Array, rise: Array, more: Array, work: Array) -> None:
    """Replace x by ``2 x + rise x + more``."""
    n = x.shape[0]
    _multiply(rise, x, work)
    for i in range(n):
        for j in range(n):
            x[i, j] = 2.0 * x[i, j] + work[i, j] + more[i, j]


@njit(cache=True)
def fill_propagators(rate_per_s: Array, dt_s: float, into: Array) -> None:
    """Fill in what a step does, array (5, node, node); the last two matrices are work space.

    The first and second integral of exp(rate t) over the step, and exp(rate t) - 1 at its end. They come from a short
    Taylor step that is doubled; this needs no inverse and no eigenvalues, so isolated nodes (zero rows) and equal
    rates are no special cases.
    """
    once, twice, rise, more, work = into[0], into[1], into[2], into[3], into[4]
    n = rate_per_s.shape[0]
    size = 0.0
    for i in range(n):
        row = 0.0
        for j in range(n):
            row += abs(rate_per_s[i, j])
        size = max(size, row * dt_s)
    doublings = max(0, int(np.ceil(np.log2(max(size, 1e-300) / _BOUND))))
    h = dt_s / 2.0**doublings
    twice[:] = 0.0
    for k in range(_TERMS, -1, -1):  # Horner: sum of (rate h)^k / (k+2)!
        _multiply(rate_per_s, twice, work)
        for i in range(n):
            for j in range(n):
                twice[i, j] = (h * work[i, j] + (1.0 if i == j else 0.0)) / (k + 2)
    _scale(twice, h * h, twice)
    _multiply(rate_per_s, twice, once)
    for i in range(n):
        once[i, i] += h
    _multiply(rate_per_s, once, rise)  # exp(rate h) - 1; doubled by itself, which is stable
    for _ in range(doublings):
        _scale(once, h, more)
        _double(twice, rise, more, work)
        more[:] = 0.0
        _double(once, rise, more, work)
        _double(rise, rise, more, work)
        h *= 2.0


def propagators(rate_per_s: Array, dt_s: float) -> tuple[Array, Array]:
    """First and second integral of exp(rate t) over a step, for those who keep them.

    Parameters
    ----------
    rate_per_s : array (node, node)
        Coefficients [1/s].
    dt_s : float
        Step [s].

    Returns
    -------
    once, twice : array (node, node)
        ``end = start + once (source + rate start)``, and ``integral = start dt + twice (source + rate start)``.

    Examples
    --------
    >>> once, twice = propagators(np.array([[-1.0]]), 1.0)
    >>> float(once[0, 0].round(12)), float(twice[0, 0].round(12))
    (0.632120558829, 0.367879441171)
    """
    into = np.empty((5, *rate_per_s.shape))
    fill_propagators(rate_per_s, dt_s, into)
    return into[0], into[1]


@njit(cache=True)
def _pick(rate_per_s: Array, asset: int, into: Array) -> None:
    for i in range(into.shape[0]):
        for j in range(into.shape[1]):
            into[i, j] = rate_per_s[i, j, asset]


@njit(cache=True)
def _as_before(rate_per_s: Array, asset: int) -> bool:
    n = rate_per_s.shape[0]
    for i in range(n):
        for j in range(n):
            if rate_per_s[i, j, asset] != rate_per_s[i, j, asset - 1]:
                return False
    return True


@njit(cache=True)
def is_alike(fields: tuple[Array, ...], a: int) -> bool:
    """Whether an asset is as the one before it in all fields of a NamedTuple of arrays (asset); the first never is."""
    found = a > 0
    for values in literal_unroll(fields):
        found &= values[a] == values[a - 1]
    return found


@njit(cache=True)
def _follow(
    rate: Array,
    ways: Array,
    source_k_per_s: Array,
    start_k: Array,
    dt_s: float,
    a: int,
    end_k: Array,
    total: Array,
) -> None:
    """Fill in end and integral of an asset, from how it would go on: no difference of large numbers."""
    nodes = start_k.shape[0]
    for i in range(nodes):
        end_k[i, a], total[i, a] = start_k[i, a], start_k[i, a] * dt_s
    for j in range(nodes):
        slope = source_k_per_s[j, a]
        for k in range(nodes):
            slope += rate[j, k] * start_k[k, a]
        for i in range(nodes):
            end_k[i, a] += ways[0, i, j] * slope
            total[i, a] += ways[1, i, j] * slope


@njit(cache=True)
def relax(rate_per_s: Array, source_k_per_s: Array, start_k: Array, dt_s: float) -> tuple[Array, Array]:
    """Solve ``dT/dt = rate T + source`` exactly over a step.

    Parameters
    ----------
    rate_per_s : array (node, node, asset)
        Coefficients [1/s]; constant over the step.
    source_k_per_s : array (node, asset)
        Sources [K/s]; constant over the step.
    start_k : array (node, asset)
        Temperatures at the start [K].
    dt_s : float
        Step [s], zero or larger.

    Returns
    -------
    end_k : array (node, asset)
        Temperatures at the end [K].
    integral_k_s : array (node, asset)
        Integral of the temperatures over the step [K s]; ``end - start = rate integral + source dt`` holds to
        rounding, which is what closes energy balances.

    Notes
    -----
    An asset with the same coefficients as its neighbour takes over the neighbour's propagator: the GPUs of a
    rack share flow and type, so a hall computes a handful of them.

    Examples
    --------
    >>> end, total = relax(np.array([[[-1.0]]]), np.array([[0.0]]), np.array([[1.0]]), 1.0)
    >>> float(end[0, 0].round(12)), float(total[0, 0].round(12))
    (0.367879441171, 0.632120558829)
    """
    nodes, assets = start_k.shape
    end_k = np.empty_like(start_k)
    integral_k_s = np.empty_like(start_k)
    rate, ways = np.empty((nodes, nodes)), np.empty((5, nodes, nodes))
    for a in range(assets):
        if a == 0 or not _as_before(rate_per_s, a):
            _pick(rate_per_s, a, rate)
            fill_propagators(rate, dt_s, ways)
        _follow(rate, ways, source_k_per_s, start_k, dt_s, a, end_k, integral_k_s)
    return end_k, integral_k_s


Pair = tuple[float, float]
Square = tuple[float, float, float, float]
"""A matrix of two rows, one after the other."""


@njit(cache=True)
def _product(a: Square, b: Square) -> Square:
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    )


@njit(cache=True)
def _sum(a: Square, b: Square, c: Square) -> Square:
    return a[0] + b[0] + c[0], a[1] + b[1] + c[1], a[2] + b[2] + c[2], a[3] + b[3] + c[3]


@njit(cache=True)
def _scaled(a: Square, by: float) -> Square:
    return a[0] * by, a[1] * by, a[2] * by, a[3] * by


@njit(cache=True)
def _pair_propagators(rate_per_s: Square, dt_s: float) -> tuple[Square, Square]:
    """The same series and doublings as :func:`fill_propagators`, which see."""
    zero, unit = (0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.0)
    size = dt_s * max(abs(rate_per_s[0]) + abs(rate_per_s[1]), abs(rate_per_s[2]) + abs(rate_per_s[3]))
    doublings = max(0, int(np.ceil(np.log2(max(size, 1e-300) / _BOUND))))
    h = dt_s / 2.0**doublings
    step, twice = _scaled(rate_per_s, h), zero
    for k in range(_TERMS, -1, -1):
        twice = _scaled(_sum(_product(step, twice), unit, zero), 1.0 / (k + 2))
    twice = _scaled(twice, h * h)
    once = _sum(_product(rate_per_s, twice), _scaled(unit, h), zero)
    rise = _product(rate_per_s, once)
    for _ in range(doublings):
        twice = _sum(_scaled(twice, 2.0), _product(rise, twice), _scaled(once, h))
        once = _sum(_scaled(once, 2.0), _product(rise, once), zero)
        rise = _sum(_scaled(rise, 2.0), _product(rise, rise), zero)
        h *= 2.0
    return once, twice


@njit(cache=True)
def relax_pair(rate_per_s: Square, source_k_per_s: Pair, start_k: Pair, dt_s: float) -> tuple[Pair, Pair]:
    """Solve a network of two nodes as :func:`relax` does, in numbers that need no arrays.

    Parameters
    ----------
    rate_per_s : four floats
        Coefficients, row by row [1/s].
    source_k_per_s, start_k : two floats
        Sources [K/s] and temperatures at the start [K].
    dt_s : float
        Step [s], zero or larger.

    Returns
    -------
    end_k, integral_k_s : two floats each
        Temperatures at the end [K] and their integral [K s].

    Examples
    --------
    >>> end, total = relax_pair((-1.0, 0.0, 1.0, -1.0), (0.0, 0.0), (1.0, 0.0), 1.0)
    >>> round(end[0], 12), round(end[1], 12), round(total[0], 12)
    (0.367879441171, 0.367879441171, 0.632120558829)
    """
    once, twice = _pair_propagators(rate_per_s, dt_s)
    first = source_k_per_s[0] + rate_per_s[0] * start_k[0] + rate_per_s[1] * start_k[1]
    second = source_k_per_s[1] + rate_per_s[2] * start_k[0] + rate_per_s[3] * start_k[1]
    end_k = (
        start_k[0] + once[0] * first + once[1] * second,
        start_k[1] + once[2] * first + once[3] * second,
    )
    integral_k_s = (
        start_k[0] * dt_s + twice[0] * first + twice[1] * second,
        start_k[1] * dt_s + twice[2] * first + twice[3] * second,
    )
    return end_k, integral_k_s
