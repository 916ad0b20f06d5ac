"""The twin's speed beside that of other simulators of LLM serving, on the same requests.

Draws requests, writes them as Vidur and the trace replay of NVIDIA Dynamo read them, prints how to install and run
these two, and runs the twin. Nothing but the twin need be installed::

    python docs/compare_simulators.py --requests 20000 --trace chat --out compare

``docs/comparing-with-others.md`` says what the figures mean.
"""

# ruff: noqa: T201  # a script prints

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import twin
from twin.models import serving
from twin.plant import compile_plant
from twin.requests import FINISHED, Requests
from twin.simulate import prepare
from twin.simulate.prepare import Prepared

SITE = Path(__file__).parents[1] / "scenarios" / "one-rack.yaml"
REPLICAS = 16
HASHED_TOKENS = 512
"""Tokens of a block of a Mooncake trace."""
VIDUR_DATE = "2023-08-21"
"""Vidur reads the rows of one day; this is the one that it takes by default."""


class Kind(NamedTuple):
    """A trace that can be asked for: requests per second, and what the stream draws them from."""

    rate_per_s: float
    stream: dict[str, Any]


def _poisson(rate_per_s: float, prompt: float, output: float) -> dict[str, Any]:
    lengths = {"prompt": {"mean": prompt, "cv": 0.5}, "output": {"mean": output, "cv": 0.5}}
    return {"synthetic": {"arrivals": {"rate": f"{rate_per_s} 1/s"}, **lengths}}


KINDS = {
    "chat": Kind(60.0, _poisson(60.0, 1000, 200)),
    "reasoning": Kind(5.0, _poisson(5.0, 1000, 8000)),
    "azure": Kind(56.0, {"trace": "data/azure2023-conversation.csv.gz", "copies": 10}),
}

PUBLISHED = {
    "Vidur": "510 requests, 0.1 M output tokens",
    "Dynamo replay (Rust)": "5,600 requests, 1.2 M output tokens; 2.65 M on reasoning",
}
"""Per CPU second, measured on a loaded machine of two cores, not on this one."""


def prepared(kind: str, count: int) -> Prepared:
    """A rack with sixteen replicas of an 8-billion-parameter model, and the requests.

    Examples
    --------
    >>> prepared("chat", 50).requests.rows
    50
    """
    wanted = KINDS[kind]
    lasts_s = 10.0 * math.ceil(1.2 * count / wanted.rate_per_s / 10.0 + 12.0)
    changes = {
        "workload": {"streams": {"all": wanted.stream}, "limit": count},
        "time.duration": f"{lasts_s} s",
        "time.sample": "10 s",
        "serving.model": "llama-3.1-8b",
        "serving.tensor_parallel": 1,
        "serving.routing": "round-robin",
        "serving.kv": {"mode": "paged", "block": 16},
        "serving.pools": {"all": {"replicas": REPLICAS}},
    }
    return prepare(twin.load(SITE, set=changes))


