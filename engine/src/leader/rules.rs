//! When to lead: pure rules over what the Lease says and what is seen of its holder.

use std::time::Duration;

use super::Sign;

/// A Lease is renewed this often.
pub const RENEW: Duration = Duration::from_secs(10);
/// Unrenewed for this long, a Lease is anybody's, whatever else is seen.
pub const DURATION: Duration = Duration::from_secs(30);
/// A holder that hasn't answered for this long is thought gone …
const SILENT: Duration = Duration::from_millis(1500);
/// … if a media pod, too, misses the app, or the journal its signs of life; without such a witness
/// it takes this long.
const SILENT_UNWITNESSED: Duration = Duration::from_secs(6);

/// This process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The pod's name.
    pub pod: String,
    /// The pod's UID.
    pub uid: String,
    /// Made by this process: a restarted container has the pod's UID, and is another.
    pub nonce: String,
}

impl Me {
    /// As `holderIdentity`: `POD/UID/NONCE`.
    pub fn identity(&self) -> String {
        format!("{}/{}/{}", self.pod, self.uid, self.nonce)
    }
}

/// Whom a Lease names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// As `holderIdentity`.
    pub identity: String,
    /// Where it answers: `http://10.244.1.7:8080`.
    pub address: Option<String>,
}

impl Holder {
    fn pod(&self) -> Option<&str> {
        self.identity.split('/').next()
    }
}

/// The Lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it; `None`: nobody, or it was given back.
    pub holder: Option<Holder>,
    /// How long, by our own clock, we have seen it unchanged. Clocks of two machines are never
    /// compared.
    pub unchanged_for: Duration,
}

/// What is seen of the holder, beside the Lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// How long it hasn't answered us, if it doesn't.
    pub silent_for: Option<Duration>,
    /// A media pod says that no engine is connected.
    pub app_missing: bool,
    /// What the journal shows, where it is shared.
    pub journal: Option<Sign>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take the Lease, with the reason for the log.
    Take(&'static str),
    /// It is ours: renew it when it is time.
    Ours,
    /// Stand by.
    Wait,
}

