//! A document that can't be used doesn't stop the others: which version of each is used.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Docs, brief, sound};
use serde_json::json;
use trunkline_tenant::crds::PhoneNumber;
use trunkline_tenant::{Compiled, DocumentId, Kind, Last, QueueId, compile};

fn id(kind: Kind, name: &str) -> DocumentId {
    DocumentId {
        kind,
        namespace: "n".to_owned(),
        name: name.to_owned(),
    }
}

/// What runs after a sound tenant has been compiled at generation 1.
fn running(docs: &Docs) -> Last {
    let compiled = docs.compile();
    assert_eq!(brief(&compiled), [""; 0]);
    Last {
        tenant: compiled.tenant.unwrap(),
        sources: compiled.sources,
    }
}

fn at_generation_1() -> Docs {
    let mut docs = sound();
    for name in ["c", "t", "acme", "maria"] {
        docs.generation(name, 1, "2026-01-01T00:00:00Z");
    }
    docs
}

fn change(docs: &Docs, last: &Last) -> Compiled {
    compile(&docs.documents(), Some(last))
}

fn held_back(compiled: &Compiled) -> Vec<(String, Option<i64>)> {
    compiled
        .held_back
        .iter()
        .map(|h| {
            (
                h.object.name.clone(),
                h.using.as_ref().and_then(|u| u.generation),
            )
        })
        .collect()
}

#[test]
fn a_broken_document_is_replaced_by_its_last_good_version_and_the_others_go_on() {
    let mut docs = at_generation_1();
    let last = running(&docs);
    docs.set("acme", "/spec/queues/0/ring", json!("soon"))
        .generation("acme", 2, "2026-01-01T00:00:00Z")
        .set("maria", "/spec/skills/orders", json!(5));
    let compiled = change(&docs, &last);
    let tenant = compiled.tenant.as_ref().unwrap();
    assert_eq!(
        brief(&compiled),
        ["error schema Client/acme spec.queues[0].ring"]
    );
    assert_eq!(held_back(&compiled), [("acme".to_owned(), Some(1))]);
    assert_eq!(tenant.clients, last.tenant.clients);
    assert_eq!(tenant.agents["maria"].skills["orders"], 5);
    let source = compiled.sources.get(&id(Kind::Client, "acme")).unwrap();
    assert_eq!(source.generation, Some(1));
}

#[test]
fn a_broken_document_without_a_good_version_is_left_out_and_what_needs_it_too() {
    let mut docs = sound();
    docs.copy("acme", "zeta")
        .set("zeta", "/spec/numbers", json!(["+4940"]))
        .set("zeta", "/spec/trunks", json!(["u"]))
        .remove("zeta", "/spec/contract")
        .set("zeta", "/spec/queues/0/teams/0/guaranteed", json!(0))
        .copy("t", "u")
        .set("u", "/spec/numbers", json!(["+4940"]))
        .set("u", "/spec/codecs", json!(["mp3"]));
    let compiled = docs.compile();
    let tenant = compiled.tenant.as_ref().unwrap();
    assert_eq!(brief(&compiled), ["error schema Trunk/u spec.codecs[0]"]);
    let names: Vec<_> = compiled
        .held_back
        .iter()
        .map(|h| h.object.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["zeta", "u"],
        "the client that needs the trunk waits, and is told so"
    );
    assert_eq!(
        tenant
            .clients
            .keys()
            .map(|c| c.as_str())
            .collect::<Vec<_>>(),
        ["acme"]
    );
}

#[test]
fn without_a_usable_call_center_there_is_no_tenant() {
    let mut docs = sound();
    docs.set("c", "/spec/timeZone", json!("Mars/Olympus"));
    let compiled = docs.compile();
    assert!(compiled.tenant.is_none());
    assert_eq!(
        brief(&compiled),
        ["error bad-time-zone CallCenter/c spec.timeZone"]
    );
}

#[test]
fn a_reference_that_used_to_resolve_blames_the_document_that_removed_its_target() {
    let mut docs = at_generation_1();
    let last = running(&docs);
    docs.set("c", "/spec/courses", json!([]))
        .generation("c", 2, "2026-01-01T00:00:00Z");
    let compiled = change(&docs, &last);
    // The client and the agent both name it; one finding, on the centre.
    assert_eq!(
        brief(&compiled),
        ["error unknown-course CallCenter/c spec.courses"]
    );
    let message = &compiled.findings[0].message;
    assert!(
        message.contains("`basics` is gone") && message.contains("and 1 more"),
        "{message}"
    );
    assert_eq!(held_back(&compiled), [("c".to_owned(), Some(1))]);
    assert_eq!(compiled.tenant, Some(last.tenant));
}

