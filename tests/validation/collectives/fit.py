"""Fit the constants of collectives to the calibrating half of the measurements, and print them.

``python -m tests.validation.collectives.fit`` from the root of the project. Stages, each with what those before found:
boards of Ampere and Hopper; Blackwell; the network of Hopper; the exchange with experts. Not fitted are the step over
NVLink (floors of 2, 4 and 8 GPUs in the kernel tables), the efficiency of rings on Hopper and of trees (NCCL's tuner),
the step over the network (the same), the share of the line rate that a NIC delivers (nccl-tests, thread 267) and
the starts of an exchange (one token, and 64 to 1,024, over a board of H100, aiconfigurator-core 0.12.0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from tests.validation.collectives import measured
from twin.physics.collective_exchange import Exchange, Tokens, exchange
from twin.physics.collectives import Fabric, Group, Library, algorithms, parts

STEP_S, TREE, HOPPER_RING, NETWORK_STEP_S, NIC = 1.25e-6, 0.92, 0.824, 5e-6, 0.97
EXCHANGE_S, THROUGHPUT_S = 14e-6, 30e-6
PASS_S = 14 * STEP_S  # on a board of eight the switches take as long as the ring, both at small sizes
LINK = {"dgx-a100": 300e9, "dgx-h200": 450e9, "dgx-h100": 450e9, "gb200-nvl72": 900e9}
ROOM = {"gb200-nvl72": 72}
ROW = [row for row in measured.reduces() if row.calibrates]
Values = NDArray[np.float64]


def solve(residuals: Callable[[Values], Values], start: Sequence[float]) -> Values:
    """Least squares over positive constants, robust, from a start."""
    found = least_squares(lambda v: residuals(np.exp(v)), np.log(start), loss="soft_l1", f_scale=0.05)
    return np.asarray(np.exp(found.x))


def off(name: str, library: Library, fabric: Fabric) -> Values:
    """Logarithm of predicted over measured of the calibrating rows of a system."""
    rows = [row for row in ROW if row.name == name]
    first = rows[0]
    domains = -(-first.gpus // ROOM.get(first.system, 8))
    group = Group(first.gpus, domains, LINK[first.system], 50e9)
    sizes = np.array([row.size_bytes for row in rows], float)
    can = algorithms("all_reduce", library, fabric, group)
    chosen = [first.algorithm] if first.algorithm != "auto" else [name for name in can if name != "sharp"]
    times = [parts(library, fabric, group, "all_reduce", one, sizes).total_s for one in chosen]
    return np.asarray(np.log(np.min(times, axis=0) / [row.time_s for row in rows]))


def boards() -> dict[str, float]:
    """Ampere and Hopper inside a domain, and the two exponents that all generations share."""

    def both(v: Values) -> tuple[Library, Library]:
        shape = (v[6], 18.0, 1.0 + v[7], 8.0)
        ampere = Library(v[0], STEP_S, PASS_S, v[1], TREE, 0.0, v[2], 0.0, *shape)
        hopper = Library(v[3], STEP_S, PASS_S, HOPPER_RING, TREE, v[4], v[5], 0.0, *shape)
        return ampere, hopper

    def residuals(v: Values) -> Values:
        ampere, hopper = both(v)
        plain = Fabric(NETWORK_STEP_S, NIC, 0.0)
        return np.concatenate([off("ND_A100_v4", ampere, plain), off("ND_H200_v5", hopper, plain)])

    v = solve(residuals, [25e-6, 0.78, 4e6, 12e-6, 0.69, 3e6, 2.2, 0.7])
    names = ("ampere launch_s", "ampere link", "ampere buffer_bytes", "hopper launch_s", "hopper multicast",
             "hopper buffer_bytes", "slowdown", "sharpness")  # fmt: skip
    return dict(zip(names, [*v[:7], 1.0 + v[7]], strict=True))


def blackwell(shape: dict[str, float]) -> dict[str, float]:
    """Blackwell: four GPUs, one rack, 20 racks."""

    def residuals(v: Values) -> Values:
        at = Library(
            v[0],
            STEP_S,
            PASS_S,
            v[1],
            TREE,
            v[2],
            v[3],
            v[4],
            shape["slowdown"],
            v[5],
            shape["sharpness"],
            v[6],
        )
        plain = Fabric(NETWORK_STEP_S, NIC, 0.0)
        names = ("ND_GB200_v6", "GB200 NVL72 1 rack", "GB200 NVL72 20 racks + 400G IB")
        return np.concatenate([off(name, at, plain) for name in names])

    v = solve(residuals, [8e-6, 0.76, 0.49, 4.5e6, 2.6e6, 18.0, 8.9])
    names = (
        "launch_s",
        "link",
        "multicast",
        "buffer_bytes",
        "network_buffer_bytes",
        "network_slowdown",
        "most_rails",
    )
    return {f"blackwell {name}": value for name, value in zip(names, v, strict=True)}


def hopper_network(shape: dict[str, float], slowdown: float) -> dict[str, float]:
    """Hopper over InfiniBand with aggregating switches."""

    def residuals(v: Values) -> Values:
        at = Library(
            shape["hopper launch_s"], STEP_S, PASS_S, HOPPER_RING, TREE, shape["hopper multicast"],
            shape["hopper buffer_bytes"], v[0], shape["slowdown"], slowdown, shape["sharpness"], 8.0,
        )  # fmt: skip
        return off("HGX H100 8 nodes 8x400G IB SHARP", at, Fabric(NETWORK_STEP_S, NIC, v[1]))

    v = solve(residuals, [1.4e6, 0.5])
    return {"hopper network_buffer_bytes": v[0], "aggregation": v[1]}


def experts() -> dict[str, float]:
    """Exchange with experts: Hopper, and NVLink on Blackwell."""
    rows = [row for row in measured.swaps() if row.calibrates]
    rates = {"h800-sxm": 200e9, "dgx-h100": 450e9, "dgx-b200": 900e9}

    def residuals(v: Values) -> Values:
        found = []
        for row in rows:
            link = v[3] if row.system == "dgx-b200" else v[1]
            group = Group(row.gpus, row.gpus // 8, rates[row.system], 50e9)
            value_bytes = 1.0 + 4.0 / 128.0 if row.operation == "dispatch" else 2.0
            what = Tokens(row.tokens, 7168, 8, value_bytes, row.most_domains)
            got = exchange(Exchange(EXCHANGE_S, THROUGHPUT_S, v[0], link, v[2]), group, row.mode, what)
            found.append(np.log(row.logical_bytes_per_s / float(got.logical_bytes_per_s)))
        return np.array(found)

    v = solve(residuals, [10e-6, 0.65, 0.89, 0.7])
    names = ("network_s", "link", "nic", "blackwell link")
    return {f"exchange {name}": value for name, value in zip(names, v, strict=True)}


def constants() -> dict[str, float]:
    """All fitted constants by name, in SI."""
    shape = boards()
    new = blackwell(shape)
    return shape | new | hopper_network(shape, new["blackwell network_slowdown"]) | experts()


if __name__ == "__main__":
    for key, value in constants().items():
        print(f"{key:34} {value:.5g}")
