//! The dialplan: which numbers a trunk may bring in, and what a caller hears while no engine is
//! connected. Everything else is the engine's.

use super::trunks::Entry;
use crate::media::inputs::Inputs;

/// The part that is the same for every tenant.
const COMMON: &str = include_str!("../asterisk/extensions.conf");

/// `extensions.conf` but for its marker.
///
/// A trunk has a context of its own with its numbers and nothing else, so that a number nobody
/// claims, or one that comes by the wrong trunk, is answered 404 by Asterisk itself, engine or
/// not. Numbers and contexts are made of digits and checked names: nothing of a document
/// reaches an expression.
pub(super) fn render(inputs: &Inputs, entries: &[Entry]) -> Vec<u8> {
    let mut text = format!("; the tenant {}\n{COMMON}", inputs.tenant.name);
    for entry in entries {
        let context = entry.id.as_str();
        text.push_str(&format!("\n[{context}]\ninclude => {context}.numbers\n"));
        if let Some(user) = &entry.contact_user {
            text.push_str(&by_to_header(user.as_str(), context));
        }
        text.push_str(&format!("\n[{context}.numbers]\n"));
        for number in &entry.numbers {
            // E.164, checked again: files of `--dir` come from no API server
            let digits = number.as_str().trim_start_matches('+');
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            // carriers dial with the plus, with `00`, or with neither
            for dialled in [
                format!("+{digits}"),
                format!("00{digits}"),
                digits.to_owned(),
            ] {
                text.push_str(&format!(
                    "exten => {dialled},1,Set(TRUNKLINE_TRUNK={})\n same => n,Goto(inbound,+{digits},1)\n",
                    entry.trunk
                ));
            }
        }
    }
    text.into_bytes()
}

/// A carrier calls the Contact that we registered; the number is in To. Only digits and `+` of
/// it go on, and only to a number that this trunk may bring in; else to the account's own number.
fn by_to_header(user: &str, context: &str) -> String {
    let numbers = format!("{context}.numbers");
    format!(
        "exten => {user},1,Set(TO=${{PJSIP_HEADER(read,To)}})
 same => n,Set(TO=${{CUT(TO,:,2)}})
 same => n,Set(TO=${{FILTER(+0-9,${{CUT(TO,@,1)}})}})
 same => n,GotoIf($[${{LEN(${{TO}})}} = 0]?account)
 same => n,GotoIf($[${{DIALPLAN_EXISTS({numbers},${{TO}},1)}}]?{numbers},${{TO}},1)
 same => n(account),GotoIf($[${{DIALPLAN_EXISTS({numbers},{user},1)}}]?{numbers},{user},1)
 same => n,Hangup(1)
"
    )
}

/// The global variable that says which dialplan runs.
pub(crate) const MARK_VARIABLE: &str = "TRUNKLINE_DIALPLAN";

/// Adds the global that says which dialplan runs, last of all: a file that can't be read to its
/// end is refused whole, and the old mark stays.
pub(super) fn marked(mut dialplan: Vec<u8>, mark: &str) -> Vec<u8> {
    dialplan.extend(format!("\n[globals]\n{MARK_VARIABLE} = {mark}\n").into_bytes());
    dialplan
}