/// Who has only one pod of its kind (a StatefulSet's ordinal) knows that a holder of its own
/// name is its predecessor. `unique` says so.
pub fn decide(me: &Me, unique: bool, lease: Option<&Lease>, witness: Witness) -> Verdict {
    let Some(lease) = lease else {
        return Verdict::Take("there is no Lease yet");
    };
    let Some(holder) = &lease.holder else {
        return Verdict::Take("it was given back");
    };
    if holder.identity == me.identity() {
        return Verdict::Ours;
    }
    if holder
        .identity
        .starts_with(&format!("{}/{}/", me.pod, me.uid))
    {
        return Verdict::Take("its holder was an earlier process of this pod");
    }
    if unique && holder.pod() == Some(me.pod.as_str()) {
        return Verdict::Take("its holder was this pod's predecessor");
    }
    if lease.unchanged_for >= DURATION {
        return Verdict::Take("it was not renewed");
    }
    match witness.silent_for {
        Some(_) if witness.journal == Some(Sign::Gone) => {
            Verdict::Take("its holder is silent, and its session with the journal is gone")
        }
        Some(silent) if silent >= SILENT && witness.app_missing => {
            Verdict::Take("its holder is silent, and a media pod misses it")
        }
        Some(silent) if silent >= SILENT && witness.journal == Some(Sign::Frozen) => {
            Verdict::Take("its holder is silent, and gives the journal no sign of life")
        }
        Some(silent) if silent >= SILENT_UNWITNESSED => Verdict::Take("its holder is silent"),
        _ => Verdict::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Me {
        Me {
            pod: "nw-engine-0".into(),
            uid: "u2".into(),
            nonce: "n2".into(),
        }
    }

    fn held(identity: &str, seconds: u64) -> Lease {
        Lease {
            holder: Some(Holder {
                identity: identity.into(),
                address: None,
            }),
            unchanged_for: Duration::from_secs(seconds),
        }
    }

    fn silent(seconds: u64, app_missing: bool) -> Witness {
        Witness {
            silent_for: Some(Duration::from_secs(seconds)),
            app_missing,
            journal: None,
        }
    }

    #[test]
    fn a_free_or_absent_lease_is_taken_and_our_own_kept() {
        let free = Lease {
            holder: None,
            unchanged_for: Duration::ZERO,
        };
        assert!(matches!(
            decide(&me(), true, None, Witness::default()),
            Verdict::Take(_)
        ));
        assert!(matches!(
            decide(&me(), true, Some(&free), Witness::default()),
            Verdict::Take(_)
        ));
        let ours = held("nw-engine-0/u2/n2", 500);
        assert_eq!(
            decide(&me(), true, Some(&ours), Witness::default()),
            Verdict::Ours
        );
    }

    #[test]
    fn a_restarted_container_takes_over_from_itself_at_once() {
        let before = held("nw-engine-0/u2/n1", 0);
        assert!(matches!(
            decide(&me(), false, Some(&before), Witness::default()),
            Verdict::Take(_)
        ));
    }

    #[test]
    fn the_successor_of_a_statefulsets_pod_takes_over_at_once_and_a_namesake_elsewhere_waits() {
        let before = held("nw-engine-0/u1/n1", 0);
        assert!(matches!(
            decide(&me(), true, Some(&before), Witness::default()),
            Verdict::Take(_)
        ));
        assert_eq!(
            decide(&me(), false, Some(&before), Witness::default()),
            Verdict::Wait
        );
        let longer_name = held("nw-engine-01/u1/n1", 0);
        assert_eq!(
            decide(&me(), true, Some(&longer_name), Witness::default()),
            Verdict::Wait
        );
    }

    #[test]
    fn a_standby_waits_for_a_holder_that_answers_however_old_its_heartbeat() {
        let other = held("other/u/n", 29);
        assert_eq!(
            decide(&me(), false, Some(&other), Witness::default()),
            Verdict::Wait
        );
        assert_eq!(
            decide(&me(), false, Some(&other), silent(1, true)),
            Verdict::Wait
        );
    }

    #[test]
    fn a_standby_takes_over_in_two_seconds_where_a_media_pod_is_witness_and_six_where_none_is() {
        let other = held("other/u/n", 5);
        assert!(matches!(
            decide(&me(), false, Some(&other), silent(2, true)),
            Verdict::Take(_)
        ));
        assert_eq!(
            decide(&me(), false, Some(&other), silent(5, false)),
            Verdict::Wait
        );
        assert!(matches!(
            decide(&me(), false, Some(&other), silent(6, false)),
            Verdict::Take(_)
        ));
    }

    #[test]
    fn a_holder_whose_session_with_the_journal_is_gone_is_succeeded_at_once_if_it_is_silent_too() {
        let other = held("other/u/n", 5);
        let seen = |silent_for, journal| Witness {
            silent_for,
            app_missing: false,
            journal: Some(journal),
        };
        let decided = |witness| decide(&me(), false, Some(&other), witness);
        let at_once = Some(Duration::ZERO);
        assert!(matches!(
            decided(seen(at_once, Sign::Gone)),
            Verdict::Take(_)
        ));
        assert_eq!(decided(seen(None, Sign::Gone)), Verdict::Wait);
        assert_eq!(decided(seen(at_once, Sign::Frozen)), Verdict::Wait);
        let for_long = Some(Duration::from_secs(2));
        assert!(matches!(
            decided(seen(for_long, Sign::Frozen)),
            Verdict::Take(_)
        ));
        assert_eq!(decided(seen(for_long, Sign::Lives)), Verdict::Wait);
    }

    #[test]
    fn a_lease_unrenewed_for_its_duration_is_anybodys() {
        let other = held("other/u/n", 30);
        assert!(matches!(
            decide(&me(), false, Some(&other), Witness::default()),
            Verdict::Take(_)
        ));
    }
}
