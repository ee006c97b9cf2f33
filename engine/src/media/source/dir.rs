//! The tenant from a folder, for a machine without a cluster:
//!
//! | path | what |
//! |---|---|
//! | `tenant.json` | the compiled Tenant |
//! | `secrets/NAME/KEY` | Secrets, as a volume would show them |
//! | `configmaps/NAME/KEY` | ConfigMaps with recordings |
//! | `secrets/test_caller/password` | of a phone that may call every number; without it there is none |
//! | `registrar` | the pod that registers the trunks; without it that of ordinal 0 |
//! | `report/POD.json` | written by us |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use trunkline_tenant::report::MediaReport;

use super::assemble::{Content, Named, assemble, named};
use crate::config::Loaded;
use crate::media::files::replace;
use crate::media::inputs::{Inputs, SecretData};
use crate::media::keeper::Order;
use crate::media::render::TEST_CALLER;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The folder, and for which pod.
#[derive(Clone, Debug)]
pub(in crate::media) struct Dir {
    pub(in crate::media) path: PathBuf,
    pub(in crate::media) pod: String,
}

impl Dir {
    pub(super) async fn follow(self, orders: mpsc::Sender<Order>) {
        let mut last: Option<Inputs> = None;
        let mut told = String::new();
        loop {
            match self.read() {
                Ok(inputs) if last.as_ref().is_some_and(|last| last.same(&inputs)) => {}
                Ok(inputs) => {
                    last = Some(inputs.clone());
                    if orders.send(Order::Run(Arc::new(inputs))).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let words = format!("{error:#}");
                    if words != told {
                        tracing::warn!(error = words, "the tenant can't be read");
                        told = words;
                    }
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn read(&self) -> anyhow::Result<Inputs> {
        let file = self.path.join("tenant.json");
        let json =
            std::fs::read(&file).with_context(|| format!("can't read {}", file.display()))?;
        let loaded = Loaded::from_json(&json)?;
        let contents: BTreeMap<Named, Content> = named(&loaded.tenant)
            .into_iter()
            .map(|named| {
                let folder = match &named {
                    Named::Secret(name) => self.path.join("secrets").join(name),
                    Named::ConfigMap(name) => self.path.join("configmaps").join(name),
                };
                let content = read_folder(&folder);
                (named, content)
            })
            .collect();
        let registrar = std::fs::read_to_string(self.path.join("registrar")).ok();
        let registrar = registrar.as_deref().map(str::trim);
        let mut inputs = assemble(&loaded, &contents, registrar, &self.pod);
        // No Secret has such a name, so no document gives this.
        let caller = self.path.join("secrets").join(TEST_CALLER);
        if let Ok(password) = std::fs::read(caller.join("password")) {
            inputs.secrets.add_test_caller(&password);
        }
        Ok(inputs)
    }

    pub(super) fn write_report(&self, pod: &str, report: &MediaReport) -> anyhow::Result<()> {
        let path = self.path.join("report").join(format!("{pod}.json"));
        replace(&path, &serde_json::to_vec_pretty(report)?)?;
        Ok(())
    }
}

/// The files of a folder; `None`: it isn't there.
fn read_folder(folder: &Path) -> Content {
    let entries = std::fs::read_dir(folder).ok()?;
    let read = entries.flatten().filter_map(|entry| {
        let bytes = std::fs::read(entry.path()).ok()?;
        Some((entry.file_name().into_string().ok()?, bytes))
    });
    Some(read.collect::<SecretData>())
}
