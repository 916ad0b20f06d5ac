"""The plant at work: step every model alone, exchange at ticks, observe, audit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from twin.models import pump
from twin.physics import gpu_power
from twin.plant import audit as audits
from twin.plant import observe as observing
from twin.plant._over_gpus import by_stretch, total
from twin.plant.control import Controls
from twin.plant.exchange import Handed, exchange
from twin.plant.inlets import Inlets
from twin.plant.jobs import Jobs
from twin.plant.links import Links
from twin.plant.maps import Maps
from twin.plant.node import Array, Node
from twin.plant.power import Chain
from twin.plant.serving import Serving
from twin.plant.thermal import Gpus
from twin.plant.upsets import Upsets
from twin.plant.window import Totals, Window
from twin.policies.capping import pausing
from twin.rng import is_drawn
from twin.scenario import Scenario, Series


class Plant:
    """All models of a site with their state, and the instant they have reached.

    Parameters
    ----------
    scenario : Scenario
        Set-points, tick and prices.
    maps : Maps
        Ids and index maps.
    serving : Serving
        Requests and replicas.
    gpus : Gpus
        Constant figures of the GPU packages.
    chain : Chain
        Where assets stand in the power chain.
    nodes : dict of str to Node
        The models by name; liquid or air parts may be absent.
    weather : Series
        Outdoor air.
    links : Links, optional
        Links and switches that may fail.
    """

    def __init__(
        self,
        scenario: Scenario,
        maps: Maps,
        serving: Serving,
        gpus: Gpus,
        chain: Chain,
        nodes: dict[str, Node],
        weather: Series,
        links: Links | None = None,
    ) -> None:
        self.scenario, self.maps, self.serving, self.gpus = scenario, maps, serving, gpus
        self.chain, self.nodes, self.weather, self.links = chain, nodes, weather, links
        self.tick_s = scenario.time.tick
        self.now_s = 0.0
        self.dt_s = 0.0
        self.ids: dict[str, tuple[str, ...]] = {**maps.ids, "outdoor": ("outdoor",)}
        self.places: dict[str, np.ndarray] = {}
        self.pools = tuple(pool.name or "all" for pool in maps.pools)
        self.full_clock_frac = np.ones(len(maps.gpus_of_bank))
        self.clock_frac = self.cool_clock_frac = self.capped_clock_frac = self.full_clock_frac
        self.lowest_throttle_k = float(np.min(gpus.limits.throttle_k))
        self.turns = pausing.first_turns(maps.group_of_replica)
        self.die_before_k = nodes["gpu"].state.die_k.copy()
        self.outdoor_k = weather.at(0.0)
        self.work = np.zeros((len(gpu_power.Work._fields), len(maps.ids["replica"])))
        self.handed = Handed()
        self.jobs: Jobs | None = None
        self.inlets: Inlets | None = None
        self.base_w = chain.base_w
        self.in_air = np.flatnonzero(maps.cdu_of_stretch < 0)  # stretches of GPUs that air cools
        flow = total(gpus.rated_flow_kg_per_s, maps.cdu_of_gpu, len(maps.ids.get("cdu", ())))
        self.wanted_kg_per_s = np.maximum(flow, 1e-12)
        self.no_work = gpu_power.Work(*np.zeros((len(gpu_power.Work._fields), len(maps.gpus_of_bank))))
        self.drawn_gpus = np.flatnonzero(is_drawn(np.arange(len(maps.ids["gpu"])), scenario.recording.gpus))
        self.ledger = audits.Ledger(self)
        self.window = Window()
        self.upsets = Upsets(self)
        self.controls = Controls(scenario, self.upsets.units(self), len(maps.ids.get("cdu", ())))
        self.inputs: Mapping[str, np.ndarray] = self._writable()

    def _writable(self) -> dict[str, np.ndarray]:
        """Inputs that processes own: views into what the models read, caps on the GPUs of a pool and its pauses."""
        is_up = self.nodes["power"].inputs.is_up
        found = {
            f"replica.{name}": getattr(self.serving.inputs, name)
            for name in ("is_up", "is_alive", "role", "starts")
        }
        found["pool.cap_w"] = np.full(len(self.pools), np.inf)
        found["pool.pause_frac"] = np.zeros(len(self.pools))
        if "cdu_pump" in self.nodes:
            found["cdu.pumps_up"] = self.nodes["cdu_pump"].inputs.units_up
        if "facility_pump" in self.nodes:
            found["facility_water.pumps_up"] = self.nodes["facility_pump"].inputs.units_up
        found |= self.upsets.inputs
        found |= self.links.inputs if self.links is not None else {}
        for kind in ("ups", "transformer", "pdu", "rack"):
            found[f"{kind}.is_up"] = is_up[self.chain.at[kind]]
        if self.chain.supply is not None:
            found |= self.chain.supply.writable(self)
        return found

    def prime(self) -> None:
        """Give every model its first inputs, as if an idle tick had passed."""
        for name in ("cdu_pump", "facility_pump"):
            if name in self.nodes:
                node = self.nodes[name]
                flow = node.params.rated_flow_kg_per_s * node.state.flow_frac
                node.made.append(pump.Outputs(np.zeros_like(flow), flow * self.tick_s, flow))
        self.exchange()
        self.ledger.open(self)

    def step(self, dt_s: float) -> None:
        """Advance every model alone by a step, its inputs constant."""
        if dt_s == 0.0:
            return
        self.now_s += dt_s
        self.dt_s = dt_s
        if self.pools:
            self._serve()
        if self.jobs is not None:
            self.jobs.advance(self.now_s)
        for node in self.nodes.values():
            node.advance(dt_s)
        self.ledger.outdoor_j += self.handed.outdoor_w * dt_s
        self.window.add(self, dt_s)

    def _serve(self) -> None:
        """Let replicas work up to now."""
        if self.links is not None and self.links.has_changed():
            self.serving.share_anew()
        self.serving.advance(self.now_s)
        for row, name in enumerate(gpu_power.Work._fields):
            self.work[row] += getattr(self.serving.outputs, name)

    def exchange(self) -> None:
        """Let the models tell each other what they did in the tick that ends now."""
        exchange(self)
        for node in self.nodes.values():
            node.made.clear()

    def served(self, kind: str) -> Array:
        """1 for an asset that had power in the last step, else 0."""
        outputs = self.nodes["power"].outputs
        where = self.chain.at[kind]
        return np.ones(where.stop - where.start) if outputs is None else outputs.served_frac[where]

    def of_racks(self, amount: Array, is_liquid: bool) -> Array:
        """Sum of amounts of those GPUs that have a CDU, or of those that have none, array (rack)."""
        maps = self.maps
        of_stretch = by_stretch(amount, maps.stretches)
        chosen = np.where((maps.cdu_of_stretch >= 0) == is_liquid, of_stretch, 0.0)
        return total(chosen, maps.rack_of_stretch, len(maps.ids["rack"]))

    def of_pool(self, amount: Array) -> Array:
        """Sum of amounts of GPUs, array (pool)."""
        return total(amount, self.maps.pool_of_gpu, len(self.pools))

    def network_w(self) -> dict[str, Array]:
        """Power of network boxes that have power, by kind [W]."""
        return {
            kind: power_w * self.served(kind)
            for kind, power_w in self.chain.network_w.items()
            if kind in self.chain.at
        }

    def rack_flow_kg_per_s(self) -> Array:
        """Technology coolant through each rack [kg/s]."""
        return self.of_racks(self.nodes["gpu"].inputs.flow_kg_per_s, is_liquid=True)

    def observe(self) -> dict[str, Array]:
        """Every recorded quantity as it was over the last step."""
        last = Window(self.window.layout)
        last.add(self, self.dt_s)
        return observing.observe(self, last.totals(self))

    def sample(self) -> dict[str, Array]:
        """Every recorded quantity over the time since the last call."""
        over = self.window.totals(self)
        found = observing.observe(self, over)
        self._close_window(over)
        if self.jobs is not None:
            self.jobs.banks.join(self)
        return found

    def _close_window(self, over: Totals) -> None:
        self.ledger.add(self, over)
        self.window = Window(self.window.layout)

    def recorded(self) -> dict[str, tuple[str, ...]]:
        """Recorded quantities with the ids of their assets."""
        ids = self.ids | {"gpu": tuple(self.ids["gpu"][i] for i in self.drawn_gpus)}
        return {name: ids[name.split(".", 1)[0]] for name in self.observe()}

    def read(self, name: str) -> np.ndarray:
        """Read-only copy of a quantity, for processes.

        Parameters
        ----------
        name : str
            A recorded quantity, as it was over the last step; ``replica.outstanding_requests``;
            ``rack.row``, the row in which it stands; ``replica.in_rack``, array (replica, rack) of bool;
            ``pool.power_w``, of all GPUs of a pool over the present tick; ``now.`` and a quantity
            of :meth:`~twin.plant.supply.Supply.read`; or with ``so_far.`` in front
            ``grid_j``, the energy from the grid, ``lent_j``, that from the site's battery, or one of
            :meth:`~twin.plant.serving.Serving.sums`.
        """
        supply = self.chain.supply
        now: np.ndarray | None = supply.read(self, name) if supply is not None else None
        if now is not None:
            value = now
        elif name == "so_far.grid_j":
            fed_j = self.window.totals(self).amount(self, "power", "in_j")[self.chain.at["feed"]]
            value = np.array([self.ledger.grid_j + fed_j.sum()])
        elif name == "so_far.lent_j":
            lent_j = supply.lent_j(self, self.window.totals(self)) if supply is not None else 0.0
            value = np.array([self.ledger.lent_j + lent_j])
        elif name == "pool.power_w":
            value = self.of_pool(self.nodes["gpu"].inputs.power_w)
        elif name.startswith("so_far."):
            value = np.array(self.serving.sums(name.removeprefix("so_far.")))
        elif name == "rack.row":
            value = np.arange(len(self.maps.ids["rack"])) // self.scenario.hall.racks_per_row
        elif name == "replica.in_rack":
            value = self.maps.in_rack()
        elif name == "replica.outstanding_requests":
            value = self.serving.outstanding()
        else:
            value = np.array(self.observe()[name])
        value.flags.writeable = False
        return value

    def audit(self) -> dict[str, dict[str, float]]:
        """Balances of energy, tokens, requests and coolant, with their residuals."""
        self._close_window(self.window.totals(self))
        return self.ledger.close(self)
