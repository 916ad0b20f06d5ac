"""Public claims about generations of hardware, computed under stated conditions: docs/performance-claims.md."""

from __future__ import annotations

import math

from tests.validation.search import Case, Point, best, fastest, gain, knee, points, times
from twin.errors import TwinError
from twin.perf import Configuration, predict

NEAR = 1.5
"""Ours and theirs agree within this factor."""

R1 = "deepseek-r1"
HOPPER = Case("dgx-h100", R1, "fp8")
H200 = Case("dgx-h200", R1, "fp8", drafts=3)
BLACKWELL = Case("gb200-nvl72", R1, "fp4", is_apart=True)
ULTRA = Case("gb300-nvl72", R1, "fp4", is_apart=True, drafts=3)
RUBIN = Case("vr-nvl72", R1, "fp4", is_apart=True, drafts=3)
LONG = 8600
_NEW = (("dgx-b200", "fp8"), ("gb200-nvl72", "fp4"))
CHAT = Case("dgx-h100", "llama-2-70b", "fp8", 294, 282)
LARGE = Case("dgx-h100", "gpt-moe-1.8t", "fp8", 32768, 1024, ttft_s=5.0, is_staged=True)

COLUMNS = ("claim", "source", "conditions assumed here", "theirs", "ours", "agree", "why")
Row = tuple[str, str, str, str, str, str, str]


def page() -> str:
    """The page of claims."""
    rows = [*_throughput(), *_ratios(), *_configurations(), *_lpx()]
    table = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return _INTRODUCTION + "\n".join("| " + " | ".join(row) + " |" for row in table) + "\n" + _curve()


def _agree(ours: float, low: float, high: float = 0.0) -> str:
    """Whether ours lies within a factor of theirs."""
    high = high or low
    if low / NEAR <= ours <= high * NEAR:
        return "yes"
    return f"no: ours is {_short(ours / (low if ours < low else high))} times theirs"


def _short(value: float) -> str:
    """Two digits: 0.35, 4.4, 17, 2,500,000."""
    if value <= 0.0 or not math.isfinite(value):
        return "no figure"
    digits = 1 - math.floor(math.log10(value))
    rounded = round(value, digits)
    return f"{rounded:,.0f}" if digits <= 0 else f"{rounded:.{digits}f}"


def _rate(point: Point | None) -> str:
    return (
        f"{_short(point.per_mw)} at {_short(point.user)} tokens/s a user ({point.layout})"
        if point
        else "none"
    )


def _throughput() -> list[Row]:
    """Claims about tokens/s per MW."""
    llama = HOPPER._replace(model="llama-3.1-70b")
    small = best(llama, 100.0)
    bulk, dense, quick = best(HOPPER), best(llama), fastest(HOPPER)
    assert small and bulk and dense
    h100, r1 = "8-GPU H100 nodes; ", "DeepSeek-R1 FP8, 1,000 in, 2,000 out"
    slow = [p for p in points(HOPPER) if p.per_mw >= 22e3]
    at_22k = max(slow, key=lambda p: p.user)
    rubin = best(RUBIN)
    fast_rubin = max((p for p in points(RUBIN) if p.per_mw >= 0.7e6), key=lambda p: p.user)
    assert rubin
    return [
        ("C001, C002: Hopper, interactive end", "GTC 2025 keynote",
         h100 + "model not stated: Llama 3.1 70B FP8 taken, 1,000 in, 2,000 out",
         "100,000 tokens/s per MW at 100 a user",
         _rate(small), _agree(small.per_mw, 1e5),
         f"DeepSeek-R1 reaches {_short(quick.user)} a user at most on Hopper without drafts, so the claim speaks of a "
         "smaller model or of none that can be named"),
        ("C003: Hopper, largest batch", "GTC 2025 keynote", h100 + r1 + ", any speed", "2,500,000 tokens/s per MW",
         _rate(bulk), _agree(bulk.per_mw, 2.5e6),
         f"Wide expert parallelism fills the batch; Llama 3.1 70B would give {_short(dense.per_mw)}. A batch of this "
         "size needs experts over several nodes"),
        ("C005: Hopper, most volume", "AI-factory article, 2025", h100 + r1 + ", any speed", "180,000 tokens/s per MW",
         _rate(bulk), _agree(bulk.per_mw, 1.8e5),
         "C003 and C005 name the same end of the same curve and differ by 14. A figure like C005 is what R1 gives "
         "on Hopper at interactive speed, not at most volume"),
        ("C006: Hopper, fastest user", "AI-factory article, 2025", h100 + r1 + ", one user, no drafts",
         "225 tokens/s a user", f"{_short(quick.user)} ({quick.layout})", _agree(quick.user, 225.0),
         "Launches, all-reduces and layers in a row bound one user; drafts or a smaller model would be needed"),
        ("C009: Hopper, 100 MW", "GTC 2025 keynote", h100 + r1 + ", any speed; power as below, not of the site",
         "3,000,000 tokens/s per MW", _rate(bulk), _agree(bulk.per_mw, 3e6), "As C003, which it exceeds"),
        ("C014: system of 2024, 1 GW", "GTC 2026 keynote", "system, model and speed not stated: " + h100 + r1,
         "22,000 tokens/s per MW", f"reached at {_short(at_22k.user)} tokens/s a user ({at_22k.layout})",
         "cannot be judged", "Every rate between bulk and one user occurs on the curve; the claim names no speed"),
        ("C015, C016: Vera Rubin with LPX, 1 GW", "GTC 2026 keynote",
         "no LPX; vr-nvl72 alone, DeepSeek-R1 FP4, prefill apart, 3 drafts or none", "700,000 tokens/s per MW; 350x",
         f"{_short(rubin.per_mw)} in bulk; 700,000 up to {_short(fast_rubin.user)} tokens/s a user", "cannot be judged",
         "No speed is named, and LPX cannot be priced; 700 over 22 is 32, not 350"),
    ]  # fmt: skip


