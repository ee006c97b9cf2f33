//! What the operator is told when it starts: by flags, or by the environment that the chart sets.

use clap::Parser;

/// Deploys call-centre tenants.
#[derive(Clone, Debug, Parser)]
#[command(name = "trunkline-operator", version)]
pub struct Settings {
    /// The engine's image, also the media side-car's; a CallCenter may override it.
    #[arg(long, env = "RELATED_IMAGE_ENGINE")]
    pub engine_image: String,
    /// The media image (Asterisk); a CallCenter may override it.
    #[arg(long, env = "RELATED_IMAGE_MEDIA")]
    pub media_image: String,
    /// When the tenants' images are pulled.
    #[arg(long, env = "IMAGE_PULL_POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    pub image_pull_policy: String,
    /// Namespaces to serve, comma separated; empty: all of the cluster's.
    #[arg(
        long,
        env = "WATCH_NAMESPACES",
        value_delimiter = ',',
        default_value = ""
    )]
    pub namespaces: Vec<String>,
    /// The operator's own namespace, where its Lease is.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub own_namespace: String,
    /// This replica's name in the Lease.
    #[arg(long, env = "POD_NAME", default_value = "trunkline-operator")]
    pub pod_name: String,
    /// Reconciles at once.
    #[arg(long, env = "CONCURRENCY", default_value_t = 8)]
    pub concurrency: usize,
    /// Where health and metrics are served.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8081")]
    pub listen: std::net::SocketAddr,
    /// Do without a Lease: for one replica on a developer's machine.
    #[arg(long)]
    pub no_lease: bool,
}

/// Which namespaces are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of the cluster's.
    Cluster,
    /// These.
    Namespaces(Vec<String>),
}

impl Settings {
    /// Which namespaces are served.
    pub fn scope(&self) -> Scope {
        let mut names: Vec<String> = self
            .namespaces
            .iter()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            Scope::Cluster
        } else {
            Scope::Namespaces(names)
        }
    }

    /// What the tenants' pods are made of.
    pub fn images(&self) -> Images {
        Images {
            engine: self.engine_image.clone(),
            media: self.media_image.clone(),
            pull_policy: self.image_pull_policy.clone(),
        }
    }
}

/// What the tenants' pods are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The engine and the side-car.
    pub engine: String,
    /// Asterisk.
    pub media: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_namespace_means_the_whole_cluster_and_a_list_is_read_with_its_spaces() {
        let parse = |list: &str| {
            Settings::parse_from([
                "trunkline-operator",
                "--engine-image=e",
                "--media-image=m",
                &format!("--namespaces={list}"),
            ])
            .scope()
        };
        assert_eq!(parse(""), Scope::Cluster);
        assert_eq!(
            parse("b, a,b"),
            Scope::Namespaces(vec!["a".into(), "b".into()])
        );
    }
}
