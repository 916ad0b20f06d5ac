"""Pluggable or co-packaged: watts, dollars, failures, delay and what a failure takes down, at any number of GPUs.

Everything is counted, nothing is built, so a million GPUs cost as little as a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twin import catalog
from twin.errors import ScenarioError
from twin.scenario.fabric import Words
from twin.scenario.reader import read
from twin.topology.fabric import constants as c
from twin.topology.fabric.bill import Bill, count_bill
from twin.topology.fabric.media import share, steps_of
from twin.topology.fabric.reading import load
from twin.topology.fabric.sizes import sizes

KINDS = ("pluggable", "cpo")
KEYS = ("study", "description", "fabric", "gpus")

Span = tuple[float, float]


@dataclass(frozen=True)
class OpticsCase:
    """Optics of a fabric of one size, of one kind.

    Parameters
    ----------
    gpus : int
    optics : str
        ``pluggable`` or ``cpo``.
    tiers : int
    modules : dict of str to int
        Modules, or co-packaged ports of their rate, by card.
    power_w : float
        Of all optics.
    price_usd : float or None
        Of all optics; None where a price is unknown.
    failures_per_day : tuple of float
        Low and high, by the spread of published times between failures.
    latency_s : float
        Of signal processors on the longest way, one direction.
    lines_per_failure : float
        Lines that a failure takes down, on average.
    largest_failure_lines : float
        Lines that the worst single failure takes down.
    lines_down : tuple of float
        Mean number of lines that wait for repair, low and high.
    """

    gpus: int
    optics: str
    tiers: int
    modules: dict[str, int]
    power_w: float
    price_usd: float | None
    failures_per_day: Span
    latency_s: float
    lines_per_failure: float
    largest_failure_lines: float
    lines_down: Span

    @property
    def modules_per_gpu(self) -> float:
        """Modules and co-packaged ports of a GPU [1]."""
        return sum(self.modules.values()) / self.gpus

    def json(self) -> dict[str, Any]:
        """Everything as plain values."""
        each = {"modules_per_gpu": self.modules_per_gpu, "power_per_gpu_w": self.power_w / self.gpus}
        return {**asdict(self), **each}


def compare_optics(words: Words | Mapping[str, Any], gpus: Iterable[int]) -> list[OpticsCase]:
    """Count pluggable and co-packaged optics of one fabric at several sizes.

    Parameters
    ----------
    words : Words or mapping
        The fabric; its ``gpus`` and ``optics`` are replaced, ``nic_end`` tells what stays at the adapters.
    gpus : iterable of int
        Sizes.

    Returns
    -------
    list of OpticsCase
        Of each size the pluggable one and the co-packaged one.

    Raises
    ------
    ScenarioError, TopologyError
        When the words have faults, or a size does not fit.

    Examples
    --------
    >>> words = {"fabric": "f", "gpus_per_node": 4, "nic": "cx9", "nics_per_gpu": 2, "nic_end": "cpo",
    ...          "leaf": {"switch": "sn6800"}}
    >>> plug, packaged = compare_optics(words, [1_000_000])
    >>> round(plug.power_w / 1e6), round(packaged.power_w / 1e6)
    (180, 54)
    """
    given = _as_written(words) if isinstance(words, Words) else dict(words)
    cases = []
    for count in gpus:
        for kind in KINDS:
            one = load({**given, "gpus": int(count), "optics": kind})
            cases.append(_case(one, kind))
    return cases


def _as_written(words: Words) -> dict[str, Any]:
    """Words as people write them, less those of a size and of the floor."""
    left_out = {
        "gpus",
        "units",
        "spare_nodes",
        "managers",
        "floor",
        "wiring",
        "prices",
        "powers",
        "trunk_rate",
    }
    given = words.model_dump(exclude_unset=True, exclude=left_out)
    if words.trunk_rate:
        given["trunk_rate"] = f"{words.trunk_rate!r} bytes/s"
    prices = {name: f"{usd!r} USD" for name, usd in words.prices.items()}
    return given | {"prices": prices, "powers": {name: f"{w!r} W" for name, w in words.powers.items()}}


def _case(words: Words, kind: str) -> OpticsCase:
    made: Bill = count_bill(words)
    compute = sizes(words)[0]
    items = [i for i in made.items if i.what == "module"]
    modules: dict[str, int] = {}
    for item in items:
        modules[item.name] = modules.get(item.name, 0) + item.count
    prices = [i.price_usd for i in items]
    ends = 2 * sum(compute.lines().values())
    switches = sum(compute.switches().values())
    per_switch = (ends - compute.lines()["node-leaf"]) / switches
    slow, fast = (failures_per_day(modules, i) for i in (1, 0))
    per_module = 1.0 / min(share(n, compute.demand.rate_bytes_per_s) for n in modules)
    lines, worst, hours = _blast(modules, per_switch, per_module)
    total = sum(slow.values())
    return OpticsCase(
        words.gpu_count, kind, compute.tiers, modules, sum(i.power_w or 0.0 for i in items),
        None if None in prices else float(sum(p or 0.0 for p in prices)), (total, sum(fast.values())),
        _latency(words, compute.lines()), _mean(lines, slow), max(worst.values()),
        tuple(sum(rate[n] / c.DAY_S * hours[n] for n in rate) for rate in (slow, fast)),  # type: ignore[arg-type]
    )  # fmt: skip


def _mean(lines: dict[str, float], rate: dict[str, float]) -> float:
    return sum(lines[n] * rate[n] for n in rate) / sum(rate.values())


def _is_packaged(card: str) -> bool:
    return "co-packaged" in catalog.get("optics", card).medium


def failures_per_day(modules: Mapping[str, int], end: int) -> dict[str, float]:
    """Failures of modules a day by card, at the low (0) or high (1) published time between failures.

    Examples
    --------
    >>> round(failures_per_day({"plug-1600": 1_000_000}, 1)["plug-1600"], 1)
    24.0
    """
    return {
        card: count / (c.CPO_MTBF_S if _is_packaged(card) else c.PLUGGABLE_MTBF_S)[end] * c.DAY_S
        for card, count in modules.items()
    }


def _blast(
    modules: dict[str, int], per_switch: float, per_module: float
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Lines lost by a failure of each card: mean and worst, and line-seconds until it is repaired."""
    laser, engine = (sum(fit) / 2 for fit in (c.LASER_FIT, c.ENGINE_FIT))
    is_laser = laser / (laser + engine)
    mean, worst, seconds = {}, {}, {}
    for card in modules:
        if _is_packaged(card):
            few = c.PORTS_PER_LASER_MODULE
            mean[card] = is_laser * few + (1 - is_laser) * per_switch
            worst[card] = per_switch
            lasers = is_laser * few * c.LASER_MODULE_REPAIR_S
            seconds[card] = lasers + (1 - is_laser) * per_switch * c.SWITCH_REPAIR_S
        else:
            mean[card] = worst[card] = per_module
            seconds[card] = per_module * c.MODULE_REPAIR_S
    return mean, worst, seconds


