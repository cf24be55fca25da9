# %% [markdown]
# Cells for a notebook: open this file in an editor that knows `# %%`, or convert it with jupytext.
# Results show themselves as tables; every number is an attribute.
# ruff: noqa: INP001, B018 - cells of a notebook end with what they show

# %%
import inferplan as ip

prediction = ip.predict("qwen3-30b-a3b", "h100", batch=16, isl=2000, osl=400)
prediction

# %% More users share each step, so the total grows while each one waits longer.
for batch in (1, 4, 16, 64):
    one = ip.predict("qwen3-30b-a3b", "h100", batch=batch, isl=2000, osl=400)
    print(f"{batch:3} users: {one.tokens_per_s_per_user:4.0f} tokens/s each, {one.tokens_per_s:6,.0f} in all")  # noqa: E501, T201

# %% How long a context fits, and how many such requests at once?
ip.fit("gpt-oss-120b", "mi300x", context=100_000)

# %% The same hardware for three tolerances of waiting.
load = {"rate": 5, "isl": 2000, "osl": 400, "devices": ["l40s", "h100", "mi300x"]}
{limit: ip.recommend("qwen3-32b", tpot_p95=limit, **load).best.plan.layout for limit in ("40ms", "60ms", "100ms")}  # noqa: E501

# %% Where does a figure come from? A tree of formulas down to sourced facts.
node = ip.explain("tpot", "qwen3-30b-a3b", "h100", batch=16)
sorted({(leaf.name, leaf.grade.value, leaf.fact.source) for leaf in node.leaves() if leaf.fact})[:5]
