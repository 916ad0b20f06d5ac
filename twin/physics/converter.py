"""Losses of transformers, UPS, rectifiers, power supplies and busways."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def loss_w(
    out_w: Array, rating_w: Array, constant_frac: Array, linear_frac: Array, quadratic_frac: Array
) -> Array:
    """Loss of an energised converter at a load.

    Parameters
    ----------
    out_w : array (converter)
        Power delivered [W], zero or larger.
    rating_w : array (converter)
        Rated output [W], above zero.
    constant_frac, linear_frac, quadratic_frac : array (converter)
        c0, c1, c2 of ``loss = rating (c0 + c1 x + c2 x^2)`` with ``x = out / rating`` [1]. The constant
        term is drawn whenever the converter is energised; a transformer has no linear term, a busway only
        the quadratic one.

    Returns
    -------
    array (converter)
        Loss [W]. The affine law of ExaDigiT RAPS (arXiv 2410.05133) is the case c2 = 0.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> loss_w(1500 * one, 3000 * one, 0.008 * one, 0.010 * one, 0.012 * one)
    array([48.])
    """
    load = out_w / rating_w
    return rating_w * (constant_frac + load * (linear_frac + load * quadratic_frac))
