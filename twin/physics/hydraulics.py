"""Pressure losses of pipes: Darcy and Weisbach, with the friction of Colebrook and White.

Colebrook (1939) above Reynolds 2,300 and 64/Re below, as ASHRAE Fundamentals 2021, chapter 22.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LAMINAR_LIMIT = 2300.0
"""Reynolds number at and below which a pipe flow is laminar [1]; Schlichting, Boundary-Layer Theory."""

TURNING_FRAC = 1e-3
"""Width of the jump from laminar to turbulent friction, over the limit [1]; assumption (2026): small against
every tolerance, yet a loss that rises without a jump has one flow for each pressure."""

_ROUNDS = 6


class Pipes(NamedTuple):
    """Pipes by length, bore and roughness [m], and the sum of their fittings' loss factors [1]."""

    length_m: Array
    bore_m: Array
    roughness_m: Array
    fittings: Array

    @property
    def section_m2(self) -> Array:
        """Area of the bore [m2]."""
        return 0.25 * np.pi * self.bore_m**2


class Liquid(NamedTuple):
    """Density [kg/m3], viscosity [Pa s] and heat capacity [J/(kg K)] of what flows."""

    density_kg_per_m3: float
    viscosity_pa_s: float
    heat_capacity_j_per_kg_k: float = 4186.0


def friction(reynolds: ArrayLike, relative_roughness: ArrayLike) -> Array:
    """Darcy friction factor.

    Parameters
    ----------
    reynolds : array (pipe)
        Reynolds number [1], above zero; to 1e9.
    relative_roughness : array (pipe)
        Roughness over bore [1], 0 to 0.05.

    Returns
    -------
    array (pipe)
        64/Re to Re 2,300, the root of Colebrook's equation from 2,302.3, on a line between [1].

    Examples
    --------
    >>> friction([1000.0, 144836.0], [0.0005, 0.0005]).round(5)
    array([0.064  , 0.01943])
    """
    return _friction(np.asarray(reynolds, dtype=float), np.asarray(relative_roughness, dtype=float))[0]


def reynolds(flow_kg_per_s: Array, pipes: Pipes, liquid: Liquid) -> Array:
    """Reynolds number of a flow through pipes [1].

    Parameters
    ----------
    flow_kg_per_s : array (pipe)
        Mass flow of either sign [kg/s].
    pipes, liquid : Pipes, Liquid
        What it flows through, and what flows.

    Examples
    --------
    >>> bore = np.array([0.1])
    >>> reynolds(np.array([13.642]), Pipes(bore, bore, 0 * bore, 0 * bore), Liquid(1007.2, 1.19927e-3)).round(-2)
    array([144800.])
    """
    return np.abs(flow_kg_per_s) * pipes.bore_m / (pipes.section_m2 * liquid.viscosity_pa_s)


def loss_pa(flow_kg_per_s: Array, pipes: Pipes, liquid: Liquid) -> tuple[Array, Array]:
    """Pressure lost along pipes, and its slope with the flow.

    Parameters
    ----------
    flow_kg_per_s : array (pipe)
        Mass flow [kg/s]; the loss has its sign.
    pipes, liquid : Pipes, Liquid
        What it flows through, and what flows.

    Returns
    -------
    loss_pa : array (pipe)
        ``(f L/d + fittings) rho v^2 / 2`` [Pa].
    slope_pa_s_per_kg : array (pipe)
        Its derivative [Pa s/kg], above zero.

    Examples
    --------
    >>> pipes = Pipes(*(np.array([v]) for v in (12.0, 0.1, 5e-5, 0.2)))
    >>> loss, slope = loss_pa(np.array([13.642]), pipes, Liquid(1007.205, 1.199273e-3))
    >>> loss.round(0), slope.round(0)
    (array([3792.]), array([528.]))
    """
    size = np.maximum(np.abs(flow_kg_per_s), 1e-9)
    number = reynolds(size, pipes, liquid)
    factor, turn = _friction(number, pipes.roughness_m / pipes.bore_m)
    square = 0.5 / (liquid.density_kg_per_m3 * pipes.section_m2**2)
    pipe, fittings = factor * pipes.length_m / pipes.bore_m * square, pipes.fittings * square
    slope = size * (pipe * (2.0 + turn) + 2.0 * fittings)
    # on a line through zero below the least size
    return flow_kg_per_s * size * (pipe + fittings), slope


def _friction(reynolds: Array, rough: Array) -> tuple[Array, Array]:
    """Friction factor, and how many percent it changes with a percent of the Reynolds number."""
    flow, rough = np.broadcast_arrays(np.maximum(reynolds, 1e-300), rough)
    end = LAMINAR_LIMIT * (1.0 + TURNING_FRAC)
    swift = np.maximum(flow, end)
    a, b = rough / 3.71, 2.51 / swift
    # Newton on x = 1/sqrt(f): x + 2 lg(a + b x) = 0, from Haaland's explicit formula
    x = -1.8 * np.log10((rough / 3.7) ** 1.11 + 6.9 / swift)
    for _ in range(_ROUNDS):
        inside = a + b * x
        x = x - (x + 2.0 * np.log10(inside)) / (1.0 + 2.0 / np.log(10.0) * b / inside)
    turbulent, laminar = 1.0 / (x * x), 64.0 / flow
    share = 2.0 / np.log(10.0) * b / (a + b * x)
    low, steep = 64.0 / LAMINAR_LIMIT, (turbulent - 64.0 / LAMINAR_LIMIT) / (end - LAMINAR_LIMIT)
    between = low + steep * (flow - LAMINAR_LIMIT)
    kinds = [flow <= LAMINAR_LIMIT, flow < end]
    factor = np.select(kinds, [laminar, between], turbulent)
    return factor, np.select(
        kinds, [-np.ones_like(flow), steep * flow / between], -2.0 * share / (1.0 + share)
    )
