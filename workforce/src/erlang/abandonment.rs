//! Erlang A: M/M/n+M, callers hang up after an exponential patience. Palm 1957; Mandelbaum
//! & Zeltyn 2005.
//!
//! In handling times: arrival rate `a`, hang-up rate `θ` per waiting caller. V, the wait of a
//! caller who never hangs up, has density `a·e^φ(t)/D` on (0, ∞) with
//! `φ(t) = a·H(t) − n·t`, `H(t) = (1 − e^(−θt))/θ`, `D = 1/B(n−1, a) + a·∫₀^∞ e^φ`. Everything
//! asked for is a ratio of integrals of `e^φ` times positive weights, so nothing cancels:
//!
//! * P(abandon) = θ·E\[W\], E\[W\] = a∫H·e^φ / D
//! * P(answered, W ≤ T) = (1/B(n−1) + a∫₀^T e^(−θt)·e^φ) / D
//! * 1 − P(abandoned, W ≤ T) = (1/B(n−1) + a∫₀^T e^(−θt)·e^φ + a·e^(−θT)∫_T^∞ e^φ) / D
//!
//! φ is concave: it falls from 0 if n ≥ a, else it peaks at `t* = ln(a/n)/θ`. With
//! `g(x) = e^(−x) − 1 + x ≥ 0`, `φ(t) = −(n−a)t − (a/θ)·g(θt)` in the first case and
//! `φ(t) − φ(t*) = −(n/θ)·g(θ(t − t*))` in the second: sums of terms of one sign.

use super::blocking::{blocking, carried, inverse_blocking};
use super::quadrature::{POINTS, UNIT};
use super::{Horizons, Measures, Queue, ServiceLevels};
use crate::exact::Precise;

/// Integrands below `e^(−NEGLIGIBLE)` of their greatest value are left out (1e-20).
const NEGLIGIBLE: f64 = 46.0;

/// The most that φ may change over one panel of the sixteen-point rule.
const PANEL_FALL: f64 = 13.0;

pub(crate) fn measure(
    queue: &Queue,
    patience: f64,
    agents: Precise,
    horizons: Horizons,
) -> Measures {
    if patience == 0.0 {
        return impatient_at_once(queue, agents, horizons);
    }
    let load = queue.load.hi;
    let theta = queue.aht / patience;
    let curve = Curve::new(load, agents.hi, agents.minus(queue.load), theta);
    let within = horizons.within.map(|t| t / queue.aht);
    let short = horizons.short.map(|s| s / queue.aht);
    let waits = Waits::new(&curve, within, short);

    let p_answered = waits.answered();
    let mean_wait = waits.all.head_h * load / waits.total;
    Measures {
        offered_load: load,
        agents: agents.hi,
        stable: true,
        occupancy: (load * p_answered / agents.hi).min(1.0),
        p_wait: Some((load * waits.all.weight / waits.total).min(1.0)),
        p_block: None,
        p_abandon: Some((theta * mean_wait).min(1.0)),
        mean_wait: Some(mean_wait * queue.aht),
        asa: Some(load * waits.all.served_time / (waits.total * p_answered) * queue.aht),
        queue_length: Some(mean_wait * load),
        service_level: waits.service_levels(),
    }
}

/// The shape of φ for one station, in handling times.
struct Curve {
    load: f64,
    agents: f64,
    spare: f64,
    theta: f64,
    /// Where φ is greatest.
    peak: f64,
    /// `θ·(0 − peak)`, ≤ 0: `ln(n/a)` when overloaded.
    origin: f64,
    /// `(1/B(n−1, a))·e^(−φ(peak))`: the weight of those who need not wait.
    free: f64,
}

impl Curve {
    fn new(load: f64, agents: f64, spare: f64, theta: f64) -> Self {
        let inverse = inverse_blocking(agents - 1.0, load);
        if spare >= 0.0 {
            return Self {
                load,
                agents,
                spare,
                theta,
                peak: 0.0,
                origin: 0.0,
                free: inverse,
            };
        }
        let relative = spare / load;
        // ln(n/a); the second form keeps its digits where n is a small part of a.
        let origin = if relative > -0.5 {
            relative.ln_1p()
        } else {
            (agents / load).ln()
        };
        let height = agents / theta * above_tangent(origin);
        Self {
            load,
            agents,
            spare,
            theta,
            peak: -origin / theta,
            origin,
            free: (inverse.ln() - height).exp(),
        }
    }