def _latency(words: Words, lines: dict[str, int]) -> float:
    """Delay of signal processors on the way up to the top tier and down again [s]."""
    leaf, spine, core = words.cards()
    uppers = {"node-leaf": leaf, "leaf-spine": spine, "spine-core": core}
    compute = sizes(words)[0]
    return 2 * sum(
        steps_of(words, part, "compute", switch, compute.rates()[part])[-1].latency_s
        for part, switch in uppers.items()
        if part in lines
    )


def public_arithmetic(gpus: int, *, tiers: int = 3, card: str = "plug-1600") -> dict[str, float | None]:
    """Watts and dollars of optics by the keynote's rule: two ends at each tier for every GPU.

    Parameters
    ----------
    gpus : int
    tiers : int
    card : str
        Optics card of each end.

    Returns
    -------
    dict
        ``modules_per_gpu``, ``power_per_gpu_w``, ``power_w``, ``price_per_gpu_usd`` and ``price_usd``
        (None where unknown).

    Examples
    --------
    >>> found = public_arithmetic(1_000_000)
    >>> found["power_per_gpu_w"], found["price_per_gpu_usd"], found["power_w"] / 1e6
    (180.0, 6000.0, 180.0)
    >>> round(public_arithmetic(400_000, card="cpo-1600")["power_w"] / 1e6, 6)
    21.6
    """
    optics = catalog.get("optics", card)
    ends = c.ENDS_PER_TIER * tiers
    watts, usd = ends * float(optics.power_per_end_w), optics.get("price_per_end_usd")
    return {
        "modules_per_gpu": float(ends), "power_per_gpu_w": watts, "power_w": watts * gpus,
        "price_per_gpu_usd": None if usd is None else ends * float(usd),
        "price_usd": None if usd is None else ends * float(usd) * gpus,
    }  # fmt: skip


def read_study(path: str | Path) -> tuple[str, dict[str, Any], list[int]]:
    """Read a study of optics: its name, the words of its fabric, and the sizes.

    Raises
    ------
    ScenarioError
        With all faults of the file.
    """
    source, faults = read(path)
    document = source.document
    faults += [
        source.fault(k, f"the unknown key {k}", f"one of {', '.join(KEYS)}", "remove it")
        for k in document
        if k not in KEYS
    ]
    fabric, counts = document.get("fabric"), document.get("gpus")
    if not isinstance(fabric, Mapping):
        faults.append(
            source.fault("fabric", "no group of keys", "the words of a fabric", "add `fabric: {…}`")
        )
    if not isinstance(counts, list) or not all(isinstance(n, int) and n > 0 for n in counts) or not counts:
        faults.append(source.fault("gpus", str(counts), "a list of sizes", "write `gpus: [1000, 10000]`"))
    if isinstance(fabric, Mapping) and isinstance(counts, list) and not faults:
        try:
            load({"fabric": "study", **fabric, "gpus": counts[0]})
        except ScenarioError as error:
            inner = error.faults
            faults += [source.fault(f"fabric.{f.where}", f.found, f.expected, f.mend) for f in inner]
    if faults:
        raise ScenarioError(f"{path} is no study of optics", sorted(dict.fromkeys(faults)))
    words = dict(fabric) if isinstance(fabric, Mapping) else {}
    sizes_asked = list(counts) if isinstance(counts, list) else []
    return str(document.get("study", "study")), {"fabric": "study", **words}, sizes_asked
