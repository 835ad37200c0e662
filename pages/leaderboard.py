"""Leaderboard: systems and predictors compared, each table with its data, its intervals and the paper beside it."""

from __future__ import annotations

from seq2exp.ui import frame, leaderboard_benchmarks, leaderboard_choices, leaderboard_panels, leaderboard_scatter

VIEWS = {
    "table1": "Table 1: expression",
    "table2": "Table 2: masks",
    "truth": "Mask against truth",
    "crispri": "CRISPRi",
    "paper": "Paper's own figures",
}

frame.ensure()
leaderboard_scatter.follow_click()
leaderboard_choices.begin()
view = leaderboard_choices.switch("View", "view", VIEWS)
if view == "table1":
    leaderboard_panels.show_table("table1")
elif view == "table2":
    leaderboard_panels.show_table("table2")
elif view == "truth":
    leaderboard_benchmarks.show_truth()
elif view == "crispri":
    leaderboard_benchmarks.show_crispri()
else:
    leaderboard_panels.show_paper()
leaderboard_choices.write_link()