def _ratios() -> list[Row]:
    """Claims that one generation is so many times another."""
    top, low = knee(BLACKWELL), knee(HOPPER)
    long_old, long_new = HOPPER._replace(osl=LONG), BLACKWELL._replace(osl=LONG)
    shared = "equal power, DeepSeek-R1, Hopper FP8, GB200 NVL72 FP4 with prefill apart, no drafts"
    bulk = gain(long_new, long_old, 0.0)
    most = max(gain(long_new, long_old, p.user) for p in points(long_old))
    pairs = [gain(CHAT._replace(system=name, precision=p), CHAT, 0.0) for name, p in _NEW]
    ultra = {u: gain(ULTRA, H200, u) for u in (50, 100, 150)}
    users = ", ".join(f"{_short(g)} at {u}" for u, g in ultra.items())
    large = [
        best(c, 20.0) for c in (LARGE, LARGE._replace(system="gb200-nvl72", precision="fp4", is_apart=True))
    ]
    ratio = large[1].per_gpu / large[0].per_gpu if large[0] and large[1] else math.inf
    found = f"{_short(ratio)}x" if math.isfinite(ratio) else "no layout of Hopper meets both limits"
    return [
        ("C018: Blackwell NVL72 with Dynamo over Hopper, knee", "GTC 2025 keynote", shared + ", 1,000 in, 2,000 out",
         "25x",
         f"{_at(BLACKWELL, HOPPER, top.user)} (knee of NVL72), {_at(BLACKWELL, HOPPER, low.user)} (knee of Hopper); "
         f"25 {_crossing(BLACKWELL, HOPPER, 25.0)}",
         _knees(25.0),
         "At equal speed the ratio is whatever one likes between that of bulk and infinity, where Hopper ends. The "
         "speed decides"),
        ("C019, C020: reasoning, over Hopper", "GTC 2025 keynote", shared + f", 1,000 in, {LONG:,} out (C038)", "40x",
         f"{_short(bulk)}x in bulk, up to {_short(most)}x; 40 {_crossing(long_new, long_old, 40.0)}",
         _somewhere(long_new, long_old, 40.0), "As C018"),
        ("C021: reasoning, same energy, over Hopper", "AI-factory article, 2025", "as C019", "50x",
         f"{_short(bulk)}x in bulk, up to {_short(most)}x; 50 {_crossing(long_new, long_old, 50.0)}",
         _somewhere(long_new, long_old, 50.0), "As C018"),
        ("C022: Blackwell over Hopper where power is short", "Q2 FY2025 earnings call",
         "bulk, Llama 2 70B, 294 in, 282 out; H100 FP8, B200 FP8 and GB200 NVL72 FP4", "3 to 5x",
         f"{_short(pairs[0])}x (B200), {_short(pairs[1])}x (GB200)", _agree(pairs[1], 3.0, 5.0),
         "In bulk the ratio is that of peak rates over power, and of the precision"),
        ("C023, C025: GB NVL72 over H200, tokens per watt; top tier", "GTC 2026 keynote",
         "equal power, DeepSeek-R1, 1,000 in, 2,000 out, H200 FP8, GB300 NVL72 FP4 with prefill apart, 3 drafts or "
         "none on both; speed of the tier not stated", "35x", f"{users} tokens/s a user; 35 "
         f"{_crossing(ULTRA, H200, 35.0)}", _somewhere(ULTRA, H200, 35.0), "As C018; drafts help both"),
        ("C024: the same, measured", "GTC 2026 keynote", "as C023", "50x", f"{users} tokens/s a user; 50 "
         f"{_crossing(ULTRA, H200, 50.0)}", _somewhere(ULTRA, H200, 50.0), "As C018"),
        ("GB200 NVL72 over H100 a GPU, real time", "GB200 NVL72 product page of NVIDIA, 2024",
         "GPT-MoE-1.8T (shape chosen, see [models](models.md)), 32,768 in, 1,024 out, 50 ms a token, 5 s to the first; "
         "H100 FP8 over InfiniBand up to 64 GPUs, GB200 FP4", "30x", found,
         "cannot be judged" if not math.isfinite(ratio) else _agree(ratio, 30.0),
         "The shape of the model is ours, the precision of either side is not stated on the chart, and mean times are "
         "taken for limits"),
    ]  # fmt: skip