    /// φ(t) − φ(peak), ≤ 0.
    fn height(&self, t: f64) -> f64 {
        if self.spare >= 0.0 {
            -self.spare * t - self.load / self.theta * above_tangent(self.theta * t)
        } else {
            -self.agents / self.theta * above_tangent(self.origin + self.theta * t)
        }
    }

    /// |φ′(t)|.
    fn steepness(&self, t: f64) -> f64 {
        if self.spare >= 0.0 {
            self.spare - self.load * (-self.theta * t).exp_m1()
        } else {
            (self.agents * (-(self.origin + self.theta * t)).exp_m1()).abs()
        }
    }

    /// A width over which the rule is exact, from `t` on towards `direction`.
    fn panel(&self, t: f64, direction: f64) -> f64 {
        let bend = (self.load * self.theta).sqrt() * (-0.5 * self.theta * t).exp();
        let mut width = (PANEL_FALL / self.steepness(t)).min(3.0 / bend);
        // Weights vary over 1/θ until e^(−θt) is nothing; leftwards φ itself steepens so.
        if direction < 0.0 {
            width = width.min(1.0 / self.theta);
        } else if self.theta * t < NEGLIGIBLE {
            width = width.min(8.0 / self.theta);
        }
        let here = self.height(t);
        while (self.height(t + direction * width) - here).abs() > 1.2 * PANEL_FALL {
            width *= 0.5;
        }
        width
    }

    /// Integrals over [from, to] (either way round), of which `from` has the greatest φ,
    /// relative to the peak.
    fn integrate(&self, from: f64, to: f64) -> Integrals {
        let base = self.height(from);
        let direction = if to < from { -1.0 } else { 1.0 };
        let mut sum = Integrals::default();
        let mut t = from;
        while (to - t) * direction > 0.0 && self.height(t) - base > -NEGLIGIBLE {
            let width = self.panel(t, direction).min((to - t).abs());
            if width <= t.abs() * f64::EPSILON {
                break; // the interval is thinner than the numbers that bound it
            }
            for i in 0..POINTS {
                let at = t + direction * width * UNIT.at[i];
                let (gone, staying) = hung_up(self.theta * at);
                let density = width * UNIT.weight[i] * (self.height(at) - base).exp();
                sum.weight += density;
                sum.head_h += density * gone / self.theta;
                sum.served += density * staying;
                sum.served_time += density * staying * at;
            }
            t += direction * width;
        }
        sum.scaled(base.exp())
    }

    /// Integrals over [from, to], `to` possibly infinite.
    fn between(&self, from: f64, to: f64) -> Integrals {
        if self.peak <= from {
            self.integrate(from, to)
        } else if self.peak >= to {
            self.integrate(to, from)
        } else {
            self.integrate(self.peak, from)
                .plus(self.integrate(self.peak, to))
        }
    }
}

/// `(1 − e^(−y), e^(−y))`, both to full relative accuracy.
fn hung_up(y: f64) -> (f64, f64) {
    if y < 0.7 {
        let gone = -(-y).exp_m1();
        (gone, 1.0 - gone)
    } else {
        let staying = (-y).exp();
        (1.0 - staying, staying)
    }
}

/// `g(x) = e^(−x) − 1 + x`: how far the exponential lies above its tangent at 0.
fn above_tangent(x: f64) -> f64 {
    if x.abs() > 0.5 {
        return if x > 0.0 {
            (-x).exp() + (x - 1.0)
        } else {
            (-x).exp_m1() + x
        };
    }
    // Taylor: x²/2 − x³/6 + …; the first term left out is below 1e-17 of the first.
    let mut sum = 0.0;
    for k in (2..=15).rev() {
        sum = RECIPROCAL_FACTORIAL[k] - x * sum;
    }
    sum * x * x
}

/// 1/k! for k to 15.
const RECIPROCAL_FACTORIAL: [f64; 16] = {
    let mut table = [1.0; 16];
    let mut k = 1;
    while k < 16 {
        table[k] = table[k - 1] / k as f64;
        k += 1;
    }
    table
};

/// Integrals of `e^(φ − φ(peak))` with the weights that the measures need.
#[derive(Clone, Copy, Default)]
struct Integrals {
    /// × 1
    weight: f64,
    /// × H(t)
    head_h: f64,
    /// × e^(−θt): the caller is still there when her turn comes.
    served: f64,
    /// × t·e^(−θt)
    served_time: f64,
}