def write_dynamo(file: Path, requests: Requests) -> None:
    """Mooncake JSON lines; no two requests share a block, so that all simulators compute every prompt.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "trace.jsonl"
    >>> write_dynamo(file, prepared("chat", 3).requests)
    >>> sorted(json.loads(file.read_text().splitlines()[0]))
    ['hash_ids', 'input_length', 'output_length', 'timestamp']
    """
    first = 0
    with file.open("w") as out:
        for at_s, prompt, output in _rows(requests):
            last = first + -(-prompt // HASHED_TOKENS)
            row = {"timestamp": round(at_s * 1e3, 3), "input_length": prompt, "output_length": output}
            out.write(json.dumps(row | {"hash_ids": list(range(first, last))}) + "\n")
            first = last


def write_vidur(file: Path, requests: Requests) -> None:
    """CSV with the columns of Vidur's packages and those of its repository.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "trace.csv"
    >>> write_vidur(file, prepared("chat", 3).requests)
    >>> file.read_text().splitlines()[0]
    'Date,Time,PromptTokenCount,CompletionTokenCount,arrived_at,num_prefill_tokens,num_decode_tokens'
    """
    heads = ("Date", "Time", "PromptTokenCount", "CompletionTokenCount",
             "arrived_at", "num_prefill_tokens", "num_decode_tokens")  # fmt: skip
    with file.open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(heads)
        rows.writerows((VIDUR_DATE, *row, *row) for row in _rows(requests))


def _rows(requests: Requests) -> list[tuple[float, int, int]]:
    columns = (requests.arrived_at_s, requests.prompt_tokens, requests.output_tokens)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def serving_alone(ready: Prepared, rounds: int = 3) -> tuple[float, float, float]:
    """Requests and output tokens that finished, and CPU seconds, of the serving kernel without the hall.

    The first of the rounds compiles; the fastest counts.

    Examples
    --------
    >>> finished, tokens, cpu_s = serving_alone(prepared("chat", 20), rounds=1)
    >>> finished, cpu_s > 0.0
    (20.0, True)
    """
    plant = compile_plant(ready.graph, ready.scenario, ready.requests, ready.weather)
    params = plant.serving.params
    best_s = math.inf
    for _ in range(rounds):
        began_s = time.process_time()
        state = serving.start(params, ready.requests)
        serving.advance(params, state, serving.idle_inputs(params), math.inf)
        best_s = min(best_s, time.process_time() - began_s)
    done = state.requests["status"] == FINISHED
    return float(done.sum()), float(ready.requests.output_tokens[done].sum(dtype=float)), best_s


def whole_hall(ready: Prepared, out: Path) -> tuple[float, float, float]:
    """The same of a whole run: power, cooling, file and all."""
    began_s = time.process_time()
    run = twin.run(ready.scenario, out=out)
    cpu_s = time.process_time() - began_s
    done = run.requests[run.requests["status"] == FINISHED]
    return float(len(done)), float(done["output_tokens"].sum()), cpu_s


def commands(folder: Path, most_tokens: int) -> str:
    """How to install and run the others on the files that were written.

    Examples
    --------
    >>> print(commands(Path("compare"), 4096).splitlines()[0])
    # Vidur: it fetches its profiles when it first runs
    """
    batch = "--sarathi_scheduler_config_chunk_size 2048 --sarathi_scheduler_config_batch_size_cap 256"
    engine = json.dumps({"block_size": 64, "num_gpu_blocks": 8000}, separators=(",", ":"))
    return f"""\
# Vidur: it fetches its profiles when it first runs
python3 -m venv vidur && vidur/bin/pip install vidur
export WANDB_MODE=disabled
time vidur/bin/python -m vidur.main --cluster_config_num_replicas {REPLICAS} \\
  --replica_config_model_name meta-llama/Llama-3-8B --replica_config_device a100 \\
  --replica_config_network_device a100_dgx \\
  --replica_config_tensor_parallel_size 1 --replica_config_num_pipeline_stages 1 \\
  --global_scheduler_config_type round_robin \\
  --replica_scheduler_config_type sarathi {batch} \\
  --request_generator_config_type trace_replay \\
  --trace_request_generator_config_trace_file {folder / "trace.csv"} \\
  --trace_request_generator_config_prefill_scale_factor 1 \\
  --trace_request_generator_config_time_scale_factor 1 \\
  --trace_request_generator_config_max_tokens {most_tokens}

# NVIDIA Dynamo: the package brings ai-dynamo-runtime; later versions have no such command
python3 -m venv dynamo && dynamo/bin/pip install ai-dynamo==1.4.0
time dynamo/bin/python -m dynamo.replay {folder / "trace.jsonl"} --num-workers {REPLICAS} \\
  --replay-mode offline --router-mode round_robin \\
  --extra-engine-args '{engine}' --report-json {folder / "dynamo.json"}
"""


def main() -> None:
    """Write the traces, run the twin, say how to run the others."""
    parser = argparse.ArgumentParser(description="The twin's speed beside that of other simulators.")
    parser.add_argument("--trace", choices=KINDS, default="chat")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("compare"))
    asked = parser.parse_args()
    ready = prepared(asked.trace, asked.requests)
    asked.out.mkdir(parents=True, exist_ok=True)
    write_dynamo(asked.out / "trace.jsonl", ready.requests)
    write_vidur(asked.out / "trace.csv", ready.requests)
    prompt, output = ready.requests.prompt_tokens, ready.requests.output_tokens
    most = 2 ** math.ceil(math.log2(int(np.max(prompt + output))))
    print(f"{asked.trace}: {ready.requests.rows:,} requests, {prompt.mean():,.0f} prompt and ", end="")
    print(f"{output.mean():,.0f} output tokens on average; written to {asked.out}\n")
    for name, (done, tokens, cpu_s) in {
        "twin, serving alone": serving_alone(ready),
        "twin, whole hall with its file": whole_hall(ready, asked.out),
    }.items():
        figures = f"{done / cpu_s:,.0f} requests, {tokens / cpu_s / 1e6:,.2f} M output tokens"
        print(f"{name + ':':32s} {figures} per CPU second ({cpu_s:.2f} s)")
    for name, figures in PUBLISHED.items():
        print(f"{name + ':':32s} {figures} per CPU second, on another machine")
    print(f"\n{commands(asked.out, most)}")


if __name__ == "__main__":
    main()