#[test]
fn a_new_reference_to_what_was_never_there_blames_who_makes_it() {
    let mut docs = at_generation_1();
    let last = running(&docs);
    docs.set("acme", "/spec/queues/0/teams/-", json!({"name": "ghosts"}));
    let compiled = change(&docs, &last);
    assert_eq!(
        brief(&compiled),
        ["error unknown-team Client/acme spec.queues[0].teams[1].name"]
    );
    assert_eq!(compiled.tenant, Some(last.tenant));
}

#[test]
fn a_deleted_target_that_nobody_can_give_back_keeps_the_whole_last_tenant() {
    let mut docs = at_generation_1();
    let last = running(&docs);
    docs.without("t")
        .set("maria", "/spec/skills/orders", json!(5));
    let compiled = change(&docs, &last);
    assert_eq!(
        brief(&compiled),
        ["error unknown-trunk Client/acme spec.trunks[0]"]
    );
    assert_eq!(compiled.tenant, Some(last.tenant));
    assert_eq!(compiled.sources, last.sources);
    assert!(held_back(&compiled).contains(&("maria".to_owned(), Some(1))));
}

#[test]
fn a_rule_that_no_reference_carries_gives_way_to_the_last_call_center() {
    let mut docs = at_generation_1();
    docs.set("acme", "/spec/queues/0/teams/0/guaranteed", json!(1));
    let last = running(&docs);
    docs.set("c", "/spec/teams/0/seats", json!(0)).set(
        "c",
        "/spec/teams/0/media",
        json!({"voice": 1}),
    );
    let compiled = change(&docs, &last);
    let tenant = compiled.tenant.as_ref().unwrap();
    assert_eq!(tenant.teams["people"].seats, Some(3));
    assert!(compiled.has_errors());
    assert!(held_back(&compiled).contains(&("c".to_owned(), Some(1))));
}

#[test]
fn a_number_stays_with_the_client_that_holds_it_whatever_its_age_and_name() {
    let mut docs = at_generation_1();
    docs.set("acme", "/spec/contract", json!(null)).set(
        "acme",
        "/spec/queues/0/teams/0/guaranteed",
        json!(0),
    );
    let last = running(&docs);
    docs.copy("acme", "aaa")
        .generation("aaa", 1, "2025-01-01T00:00:00Z");
    let compiled = change(&docs, &last);
    assert_eq!(
        brief(&compiled),
        [
            "error number-claimed-twice Client/aaa spec.numbers[0]",
            "error number-claimed-twice Client/aaa spec.numbers[1]"
        ]
    );
    let tenant = compiled.tenant.unwrap();
    assert_eq!(
        tenant.numbers[&PhoneNumber::from("+49301")].as_str(),
        "acme"
    );
    assert!(!tenant.clients.contains_key("aaa"));
}

#[test]
fn a_number_that_nobody_holds_goes_to_the_elder_document() {
    let mut docs = at_generation_1();
    docs.set("acme", "/spec/contract", json!(null))
        .set("acme", "/spec/queues/0/teams/0/guaranteed", json!(0))
        .copy("acme", "zeta")
        .generation("zeta", 1, "2025-01-01T00:00:00Z");
    let compiled = docs.compile();
    let objects: Vec<_> = compiled
        .findings
        .iter()
        .map(|f| f.object.name.as_str())
        .collect();
    assert_eq!(objects, ["acme", "acme"]);
    assert_eq!(
        compiled.tenant.unwrap().numbers[&PhoneNumber::from("+49301")].as_str(),
        "zeta"
    );
}

#[test]
fn a_number_moves_when_its_holder_lets_it_go_in_the_same_change() {
    let mut docs = at_generation_1();
    docs.set("acme", "/spec/contract", json!(null))
        .set("acme", "/spec/queues/0/teams/0/guaranteed", json!(0))
        .copy("acme", "beta")
        .set("beta", "/spec/numbers", json!([]));
    let last = running(&docs);
    docs.set("acme", "/spec/numbers", json!(["+49301"])).set(
        "beta",
        "/spec/numbers",
        json!(["+49302"]),
    );
    let compiled = change(&docs, &last);
    assert_eq!(brief(&compiled), [""; 0]);
    assert_eq!(
        compiled.tenant.unwrap().numbers[&PhoneNumber::from("+49302")].as_str(),
        "beta"
    );
}