impl Integrals {
    fn plus(self, other: Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            head_h: self.head_h + other.head_h,
            served: self.served + other.served,
            served_time: self.served_time + other.served_time,
        }
    }

    fn scaled(self, factor: f64) -> Self {
        Self {
            weight: self.weight * factor,
            head_h: self.head_h * factor,
            served: self.served * factor,
            served_time: self.served_time * factor,
        }
    }
}

/// The integrals before and after one horizon.
#[derive(Clone, Copy)]
struct Split {
    head: Integrals,
    tail: Integrals,
    /// e^(−θT): has not hung up by the horizon.
    staying: f64,
    /// 1 − e^(−θT)
    gone: f64,
}

/// The distribution of the wait, cut where it is asked for.
struct Waits {
    load: f64,
    free: f64,
    total: f64,
    all: Integrals,
    within: Option<Split>,
    short: Option<Split>,
}

impl Waits {
    fn new(curve: &Curve, within: Option<f64>, short: Option<f64>) -> Self {
        let split = |at: f64| {
            let (gone, staying) = hung_up(curve.theta * at);
            Split {
                head: curve.between(0.0, at),
                tail: curve.between(at, f64::INFINITY),
                staying,
                gone,
            }
        };
        let within = within.map(split);
        let short = short.map(split);
        let all = match within {
            Some(split) => split.head.plus(split.tail),
            None => curve.between(0.0, f64::INFINITY),
        };
        Self {
            load: curve.load,
            free: curve.free,
            total: curve.free + curve.load * all.weight,
            all,
            within,
            short,
        }
    }

    fn share(&self, weight: f64) -> f64 {
        if self.free.is_infinite() {
            return 1.0; // waiting is rarer than the least double
        }
        ((self.free + self.load * weight) / self.total).min(1.0)
    }

    fn answered(&self) -> f64 {
        self.share(self.all.served)
    }

    /// 1 − P(abandoned, W ≤ the split's horizon).
    fn not_gone_by(&self, at: Split) -> f64 {
        self.share(at.head.served + at.staying * at.tail.weight)
    }

    fn service_levels(&self) -> ServiceLevels {
        let Some(at) = self.within else {
            return ServiceLevels::default();
        };
        let in_time = self.share(at.head.served);
        // P(W ≤ T) = 1 − e^(−θT)·P(V > T), with both parts of the sum positive.
        let wait_within = self.share(at.head.weight + at.gone * at.tail.weight);
        Self::clamp(ServiceLevels {
            answered_of_offered: Some(in_time),
            answered_of_answered: Some(in_time / self.answered()),
            excluding_short_abandons: Some(in_time / self.not_gone_by(at)),
            wait_within: Some(wait_within),
            virtual_wait: Some(self.share(at.head.weight)),
            exclude_short_abandons: self.short.map(|short| in_time / self.not_gone_by(short)),
        })
    }

    /// Rounding may carry a ratio one step above 1.
    fn clamp(levels: ServiceLevels) -> ServiceLevels {
        let one = |level: Option<f64>| level.map(|x| x.min(1.0));
        ServiceLevels {
            answered_of_offered: one(levels.answered_of_offered),
            answered_of_answered: one(levels.answered_of_answered),
            excluding_short_abandons: one(levels.excluding_short_abandons),
            wait_within: one(levels.wait_within),
            virtual_wait: one(levels.virtual_wait),
            exclude_short_abandons: one(levels.exclude_short_abandons),
        }
    }
}

/// Patience zero, the limit of the formulae: whoever finds everyone busy leaves at once.
fn impatient_at_once(queue: &Queue, agents: Precise, horizons: Horizons) -> Measures {
    let lost = blocking(agents.hi, queue.load.hi);
    let answered = carried(agents.hi, queue.load.hi);
    let service_level = horizons
        .within
        .map_or_else(ServiceLevels::default, |t| ServiceLevels {
            answered_of_offered: Some(answered),
            answered_of_answered: Some(1.0),
            excluding_short_abandons: Some(1.0),
            wait_within: Some(1.0),
            virtual_wait: Some(1.0 - lost * (-agents.hi * t / queue.aht).exp()),
            exclude_short_abandons: horizons.short.map(|_| 1.0),
        });
    Measures {
        offered_load: queue.load.hi,
        agents: agents.hi,
        stable: true,
        occupancy: queue.load.hi * answered / agents.hi,
        p_wait: Some(lost),
        p_block: None,
        p_abandon: Some(lost),
        mean_wait: Some(0.0),
        asa: Some(0.0),
        queue_length: Some(0.0),
        service_level,
    }
}
