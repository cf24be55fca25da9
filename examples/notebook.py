"""Cells for a notebook: open it in an editor that knows ``# %%``, or convert it with jupytext.

Results show themselves as tables, and every number is an attribute.
"""
# ruff: noqa: INP001, B018, T201 - cells of a notebook end with what they show

# %%
import inferplan as ip

ip.predict("qwen3-30b-a3b", "h100", batch=16, isl=2000, osl=400)

# %% More users share each step: the total grows while each one waits longer.
for batch in (1, 4, 16, 64):
    one = ip.predict("qwen3-30b-a3b", "h100", batch=batch, isl=2000, osl=400)
    each, total = one.decode_tok_s_per_user, one.decode_tok_s
    print(f"{batch:3} users: {each:4.0f} tokens/s each, {total:6,.0f} in all")

# %% Which contexts fit, and how many such requests at once?
ip.fit("gpt-oss-120b", "mi300x", context=100_000)

# %% The best fleet for three tolerances of waiting.
for limit in ("40ms", "60ms", "100ms"):
    answer = ip.recommend(
        "qwen3-32b", rate=5, isl=2000, osl=400, tpot_p95=limit, devices=["l40s", "h100", "mi300x"]
    )
    print(f"{limit}: {answer.best.plan.layout} on {answer.best.plan.device.id}")
answer  # the last one, as tables

# %% Where does a figure come from? The facts at the leaves of its derivation.
node = ip.explain("tpot", "qwen3-30b-a3b", "h100", batch=16)
{leaf.name: (leaf.grade.value, leaf.fact.source) for leaf in node.leaves() if leaf.fact}
