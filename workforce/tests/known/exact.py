#!/usr/bin/env python3
"""Writes exact_b.csv, exact_c.csv, exact_a.csv and exact_least.csv: Erlang B, C and A to 50 digits.

    pip install mpmath==1.3.0 && python3 workforce/tests/known/exact.py

Every row is computed twice, with different numbers of digits, and the two must agree to 50. The
way is another than the crate's: there, integrals of positive terms by quadrature in doubles; here,
incomplete gamma functions by their series, with the cancellation paid for in digits.

Times in seconds. Inside, the unit of time is the mean handling time: rate a, agents n, hang-up rate
theta, c = n/theta, eta = a/theta, phi(t) = (a/theta)(1 - e^(-theta t)) - n t.
"""

import csv
import functools
import itertools
import pathlib
from fractions import Fraction

from mpmath import mp, mpf

HERE = pathlib.Path(__file__).parent
DIGITS = ((90, 130), (370, 420))


def real(x):
    return mpf(x.numerator) / x.denominator


@functools.lru_cache(maxsize=None)
def _inverse_blocking(n, a, _digits):
    """1/B(n, a) = a * integral of e^(-at) (1+t)^n dt = a U(1, n + 2, a), for n > -1."""
    if n < 0:
        return a * mp.hyperu(1, real(n + 2), real(a))
    whole, first = divmod(n, 1)
    one = 1 << int(mp.prec + 64)
    start = mpf(1) if first == 0 else real(a) * mp.hyperu(1, real(first + 2), real(a))
    inverse = int(mp.ldexp(start, int(mp.prec + 64)))
    x = first
    # I(x) = 1 + (x/a) I(x-1), in fixed point.
    den = x.denominator * a.numerator
    num = x.numerator * a.denominator
    step = x.denominator * a.denominator
    for _ in range(whole):
        num += step
        inverse = one + inverse * num // den
    return mp.ldexp(mpf(inverse), -int(mp.prec + 64))


def inverse_blocking(n, a):
    return _inverse_blocking(n, a, mp.dps)


def series(c, z):
    """(ln m, s, s') with S(c, z) = sum of z^k / (c)_(k+1) = m*s and -dS/dc = m*s'.

    Summed outward from the greatest term, which loggamma gives."""
    top = max(0, int(mp.floor(z - c)))
    log_top = top * mp.log(z) + mp.loggamma(c) - mp.loggamma(c + top + 1)
    prec = int(mp.prec + 40)
    fix = lambda x: int(mp.ldexp(x, prec))
    one, c_, z_ = 1 << prec, fix(c), fix(z)
    head = mp.psi(0, c + top + 1) - mp.psi(0, c)  # sum of 1/(c + j), j = 0..top
    total, weighted = one, fix(head)
    term, h, below = one, fix(head), c_ + top * one
    while term:
        below += one
        term = term * z_ // below
        h += (one << prec) // below
        total += term
        weighted += term * h >> prec
    term, h, below = one, fix(head), c_ + top * one
    for _ in range(top):
        h -= (one << prec) // below
        term = term * below // z_
        below -= one
        if not term:
            break
        total += term
        weighted += term * h >> prec
    back = lambda x: mp.ldexp(mpf(x), -prec)
    return log_top, back(total), back(weighted)


def erlang_a(a, n, aht, patience, within):
    theta_, t_ = Fraction(aht) / patience, Fraction(within) / aht
    a_, n_, theta, t = real(a), real(n), real(theta_), real(t_)
    c, eta = n_ / theta, a_ / theta
    free = inverse_blocking(n - 1, a)

    log_m, s, s1 = series(c, eta)
    # integral of e^phi and of t e^phi over (0, inf)
    j0 = mp.exp(log_m) * s / theta
    m1 = mp.exp(log_m) * s1 / theta**2
    staying = mp.exp(-theta * t)
    z = eta * staying
    phi = eta * (1 - staying) - n_ * t
    if t_ == 0:
        jt = j0
    else:
        log_m, s, _ = series(c, z)
        # e^(eta - z) (z/eta)^c is e^phi(t)
        jt = mp.exp(phi + log_m) * s / theta
    d = free + a_ * j0
    p_wait = a_ * j0 / d
    p_abandon = (1 + (a_ - n_) * j0) / d
    level = (free + mp.exp(phi) - 1 + n_ * (j0 - jt)) / d
    wait_within = 1 - staying * a_ * jt / d
    served = 1 - p_abandon
    # integral of t e^(-theta t) e^phi, by parts
    asa = (n_ * m1 - j0) / d / served
    return {
        "p_wait": p_wait,
        "p_abandon": p_abandon,
        "answered_of_offered": level,
        "answered_of_answered": level / served,
        "excluding_short_abandons": level / (1 - (wait_within - level)),
        "wait_within": wait_within,
        "virtual_wait": 1 - a_ * jt / d,
        "mean_wait": p_abandon / theta * aht,
        "asa": asa * aht,
        "occupancy": a_ * served / n_,
    }


def erlang_b(a, n):
    return {"blocking": 1 / inverse_blocking(n, a)}