#[test]
fn mending_the_document_brings_it_back() {
    let mut docs = at_generation_1();
    let last = running(&docs);
    docs.set("acme", "/spec/queues/0/ring", json!("soon"));
    let broken = change(&docs, &last);
    let kept = Last {
        tenant: broken.tenant.unwrap(),
        sources: broken.sources,
    };
    docs.set("acme", "/spec/queues/0/ring", json!("15s"));
    let mended = change(&docs, &kept);
    assert_eq!(brief(&mended), [""; 0]);
    let queue = &mended.tenant.unwrap().queues[&QueueId::of("acme", "in")];
    assert_eq!(queue.ring.get(), 15);
}

#[test]
fn the_same_documents_give_the_same_hash_in_any_order_and_pack_to_the_same_bytes() {
    let docs = at_generation_1();
    let mut turned = at_generation_1();
    turned.0.reverse();
    let (a, b) = (running(&docs), running(&turned));
    assert_eq!(a.tenant.hash().unwrap(), b.tenant.hash().unwrap());
    let packed = trunkline_tenant::packed::pack(&a.tenant, &a.sources).unwrap();
    assert_eq!(
        packed,
        trunkline_tenant::packed::pack(&b.tenant, &b.sources).unwrap()
    );
    let read = trunkline_tenant::packed::unpack(&packed.tenant, &packed.sources).unwrap();
    assert_eq!(read, a);
    let mut other = a.tenant.clone();
    other.hibernate = true;
    assert_ne!(other.hash().unwrap(), packed.hash);
}

#[test]
fn a_tenant_too_large_for_its_config_map_is_an_error_and_not_a_failed_write() {
    use std::hash::{BuildHasher as _, RandomState};
    let mut last = running(&at_generation_1());
    let queue = last.tenant.queues.values().next().unwrap().clone();
    for i in 0..20_000u32 {
        // Names that don't compress.
        let noise = RandomState::new();
        let name = format!("q{:x}{:x}{i}", noise.hash_one(i), noise.hash_one(i + 1));
        let mut queue = queue.clone();
        queue.script = Some(name.chars().rev().collect());
        last.tenant
            .queues
            .insert(QueueId::centre(name.as_str()), queue);
    }
    let refused = trunkline_tenant::packed::pack(&last.tenant, &last.sources).unwrap_err();
    assert!(refused.to_string().contains("at most 921600"), "{refused}");
}

#[test]
fn no_finding_depends_on_todays_date() {
    let mut docs = sound();
    docs.set(
        "maria",
        "/spec/employment",
        json!({"from": "1990-01-01", "to": "1999-12-31"}),
    )
    .set("acme", "/spec/contract/from", json!("2999-01-01"));
    let compiled = docs.compile();
    assert_eq!(brief(&compiled), [""; 0]);
    let agent = &compiled.tenant.unwrap().agents["maria"];
    assert_eq!(agent.employed_to.unwrap().to_string(), "1999-12-31");
}

#[test]
fn a_client_that_takes_what_another_was_promised_gives_way() {
    let mut docs = at_generation_1();
    docs.copy("acme", "zeta")
        .generation("zeta", 1, "2026-02-01T00:00:00Z")
        .set("zeta", "/spec/numbers", json!(["+49303"]))
        .copy("maria", "mario")
        .copy("maria", "marie");
    let last = running(&docs);
    // Three seats: acme may not take all of them, for zeta was promised one, though zeta is younger.
    docs.set("acme", "/spec/queues/0/teams/0/guaranteed", json!(3));
    let compiled = change(&docs, &last);
    assert!(compiled.has_errors());
    assert_eq!(compiled.tenant, Some(last.tenant));
    assert_eq!(held_back(&compiled), [("acme".to_owned(), Some(1))]);
}

#[test]
fn documents_of_another_centre_in_the_namespace_are_passed_over() {
    let mut docs = sound();
    let alone = docs.compile();
    docs.copy("c", "d")
        .set("d", "/spec/teams/0/lead", json!("nobody"));
    docs.copy("maria", "ned")
        .set("ned", "/spec/callCenter", json!("d"));
    let compiled = docs.compile();
    assert_eq!(brief(&compiled), [""; 0]);
    assert_eq!(compiled, alone);
}
