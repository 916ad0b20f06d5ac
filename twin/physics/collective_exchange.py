"""Time of the exchange between tokens and experts over GPUs in NVLink domains joined by a network.

Dispatch sends each token to its experts, combine brings one value for each expert back. In the mode for *throughput* a
token crosses the network once to each domain that holds one of its experts, and there once over NVLink to each GPU that
does; both tiers work at once, so the slower one counts. For *latency* each pair of token and expert goes straight to
its GPU. Experts count as equally popular.

Sources: modes and sizes DeepSeek-AI, *DeepEP*, docs/legacy.md, 2026-04; routing limited to some domains DeepSeek-AI,
*DeepSeek-V3 Technical Report*, 2024. Exchanges inside one domain as measured kernel by kernel:
:func:`twin.physics.group_kernels.all_to_all_s`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.physics.collectives import Group
from twin.physics.kernels import Amount, Seconds

MODES = ("throughput", "latency")


class Exchange(NamedTuple):
    """Constants of the exchange on a generation of GPUs and a fabric.

    Parameters
    ----------
    exchange_launch_s, exchange_throughput_s, exchange_network_s : float
        Floor, and what the mode for throughput (it counts tokens first) and crossing the network add [s].
    exchange_link_efficiency_frac, exchange_nic_efficiency_frac : float
        Shares of the rates of NVLink and NIC, in (0, 1].
    """

    exchange_launch_s: float
    exchange_throughput_s: float
    exchange_network_s: float
    exchange_link_efficiency_frac: float
    exchange_nic_efficiency_frac: float


class Tokens(NamedTuple):
    """What is exchanged.

    Parameters
    ----------
    tokens, hidden, active : float or array
        Tokens of each GPU, values of a token, experts that it takes.
    value_bytes : float
        Of a value on its way, with its share of scales [bytes].
    most_domains : float
        Domains to which the router keeps the experts of a token; 0 for all.
    """

    tokens: Amount
    hidden: Amount
    active: Amount
    value_bytes: float
    most_domains: float = 0.0


class Copies(NamedTuple):
    """Copies of a token: made in all, sent over NVLink and over the network, and as the makers count them."""

    link: Amount
    network: Amount
    counted: Amount


class ExchangeParts(NamedTuple):
    """Where the time goes [s], and the bandwidth as its makers count it, copies that stay included [bytes/s]."""

    total_s: Seconds
    floor_s: Seconds
    link_s: Seconds
    network_s: Seconds
    logical_bytes_per_s: Seconds


def copies(mode: str, what: Tokens, gpus: int, domains: int = 1) -> Copies:
    """How often a token travels.

    Parameters
    ----------
    mode : {"throughput", "latency"}
    what : Tokens
    gpus, domains : int
        As in :class:`twin.physics.collectives.Group`.

    Examples
    --------
    >>> [float(x) for x in copies("latency", Tokens(128, 7168, 8, 1.0), 16, 2)]
    [3.5, 4.0, 8.0]
    >>> some = copies("throughput", Tokens(4096, 7168, 8, 1.0, 4), 64, 8)
    >>> round(float(some.counted), 2), round(float(some.network), 2)  # domains touched, others among them
    (3.6, 3.15)
    """
    within = gpus // domains
    active = np.asarray(what.active, float)
    if mode == "latency":
        return Copies(active * (within - 1.0) / gpus, active * (gpus - within) / gpus, active)
    among = min(domains, what.most_domains) if what.most_domains else domains
    domains_hit, gpus_hit = _hit(among, active), _hit(among * within, active)
    link = gpus_hit * (within - 1.0) / within
    return Copies(link, domains_hit * (domains - 1.0) / domains, domains_hit if domains > 1 else gpus_hit)


def _hit(places: float, draws: Amount) -> Amount:
    """Of so many places, those that at least one of the draws falls on."""
    return places * (1.0 - (1.0 - 1.0 / places) ** draws)


def exchange(constants: Exchange, group: Group, mode: str, what: Tokens) -> ExchangeParts:
    """Time of one way of the exchange, and where it goes.

    Parameters
    ----------
    constants, group : Exchange, Group
        Constants, and the GPUs.
    mode : {"throughput", "latency"}
    what : Tokens

    Examples
    --------
    >>> c = Exchange(15e-6, 30e-6, 10e-6, 0.6, 0.9)
    >>> found = exchange(c, Group(64, 8, 200e9, 50e9), "latency", Tokens(128, 7168, 8, 2.0))
    >>> round(float(found.total_s) * 1e6)
    310
    """
    sent = copies(mode, what, group.gpus, group.domains)
    copy_bytes = np.asarray(what.tokens, float) * what.hidden * what.value_bytes
    link_s = sent.link * copy_bytes / (constants.exchange_link_efficiency_frac * group.link_bytes_per_s)
    floor_s = constants.exchange_launch_s + (constants.exchange_throughput_s if mode == "throughput" else 0.0)
    network_s = np.zeros_like(link_s)
    if group.domains > 1:
        rate = constants.exchange_nic_efficiency_frac * group.nic_bytes_per_s
        network_s, floor_s = sent.network * copy_bytes / rate, floor_s + constants.exchange_network_s
    total_s = np.asarray(floor_s + np.maximum(link_s, network_s))
    logical = sent.counted * copy_bytes / total_s
    return ExchangeParts(total_s, np.full_like(total_s, floor_s), link_s, network_s, logical)