def erlang_c(a, n, aht, within):
    a_, n_ = real(a), real(n)
    p_wait = n_ / (n_ + (n_ - a_) * (inverse_blocking(n, a) - 1))
    late = p_wait * mp.exp(-(n_ - a_) * real(Fraction(within) / aht))
    return {
        "p_wait": p_wait,
        "answered_of_offered": 1 - late,
        "asa": p_wait / (n_ - a_) * aht,
    }


def twice(what, *given):
    """To 50 digits; what is below 1e-300 as 0. More digits where cancellation eats them."""
    for pair in DIGITS:
        found = []
        for digits in pair:
            with mp.workdps(digits):
                found.append(what(*given))
        rough, fine = found
        with mp.workdps(60):
            least = mpf(10) ** -300
            known = {name: 0 if max(abs(x), abs(rough[name])) < least else x for name, x in fine.items()}
            if all(abs(rough[name] - x) <= abs(x) * mpf(10) ** -50 for name, x in known.items() if x):
                return {name: mp.nstr(x, 50, strip_zeros=False) if x else "0" for name, x in known.items()}
    raise ArithmeticError(f"{what.__name__}{given} is not known to 50 digits")


def text(x):
    whole, rest = divmod(x, 1)
    return str(whole) if rest == 0 else str(float(x))


def write(name, rows):
    with open(HERE / f"{name}.csv", "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(name, len(rows))


def around(a, steps):
    """Agents at so many standard deviations from the load, in tenths, each once."""
    tenth = lambda x: max(Fraction(1, 2), Fraction(round(x * 10), 10))
    return list(dict.fromkeys(tenth(float(a) + z * float(a) ** 0.5) for z in steps))


LOADS = [Fraction(x) for x in ("0.01", "0.3", "2.5", "10", "48", "300", "1000", "7500", "33333.3", "100000")]


def main():
    rows = [
        {"load": text(a), "agents": text(n), **twice(erlang_b, a, n)}
        for a in LOADS
        for n in around(a, (-6.03, 0, 1.234, 12))
    ]
    write("exact_b", rows)

    handling = itertools.cycle((180, 31, 900))
    horizon = itertools.cycle((20, 0, 7200, 1, 300))
    rows = []
    for a in LOADS:
        for n in around(a, (0.01, 0.31, 1.7, 8)):
            # A tenth of an agent above the load at the least: below it there is no steady state.
            n, aht, within = max(n, a + Fraction(1, 10)), next(handling), next(horizon)
            rows.append({"load": text(a), "agents": text(n), "aht": aht, "within": within,
                         **twice(erlang_c, a, n, aht, within)})
    write("exact_c", rows)

    patience = itertools.cycle((120, 2, 3600, 45, 600, 14400, 9))
    rows = []
    for a in LOADS:
        share = Fraction(round(float(a) * 6), 10)
        for n in (max(share, Fraction(1, 2)), *around(a, (-3.2, -0.4, 0, 0.033, 0.9, 2.6, 7, 14))):
            aht, within, patient = next(handling), next(horizon), next(patience)
            rows.append({"load": text(a), "agents": text(n), "aht": aht, "patience": patient,
                         "within": within, **twice(erlang_a, a, n, aht, patient, within)})
    write("exact_a", rows)

    rows = []
    for a, aht, patient, within, target in (
        ("1000", 180, 120, 20, "0.8"),
        ("1000", 180, None, 20, "0.8"),
        ("1000", 900, 14400, 0, "0.99"),
        ("7500", 31, 9, 1, "0.6"),
        ("7500", 180, None, 1, "0.95"),
        ("7500", 180, 600, 300, "0.70003"),
        ("33333.3", 180, 120, 20, "0.8"),
        ("33333.3", 900, None, 20, "0.999"),
        ("33333.3", 900, 3600, 7200, "0.3"),
        ("100000", 180, 120, 20, "0.8"),
        ("100000", 180, None, 20, "0.8"),
        ("100000", 31, 2, 20, "0.97"),
        ("100000", 180, 14400, 20, "0.999"),
        ("100000", 900, 45, 0, "0.05"),
    ):
        a, goal = Fraction(a), Fraction(target)

        def at(n):
            given = (a, Fraction(n), aht) + ((within,) if patient is None else (patient, within))
            return (erlang_c if patient is None else erlang_a), given

        def fits(n):
            what, given = at(n)
            with mp.workdps(40):
                return (patient is not None or n > a) and what(*given)["answered_of_offered"] >= real(goal)

        low, high = int(a / 5), int(a * 3 / 2)
        assert fits(high) and not fits(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle, high)

        def level(n):
            what, given = at(n)
            return twice(what, *given)["answered_of_offered"] if patient is not None or n > a else "0"

        rows.append({"load": text(a), "aht": aht, "patience": patient or "inf", "within": within,
                     "target": target, "least": high, "level": level(high),
                     "level_of_one_fewer": level(high - 1)})
        _inverse_blocking.cache_clear()
    write("exact_least", rows)


if __name__ == "__main__":
    main()
