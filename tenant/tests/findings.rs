//! Each finding, provoked by one change to a sound tenant, and nothing else found with it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use common::{Docs, brief, sound};
use serde_json::json;
use trunkline_tenant::{Code, Compiled, Severity};

/// Spoils a sound tenant; what is found must be exactly this.
fn spoiled(spoil: impl FnOnce(&mut Docs), expected: &[&str]) -> Compiled {
    let mut docs = sound();
    spoil(&mut docs);
    let compiled = docs.compile();
    assert_eq!(brief(&compiled), expected, "{:#?}", compiled.findings);
    for finding in &compiled.findings {
        assert!(!finding.message.is_empty() && !finding.hint.is_empty());
    }
    compiled
}

macro_rules! findings {
    ($($test:ident: $spoil:expr => [$($expected:literal),*];)*) => {
        $(#[test] fn $test() { spoiled($spoil, &[$($expected),*]); })*

        /// What the tests below prove, for the test that none is forgotten.
        const PROVOKED: &[&str] = &[$($($expected,)*)*];
    };
}

findings! {
    a_sound_tenant_has_no_findings: |_| {} => [];

    // One document by itself.
    an_unknown_field_is_named_where_it_stands: |d| { d.set("acme", "/spec/queues/0/rout", json!([])); } =>
        ["error schema Client/acme spec.queues[0].rout"];
    a_wrong_type_is_named_where_it_stands: |d| { d.set("maria", "/spec/skills/orders", json!("four")); } =>
        ["error schema Agent/maria spec.skills.orders"];
    a_level_above_five_is_out_of_range: |d| { d.set("acme", "/spec/queues/0/route/0/require/orders", json!(6)); } =>
        ["error schema Client/acme spec.queues[0].route[0].require.orders"];
    a_missing_field_is_named_though_it_is_not_there: |d| { d.remove("acme", "/spec/queues/0/onExhausted"); } =>
        ["error schema Client/acme spec.queues[0].onExhausted"];
    a_word_that_is_none_is_refused: |d| { d.set("c", "/spec/queues/0/medium", json!("Phone")); } =>
        ["error schema CallCenter/c spec.queues[0].medium"];
    a_number_that_is_not_e164_is_refused: |d| { d.set("acme", "/spec/numbers/0", json!("030 1")); } =>
        ["error schema Client/acme spec.numbers[0]"];
    a_duration_without_a_unit_is_refused: |d| { d.set("acme", "/spec/queues/0/route/0/for", json!("30")); } =>
        ["error schema Client/acme spec.queues[0].route[0].for"];
    a_null_where_something_is_needed_is_refused: |d| { d.set("acme", "/spec/queues/0/name", json!(null)); } =>
        ["error schema Client/acme spec.queues[0].name"];
    a_menu_key_that_no_telephone_has_is_refused: |d| { d.set("acme", "/spec/menu/choices/A", json!("in")); } =>
        ["error schema Client/acme spec.menu.choices.A"];
    a_misspelt_metadata_field_is_refused: |d| { d.set("acme", "/metadata/lables", json!({})); } =>
        ["error schema Client/acme metadata.lables"];
    a_document_without_a_spec_is_refused: |d| { d.remove("t", "/spec"); d.set("acme", "/spec/trunks", json!([])); d.set("acme", "/spec/numbers", json!([])); } =>
        ["error schema Trunk/t spec"];
    two_entries_of_one_name_are_refused: |d| { let q = d.of("c")["spec"]["queues"][0].clone(); d.set("c", "/spec/queues/-", q); } =>
        ["error duplicate-name CallCenter/c spec.queues[2].name"];
    two_equal_numbers_of_one_client_are_refused: |d| { d.set("acme", "/spec/numbers/-", json!("+49301")); } =>
        ["error duplicate-name Client/acme spec.numbers[2]"];
    the_same_document_twice_is_refused: |d| { d.copy("maria", "maria"); } =>
        ["error duplicate-document Agent/maria metadata.name"];
    a_client_may_not_be_called_centre: |d| { d.of("acme")["metadata"]["name"] = json!("centre"); } =>
        ["error reserved-name Client/centre metadata.name"];
    a_window_that_ends_before_it_starts_is_refused: |d| { d.set("c", "/spec/calendars/0/open/0/to", json!("08:00")); } =>
        ["error window-order CallCenter/c spec.calendars[0].open[0].to"];
    a_calendar_without_a_window_never_opens: |d| { d.set("c", "/spec/calendars/0/open", json!([])); } =>
        ["error calendar-never-opens CallCenter/c spec.calendars[0].open"];
    a_date_that_no_calendar_has_is_refused: |d| { d.set("c", "/spec/calendars/0/closed", json!(["2026-02-30"])); } =>
        ["error impossible-date CallCenter/c spec.calendars[0].closed[0]"];
    a_contract_from_no_day_is_refused: |d| { d.set("acme", "/spec/contract/from", json!("2027-13-01")); } =>
        ["error impossible-date Client/acme spec.contract.from"];
    a_last_day_before_the_first_is_refused: |d| { d.set("maria", "/spec/employment/to", json!("2026-02-01")); } =>
        ["error date-order Agent/maria spec.employment.to"];
    a_zone_that_does_not_exist_is_refused: |d| { d.set("acme", "/spec/timeZone", json!("Europe/Berlim")); } =>
        ["error bad-time-zone Client/acme spec.timeZone"];
    a_shift_of_more_than_a_day_is_refused: |d| { d.set("c", "/spec/shifts/0/length", json!("25h")); } =>
        ["error shift-length CallCenter/c spec.shifts[0].length"];
    a_break_after_its_shift_is_refused: |d| { d.set("c", "/spec/shifts/0/breaks/1/after", json!("7h45m")); } =>
        ["error break-outside-shift CallCenter/c spec.shifts[0].breaks[1]"];
    a_break_within_another_is_refused: |d| { d.set("c", "/spec/shifts/0/breaks/1/after", json!("2h5m")); } =>
        ["error break-overlap CallCenter/c spec.shifts[0].breaks[1]"];
    virtual_on_people_is_refused: |d| { d.set("c", "/spec/teams/0/virtual", json!({"image": "i"})); } =>
        ["error virtual-mismatch CallCenter/c spec.teams[0].virtual"];
    a_virtual_team_without_pods_is_refused: |d| { d.remove("c", "/spec/teams/1/virtual"); } =>
        ["error virtual-mismatch CallCenter/c spec.teams[1].virtual"];
    more_pods_at_least_than_at_most_are_refused: |d| { d.set("c", "/spec/teams/1/virtual/minPods", json!(5)); } =>
        ["error pods-range CallCenter/c spec.teams[1].virtual.minPods"];
    a_step_without_end_before_the_last_is_refused: |d| { d.remove("c", "/spec/queues/1/route/0/for"); } =>
        ["error step-without-end CallCenter/c spec.queues[1].route[0].for"];
    overflow_without_a_queue_is_refused: |d| { d.remove("c", "/spec/queues/1/onExhausted/queue"); } =>
        ["error overflow-queue CallCenter/c spec.queues[1].onExhausted.queue"];
    a_queue_without_overflow_is_refused: |d| { d.set("acme", "/spec/queues/0/closed", json!({"action": "Close", "queue": "in"})); } =>
        ["error overflow-queue Client/acme spec.queues[0].closed.queue"];
    a_customer_called_again_at_once_is_refused: |d| { d.set("c", "/spec/queues/0/callbacks", json!({"retryAfter": "0s"})); } =>
        ["error callback-retry CallCenter/c spec.queues[0].callbacks.retryAfter"];
    a_customer_called_again_after_years_is_refused: |d| { d.set("c", "/spec/queues/0/callbacks", json!({"retryAfter": "9999h"})); } =>
        ["error callback-retry CallCenter/c spec.queues[0].callbacks.retryAfter"];
    callbacks_from_a_queue_of_chats_are_refused: |d| { d.set("c", "/spec/queues/0/medium", json!("Chat")); d.set("c", "/spec/queues/0/callbacks", json!({"attempts": 2})); } =>
        ["error callback-retry CallCenter/c spec.queues[0].callbacks", "error unroutable CallCenter/c spec.queues[0].teams",
         "error medium-mismatch CallCenter/c spec.queues[1].onExhausted.queue", "error medium-mismatch Client/acme spec.menu.choices.0"];
    no_attempt_at_all_is_refused: |d| { d.set("c", "/spec/queues/0/callbacks", json!({"attempts": 0})); } =>
        ["error schema CallCenter/c spec.queues[0].callbacks.attempts"];
    a_registration_without_a_secret_is_refused: |d| { d.remove("t", "/spec/auth/secretRef"); } =>
        ["error trunk-auth Trunk/t spec.auth.secretRef"];
    a_registration_without_a_carrier_is_refused: |d| { d.remove("t", "/spec/carrier"); } =>
        ["error trunk-auth Trunk/t spec.carrier"];
    an_address_that_is_none_is_refused: |d| { d.set("t", "/spec/auth", json!({"type": "Address", "match": ["1.2.3"]})); } =>
        ["error trunk-auth Trunk/t spec.auth.match[0]"];
    a_phone_without_a_number_is_refused: |d| { d.set("maria", "/spec/endpoint", json!({"type": "Phone"})); } =>
        ["error endpoint-number Agent/maria spec.endpoint.number"];
    two_stores_for_one_journal_are_refused: |d| { d.set("c", "/spec/storage", json!({"journal": {"sqlite": {}, "postgres": {"secretRef": {"name": "s"}}}})); } =>
        ["error journal-store CallCenter/c spec.storage.journal"];
    roles_that_include_each_other_are_refused: |d| { d.set("c", "/spec/roles/-", json!({"name": "boss", "includes": ["chief"]})).set("c", "/spec/roles/0/includes", json!(["boss"])); } =>
        ["error role-cycle CallCenter/c spec.roles[0].includes[0]", "error role-cycle CallCenter/c spec.roles[1].includes[0]"];
    a_role_with_a_built_in_name_is_refused: |d| { d.set("c", "/spec/roles/-", json!({"name": "hr"})); } =>
        ["error built-in-role CallCenter/c spec.roles[1].name"];
    a_kpi_without_a_bound_is_refused: |d| { d.remove("acme", "/spec/kpis/0/max"); } =>
        ["error kpi-bound Client/acme spec.kpis[0]"];
    a_time_bounded_by_a_bare_number_is_refused: |d| { d.set("acme", "/spec/kpis/0/max", json!(240)); } =>
        ["error kpi-bound Client/acme spec.kpis[0].max"];
    a_room_too_small_for_its_seats_is_refused: |d| { d.set("c", "/spec/facility", json!({"areaM2": 23.9, "heightM": 2.5})); } =>
        ["error floor-space CallCenter/c spec.facility"];
    a_room_just_large_enough_is_not: |d| { d.set("c", "/spec/facility", json!({"areaM2": 24, "heightM": 2.5})); } => [];

    // References.
    a_centre_that_is_not_there: |d| { d.set("maria", "/spec/callCenter", json!("d")); } =>
        ["warning nobody-qualified CallCenter/c spec.queues[0].teams",
         "warning nobody-qualified CallCenter/c spec.queues[1].route[0].require",
         "warning unknown-lead CallCenter/c spec.teams[0].lead",
         "warning contract-without-capacity Client/acme spec.contract",
         "warning nobody-qualified Client/acme spec.queues[0].route[0].require",
         "warning share-above-team Client/acme spec.queues[0].teams[0].guaranteed",
         "error unknown-call-center Agent/maria spec.callCenter"];
    a_team_that_is_not_there: |d| { d.set("acme", "/spec/queues/0/teams/0/name", json!("peple")); } =>
        ["error unknown-team Client/acme spec.queues[0].teams[0].name"];
    a_skill_that_is_not_there: |d| { d.set("c", "/spec/queues/1/route/0/prefer", json!({"klingon": 1})); } =>
        ["error unknown-skill CallCenter/c spec.queues[1].route[0].prefer"];
    an_agents_skill_that_is_not_there: |d| { d.set("maria", "/spec/skills/klingon", json!(5)); } =>
        ["error unknown-skill Agent/maria spec.skills"];
    a_queue_that_is_not_there: |d| { d.set("c", "/spec/queues/1/onExhausted/queue", json!("front")); } =>
        ["error unknown-queue CallCenter/c spec.queues[1].onExhausted.queue"];
    a_centre_queue_without_its_prefix: |d| { d.set("acme", "/spec/menu/choices/0", json!("desk")); } =>
        ["error unknown-queue Client/acme spec.menu.choices.0"];
    a_trunk_that_is_not_there: |d| { d.set("acme", "/spec/trunks/0", json!("u")); } =>
        ["error unknown-trunk Client/acme spec.trunks[0]"];
    a_prompt_that_is_not_there: |d| { d.set("acme", "/spec/queues/0/announcements", json!({"greeting": "hello"})); } =>
        ["error unknown-prompt Client/acme spec.queues[0].announcements.greeting"];
    a_prompt_of_a_callback_that_is_not_there: |d| { d.set("acme", "/spec/queues/0/announcements", json!({"callback": {"key": "1", "prompt": "hello"}})); } =>
        ["error unknown-prompt Client/acme spec.queues[0].announcements.callback.prompt"];
    a_course_that_is_not_there: |d| { d.set("acme", "/spec/training/courses/0", json!("more")); } =>
        ["error unknown-course Client/acme spec.training.courses[0]"];
    a_shift_that_is_not_there: |d| { d.set("maria", "/spec/shifts", json!(["late"])); } =>
        ["error unknown-shift Agent/maria spec.shifts[0]"];
    a_role_that_is_not_there: |d| { d.set("maria", "/spec/roles/1", json!("boss")); } =>
        ["error unknown-role Agent/maria spec.roles[1]"];
    a_calendar_that_is_not_there: |d| { d.set("acme", "/spec/hours", json!("noon")); } =>
        ["error unknown-calendar Client/acme spec.hours"];
    a_lead_who_is_not_there_is_waited_for: |d| { d.set("c", "/spec/teams/1/lead", json!("hal")); } =>
        ["warning unknown-lead CallCenter/c spec.teams[1].lead"];

    // Between documents.
    a_number_of_two_clients_goes_to_the_lesser_name: |d| { d.copy("acme", "zeta").set("zeta", "/spec/numbers", json!(["+49303", "+49301"])).remove("zeta", "/spec/contract").set("zeta", "/spec/queues/0/teams/0/guaranteed", json!(0)); } =>
        ["error number-claimed-twice Client/zeta spec.numbers[1]"];
    a_number_that_no_trunk_brings_in: |d| { d.set("acme", "/spec/numbers/1", json!("+4940")); } =>
        ["error number-not-carried Client/acme spec.numbers[1]"];
    a_number_without_any_trunk: |d| { d.set("acme", "/spec/trunks", json!([])).remove("acme", "/spec/numbers/1"); } =>
        ["error number-not-carried Client/acme spec.numbers[0]"];
    a_route_that_software_can_never_satisfy: |d| { d.set("c", "/spec/queues/1/teams", json!(["robots"])).set("c", "/spec/queues/1/route", json!([{"require": {"english": 4}}])); } =>
        ["error unroutable CallCenter/c spec.queues[1].route[0].require"];
    a_medium_that_no_team_takes: |d| { d.set("c", "/spec/queues/0/medium", json!("Chat")).set("c", "/spec/queues/1/onExhausted", json!({"action": "Hold"})).remove("acme", "/spec/menu/choices/0"); } =>
        ["error unroutable CallCenter/c spec.queues[0].teams"];
    one_step_that_software_can_never_satisfy: |d| { d.set("c", "/spec/queues/1/teams", json!(["robots"])); } =>
        ["warning nobody-qualified CallCenter/c spec.queues[1].route[0].require"];
    a_level_that_no_one_has_yet: |d| { d.set("acme", "/spec/queues/0/route/0/require/orders", json!(5)); } =>
        ["warning nobody-qualified Client/acme spec.queues[0].route[0].require"];
    a_circle_of_queues: |d| { d.set("c", "/spec/queues/0/onExhausted", json!({"action": "Overflow", "queue": "orders"})).remove("c", "/spec/queues/1/calendar"); } =>
        ["error overflow-cycle CallCenter/c spec.queues[0].onExhausted.queue"];
    a_queue_that_overflows_to_itself: |d| { d.set("acme", "/spec/queues/0/onExhausted", json!({"action": "Overflow", "queue": "in"})); } =>
        ["error overflow-cycle Client/acme spec.queues[0].onExhausted.queue"];
    a_circle_that_closes_by_night_only: |d| { d.set("c", "/spec/queues/1/closed", json!({"action": "Overflow", "queue": "desk"})).set("c", "/spec/queues/1/onExhausted", json!({"action": "Hold"})).set("c", "/spec/queues/0/onExhausted", json!({"action": "Overflow", "queue": "orders"})); } =>
        ["error overflow-cycle CallCenter/c spec.queues[0].onExhausted.queue"];
    a_day_desk_and_a_night_desk_may_name_each_other: |d| {
        d.set("c", "/spec/queues/1/closed", json!({"action": "Overflow", "queue": "desk"})).set("c", "/spec/queues/1/onExhausted", json!({"action": "Hold"}));
        d.set("c", "/spec/queues/0/closed", json!({"action": "Overflow", "queue": "orders"})).set("c", "/spec/queues/0/calendar", json!("night"));
    } => [];
    unless_a_holiday_closes_both: |d| {
        d.set("c", "/spec/queues/1/closed", json!({"action": "Overflow", "queue": "desk"})).set("c", "/spec/queues/1/onExhausted", json!({"action": "Hold"}));
        d.set("c", "/spec/queues/0/closed", json!({"action": "Overflow", "queue": "orders"})).set("c", "/spec/queues/0/calendar", json!("night"));
        d.set("c", "/spec/calendars/1/closed", json!(["2026-12-25"]));
    } => ["error overflow-cycle CallCenter/c spec.queues[0].closed.queue"];
    a_call_can_not_become_a_chat: |d| {
        d.set("c", "/spec/teams/0/media", json!({"voice": 1, "chat": 2}));
        d.set("c", "/spec/queues/0/medium", json!("Chat")).remove("acme", "/spec/menu/choices/0");
    } => ["error medium-mismatch CallCenter/c spec.queues[1].onExhausted.queue"];
    a_share_above_the_seats_can_never_work: |d| { d.set("acme", "/spec/queues/0/teams/0/guaranteed", json!(4)); } =>
        ["error share-above-team Client/acme spec.queues[0].teams[0].guaranteed"];
    a_share_above_todays_team_waits_for_people: |d| { d.set("acme", "/spec/queues/0/teams/0/guaranteed", json!(3)); } =>
        ["warning share-above-team Client/acme spec.queues[0].teams[0].guaranteed"];
    shares_are_added_up_over_clients: |d| {
        d.copy("acme", "zeta").set("zeta", "/spec/numbers", json!(["+49303"])).set("zeta", "/spec/queues/0/teams/0/guaranteed", json!(3));
    } => ["error share-above-team Client/zeta spec.queues[0].teams[0].guaranteed"];
    a_contract_without_a_queue: |d| { d.set("acme", "/spec/queues", json!([])).remove("acme", "/spec/menu"); } =>
        ["error contract-without-capacity Client/acme spec.contract"];
    a_contract_that_no_one_can_keep: |d| { d.set("c", "/spec/teams/1/virtual", json!({"image": "i", "maxPods": 0})).set("acme", "/spec/queues/0/teams", json!([{"name": "robots"}])).set("acme", "/spec/queues/0/route", json!([])); } =>
        ["error contract-without-capacity Client/acme spec.contract",
         "error unroutable Client/acme spec.queues[0].teams"];
    a_callcenters_name_has_at_most_20_characters: |d| {
        d.of("c")["metadata"]["name"] = json!("a-name-of-22-letters-x");
        d.0.truncate(1);
    } => ["error name-too-long CallCenter/a-name-of-22-letters-x metadata.name",
          "warning nobody-qualified CallCenter/a-name-of-22-letters-x spec.queues[0].teams",
          "warning nobody-qualified CallCenter/a-name-of-22-letters-x spec.queues[1].route[0].require",
          "warning unknown-lead CallCenter/a-name-of-22-letters-x spec.teams[0].lead"];
}

#[test]
fn every_code_is_provoked_by_a_test_and_only_people_are_waited_for() {
    let provoked: BTreeSet<&str> = PROVOKED
        .iter()
        .filter_map(|row| row.split(' ').nth(1))
        .collect();
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(provoked, all);
}

#[test]
fn many_faults_in_one_document_and_in_others_come_in_one_run() {
    let compiled = spoiled(
        |d| {
            d.set("c", "/spec/queues/0/colour", json!("red"));
            d.set("c", "/spec/calendars/0/closed", json!(["2026-02-30"]));
            d.set("acme", "/spec/numbers/1", json!("+4940"));
            d.set("maria", "/spec/skills/klingon", json!(9));
        },
        &[
            "error impossible-date CallCenter/c spec.calendars[0].closed[0]",
            "error schema CallCenter/c spec.queues[0].colour",
            "error number-not-carried Client/acme spec.numbers[1]",
            "error schema Agent/maria spec.skills.klingon",
        ],
    );
    assert!(
        compiled.tenant.is_none(),
        "the CallCenter has errors and there is no last one"
    );
}

#[test]
fn a_document_with_a_warning_only_is_used() {
    let compiled = spoiled(
        |d| {
            d.set("c", "/spec/teams/1/lead", json!("hal"));
        },
        &["warning unknown-lead CallCenter/c spec.teams[1].lead"],
    );
    assert_eq!(compiled.findings[0].severity, Severity::Warning);
    assert!(compiled.tenant.is_some() && compiled.held_back.is_empty());
}
