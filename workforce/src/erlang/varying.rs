//! The load as it moves: calls that began in the last interval are still being handled.

/// The mean number of callers in service, were there agents without end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfferedLoad {
    /// At the interval's start, in erlangs.
    pub start: f64,
    /// On average over it.
    pub mean: f64,
    /// At its end.
    pub end: f64,
}

/// Modified offered load (Jagerman 1975): `m′ = λ − μm`, exact for a rate constant within
/// each interval. `rates` are arrivals per second, `interval` and `aht` seconds, `start` the
/// load at the outset in erlangs. Staffing at the load of the interval's own rate instead
/// forgets what the last interval left behind, and asks too much after a rise.
pub fn modified_offered_load(
    rates: &[f64],
    interval: f64,
    aht: f64,
    start: f64,
) -> Vec<OfferedLoad> {
    let lengths = interval / aht;
    let settled = -(-lengths).exp_m1();
    let mut load = start;
    rates
        .iter()
        .map(|rate| {
            let target = rate * aht;
            let missing = target - load;
            let moved = OfferedLoad {
                start: load,
                // Near 0 the ratio tends to 1: an interval of no length has its start.
                mean: if lengths > 0.0 {
                    target - missing * settled / lengths
                } else {
                    load
                },
                end: load + missing * settled,
            };
            load = moved.end;
            moved
        })
        .collect()
}