def _at(new: Case, old: Case, user: float) -> str:
    """Gain at a speed."""
    found = gain(new, old, user)
    times = f"{_short(found)}x" if math.isfinite(found) else "Hopper does not reach"
    return f"{times} at {_short(user)} tokens/s a user"


def _crossing(new: Case, old: Case, ratio: float) -> str:
    """Speed from which the gain is at least ``ratio``."""
    users = sorted(p.user for p in points(old))
    first = next((user for user in users if gain(new, old, user) >= ratio), None)
    return f"from {_short(first)} tokens/s a user on" if first else "nowhere before Hopper ends"


def _somewhere(new: Case, old: Case, ratio: float) -> str:
    """Verdict on a ratio without a speed."""
    return "no" if _crossing(new, old, ratio).startswith("nowhere") else "at one speed"


def _knees(ratio: float) -> str:
    """Verdict on a ratio at a knee of C018."""
    found = [gain(BLACKWELL, HOPPER, knee(case).user) for case in (BLACKWELL, HOPPER)]
    if any(_agree(value, ratio) == "yes" for value in found):
        return "yes"
    return f"{_somewhere(BLACKWELL, HOPPER, ratio)}, not at a knee of ours"


def _configurations() -> list[Row]:
    """The three named configurations of one Pareto chart."""
    base = {"isl": 1000, "osl": 2000, "precision": "fp4"}
    ctx = Configuration(BLACKWELL.system, R1, 4, concurrency=1, attention_data=4, experts=4, **base)  # type: ignore[arg-type]
    bulk = Configuration(BLACKWELL.system, R1, 8, concurrency=3000, attention_data=8, experts=8, **base)  # type: ignore[arg-type]
    middle = Configuration(BLACKWELL.system, R1, 64, concurrency=4096, attention_data=64, experts=64, **base)  # type: ignore[arg-type]
    quick = Configuration(BLACKWELL.system, R1, 384, concurrency=48, tensor=16, experts=16, **base)  # type: ignore[arg-type]
    asked = (
        ("C034: top, EP8, batch 3,000, nothing apart", "8 ranks of 1 GPU, 3,000 requests an engine", bulk, None),
        ("C035: middle, EP64 and EP4, batch 64, 26 % for prefill", "decode on 64 ranks with 64 each, six "
         "prefill engines of four (27 %)", middle, times(ctx, 6)),
        ("C036: fast, TP16 EP4, batch 2, 1 % for prefill", "24 decode engines of 16 GPUs with 2 each, one "
         "prefill engine of four (1 %); experts over all 16 GPUs, as a rank cannot keep four copies", quick, ctx),
    )  # fmt: skip
    rows: list[Row] = []
    for claim, how, given, ahead in asked:
        conditions = f"GB200 NVL72, DeepSeek-R1 FP4, 1,000 in, 2,000 out, no drafts; {how}"
        try:
            found = predict(given, ahead)
        except TwinError as error:
            rows.append((claim, "GTC 2025 keynote", conditions, "no figure", f"refused: {error.message}",
                         "cannot be judged", "The model is not stated"))  # fmt: skip
            continue
        rival = best(BLACKWELL, found.tokens_per_s_per_user)
        share = found.tokens_per_s_per_mw / rival.per_mw if rival else math.inf
        point = f"{_short(found.tokens_per_s_per_mw)} tokens/s per MW at {_short(found.tokens_per_s_per_user)} a user"
        place = f"{_short(share)} of our best at that speed" if share < 1.0 else "as good as our best there"
        ours = f"{point}: {place}"
        rows.append((claim, "GTC 2025 keynote", conditions, "on the frontier; no figure", ours,
                     "yes" if share >= 1.0 / NEAR else "no",
                     "Model and what a batch counts are not stated; here requests of an engine at the top, of a rank "
                     "or engine below"))  # fmt: skip
    return rows


