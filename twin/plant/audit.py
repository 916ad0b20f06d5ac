"""Balances of a run: what went in, what came out, what is still inside; residuals close to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twin.plant.plant import Plant
    from twin.plant.window import Totals

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
        self.moved_kg = self.received_kg = 0.0
        self.cooling = np.unique(p.maps.cdu_of_gpu[p.maps.cdu_of_gpu >= 0])  # a CDU may have no rack yet
        self.stored_j = self.charge_j = self.spent_j = self.lent_j = 0.0
        self.under_way_j = 0.0
        self.under_way_kg = 0.0

    def open(self, p: Plant) -> None:
        """Take the opening balance, after the first exchange."""
        self.stored_j, self.charge_j = _stored_j(p), p.nodes["power"].content_j()
        self.under_way_j = _under_way_j(p)
        self.under_way_kg = self._under_way_kg(p)

    def add(self, p: Plant, window: Totals) -> None:
        """Book what was done over a window."""
        at, in_j, loss_j = p.chain.at, window.amount(p, "power", "in_j"), window.amount(p, "power", "loss_j")
        self.grid_j += float(in_j[at["feed"]].sum())
        self.standby_j += float(in_j[at["generator"]].sum()) if "generator" in at else 0.0
        self.unserved_j += float((window.asked_j - window.amount(p, "power", "demand_j")).sum())
        if p.chain.supply is not None:
            self.spent_j += float(window.amount(p, "power", "demand_j").sum() + loss_j.sum())
            self.lent_j += p.chain.supply.lent_j(p, window)
        self.outside_j += sum(float(loss_j[at[k]].sum()) for k in OUTSIDE)
        if "cdu" in p.nodes:
            self.moved_kg += float(window.amount(p, "cdu_pump", "moved_kg")[self.cooling].sum())
            self.received_kg += float(window.amount(p, "gpu", "received_kg")[p.gpus.is_liquid].sum())

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
        if p.chain.supply is not None:
            books["supply"] = self._supply(p)
        books["unserved"] = _row(self.unserved_j, self.unserved_j, 0.0)
        books["requests"] = _row(counts["arrived"], sum(counts[fate] for fate in GONE), counts["inside"])
        so_far = p.serving.so_far
        computed = float(so_far["prefill_tokens"].sum() + so_far["output_tokens"].sum())
        drained = p.serving.drain()
        needed = p.serving.kept_tokens() + float(p.serving.so_far["lost_tokens"].sum())
        books["tokens"] = _row(needed, computed, drained)
        if "cdu" in p.nodes:
            books["coolant"] = _row(
                self.moved_kg, self.received_kg, self._under_way_kg(p) - self.under_way_kg
            )
        return books

    def _supply(self, p: Plant) -> dict[str, float]:
        """Grid and generators against loads, losses and stores of the power chain."""
        return _row(self.grid_j + self.standby_j, self.spent_j, p.nodes["power"].content_j() - self.charge_j)

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
