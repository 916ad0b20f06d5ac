"""Losses of a site's power chain hour by hour: equal units side by side, each stage one polynomial."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics.converter import loss_w

Array = NDArray[np.float64]


class Bank(NamedTuple):
    """Units of one stage together.

    Parameters
    ----------
    name : str
        Of the stage, for example ``ups``.
    rating_w : float
        Of all units together [W], above zero.
    constant_frac, linear_frac, quadratic_frac : float
        ``loss = rating (c0 + c1 x + c2 x^2)``, x the share of the rating that is delivered [1].
    """

    name: str
    rating_w: float
    constant_frac: float
    linear_frac: float
    quadratic_frac: float

    def loss_w(self, out_w: Array) -> Array:
        """Loss while the units deliver a power [W]."""
        figures = (self.rating_w, self.constant_frac, self.linear_frac, self.quadratic_frac)
        return loss_w(out_w, *(np.asarray(figure) for figure in figures))


class Chain(NamedTuple):
    """Stages from the loads towards the grid.

    Parameters
    ----------
    hall : tuple of Bank
        In the hall, their losses warm its air; they carry IT and technology pumps.
    backed : tuple of Bank
        Outside the hall, carrying the same.
    service : tuple of Bank
        Carrying everything.

    Examples
    --------
    >>> chain = Chain(service=(stated_share(0.05),))
    >>> chain.losses_w(np.array([1e6]), np.array([1e5]))
    {'losses': array([55000.])}
    """

    hall: tuple[Bank, ...] = ()
    backed: tuple[Bank, ...] = ()
    service: tuple[Bank, ...] = ()

    def hall_loss_w(self, backed_w: Array) -> Array:
        """Losses that warm the hall [W]."""
        total_w = backed_w
        for bank in self.hall:
            total_w = total_w + bank.loss_w(total_w)
        return total_w - backed_w

    def losses_w(self, backed_w: Array, mechanical_w: Array) -> dict[str, Array]:
        """Losses by stage [W], of IT with technology pumps and of everything else that cools."""
        found: dict[str, Array] = {}
        total_w = backed_w
        for stages, more_w in (((*self.hall, *self.backed), mechanical_w), (self.service, 0.0)):
            for bank in stages:
                found[bank.name] = bank.loss_w(total_w)
                total_w = total_w + found[bank.name]
            total_w = total_w + more_w
        return found


def stated_share(share_frac: float, name: str = "losses") -> Bank:
    """A chain of which only the share is known that it loses of what it delivers [1]."""
    return Bank(name, 1.0, 0.0, share_frac, 0.0)
