//! What a waiting caller is told: their place, how long it may take, how to be called back instead.
//!
//! The words are Asterisk's own English ones; a prompt of the tenant's with the same name is played in
//! place of one, so that a centre speaks with one voice, in its language. Of the wait the upper end is
//! told ("less than five minutes"), for the stock words have no "between"; a tenant that records
//! `queue-between` and `queue-to` has both ends told.

use trunkline_routing::{ContactId, Span, Time};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{Announcements, PromptName};

use super::super::{Report, Standing};
use super::act::What;
use super::calls::{Calls, Contact, Effects, Stage};
use super::{Settings, names};

/// Nobody is told of a wait that may take longer: nobody knows it then.
const LONGEST: Span = Span::seconds(3600);

impl Calls {
    /// Who is to be told something now: the engine is asked where they stand.
    pub(crate) fn news_due(&mut self, now: Time, out: &mut Effects) {
        let Some(tenant) = self.tenant.clone() else {
            return;
        };
        for (id, contact) in &mut self.contacts {
            if contact.told_next <= now && listens(contact) && announces(&tenant, contact).is_some()
            {
                contact.told_next = now + self.settings.news_every;
                out.reports.push(Report::Asks { contact: *id });
            }
        }
    }

    /// The engine says where a contact stands.
    pub(crate) fn tell(&mut self, now: Time, id: ContactId, standing: Standing, out: &mut Effects) {
        let Some(tenant) = self.tenant.clone() else {
            return;
        };
        let Some(contact) = self
            .contacts
            .get_mut(&id)
            .filter(|contact| listens(contact))
        else {
            return;
        };
        let Some(wanted) = announces(&tenant, contact) else {
            return;
        };
        let called_back = contact.can_be_called_back(&tenant);
        let media = said(&self.settings, &tenant, wanted, called_back, standing);
        if media.is_empty() {
            return;
        }
        let playback = names::news(id, contact.told);
        contact.told += 1;
        contact.playing = Some(playback.clone());
        contact.touched = now;
        out.act(&contact.call, What::Announce { playback, media });
    }
}

fn listens(contact: &Contact) -> bool {
    let waits = matches!(contact.stage, Stage::Waiting | Stage::Ringing { .. });
    waits && contact.customer_listens() && contact.playing.is_none()
}

fn announces<'a>(tenant: &'a Tenant, contact: &Contact) -> Option<&'a Announcements> {
    let wanted = &tenant.queues.get(&contact.queue)?.announcements;
    let callback = wanted.callback.is_some() && contact.can_be_called_back(tenant);
    let any = wanted.position || wanted.estimated_wait || callback;
    any.then_some(wanted)
}

/// What is played, one after the other.
fn said(
    settings: &Settings,
    tenant: &Tenant,
    wanted: &Announcements,
    can_be_called_back: bool,
    standing: Standing,
) -> Vec<String> {
    let own = |word: &str| {
        let name = PromptName::from(word);
        let known = tenant.prompts.contains_key(&name);
        known.then(|| names::prompt(&settings.prompts, &name))
    };
    let word = |word: &str| own(word).unwrap_or_else(|| format!("sound:{word}"));
    let mut media = Vec::new();
    match standing.position.filter(|_| wanted.position) {
        Some(1) => media.push(word("queue-youarenext")),
        Some(place) => media.extend([
            word("queue-thereare"),
            format!("number:{place}"),
            word("queue-callswaiting"),
        ]),
        None => {}
    }
    if let Some((low, high)) = standing
        .wait
        .filter(|(_, high)| wanted.estimated_wait && *high <= LONGEST)
    {
        let (low, high) = (minutes_down(low), minutes_up(high));
        media.push(word("queue-holdtime"));
        match own("queue-between").zip(own("queue-to")) {
            Some((between, to)) if low < high => media.extend([
                between,
                format!("number:{low}"),
                to,
                format!("number:{high}"),
            ]),
            _ => media.extend([word("queue-less-than"), format!("number:{high}")]),
        }
        media.push(word(if high == 1 {
            "queue-minute"
        } else {
            "queue-minutes"
        }));
    }
    if let Some(offered) = wanted.callback.as_ref().filter(|_| can_be_called_back) {
        media.push(names::prompt(&settings.prompts, &offered.prompt));
    }
    media
}

fn minutes_down(wait: Span) -> i64 {
    wait.0.max(0) / Span::seconds(60).0
}

/// Never less than the estimate says, and never "less than zero".
fn minutes_up(wait: Span) -> i64 {
    let minute = Span::seconds(60).0;
    ((wait.0.max(0) + minute - 1) / minute).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(
        prompts: &[&str],
        wanted: serde_json::Value,
        position: usize,
        wait: (i64, i64),
    ) -> Vec<String> {
        let mut tenant = crate::testing::small_tenant();
        for name in prompts {
            let from = serde_json::json!({"configMap": "m", "key": "k"});
            tenant
                .prompts
                .insert((*name).into(), serde_json::from_value(from).unwrap());
        }
        let standing = Standing {
            position: Some(position),
            wait: Some((Span::seconds(wait.0), Span::seconds(wait.1))),
        };
        let settings = Settings {
            prompts: "/p".into(),
            ..Settings::default()
        };
        said(
            &settings,
            &tenant,
            &serde_json::from_value(wanted).unwrap(),
            true,
            standing,
        )
    }

    #[test]
    fn a_caller_hears_their_place_and_the_upper_end_of_the_wait_rounded_up() {
        let all = serde_json::json!({"position": true, "estimatedWait": true});
        assert_eq!(
            told(&[], all.clone(), 3, (70, 185)),
            [
                "sound:queue-thereare",
                "number:3",
                "sound:queue-callswaiting",
                "sound:queue-holdtime",
                "sound:queue-less-than",
                "number:4",
                "sound:queue-minutes",
            ]
        );
        assert_eq!(
            told(&[], all, 1, (0, 20)),
            [
                "sound:queue-youarenext",
                "sound:queue-holdtime",
                "sound:queue-less-than",
                "number:1",
                "sound:queue-minute"
            ]
        );
    }

    #[test]
    fn a_tenants_own_words_go_before_the_stock_ones_and_may_tell_both_ends() {
        let wait = serde_json::json!({"estimatedWait": true});
        assert_eq!(
            told(
                &["queue-holdtime", "queue-between", "queue-to"],
                wait,
                2,
                (130, 290)
            ),
            [
                "sound:/p/queue-holdtime",
                "sound:/p/queue-between",
                "number:2",
                "sound:/p/queue-to",
                "number:5",
                "sound:queue-minutes"
            ]
        );
    }

    #[test]
    fn what_nobody_knows_or_nobody_asked_for_is_not_told() {
        let nothing = serde_json::json!({});
        assert!(told(&[], nothing, 2, (1, 2)).is_empty());
        let wait = serde_json::json!({"estimatedWait": true});
        assert!(
            told(&[], wait, 2, (3000, 4000)).is_empty(),
            "above an hour nobody knows"
        );
    }
}
