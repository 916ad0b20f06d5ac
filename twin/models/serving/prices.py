"""The price of an iteration in compiled code: the relations of :mod:`twin.physics.inference`, none of its own."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from twin.models.serving.draws import inner
from twin.physics import inference

for _relation in inference.RELATIONS:
    register_jitable(_relation)
rank_s, shared_s, floor_s, growth_s, expert_frac, until_full, windows = (
    inner(f)
    for f in (
        inference.rank_s,
        inference.shared_s,
        inference.floor_s,
        inference.growth_s,
        inference.expert_frac,
        inference.until_full,
        inference.windows,
    )
)


@inner
def coefficients_of(p: Any, r: int) -> Any:
    """Iteration coefficients of a replica."""
    return p.coefficients[p.engines[r].kind]
