"""A leaderboard in pandas: who falls most from clean to shifted, and which shift costs most?

    python examples/read_a_board.py OUT [SITE]

SITE is a folder that `medshift leaderboard SUBMISSIONS --out SITE` wrote; by default the committed board is built.
"""

import sys
from pathlib import Path

import pandas as pd

from medshift.leaderboard import build_leaderboard

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
site = Path(sys.argv[2]) if len(sys.argv) > 2 else out / "site"
if not (site / "scores.csv").exists():
    build_leaderboard(Path(__file__).parents[1] / "leaderboard" / "submissions", site)

# One row per entry and figure: `kind` is aggregate or condition, `name` says which, low and high end the 95 % interval.
scores = pd.read_csv(site / "scores.csv")
scores = scores[scores.protocol == scores.protocol.iloc[0]]  # one board: figures of several are not comparable
print(scores.protocol.iloc[0])
accuracy = scores[(scores.metric == "balanced_accuracy") & (scores.kind == "aggregate")]
table = accuracy.pivot_table(index=["sees", "entry"], columns="name", values="value")
print(table.sort_values("shifted", ascending=False)[["clean", "real", "synthesized", "shifted"]].head(5).round(3))

shifts = [name for name in table.columns if name.startswith("shift/")]
cost = (table["clean"].mean() - table[shifts].mean()).sort_values()
print("\nmean loss of balanced accuracy by shift:")
print(cost.rename(lambda name: name.removeprefix("shift/")).round(3).to_string())

axis = table.plot.scatter("clean", "shifted", figsize=(5, 5), xlim=(0.4, 1), ylim=(0.4, 1))
axis.plot([0, 1], [0, 1], color="gray", linewidth=0.8)
for (_, entry), row in table.nlargest(5, "shifted").iterrows():
    axis.annotate(entry, (row["clean"], row["shifted"]), fontsize=7)
axis.figure.savefig(out / "board.png", dpi=120, bbox_inches="tight")
