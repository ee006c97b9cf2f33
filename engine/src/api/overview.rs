//! The whole at a glance.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use trunkline_routing::Time;

use super::App;
use super::auth::Caller;
use super::error::ApiError;
use super::model::{QueueNow, Running};
use crate::run::Role;
use crate::state::{Directory, Stage};

pub(super) async fn running(State(app): State<App>, _: Caller) -> Json<Running> {
    let state = app.handle.state();
    let directory = &state.directory;
    let (role, epoch) = match &*app.handle.role().borrow() {
        Role::Standby => ("standby", None),
        Role::Recovering => ("recovering", None),
        Role::Leading(epoch) => ("leading", Some(epoch.0)),
        Role::Ended => ("ended", None),
    };
    Json(Running {
        call_center: directory.tenant.as_ref().map(|t| t.name.to_string()),
        config_hash: directory.config_hash.clone(),
        role,
        epoch,
    })
}

pub(super) async fn queues(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<QueueNow>>, ApiError> {
    caller.admin()?;
    let state = app.handle.state();
    Ok(Json(queues_at(&state.directory, super::now())))
}

fn queues_at(directory: &Directory, now: Time) -> Vec<QueueNow> {
    let mut queues: BTreeMap<_, QueueNow> = directory
        .tenant
        .iter()
        .flat_map(|tenant| &tenant.queues)
        .map(|(id, queue)| {
            let fresh = QueueNow {
                queue: id.to_string(),
                client: id.client().map(|it| it.to_string()),
                medium: queue.medium,
                waiting: 0,
                talking: 0,
                later: 0,
                longest_wait_seconds: 0.0,
            };
            (id, fresh)
        })
        .collect();
    // Who is asked about a contact is no customer of the queue's.
    let customers = directory.live.values();
    for live in customers.filter(|live| live.consult_of.is_none()) {
        let Some(queue) = queues.get_mut(&live.queue) else {
            continue;
        };
        match live.stage {
            Stage::Talking { .. }
            | Stage::Outside { .. }
            | Stage::Calling { .. }
            | Stage::Away { .. } => {
                queue.talking += 1;
            }
            // Nobody waits for what is booked.
            Stage::Later { .. } => queue.later += 1,
            Stage::Waiting | Stage::Offered { .. } | Stage::Accepted { .. } => {
                queue.waiting += 1;
                let waited = (now - live.arrived).as_secs_f64();
                queue.longest_wait_seconds = queue.longest_wait_seconds.max(waited);
            }
        }
    }
    queues.into_values().collect()
}

#[cfg(test)]
mod tests {
    use trunkline_routing::{ContactId, Input, Span};
    use trunkline_tenant::QueueId;

    use super::*;
    use crate::testing::Replay;

    #[test]
    fn who_is_called_back_later_does_not_wait_and_who_waits_does_since_they_came() {
        let mut centre = Replay::new();
        let orders = QueueId::of("acme", "orders");
        let arrive = |contact: u64| Input::Arrive {
            contact: ContactId(contact),
            queue: orders.clone(),
            since: None,
            priority: 0,
            customer: None,
            callable: true,
        };
        let hour = 3600;
        centre.at(0, arrive(1));
        let booked = Input::BookCallback {
            contact: ContactId(2),
            queue: orders.clone(),
            customer: "+4930123456".into(),
            due: Some(centre.second(hour)),
            window: None,
            agent: None,
            priority: 0,
        };
        centre.at(10, booked);
        centre.at(20, arrive(3));
        let now = |centre: &Replay, second: i64| {
            let all = queues_at(&centre.state.directory, centre.second(second));
            let of_queue = all.into_iter().find(|it| it.queue == "acme/orders");
            let it = of_queue.unwrap();
            (it.waiting, it.talking, it.later, it.longest_wait_seconds)
        };
        assert_eq!(now(&centre, 50), (2, 0, 1, 50.0));
        for contact in [1, 3] {
            let contact = ContactId(contact);
            centre.at(60, Input::CustomerGone { contact });
        }
        assert_eq!(now(&centre, 60), (0, 0, 1, 0.0));
        // Once its time has come it waits like any other.
        centre.at(hour + 5, Input::Tick);
        let (waiting, _, later, longest) = now(&centre, hour + 5);
        assert_eq!((waiting, later), (1, 0));
        assert!(longest <= Span::seconds(5).as_secs_f64(), "{longest}");
    }
}
