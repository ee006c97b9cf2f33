//! One version of each document, side by side: what the cross-object rules look at.

use std::collections::BTreeMap;

use trunkline_crds::{AgentSpec, CallCenterSpec, ClientSpec, TrunkSpec};

use crate::document::DocumentId;
use crate::typed::Typed;

/// A document in the version that is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a, T> {
    pub id: &'a DocumentId,
    pub spec: &'a T,
    /// RFC 3339 in UTC, so that text order is time order.
    pub created: Option<&'a str>,
}

/// A centre and all that belongs to it.
pub(crate) struct View<'a> {
    pub centre: Member<'a, CallCenterSpec>,
    pub clients: BTreeMap<&'a str, Member<'a, ClientSpec>>,
    pub trunks: BTreeMap<&'a str, Member<'a, TrunkSpec>>,
    pub agents: BTreeMap<&'a str, Member<'a, AgentSpec>>,
}

impl<'a> View<'a> {
    /// Sorts versions by kind; `None` without a CallCenter. Documents of other centres are left out.
    pub fn new(
        versions: impl IntoIterator<Item = (&'a DocumentId, &'a Typed, Option<&'a str>)>,
    ) -> Option<Self> {
        let mut centre = None;
        let (mut clients, mut trunks, mut agents) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (id, typed, created) in versions {
            let name = id.name.as_str();
            match typed {
                Typed::CallCenter(spec) => {
                    centre = centre.or(Some(Member {
                        id,
                        spec: &**spec,
                        created,
                    }));
                }
                Typed::Client(spec) => {
                    clients.insert(
                        name,
                        Member {
                            id,
                            spec: &**spec,
                            created,
                        },
                    );
                }
                Typed::Trunk(spec) => {
                    trunks.insert(
                        name,
                        Member {
                            id,
                            spec: &**spec,
                            created,
                        },
                    );
                }
                Typed::Agent(spec) => {
                    agents.insert(
                        name,
                        Member {
                            id,
                            spec: &**spec,
                            created,
                        },
                    );
                }
            }
        }
        let centre = centre?;
        let own = centre.id.name.as_str();
        clients.retain(|_, c| c.spec.call_center.as_str() == own);
        trunks.retain(|_, t| t.spec.call_center.as_str() == own);
        agents.retain(|_, a| a.spec.call_center.as_str() == own);
        Some(Self {
            centre,
            clients,
            trunks,
            agents,
        })
    }
}