def _lpx() -> list[Row]:
    """Claims about SRAM chips beside Rubin."""
    try:
        predict(Configuration("lpx", R1, 256, 1000, 2000, 64, tensor=256))
        reason = "priced"
    except TwinError as error:
        reason = "; ".join(f"{fault.where}: {fault.found}" for fault in error.faults)
    alone = f"refused ({reason})"
    why = (
        "No engine was ever measured on LP30, and its power is not published: a figure would be an invention"
    )
    quick, at_1000 = fastest(RUBIN), best(RUBIN, 1000.0)
    no = "cannot be computed"
    said = f"without LPX {_short(quick.user)} tokens/s a user at most" + (
        "" if at_1000 is None else ", so it reaches it"
    )
    source = "GTC 2026 keynote"
    return [
        ("C026: Vera Rubin with Groq", source, "base not stated", "35x", alone, no, why),
        ("C027: latency through Ethernet in a special mode", source, "base not stated", "half", alone, no, why),
        ("C080: 25 % LPX, 75 % Vera Rubin", source, "of racks, power or money is not stated", "25/75", alone, no, why),
        ("C082: speed with LPX", source, "vr-nvl72 alone, DeepSeek-R1 FP4, 3 drafts or none", "1,000 tokens/s a user",
         said, no, why),
    ]  # fmt: skip


def _curve() -> str:
    """Both curves of C018 at some speeds."""
    lines = [
        "", "## The curves behind C018", "",
        "Most tokens/s per MW with at least so many tokens/s a user.", "",
        "| tokens/s a user | H100 | layout | GB200 NVL72 | layout | ratio |",
        "| ---: | ---: | --- | ---: | --- | ---: |",
    ]  # fmt: skip
    for user in (0, 10, 20, 30, 40, 50, 60, 70, 80, 100, 120):
        old, new = best(HOPPER, user), best(BLACKWELL, user)
        ratio = _short(new.per_mw / old.per_mw) if old and new else "-"
        cells = [part for p in (old, new) for part in ((_short(p.per_mw), p.layout) if p else ("-", "-"))]
        lines.append(f"| {user} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines) + "\n"


_INTRODUCTION = """# What public claims come to

Claims of keynotes, articles and calls about generations of hardware, beside what the
[performance model](performance.md) gives under stated conditions. Numbers such as C018 only name them; several
contradict each other, and no constant of the model was set by any of them. Made by `python -m tests.validation claims`;
a test checks that it is current.

Tokens are output tokens. Power is that of the GPUs at work with their share of the rack, without cooling and losses of
the site. Layouts (tensor, ranks, experts), batch and, where prefill is apart, the split of GPUs are searched: up to 64
GPUs an engine, on boards of eight with matrices cut within the board; batches in powers of two, so a ratio moves in
steps. Pipelines are searched for GPT-MoE-1.8T only, and times to first token are limited only where it says so. Hopper
is not given prefill apart. *Agree* means within a factor of 1.5; *at one speed* means that the ratio depends on a speed
that the claim does not name, and that some speed gives it: no confirmation. Announced systems take the constants of
their predecessor; see [how far predictions miss](performance-ledger.md).

"""
