//! Which service level counts at a moment: a contract's from the midnight of its first day on, on the client's own
//! clock; before that it is as if there were no contract.

use trunkline_tenant::crds::{ClientName, ServiceLevel};
use trunkline_tenant::{QueueId, Tenant};

use crate::{Time, hours};

/// What a client's contract promises at a moment; `None`: nothing, or its first day is yet to come.
pub fn level_of_client<'a>(
    tenant: &'a Tenant,
    client: Option<&ClientName>,
    at: Time,
) -> Option<&'a ServiceLevel> {
    let client = tenant.clients.get(client?)?;
    let counts = client
        .contract_from()
        .is_none_or(|from| from <= hours::day(at, client.time_zone));
    let contract = client.contract.as_ref().filter(|_| counts)?;
    contract.service_level.as_ref()
}

/// What a queue is judged by at a moment: its own service level, or its client's contract's, or the plain one;
/// `None`: it is not in the tenant.
pub fn level_of_queue(tenant: &Tenant, id: &QueueId, at: Time) -> Option<ServiceLevel> {
    let queue = tenant.queues.get(id)?;
    let level = if queue.level_of_contract {
        level_of_client(tenant, id.client().as_ref(), at)
    } else {
        queue.service_level.as_ref()
    };
    Some(level.cloned().unwrap_or_default())
}
