"""Time of a collective over GPUs that stand in NVLink domains joined by a network: closed forms by algorithm.

What an algorithm loads is counted in messages: bytes out of the busiest GPU onto NVLink, bytes out of the busiest
domain into the network, and steps one after the other (:func:`load`). Its time (:func:`parts`) is the p-norm of a
floor, which is the launch and the steps at low latency, and of the bulk. In the bulk both tiers work at once on
different pieces, so the slower one counts; filling the pipeline comes on top. The fill grows with the message until all
buffers are in use and is then constant, which is why sizes in the middle ramp slower than latency plus bytes over
bandwidth. Inside a domain the buffers of all its GPUs fill, outside those of each level of the tree over domains. A
tree is a chain inside a domain, as NCCL builds it.

Sources: ring Patarasuk and Yuan, JPDC 2009; two trees, each GPU inside one and a leaf of the other, Sanders, Speck and
Träff, Parallel Computing 2009; reduction and multicast in NVLink switches and latencies of steps NVIDIA/nccl,
src/graph/tuning.cc, 2026-06; aggregation in switches Graham et al., *SHARP*, COMHPC 2016; pipelines of two tiers
Jiang et al., *BytePS*, OSDI 2020. Exchange of tokens with experts: :mod:`twin.physics.collective_exchange`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from twin.physics.kernels import Amount, Seconds, joined_s

#: Algorithms of each operation, in the order in which a tie is settled.
ALGORITHMS = {
    "all_reduce": ("nvls", "ring", "tree", "sharp"),
    "all_gather": ("ring", "nvls"),
    "reduce_scatter": ("ring", "nvls"),
    "all_to_all": ("direct",),
    "broadcast": ("ring", "tree"),
    "reduce": ("ring", "tree"),
}


class Group(NamedTuple):
    """GPUs of a collective, and the links of each.

    Parameters
    ----------
    gpus, domains : int
        GPUs, 2 or more; NVLink domains that they fill evenly, 1 or more.
    link_bytes_per_s, nic_bytes_per_s : float
        Of one GPU, one way: all its NVLinks, and its share of the NICs [bytes/s].
    """

    gpus: int
    domains: int
    link_bytes_per_s: float
    nic_bytes_per_s: float = 0.0

    @property
    def domain_gpus(self) -> int:
        """GPUs of each domain."""
        return self.gpus // self.domains


class Library(NamedTuple):
    """Constants of collectives on a generation of GPUs.

    Parameters
    ----------
    launch_s, link_step_s : float
        Start of the kernels and meeting of the GPUs; one step over NVLink at low latency [s].
    multicast_s : float
        One pass through switches that reduce and multicast, in place of steps [s].
    link_efficiency_frac : float
        Share of the NVLink rate in long rings, in (0, 1].
    tree_efficiency_frac : float
        Of that, what trees reach, in (0, 1].
    multicast_efficiency_frac : float
        Share of the NVLink rate where switches reduce and multicast; 0 where they cannot.
    buffer_bytes, network_buffer_bytes : float
        That each GPU fills before a pipeline runs at full rate: inside a domain, and for each level of a tree over
        domains [bytes].
    slowdown, network_slowdown : float
        Of messages small against these buffers, beside those that are large; 0 for none.
    sharpness : float
        Exponent of the p-norm of floor and bulk, 1 (sum) or larger.
    most_rails : float
        GPUs of a domain whose NICs the library drives at once, other than in direct exchanges.
    """

    launch_s: float
    link_step_s: float
    multicast_s: float
    link_efficiency_frac: float
    tree_efficiency_frac: float
    multicast_efficiency_frac: float
    buffer_bytes: float
    network_buffer_bytes: float
    slowdown: float
    network_slowdown: float
    sharpness: float
    most_rails: float


class Fabric(NamedTuple):
    """Constants of the network between domains.

    Parameters
    ----------
    network_step_s : float
        One step from GPU to GPU over the network at low latency [s].
    nic_efficiency_frac : float
        Share of the line rate that arrives as messages, in (0, 1].
    aggregation_efficiency_frac : float
        Share of that rate when switches reduce; 0 where they cannot.
    """

    network_step_s: float
    nic_efficiency_frac: float
    aggregation_efficiency_frac: float


class Load(NamedTuple):
    """What an algorithm puts on the links, for a message of one byte.

    Parameters
    ----------
    link, network : float
        Bytes out of the busiest GPU onto NVLink, and out of the busiest domain into the network.
    link_steps, network_steps : float
        Steps that follow one another.
    levels : float
        Levels of the pipeline over domains.
    """

    link: float
    network: float
    link_steps: float
    network_steps: float
    levels: float


class Parts(NamedTuple):
    """Where the time of a collective goes; each a float or array [s].

    Parameters
    ----------
    total_s : array
        The whole.
    floor_s : array
        Launch and steps.
    link_s, network_s : array
        Bytes over NVLink, bytes over the network; the larger counts.
    fill_s : array
        Filling the pipelines.
    """

    total_s: Seconds
    floor_s: Seconds
    link_s: Seconds
    network_s: Seconds
    fill_s: Seconds


def algorithms(operation: str, library: Library, fabric: Fabric, group: Group) -> tuple[str, ...]:
    """Algorithms that the hardware can do.

    Parameters
    ----------
    operation : str
        A key of :data:`ALGORITHMS`.
    library, fabric, group : Library, Fabric, Group

    Examples
    --------
    >>> hopper = Library(12e-6, 1.2e-6, 18e-6, 0.82, 0.92, 0.69, 3e6, 1e6, 2.2, 20.0, 1.7, 8.0)
    >>> algorithms("all_reduce", hopper, Fabric(5e-6, 0.95, 0.5), Group(8, 1, 450e9))
    ('nvls', 'ring', 'tree')
    """
    can = {
        "nvls": library.multicast_efficiency_frac > 0.0 and group.domain_gpus > 1,
        "sharp": fabric.aggregation_efficiency_frac > 0.0 and group.domains > 1,
    }
    return tuple(name for name in ALGORITHMS[operation] if can.get(name, True))


def passes(operation: str, gpus: Amount) -> Amount:
    """Bytes on the busiest link of a ring for one byte of message: bus bandwidth over algorithm bandwidth.

    Parameters
    ----------
    operation : str
        A key of :data:`ALGORITHMS`.
    gpus : float or array
        2 or more.

    Notes
    -----
    The convention of NVIDIA/nccl-tests, doc/PERFORMANCE.md, 2026-06.

    Examples
    --------
    >>> passes("all_reduce", 8), passes("broadcast", 8)
    (1.75, 1.0)
    """
    if operation in ("broadcast", "reduce"):
        return 1.0
    return (2.0 if operation == "all_reduce" else 1.0) * (gpus - 1.0) / gpus


def load(operation: str, algorithm: str, gpus: int, domains: int = 1) -> Load:
    """What an algorithm loads, for a message of one byte.

    A message is what each GPU holds: of all-gather and reduce-scatter the long side.

    Parameters
    ----------
    operation, algorithm : str
        A key of :data:`ALGORITHMS` and one of its values.
    gpus, domains : int
        As in :class:`Group`.

    Examples
    --------
    >>> load("all_reduce", "ring", 8)
    Load(link=1.75, network=0.0, link_steps=14, network_steps=0, levels=0)
    >>> load("all_reduce", "nvls", 144, 2).network, load("all_reduce", "nvls", 1440, 20).network
    (1.0, 2.0)
    """
    within = gpus // domains
    if algorithm == "direct":
        out = (gpus - within) * within / gpus
        return Load((within - 1.0) / gpus, out, gpus - 1, int(domains > 1), 0)
    if algorithm == "ring":
        share = float(passes(operation, gpus))
        rounds = 2 if operation == "all_reduce" else 1
        hops = rounds * domains if domains > 1 else 0
        link = share if domains == 1 else share * (within - 1.0) / within
        return Load(
            link, share if hops else 0.0, rounds * (gpus - 1) - max(hops - rounds, 0), hops, domains - 1
        )
    if operation == "all_reduce":
        return _all_reduce(algorithm, within, domains)
    if algorithm == "tree":
        depth = _levels(domains)
        return Load(float(within > 1), float(domains > 1), within - 1, depth, depth)
    return Load(1.0, (domains - 1.0) / domains, 0, domains - 1, domains - 1)


def _all_reduce(algorithm: str, within: int, domains: int) -> Load:
    """Trees over domains; inside, a chain or the switches. Aggregating switches take each message once."""
    depth = _levels(domains)
    if algorithm == "tree":
        link, steps = _tree_load(within), 2 * (within - 1)
    else:
        link, steps = (1.0 + 1.0 / within if within > 1 else 0.0), 0
    if algorithm == "sharp":
        return Load(link, 1.0, steps, 2, depth)
    return Load(link, _tree_load(domains), steps, 2 * depth, depth)


def _tree_load(members: int) -> float:
    """Of two trees with half a message each: up once, down to two children, and up once as a leaf of the other."""
    return 0.0 if members < 2 else 1.0 if members == 2 else 2.0


def _levels(members: int) -> int:
    return math.ceil(math.log2(members)) if members > 1 else 0


def parts(
    library: Library, fabric: Fabric, group: Group, operation: str, algorithm: str, message_bytes: Amount
) -> Parts:
    """Time of a collective and where it goes.

    Parameters
    ----------
    library, fabric, group : Library, Fabric, Group
        Constants, and the GPUs.
    operation, algorithm : str
        A key of :data:`ALGORITHMS` and one of its values.
    message_bytes : float or array
        What each GPU holds, of all-gather and reduce-scatter the long side, above 0 [bytes].

    Examples
    --------
    >>> plain = Library(0.0, 1e-6, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 8.0)
    >>> ring = parts(plain, Fabric(5e-6, 1.0, 0.0), Group(8, 1, 400e9), "all_reduce", "ring", 8e9)
    >>> round(float(ring.total_s), 6)  # 1.75 * 8 GB over 400 GB/s and 14 steps
    0.035014
    """
    size = np.asarray(message_bytes, float)
    loaded = load(operation, algorithm, group.gpus, group.domains)
    floor_s = library.launch_s + loaded.link_steps * library.link_step_s
    floor_s += loaded.network_steps * fabric.network_step_s
    floor_s += library.multicast_s if algorithm in ("nvls", "sharp") else 0.0
    link_s = loaded.link * size / (_link_efficiency(library, algorithm) * group.link_bytes_per_s)
    network_s = np.zeros_like(size)
    if loaded.network:
        network_s = loaded.network * size / _network_bytes_per_s(library, fabric, group, algorithm)
    inside = (1 if algorithm == "direct" else group.domain_gpus) * library.buffer_bytes
    outside = loaded.levels * group.domain_gpus * library.network_buffer_bytes
    fill_s = link_s * _fill(inside, size, library.slowdown)
    fill_s = fill_s + network_s * _fill(outside, size, library.network_slowdown)
    total_s = joined_s(library.sharpness, floor_s, np.maximum(link_s, network_s) + fill_s)
    return Parts(total_s, np.full_like(size, floor_s), link_s, network_s, fill_s)


def _fill(buffers_bytes: float, size: Seconds, slowdown: float) -> Seconds:
    """Time to fill buffers, over the time of the bytes: they fill in proportion to small messages, whole to large."""
    if buffers_bytes <= 0.0 or slowdown <= 0.0:
        return np.zeros_like(size)
    return np.asarray(buffers_bytes / (size + buffers_bytes / slowdown))


def _link_efficiency(library: Library, algorithm: str) -> float:
    if algorithm in ("nvls", "sharp") and library.multicast_efficiency_frac > 0.0:
        return library.multicast_efficiency_frac
    return library.link_efficiency_frac * (library.tree_efficiency_frac if algorithm == "tree" else 1.0)


def _network_bytes_per_s(library: Library, fabric: Fabric, group: Group, algorithm: str) -> float:
    """Out of one domain."""
    rails = group.domain_gpus if algorithm == "direct" else min(group.domain_gpus, library.most_rails)
    shared = fabric.aggregation_efficiency_frac if algorithm == "sharp" else 1.0
    return rails * group.nic_bytes_per_s * fabric.nic_efficiency_frac * shared
