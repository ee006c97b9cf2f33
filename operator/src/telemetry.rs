//! What the operator counts, and how it logs.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What is counted. No label is an object's name: there may be ten thousand.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Counter,
    failures: Family<Category, Counter>,
    durations: Histogram,
    waiting: Gauge,
    writes: Family<Written, Counter>,
    leads: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Category {
    category: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Written {
    kind: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("trunkline_operator");
        let reconciles = Counter::default();
        let failures = Family::default();
        let durations = Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let waiting = Gauge::default();
        let writes = Family::default();
        let leads = Gauge::default();
        registry.register("reconciles", "Reconciles that ended", reconciles.clone());
        registry.register(
            "reconcile_failures",
            "Reconciles to be tried again, by why",
            failures.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "How long a reconcile takes",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "tenants_waiting",
            "Tenants that wait for a reconcile",
            waiting.clone(),
        );
        registry.register("writes", "Objects written, by kind", writes.clone());
        registry.register("leads", "Whether this replica leads", leads.clone());
        Self {
            registry,
            reconciles,
            failures,
            durations,
            waiting,
            writes,
            leads,
        }
    }
}

impl Metrics {
    /// A reconcile has ended, well or for a reason.
    pub fn reconciled(&self, took: Duration, failure: Option<&'static str>) {
        self.reconciles.inc();
        self.durations.observe(took.as_secs_f64());
        if let Some(category) = failure {
            self.failures.get_or_create(&Category { category }).inc();
        }
    }

    /// An object of that kind was written.
    pub fn wrote(&self, kind: &'static str) {
        self.writes.get_or_create(&Written { kind }).inc();
    }

    /// So many tenants wait.
    pub fn waiting(&self, tenants: usize) {
        self.waiting.set(i64::try_from(tenants).unwrap_or(i64::MAX));
    }

    /// Whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }

    /// How many reconciles have ended.
    pub fn reconciles(&self) -> u64 {
        self.reconciles.get()
    }

    /// In the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// JSON lines on standard error, filtered by `RUST_LOG`; each reconcile is a span.
pub fn init_logs() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_name_kinds_and_never_objects() {
        let metrics = Metrics::default();
        metrics.wrote("Role");
        metrics.reconciled(Duration::from_millis(3), Some("conflict"));
        let text = metrics.text();
        assert!(
            text.contains("trunkline_operator_writes_total{kind=\"Role\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("trunkline_operator_reconcile_failures_total{category=\"conflict\"} 1")
        );
        assert!(text.contains("trunkline_operator_reconcile_duration_seconds_count 1"));
    }
}
