"""The cheapest setting of each family that holds, as a table, and all settings as plots.

usage: report.py RESULTS.csv FOLDER_FOR_PLOTS
"""

import csv
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "none"
# The same file from the same figures.
matplotlib.rcParams["svg.hashsalt"] = "trunkline"
import matplotlib.pyplot as plt

ENOUGH = 95.0
COLOURS = {
    "ours": "#0b6e4f",
    "HPA": "#c0392b",
    "KEDA": "#2c6fbb",
    "KPA": "#8e44ad",
    "predictive HPA": "#e67e22",
}


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for key in row:
            if key not in ("rule", "target"):
                row[key] = float(row[key])
    return rows


def best(rows):
    """The cheapest that holds; else the one that holds most."""
    holds = [row for row in rows if row["met_percent"] >= ENOUGH]
    if holds:
        return min(holds, key=lambda row: row["pod_hours_a_day"]), True
    return max(rows, key=lambda row: row["met_percent"]), False


def table(rows, sites):
    print("| start-up, size | rule | setting | half hours met | abandoned | pod-hours a day | changes a day | busy pods hit a day, picked blindly | contacts cut |")
    print("|---|---|---|---|---|---|---|---|---|")
    for site in sites:
        for rule in COLOURS:
            of = [r for r in rows if (r["start_up"], r["erlangs"]) == site and r["rule"] == rule]
            if not of:
                continue
            row, holds = best(of)
            hours = f"{row['pod_hours_a_day']:.0f}"
            print(
                f"| {site[0]:.0f} s, {site[1]:.0f} erlangs | {rule} | {row['target'] or 'fixed beforehand'} "
                f"| {row['met_percent']:.1f} % | {row['abandoned_percent']:.1f} % "
                f"| {hours if holds else f'fails ({hours})'} | {row['changes_a_day']:.0f} | {row['busy_hit_a_day']:.0f} | {row['cut']:.0f} |"
            )


def plot(rows, site, folder):
    figure, axes = plt.subplots(figsize=(6.4, 4.0))
    for rule, colour in COLOURS.items():
        of = [r for r in rows if (r["start_up"], r["erlangs"]) == site and r["rule"] == rule]
        of.sort(key=lambda row: row["pod_hours_a_day"])
        x = [row["pod_hours_a_day"] for row in of]
        y = [row["met_percent"] for row in of]
        style = {"marker": "*", "markersize": 14} if rule == "ours" else {"marker": "o", "markersize": 4}
        axes.plot(x, y, color=colour, label=rule, linewidth=1, **style)
    axes.axhline(ENOUGH, color="#555555", linewidth=0.8, linestyle="--")
    axes.set_xlabel("paid pod-hours a day")
    axes.set_ylabel("half hours at 80 % in 20 s, %")
    axes.set_title(f"{site[1]:.0f} erlangs, start-up {site[0]:.0f} s")
    axes.set_ylim(50, 101)
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path = pathlib.Path(folder) / f"capacity-{site[1]:.0f}-{site[0]:.0f}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    results = read(sys.argv[1])
    sites = list(dict.fromkeys((row["start_up"], row["erlangs"]) for row in results))
    table(results, sites)
    for site in sites:
        plot(results, site, sys.argv[2])
