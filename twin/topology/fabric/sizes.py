"""How many switches and lines a fabric has, by counting: the builders and the bill of a million GPUs read it.

Rules: a leaf keeps as much rate for what is above it as oversubscription asks. Every leaf has as many lines
to every spine of its pod, so the number of spines divides the lines of a leaf; every spine has as many
lines to each core of its group. This gives the published counts of the DGX SuperPOD (36 and not 32 spines
for 64 leaves of 72 lines, because 72 is no multiple of 32).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from twin import catalog
from twin.errors import Fault, TopologyError
from twin.scenario.fabric import Words
from twin.topology.fabric.ports import Loads, deal, ports


@dataclass(frozen=True)
class Demand:
    """What one layer has to join.

    Parameters
    ----------
    layer : str
        ``compute``, ``storage`` or ``north-south``.
    unit_lines : tuple of int
        Lines of one rail of each unit, of one plane and one twin leaf.
    rails, planes, sides : int
        Sides are 2 where each adapter goes to two leaves of its plane.
    rate_bytes_per_s : float
        Of one line.
    cards : tuple of str
        Switches of leaf, spine and core.
    tiers, spines : int or None
        Asked for; as needed where None.
    """

    layer: str
    unit_lines: tuple[int, ...]
    rails: int
    planes: int
    sides: int
    rate_bytes_per_s: float
    cards: tuple[str, str, str]
    trunk_bytes_per_s: float | None = None
    oversubscription: tuple[float, float] = (1.0, 1.0)
    tiers: int | None = None
    spines: int | None = None
    managers: int = 0


@dataclass(frozen=True)
class Sizes:
    """Counts of one layer; all are of one plane, unless they say otherwise.

    Attributes
    ----------
    demand : Demand
    rail_leaves : tuple of int
        Leaves of a rail (and side) of each unit.
    leaf_ports, up : int
        Ports of a leaf for lines from below; lines of a leaf to the spines.
    pods : tuple of int
        Leaves of each pod; one pod in two tiers.
    spines, spine_up : int
        Spines of a pod; lines of a spine to the cores.
    groups, group_cores, multiplicity : int
        Groups of cores, cores of a group, and lines from a spine to each of them.
    """

    demand: Demand
    rail_leaves: tuple[int, ...]
    leaf_ports: int
    up: int = 0
    pods: tuple[int, ...] = ()
    spines: int = 0
    spine_up: int = 0
    groups: int = 0
    group_cores: int = 0
    multiplicity: int = 1

    @property
    def tiers(self) -> int:
        """Tiers of switches."""
        return 1 + bool(self.spines) + bool(self.groups)

    @property
    def leaves(self) -> int:
        """Leaves of a plane."""
        return sum(self.rail_leaves) * self.demand.rails * self.demand.sides

    @property
    def cores(self) -> int:
        """Cores of a plane."""
        return self.groups * self.group_cores

    def switches(self) -> dict[str, int]:
        """Switches of all planes by tier."""
        each = {"leaf": self.leaves, "spine": self.spines * len(self.pods), "core": self.cores}
        return {tier: count * self.demand.planes for tier, count in each.items() if count}

    def lines(self) -> dict[str, int]:
        """Lines of all planes by part."""
        d = self.demand
        each = {
            "node-leaf": sum(d.unit_lines) * d.rails * d.sides,
            "leaf-spine": self.leaves * self.up if self.spines else 0,
            "spine-core": self.spines * len(self.pods) * self.spine_up if self.groups else 0,
        }
        found = {part: count * d.planes for part, count in each.items() if count}
        return found | ({"manager-leaf": d.managers} if d.managers else {})

    def cables(self) -> dict[str, int]:
        """Cables of all planes by part: one from an adapter splits to its planes and twin leaves."""
        found = self.lines()
        return found | {"node-leaf": found["node-leaf"] // (self.demand.planes * self.demand.sides)}

    def loads(self, gpus: int = 0) -> dict[str, tuple[Loads, Loads]]:
        """Lines of the lower and of the upper nodes of each part, of all planes: what modules are counted by.

        Parameters
        ----------
        gpus : int
            End points, if they are fewer than adapters; 0 where each line has an end of its own.
        """
        d, lines = self.demand, self.lines()
        down = self._leaf_loads()
        found = {"node-leaf": (deal(lines["node-leaf"], gpus or lines["node-leaf"]), down)}
        if self.spines:
            ups: Loads = []
            for leaves in self.pods:
                ups += [(n * d.planes, k) for n, k in deal(leaves * self.up, self.spines)]
            found["leaf-spine"] = ([(self.leaves * d.planes, self.up)], ups)
        if self.groups:
            spines = self.spines * len(self.pods) * d.planes
            each = [
                (self.group_cores * d.planes, size * len(self.pods) * self.multiplicity)
                for size in self._group_sizes()
            ]
            found["spine-core"] = ([(spines, self.spine_up)], each)
        if d.managers:
            found["manager-leaf"] = ([(d.managers, 1)], [(d.managers, 1)])
        return found

    def _leaf_loads(self) -> Loads:
        d, found = self.demand, dict[int, int]()
        for (lines, leaves), count in Counter(zip(d.unit_lines, self.rail_leaves, strict=True)).items():
            for n, k in deal(lines, leaves):
                found[k] = found.get(k, 0) + n * count * d.rails * d.sides * d.planes
        return [(n, k) for k, n in found.items()]

    def _group_sizes(self) -> list[int]:
        """Spines of a pod in each group of cores."""
        counts = Counter(i * self.groups // self.spines for i in range(self.spines))
        return list(counts.values())

    def rates(self) -> dict[str, float]:
        """Rate of a line by part [bytes/s]."""
        access = self.demand.rate_bytes_per_s
        trunk, top = trunk_rates(self.demand)
        return {"node-leaf": access, "manager-leaf": access, "leaf-spine": trunk, "spine-core": top}


def trunk_rates(demand: Demand) -> tuple[float, float]:
    """Rate of lines from leaf to spine and from spine to core [bytes/s]."""
    rates = [ports(card).rate_bytes_per_s for card in demand.cards]
    asked = demand.trunk_bytes_per_s or float("inf")
    return min(asked, *rates[:2]), min(asked, *rates[1:])


def sizes(words: Words) -> tuple[Sizes, ...]:
    """Count switches and lines of a fabric: the compute layer first, then those beside it.

    Parameters
    ----------
    words : Words
        Of a fat tree.

    Returns
    -------
    tuple of Sizes
        One a layer.

    Raises
    ------
    TopologyError
        When it cannot be: too many GPUs for the tiers, rates that no port carries, ports that run out.

    Examples
    --------
    >>> from twin.topology.fabric import preset
    >>> found = sizes(preset("dgx-b200-superpod", units=16))[0]
    >>> found.switches(), found.cables()["spine-core"]
    ({'leaf': 128, 'spine': 128, 'core': 64}, 4096)
    """
    return tuple(size(demand) for demand in demands(words))


def demands(words: Words) -> list[Demand]:
    """What each layer has to join."""
    sides = 2 if words.dual_tor else 1
    rate = float(catalog.get("nic", words.adapter).rate_bytes_per_s) / (words.planes * sides)
    ends = words.node_gpus * words.gpu_nics
    rails = ends if words.rail_optimised else 1
    leaf, spine, core = words.cards()
    rate = min(rate, ports(leaf).rate_bytes_per_s)
    per_node = 1 if words.rail_optimised else ends
    made = Demand(
        "compute", (1,), rails, words.planes, sides, rate, (leaf, spine, core), words.trunk_rate,
        (words.oversubscription, words.spine_oversubscription), words.tiers, words.spines, words.managers,
    )  # fmt: skip
    unit = words.nodes_per_unit or (_leaf_room(made) if words.rail_optimised else words.nodes)
    found = [replace(made, unit_lines=tuple(n * per_node for n in _units(words.nodes, unit)))]
    for layer, beside in (("storage", words.storage), ("north-south", words.north_south)):
        if beside:
            lines = (words.nodes + beside.servers) * beside.ports_per_node
            spine_card = (beside.spine or beside.leaf).switch
            cards = (beside.leaf.switch, spine_card, spine_card)
            rate = min(
                float(catalog.get("nic", beside.nic).rate_bytes_per_s), ports(cards[0]).rate_bytes_per_s
            )
            ratios = (beside.oversubscription, 1.0)
            found.append(Demand(layer, (lines,), 1, 1, 1, rate, cards, None, ratios))
    return found


def _units(nodes: int, unit: int) -> list[int]:
    full, rest = divmod(nodes, unit)
    return [unit] * full + ([rest] if rest else [])


def _leaf_room(demand: Demand) -> int:
    """Most lines from below that a leaf takes and still keeps what is asked for above."""
    leaf = ports(demand.cards[0])
    trunk, _ = trunk_rates(demand)
    down, up = leaf.lines(demand.rate_bytes_per_s), leaf.lines(trunk)
    spine = ports(demand.cards[1])
    if not down or not up or not spine.lines(trunk):
        rate = demand.rate_bytes_per_s if not down else trunk
        raise _cannot(
            demand, "leaf", f"lines of {rate * 8e-9:g} Gbit/s",
            f"the port rate of {demand.cards[0]} and {demand.cards[1]}, or a whole part of it",
            "choose another switch, or write trunk_rate",
        )  # fmt: skip
    if demand.tiers == 1:
        return leaf.count * down
    return max((n for n in range(1, leaf.count * down) if _free(demand, n) >= _needed(demand, n)), default=1)


def _needed(demand: Demand, down: int) -> int:
    """Lines above a leaf for as many below."""
    trunk, _ = trunk_rates(demand)
    return _ceil(down * demand.rate_bytes_per_s, demand.oversubscription[0] * trunk)


def _free(demand: Demand, down: int) -> int:
    """Lines above a leaf for which ports are left."""
    leaf = ports(demand.cards[0])
    used = -(-down // leaf.lines(demand.rate_bytes_per_s))
    return (leaf.count - used) * leaf.lines(trunk_rates(demand)[0])


def _ceil(amount: float, unit: float) -> int:
    return -int(-(amount / unit) // 1) if amount % unit > 1e-6 * unit else round(amount / unit)


def size(demand: Demand) -> Sizes:
    """Count one layer, with the fewest tiers that hold it or those asked for."""
    asked = (demand.tiers,) if demand.tiers else (1, 2, 3)
    for tiers in asked:
        found = _tree(replace(demand, tiers=tiers))
        if found:
            return found
    raise _too_many(demand)


def _tree(demand: Demand) -> Sizes | None:
    room = _leaf_room(demand)
    rail_leaves = tuple(-(-lines // room) for lines in demand.unit_lines)
    down = max(-(-n // k) for n, k in zip(demand.unit_lines, rail_leaves, strict=True))
    leaf_ports = -(-down // ports(demand.cards[0]).lines(demand.rate_bytes_per_s))
    found = Sizes(replace(demand, tiers=None), rail_leaves, leaf_ports)
    if demand.tiers == 1:
        return found if found.leaves <= demand.sides and demand.rails == 1 else None
    if demand.tiers == 2:
        return _two(found, down)
    return _three(found, down)


def _two(found: Sizes, down: int) -> Sizes | None:
    """One pod: fewest spines to which every leaf has equally many lines."""
    demand, leaves = found.demand, found.leaves
    spine = ports(demand.cards[1])
    room = spine.count * spine.lines(trunk_rates(demand)[0])
    if demand.spines:
        up = min(_needed(demand, down), demand.spines * room // leaves) // demand.spines * demand.spines
        return replace(found, up=up, pods=(leaves,), spines=demand.spines) if up else None
    best = _spread(demand, down, leaves, room)
    return replace(found, up=best[1], pods=(leaves,), spines=best[0]) if best else None


def _spread(demand: Demand, down: int, leaves: int, room: int) -> tuple[int, int] | None:
    """Fewest spines of a pod, and the lines of a leaf to them: a multiple of the spines."""
    made = []
    for up in range(_needed(demand, down), _free(demand, down) + 1):
        least = -(-leaves * up // room)
        count = next((n for n in range(least, up + 1) if up % n == 0), 0)
        if count:
            made.append((count, up))
    return min(made, default=None)


def _three(found: Sizes, down: int) -> Sizes | None:
    """Pods of whole units, spines by pod, and groups of cores that join equal spines of all pods."""
    demand = found.demand
    trunk, top = trunk_rates(demand)
    spine, core = ports(demand.cards[1]), ports(demand.cards[2])
    wide, high = spine.lines(trunk), spine.lines(top)
    if not high or not core.lines(top):
        return None
    ratio = demand.oversubscription[1]
    room = max(
        n for n in range(1, spine.count * wide)
        if (spine.count - -(-n // wide)) * high >= _ceil(n * trunk, ratio * top)
    )  # fmt: skip
    pods = _pods(found, room)
    best = _spread(demand, down, max(pods), room)
    if not best:
        return None
    spines, up = best
    spine_up = _ceil(max(pods) * up // spines * trunk, ratio * top)
    grouped = _cores(len(pods), spines, spine_up, core.count * core.lines(top))
    if not grouped:
        return None
    groups, cores, times = grouped
    return replace(
        found, up=up, pods=pods, spines=spines, spine_up=spine_up, groups=groups, group_cores=cores,
        multiplicity=times,
    )  # fmt: skip


def _pods(found: Sizes, room: int) -> tuple[int, ...]:
    """Leaves of each pod, whole units where they fit, in pods as equal as can be."""
    each = found.demand.rails * found.demand.sides
    units = [k * each for k in found.rail_leaves]
    if max(units) > room:
        count = -(-found.leaves // room)
        return tuple((i + 1) * found.leaves // count - i * found.leaves // count for i in range(count))
    per_pod = room // max(units)
    count = -(-len(units) // per_pod)
    cuts = [i * len(units) // count for i in range(count + 1)]
    return tuple(sum(units[a:b]) for a, b in pairwise(cuts))


def _cores(pods: int, spines: int, up: int, room: int) -> tuple[int, int, int] | None:
    """Groups, cores of a group, and lines to each: as few cores as hold the lines of all pods."""
    made = []
    for times in range(1, up + 1):
        most = min(spines, room // (pods * times))
        if up % times == 0 and most:
            groups = -(-spines // most)
            made.append((groups * (up // times), times, groups))
    if not made:
        return None
    _, times, groups = min(made)
    return groups, up // times, times


def _too_many(demand: Demand) -> TopologyError:
    room = _leaf_room(demand)
    lines = sum(demand.unit_lines) * demand.rails * demand.sides
    tiers = demand.tiers or 3
    radix = ports(demand.cards[1])
    most = room * radix.count * radix.lines(trunk_rates(demand)[0]) if tiers > 1 else room
    most = most * ports(demand.cards[2]).count // 2 if tiers > 2 else most
    return _cannot(
        demand, "tiers", f"{lines:,} lines of a plane over {tiers} tiers of {demand.cards[0]}",
        f"about {most:,} at most",
        "add a tier, choose a switch with more ports, or write planes to break ports out",
    )  # fmt: skip


def _cannot(demand: Demand, where: str, found: str, expected: str, mend: str) -> TopologyError:
    path = where if demand.layer == "compute" else f"{demand.layer.replace('-', '_')}.{where}"
    fault = Fault("", 0, path, found, expected, mend)
    return TopologyError(f"the {demand.layer} network cannot be built", [fault])
