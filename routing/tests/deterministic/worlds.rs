//! The centres that the simulation plays in, and their changes of configuration.

use std::sync::Arc;

use trunkline_tenant::Tenant;

use crate::world::tenant;

const CENTRE: &str = "
  skills: [english, law],
  capacity: {breakGuard: 60s},
  departments: [{name: legal, transferTo: '+4930123', answerWithin: 30s}],
  teams: [
    {name: front, kind: Human, wrapUp: 10s, skills: {english: 3},
     media: {voice: 1, chat: 2}, interrupts: [{by: Voice, during: Chat}]},
    {name: back, kind: Human, media: {voice: 1}},
    {name: robots, kind: Virtual, skills: {english: 2}, media: {voice: 1},
     virtual: {image: robot, contactsPerPod: 2}}],
  queues: [
    {name: desk, medium: Voice, teams: [front, back], ring: 15s, onExhausted: {action: Hold}},
    {name: stepped, medium: Voice, teams: [front, back, robots], ring: 8s,
     serviceLevel: {percent: 80, within: 10s},
     route: [{require: {english: 4}, for: 20s}, {require: {law: 2}, prefer: {english: 5}, for: 10s}],
     onExhausted: {action: Widen}, lastAgent: {for: 7s}},
    {name: over, medium: Voice, teams: [front], priority: 1, strategy: MostSkilled,
     route: [{require: {law: 5}, for: 5s}], onExhausted: {action: Overflow, queue: desk}},
    {name: chats, medium: Chat, teams: [front], strategy: LeastOccupied, ring: 30s,
     route: [{require: {english: 3}, for: 60s}], onExhausted: {action: Close}},
    {name: calls, medium: Callback, teams: [front, back], ring: 11s, onExhausted: {action: Hold}},
    {name: turns, medium: Voice, teams: [back, robots], strategy: RoundRobin,
     route: [{for: 25s}], onExhausted: {action: Callback}}]";

const CHANGED: &str = "
  skills: [english, law, german],
  departments: [{name: legal, transferTo: '+4930123'}],
  teams: [
    {name: back, kind: Human, wrapUp: 4s},
    {name: front, kind: Human, skills: {english: 4}, media: {voice: 1, chat: 1}},
    {name: extra, kind: Human, media: {voice: 2}}],
  queues: [
    {name: desk, medium: Voice, teams: [front, back, extra], ring: 12s, onExhausted: {action: Hold}},
    {name: stepped, medium: Voice, teams: [front, back], ring: 8s,
     route: [{require: {english: 4}, for: 9s}], onExhausted: {action: Voicemail}},
    {name: chats, medium: Chat, teams: [front], onExhausted: {action: Hold}}]";

const AGENTS: &str = "
  ann team: front
  bob team: front, skills: {english: 5, law: 2}
  cal team: back
  dee team: back, skills: {english: 4, law: 1}
  lea team: front, skills: {law: 5, english: 5}";

const FEWER: &str = "
  ann team: front
  bob team: back, skills: {law: 2}
  dee team: extra, skills: {english: 4}
  lea team: front, skills: {law: 5, english: 5}
  zac team: extra";

const CLIENTS: &str = "
  Client acme timeZone: UTC, numbers: ['+18005550100'], trunks: [carrier],
    queues: [{name: orders, medium: Voice, ring: 9s, onExhausted: {action: Hold},
              teams: [{name: front, guaranteed: 1, weight: 2}, {name: back}]}]
  ---
  Client bolt timeZone: UTC, numbers: ['+18005550101'], trunks: [carrier],
    queues: [{name: help, medium: Voice, onExhausted: {action: Overflow, queue: centre/desk},
              route: [{for: 18s}], teams: [{name: front}, {name: back, weight: 3}]}]
  ---
  Trunk carrier carrier: {host: sip.example}, auth: {type: Address, match: [203.0.113.10/32]},
    codecs: [alaw], numbers: ['+1800*']";

const ONE_CLIENT: &str = "
  Client acme timeZone: UTC, numbers: ['+18005550100'], trunks: [carrier],
    queues: [{name: orders, medium: Voice, onExhausted: {action: Callback}, route: [{for: 40s}],
              teams: [{name: front, guaranteed: 1}]}]
  ---
  Trunk carrier carrier: {host: sip.example}, auth: {type: Address, match: [203.0.113.10/32]},
    codecs: [alaw], numbers: ['+1800*']";

/// What a run starts with, and what it may change to.
pub fn tenants() -> Vec<Arc<Tenant>> {
    vec![
        tenant(CENTRE, AGENTS, CLIENTS),
        tenant(CENTRE, AGENTS, ONE_CLIENT),
        tenant(CHANGED, FEWER, ONE_CLIENT),
        tenant(CENTRE, FEWER.replace("extra", "back").as_str(), ""),
    ]
}
