//! The root of a monotone function in a bracket.

/// Where `f` changes sign between `lo` and `hi`, to the last digit or nearly; `f(lo)` and
/// `f(hi)` must differ in sign. Chandrupatla 1997: inverse quadratic steps where they are
/// safe, bisection elsewhere, so that it ends within about 60 steps whatever `f` is.
pub(crate) fn bracketed(f: impl Fn(f64) -> f64, lo: f64, hi: f64) -> f64 {
    const MOST_STEPS: usize = 200;
    let (mut a, mut b) = (lo, hi);
    let (mut fa, mut fb) = (f(a), f(b));
    let (mut c, mut fc);
    let mut step = 0.5;
    for _ in 0..MOST_STEPS {
        let x = a + step * (b - a);
        let fx = f(x);
        if (fx > 0.0) == (fa > 0.0) {
            (c, fc) = (a, fa);
        } else {
            (c, fc, b, fb) = (b, fb, a, fa);
        }
        (a, fa) = (x, fx);
        let best = if fa.abs() < fb.abs() { a } else { b };
        let slack = 2.0 * f64::EPSILON * best.abs() / (b - c).abs().max(f64::MIN_POSITIVE);
        if fa == 0.0 || slack > 0.5 || (a - b).abs() <= 2.0 * f64::EPSILON * best.abs() {
            return best;
        }
        let (xi, phi) = ((a - b) / (c - b), (fa - fb) / (fc - fb));
        step = if phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi {
            fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        } else {
            0.5
        };
        step = step.clamp(slack.min(0.5), 1.0 - slack.min(0.5));
    }
    a
}

#[cfg(test)]
mod tests {
    use super::bracketed;

    #[test]
    fn roots_are_found_to_the_last_digits() {
        let root = bracketed(|x| x * x - 2.0, 0.0, 2.0);
        assert!((root - 2f64.sqrt()).abs() < 1e-15, "{root}");
        let steep = bracketed(|x| (50.0 * (x - 0.9)).exp() - 1.0, 0.0, 40.0);
        assert!((steep - 0.9).abs() < 1e-14, "{steep}");
    }

    #[test]
    fn a_jump_ends_the_search_too() {
        let at = bracketed(|x| if x < 0.3 { -1.0 } else { 1.0 }, 0.0, 1.0);
        assert!((at - 0.3).abs() < 1e-14, "{at}");
    }
}
