"""Balances of a run: what went in, what came out, what is still inside; residuals close to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twin.plant.plant import Plant

GONE = ("finished", "rejected", "shed", "cancelled")
OUTSIDE = ("transformer", "ups", "feed")  # their losses warm other rooms than the hall


class Ledger:
    """Running totals of a run.

    Parameters
    ----------
    p : Plant
        The plant whose books are kept.
    """

    def __init__(self, p: Plant) -> None:
        self.grid_j = self.standby_j = self.unserved_j = self.outside_j = self.outdoor_j = 0.0
        self.prefill_tokens = self.output_tokens = 0.0
        self.moved_kg = self.received_kg = 0.0
        self.cooling = np.unique(p.maps.cdu_of_gpu[p.maps.cdu_of_gpu >= 0])  # a CDU may have no rack yet
        self.stored_j = 0.0
        self.under_way_j = 0.0
        self.under_way_kg = 0.0

    def open(self, p: Plant) -> None:
        """Take the opening balance, after the first exchange."""
        self.stored_j = _stored_j(p)
        self.under_way_j = _under_way_j(p)
        self.under_way_kg = self._under_way_kg(p)

    def add(self, p: Plant, dt_s: float) -> None:
        """Book a step."""
        power = p.nodes["power"]
        out, at = power.outputs, p.chain.at
        self.grid_j += float(out.in_j[at["feed"]].sum())
        self.standby_j += float(out.in_j[at["generator"]].sum()) if "generator" in at else 0.0
        self.unserved_j += float((power.inputs.demand_w * dt_s - out.demand_j).sum())
        self.outside_j += sum(float(out.loss_j[at[k]].sum()) for k in OUTSIDE)
        self.outdoor_j += p.handed.outdoor_w * dt_s
        self.prefill_tokens += float(p.serving.outputs.prefill_tokens.sum())
        self.output_tokens += float(p.serving.outputs.output_tokens.sum())
        if "cdu" in p.nodes:
            self.moved_kg += float(p.nodes["cdu_pump"].outputs.moved_kg[self.cooling].sum())
            self.received_kg += float(p.nodes["gpu"].inputs.flow_kg_per_s[p.gpus.is_liquid].sum()) * dt_s

    def close(self, p: Plant) -> dict[str, dict[str, float]]:
        """Balances with their residuals relative to what went through.

        Returns
        -------
        dict
            ``energy`` [J], ``requests``, ``tokens``, with liquid ``coolant`` [kg]: each with ``in``, ``out``,
            ``inside`` and ``residual_rel``.

        Notes
        -----
        Tokens that finished requests needed, and those that were computed in vain, against what the replicas
        say they computed over the run, and while the house is emptied after it.
        """
        energy_in = self.grid_j + self.standby_j + self.unserved_j
        energy_out = self.outside_j + self.outdoor_j
        inside = _stored_j(p) - self.stored_j + _under_way_j(p) - self.under_way_j
        books = {"energy": _row(energy_in, energy_out, inside)}
        counts = p.serving.counts()
        books["unserved"] = _row(self.unserved_j, self.unserved_j, 0.0)
        books["requests"] = _row(counts["arrived"], sum(counts[fate] for fate in GONE), counts["inside"])
        computed, drained = self.prefill_tokens + self.output_tokens, p.serving.drain()
        needed = p.serving.kept_tokens() + float(p.serving.so_far["lost_tokens"].sum())
        books["tokens"] = _row(needed, computed, drained)
        if "cdu" in p.nodes:
            books["coolant"] = _row(
                self.moved_kg, self.received_kg, self._under_way_kg(p) - self.under_way_kg
            )
        return books

    def _under_way_kg(self, p: Plant) -> float:
        """Coolant that pumps moved in the last tick and GPUs receive in the next."""
        if "cdu" not in p.nodes:
            return 0.0
        return float(np.sum(p.nodes["cdu"].inputs.flow_kg_per_s[self.cooling])) * p.tick_s


def _row(put_in: float, out: float, inside: float) -> dict[str, float]:
    scale = max(abs(put_in), abs(out), 1.0)
    return {"in": put_in, "out": out, "inside": inside, "residual_rel": (put_in - out - inside) / scale}


def _stored_j(p: Plant) -> float:
    return sum(node.content_j() for node in p.nodes.values())


def _under_way_j(p: Plant) -> float:
    """Energy that one store gave up and the next has not received; amounts of an unfinished tick included."""
    handed = p.handed.gpu_heat_w + p.handed.cdu_heat_w + p.handed.hall_loss_w
    return handed * p.tick_s
