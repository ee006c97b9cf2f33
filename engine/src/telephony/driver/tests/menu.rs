//! Callers whose queue goes while they hear a menu, or as they come.

use trunkline_tenant::{QueueId, Tenant};

use super::*;

fn with_menu() -> Tenant {
    let mut tenant = crate::testing::small_tenant();
    let menu = serde_json::json!({"prompt": null, "choices": {"1": "acme/orders"}});
    let acme = tenant.clients.get_mut(&ClientName::new("acme")).unwrap();
    acme.menu = serde_json::from_value(menu).unwrap();
    tenant
}

/// The client's calls go to another queue now, and the one before is gone.
fn moved(mut tenant: Tenant) -> Tenant {
    let before: QueueId = "acme/orders".parse().unwrap();
    let now: QueueId = "acme/service".parse().unwrap();
    let queue = tenant.queues.remove(&before).unwrap();
    tenant.queues.insert(now.clone(), queue);
    let acme = tenant.clients.get_mut(&ClientName::new("acme")).unwrap();
    acme.entry = Some(now.clone());
    if let Some(menu) = &mut acme.menu {
        menu.choices.values_mut().for_each(|to| *to = now.clone());
    }
    tenant
}

fn asked_for(out: &Effects) -> Vec<String> {
    let arrived = out.reports.iter().map(|report| match report {
        Report::Arrived(arrival) => arrival.queue.to_string(),
        other => panic!("{other:?}"),
    });
    arrived.collect()
}

#[test]
fn a_caller_in_a_menu_whose_queue_is_removed_comes_to_where_their_number_leads_now() {
    for removed in [false, true] {
        let mut machine = Machine::new();
        let tenant = with_menu();
        machine.calls.tenant = Some(Arc::new(tenant.clone()));
        machine.event(start(CALLER, &["inbound", "+18005550100"]));
        if removed {
            machine.command(Command::Configure(Arc::new(moved(tenant))));
        }
        let mut out = Effects::default();
        for seconds in [6, 12, 18] {
            machine.calls.menus_due(Time(seconds * 1_000_000), &mut out);
        }
        let expected = if removed {
            "acme/service"
        } else {
            "acme/orders"
        };
        assert_eq!(asked_for(&out), [expected]);
    }
}

#[test]
fn a_caller_whose_queue_is_removed_as_they_come_is_asked_for_again_where_their_number_leads_now() {
    let turned_away = Command::TurnAway { call: caller() };
    let is_hung_up = |out: &Effects| matches!(deeds(out)[..], [(CALLER, What::Hangup(_))]);
    let mut machine = Machine::new();
    let out = machine.event(start(CALLER, &["inbound", "+18005550100"]));
    assert_eq!(asked_for(&out), ["acme/orders"]);
    let now = moved(crate::testing::small_tenant());
    machine.command(Command::Configure(Arc::new(now)));
    let out = machine.command(turned_away.clone());
    assert_eq!(asked_for(&out), ["acme/service"]);
    assert!(out.acts.is_empty(), "{out:?}");
    // Refused for what else it may be.
    let out = machine.command(turned_away.clone());
    assert!(is_hung_up(&out) && out.reports.is_empty(), "{out:?}");
    // Their number is gone with the queue.
    let mut machine = Machine::new();
    machine.event(start(CALLER, &["inbound", "+18005550100"]));
    let mut now = moved(crate::testing::small_tenant());
    now.numbers.clear();
    machine.command(Command::Configure(Arc::new(now)));
    let out = machine.command(turned_away);
    assert!(is_hung_up(&out) && out.reports.is_empty(), "{out:?}");
}
