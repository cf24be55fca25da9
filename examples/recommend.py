"""A chat service with Llama 3.1 8B: which hardware serves it, and why not the others.

Run it from anywhere: ``python examples/recommend.py``.
"""
# ruff: noqa: INP001, T201 - a script that prints

import inferplan as ip
from inferplan.report.tree import tree_lines

answer = ip.recommend(
    "llama-3.1-8b",
    rate=10,  # requests per second, Poisson arrivals
    isl=1500,  # input tokens per request
    osl=300,  # output tokens per request
    ttft_p95="1s",
    tpot_p95="50ms",
    device_class="datacenter",
)

for option in answer.options[:3]:
    plan, served = option.plan, option.result
    print(
        f"{plan.replicas} x {plan.device.id}: {option.price.usd_per_h:.2f} $/h,"
        f" TTFT p95 {served.ttft.p95 * 1e3:.0f} ms, TPOT p95 {served.tpot.p95 * 1e3:.1f} ms,"
        f" {option.headroom_frac:+.0%} headroom"
    )

for loser in answer.losers[:3]:
    print(f"not {loser.device_id}: {loser.reason}")

print(*tree_lines(answer.explain("tpot_p95"), depth=1), sep="\n")  # where the figure comes from
print(*answer.assumptions, sep="\n")
