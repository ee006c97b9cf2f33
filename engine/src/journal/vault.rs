//! Customers, sealed: what identifies one is in the journal under a key of their own alone.
//!
//! At the door, before an entry is written, the text that identifies a customer (a telephone
//! number, an address) is replaced by a name of ours, random and meaningless. Entries, snapshots,
//! records, the routing core and the directory hold that name. The text itself is in one row,
//! sealed under the customer's own key, which is wrapped under the tenant's. To erase a customer is
//! to delete that row: all that is left is a name that leads nowhere, so a replay is byte for byte
//! what it was. Whoever calls again after that is somebody new.
//!
//! The word that a program gives a customer's contact may tell who they are as well, so it is sealed in its
//! entry, under the customer's key too.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;
use trunkline_routing::{ContactId, Input, Target};

use super::{Entry, Journal, JournalError};
use crate::keys::TenantKey;
use crate::telephony::driver::outbound::Destination;

/// Names kept at hand beside those that are wanted, and rows in each of two generations.
const AT_HAND: usize = 10_000;

/// What a sealed reference begins with; the rest is base64.
const SEALED: &str = "sealed:";

type Key = [u8; 32];

/// What a reference of the customer is sealed for.
fn reference_of(id: &str) -> String {
    format!("{id}/reference")
}

/// A customer's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Our name for them.
    pub id: String,
    /// By which the row is found again when they come back: an HMAC of the text, or of the number that it is a
    /// spelling of.
    pub lookup: Vec<u8>,
    /// Their own key, wrapped.
    pub key: Vec<u8>,
    /// The text, sealed.
    pub text: Vec<u8>,
    /// When they last came, or are next to be called, in microseconds since 1970: what retention counts from.
    pub seen: i64,
}

/// Who our names stand for, and what the references of their contacts are, as far as it is at hand. Cheap to
/// clone.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<RwLock<AtHand>>);

#[derive(Debug, Default)]
struct AtHand {
    customers: HashMap<String, String>,
    /// By how they are sealed.
    references: HashMap<String, Reference>,
    /// The contact that came last under a reference.
    contacts: HashMap<String, Referred>,
    /// With so many names and references, those that nobody wants are forgotten.
    sweep: usize,
}

/// What must stay at hand: whoever is called back next week must be known then.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Our names of customers and of numbers to call.
    pub names: HashSet<String>,
    /// References, as they are sealed.
    pub references: HashSet<String>,
    /// Contacts that live.
    pub contacts: HashSet<ContactId>,
}

/// What a program calls a contact of a customer's.
#[derive(Debug)]
struct Reference {
    customer: String,
    text: String,
}

/// A contact with a sealed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    /// Which.
    pub contact: ContactId,
    /// Whose, by our name for them.
    pub customer: String,
}

impl Names {
    /// The text behind a name; `None` once it is erased, or not at hand.
    pub fn of(&self, id: &str) -> Option<String> {
        self.read().customers.get(id).cloned()
    }

    /// The number behind a name, in full; `None` as [`Names::of`], and where it is none.
    pub fn number(&self, id: &str) -> Option<String> {
        Destination::number_of_customer(&self.of(id)?)
    }

    /// The reference of a customer's contact; `None` once they are erased, or it is not at hand. Releases
    /// before this one sealed none.
    pub fn reference(&self, kept: &str) -> Option<String> {
        if !kept.starts_with(SEALED) {
            return Some(kept.to_owned());
        }
        let at_hand = self.read();
        let reference = at_hand.references.get(kept);
        reference.map(|reference| reference.text.clone())
    }

    /// The contact that came last under a reference and was sealed; it may be over.
    pub fn contact_under(&self, reference: &str) -> Option<ContactId> {
        let at_hand = self.read();
        at_hand.contacts.get(reference).map(|it| it.contact)
    }

    /// Forgets, every now and then, what nobody wants. What is being written counts as not wanted: to be
    /// called between two commits.
    pub fn sweep(&self, wanted: impl FnOnce() -> Wanted) {
        let kept = |at_hand: &AtHand| at_hand.customers.len() + at_hand.references.len();
        let is_due = |at_hand: &AtHand| kept(at_hand) >= AT_HAND.max(at_hand.sweep);
        if !is_due(&self.read()) {
            return;
        }
        let wanted = wanted();
        self.write(|at_hand| {
            at_hand.customers.retain(|id, _| wanted.names.contains(id));
            at_hand
                .references
                .retain(|sealed, _| wanted.references.contains(sealed));
            at_hand
                .contacts
                .retain(|_, it| wanted.contacts.contains(&it.contact));
            at_hand.sweep = 2 * kept(at_hand);
        });
    }

    fn put(&self, id: String, text: String) {
        self.write(|at_hand| drop(at_hand.customers.insert(id, text)));
    }

    fn put_reference(&self, sealed: String, text: String, referred: Referred) {
        let customer = referred.customer.clone();
        self.write(|at_hand| {
            at_hand.contacts.insert(text.clone(), referred);
            at_hand
                .references
                .insert(sealed, Reference { customer, text });
        });
    }

    fn forget(&self, id: &str) {
        self.write(|at_hand| {
            at_hand.customers.remove(id);
            at_hand.references.retain(|_, it| it.customer != id);
            at_hand.contacts.retain(|_, it| it.customer != id);
        });
    }

    fn read(&self) -> RwLockReadGuard<'_, AtHand> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: impl FnOnce(&mut AtHand)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The newest so many, give or take as many: what isn't touched through a generation is forgotten.
#[derive(Debug)]
struct Generations<T> {
    new: HashMap<String, T>,
    old: HashMap<String, T>,
}

impl<T> Default for Generations<T> {
    fn default() -> Self {
        Self {
            new: HashMap::new(),
            old: HashMap::new(),
        }
    }
}

impl<T> Generations<T> {
    fn get(&self, key: &str) -> Option<&T> {
        self.new.get(key).or_else(|| self.old.get(key))
    }

    fn put(&mut self, key: String, value: T) {
        if self.new.len() >= AT_HAND {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, value);
    }

    fn remove(&mut self, key: &str) -> Option<T> {
        let old = self.old.remove(key);
        self.new.remove(key).or(old)
    }
}

/// Seals and opens, on the journal's thread.
pub struct Vault {
    wrapping: Key,
    finding: Key,
    /// Rows by the hex of their lookup.
    rows: Generations<Sealed>,
    names: Names,
}

impl Vault {
    /// Under the tenant's key; `names` is kept at what is sealed and opened here.
    pub fn new(key: &TenantKey, names: Names) -> Self {
        Self {
            wrapping: key.customer_wrapping(),
            finding: key.customer_finding(),
            rows: Generations::default(),
            names,
        }
    }

    /// Some rows are gone from the store: whoever comes again is looked up there.
    pub(super) fn forget_rows(&mut self) {
        self.rows = Generations::default();
    }

    /// Replaces what identifies customers in entries by our names for them, and gives the rows that
    /// must be written with the entries. None of them is of a customer whom one of the entries erases: who
    /// comes again behind it, in the same commit, is somebody new.
    pub(super) fn seal(
        &mut self,
        store: &mut dyn Journal,
        entries: &mut [Entry],
    ) -> Result<Vec<Sealed>, JournalError> {
        let mut rows: Vec<Sealed> = Vec::new();
        let mut gone: HashSet<String> = HashSet::new();
        for entry in entries {
            if let Some(erased) = &entry.context.erased {
                self.forget(erased);
                rows.retain(|row| row.id != *erased);
                gone.insert(erased.clone());
            }
            let seen = entry.at.0.max(due(&entry.input));
            let Some(text) = identity(&mut entry.input) else {
                continue;
            };
            let lookups = self.lookups(text);
            let before = rows.iter().position(|row| lookups.contains(&row.lookup));
            let mut row = match before {
                Some(at) => rows.swap_remove(at),
                None => self.row(store, lookups, text, &gone)?,
            };
            row.seen = row.seen.max(seen);
            if self.names.of(&row.id).is_none() {
                // As it was told first: so it is in their row, from which a successor has it.
                let first = self.opened(&row).unwrap_or_else(|| text.clone());
                self.names.put(row.id.clone(), first);
            }
            text.clone_from(&row.id);
            let reference = entry.context.reference.take();
            entry.context.reference =
                reference.and_then(|text| self.seal_reference(&row, &entry.input, text));
            rows.push(row);
        }
        for row in &rows {
            self.rows.put(hex(&row.lookup), row.clone());
        }
        Ok(rows)
    }

    /// Our names for somebody, if there are any.
    pub(super) fn find(
        &mut self,
        store: &mut dyn Journal,
        text: &str,
    ) -> Result<Vec<String>, JournalError> {
        let rows = store.customers_by(&self.lookups(text))?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Opens rows, and has their names at hand from then on.
    pub(super) fn open(
        &mut self,
        store: &mut dyn Journal,
        ids: &[String],
    ) -> Result<(), JournalError> {
        for row in store.customers(ids)? {
            match self.opened(&row) {
                Some(text) => self.names.put(row.id.clone(), text),
                None => tracing::warn!(
                    customer = row.id,
                    "the row can't be opened: it was sealed under another tenant's key"
                ),
            }
        }
        Ok(())
    }

    /// Opens the references of contacts, and has them at hand from then on.
    pub(super) fn open_references(
        &self,
        store: &mut dyn Journal,
        sealed: Vec<(Referred, String)>,
    ) -> Result<(), JournalError> {
        let mut ids: Vec<String> = sealed.iter().map(|(it, _)| it.customer.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let rows = store.customers(&ids)?;
        let keys: HashMap<String, Key> = rows
            .into_iter()
            .filter_map(|row| Some((row.id.clone(), self.key(&row)?)))
            .collect();
        for (referred, sealed) in sealed {
            let body = sealed
                .strip_prefix(SEALED)
                .and_then(|body| URL_SAFE_NO_PAD.decode(body).ok());
            let text = keys
                .get(&referred.customer)
                .zip(body)
                .and_then(|(key, body)| opened(key, &reference_of(&referred.customer), &body))
                .and_then(|text| String::from_utf8(text).ok());
            if let Some(text) = text {
                self.names.put_reference(sealed, text, referred);
            }
        }
        Ok(())
    }

    /// What stands in an entry in place of a reference; nothing, where the customer's key is damaged.
    fn seal_reference(&self, row: &Sealed, input: &Input, text: String) -> Option<String> {
        let key = self.key(row)?;
        let body = closed(&key, &reference_of(&row.id), text.as_bytes());
        let sealed = format!("{SEALED}{}", URL_SAFE_NO_PAD.encode(body));
        if let Input::Arrive { contact, .. } | Input::BookCallback { contact, .. } = input {
            let referred = Referred {
                contact: *contact,
                customer: row.id.clone(),
            };
            self.names.put_reference(sealed.clone(), text, referred);
        }
        Some(sealed)
    }

    fn forget(&mut self, id: &str) {
        let known: Vec<String> = [&self.rows.new, &self.rows.old]
            .into_iter()
            .flatten()
            .filter(|(_, row)| row.id == id)
            .map(|(lookup, _)| lookup.clone())
            .collect();
        for lookup in known {
            self.rows.remove(&lookup);
        }
        self.names.forget(id);
    }

    /// Their row, or a new one with a key of its own. The rows of those who are `gone` stand in the store
    /// until the commit, and are nobody's any more.
    fn row(
        &self,
        store: &mut dyn Journal,
        mut lookups: Vec<Vec<u8>>,
        text: &str,
        gone: &HashSet<String>,
    ) -> Result<Sealed, JournalError> {
        let mut known = lookups.iter();
        if let Some(row) = known.find_map(|lookup| self.rows.get(&hex(lookup))) {
            return Ok(row.clone());
        }
        let mut rows = store.customers_by(&lookups)?.into_iter();
        if let Some(row) = rows.find(|row| !gone.contains(&row.id)) {
            return Ok(row);
        }
        Ok(self.new_row(lookups.swap_remove(0), text))
    }

    fn new_row(&self, lookup: Vec<u8>, text: &str) -> Sealed {
        let id = format!("c-{:016x}", rand::random::<u64>());
        let key: Key = rand::random();
        Sealed {
            key: closed(&self.wrapping, &id, &key),
            text: closed(&key, &id, text.as_bytes()),
            lookup,
            id,
            seen: 0,
        }
    }

    /// The customer's own.
    fn key(&self, row: &Sealed) -> Option<Key> {
        let key = opened(&self.wrapping, &row.id, &row.key)?;
        key.try_into().ok()
    }

    fn opened(&self, row: &Sealed) -> Option<String> {
        let key = self.key(row)?;
        String::from_utf8(opened(&key, &row.id, &row.text)?).ok()
    }

    /// By which a customer is found: first of all by what a new row has. A number is who can be called there, however it
    /// is written; releases before took each spelling for somebody else.
    fn lookups(&self, text: &str) -> Vec<Vec<u8>> {
        let mut spellings = Vec::new();
        if let Some(number) = telephone(text) {
            spellings.push(number.clone());
            let digits = number.trim_start_matches('+');
            if digits.len() >= FULL {
                spellings.extend([format!("00{digits}"), digits.to_owned()]);
            }
        }
        if spellings.iter().all(|spelling| spelling != text) {
            spellings.push(text.to_owned());
        }
        spellings.iter().map(|text| self.lookup(text)).collect()
    }

    fn lookup(&self, text: &str) -> Vec<u8> {
        // HMAC takes keys of any length, so this is `Ok` always.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.finding) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

/// A number with the country's code has at least so many digits; those of programs' own customers mostly have fewer.
const FULL: usize = 8;

/// The number in full of a text that is one, and nothing else: programs have names of their own for who chats or writes, and
/// `2024-115`, `10.0.0.1` and `4711` are none of a telephone. With a `+` in front it is, however it is written; without, of
/// digits and blanks alone, and of enough of them.
fn telephone(text: &str) -> Option<String> {
    let bare = |c: char| c.is_ascii_digit() || c == ' ';
    let number = Destination::number_of_customer(text)?;
    let is_plain = text.chars().all(bare) && number.len() > FULL;
    (text.starts_with('+') || is_plain).then_some(number)
}

/// What in an input identifies a customer, or somebody outside whom a contact is handed over to, or who is asked about
/// it: a customer like others here. Whoever adds an input that names one adds it here.
fn identity(input: &mut Input) -> Option<&mut String> {
    match input {
        Input::Transfer {
            to: Target::Number(number),
            ..
        }
        | Input::Consult {
            to: Target::Number(number),
            ..
        } => Some(number),
        Input::Arrive { customer, .. } => customer.as_mut(),
        Input::BookCallback { customer, .. } => Some(customer),
        Input::CallMeBack { number, .. } => number.as_mut(),
        _ => None,
    }
}

/// When the customer is to be called, where that is ahead.
fn due(input: &Input) -> i64 {
    match input {
        Input::BookCallback { due: Some(due), .. } => due.0,
        _ => i64::MIN,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cipher(key: &Key) -> LessSafeKey {
    // The key has the algorithm's length by its type, so this is `Ok` always.
    let Ok(key) = UnboundKey::new(&CHACHA20_POLY1305, key) else {
        unreachable!("the key has 32 bytes")
    };
    LessSafeKey::new(key)
}

/// Nonce, ciphertext, tag; good for this `id` alone. Nonces are random: a key seals one customer and the
/// references of their contacts, far fewer than 2³² texts.
fn closed(key: &Key, id: &str, text: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = rand::random();
    let mut body = text.to_vec();
    let sealed = cipher(key).seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(id),
        &mut body,
    );
    // It fails for texts of more than 256 GiB alone.
    assert!(sealed.is_ok(), "a text of this length can be sealed");
    [nonce.as_slice(), &body].concat()
}

fn opened(key: &Key, id: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = body.to_vec();
    let text = cipher(key).open_in_place(nonce, Aad::from(id), &mut body);
    text.ok().map(|text| text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{arrival, entry, key, named};
    use super::*;
    use crate::journal::Sqlite;

    #[test]
    fn what_is_sealed_opens_for_its_own_customer_and_key_alone() {
        let (key, other) = ([7; 32], [8; 32]);
        let sealed = closed(&key, "c-1", b"+4930123456");
        assert!(!sealed.windows(5).any(|part| part == b"12345"));
        assert_eq!(opened(&key, "c-1", &sealed).unwrap(), b"+4930123456");
        assert_eq!(opened(&other, "c-1", &sealed), None);
        assert_eq!(opened(&key, "c-2", &sealed), None);
        for cut in 0..sealed.len() {
            assert_eq!(opened(&key, "c-1", &sealed[..cut]), None);
        }
    }

    #[test]
    fn a_number_that_programs_have_of_their_own_is_no_telephones() {
        let numbers = [
            "+49 (30) 90-00.01",
            "0049 30 900001",
            "4930 900001",
            "4930900001",
        ];
        for text in numbers {
            assert_eq!(telephone(text).as_deref(), Some("+4930900001"), "{text}");
        }
        assert_eq!(telephone("+12345").as_deref(), Some("+12345"));
        let others = [
            "2024-115",
            "202411-5",
            "10.0.0.1",
            "12345",
            "0012345",
            "4711",
            "k-4930900001",
            "030 900001",
        ];
        for text in others {
            assert_eq!(telephone(text), None, "{text}");
        }
        let vault = Vault::new(&key(), Names::default());
        assert_eq!(vault.lookups("2024-115"), [vault.lookup("2024-115")]);
        let short = ["+12345", "12345"].map(|text| vault.lookups(text));
        assert!(short[0].iter().all(|lookup| !short[1].contains(lookup)));
    }

    #[test]
    fn who_was_several_by_as_many_spellings_in_a_release_before_is_found_and_known_by_each() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&dir.path().join("j")).unwrap();
        let epoch = store.acquire("a").unwrap();
        let names = Names::default();
        let mut vault = Vault::new(&key(), names.clone());
        let old = |vault: &Vault, text: &str| vault.new_row(vault.lookup(text), text);
        let rows = [
            old(&vault, "004930111111"),
            old(&vault, "+4930111111"),
            old(&vault, "4930222222"),
            old(&vault, "+49 30 333333"),
        ];
        store.append_with(epoch, &[entry(1)], &rows).unwrap();
        let ids = rows.each_ref().map(|row| row.id.clone());
        let mut comes = |text: &str| {
            let mut entries = [arrival(2, text)];
            vault.seal(&mut store, &mut entries).unwrap();
            let found = vault.find(&mut store, text).unwrap();
            (named(&entries[0]), found)
        };
        for text in ["+4930111111", "004930111111", "4930111111", "+49 30 111111"] {
            let both = vec![ids[1].clone(), ids[0].clone()];
            assert_eq!(comes(text), (ids[1].clone(), both), "{text}");
        }
        for text in ["+4930222222", "004930222222", "+49-30-222222"] {
            assert_eq!(comes(text), (ids[2].clone(), vec![ids[2].clone()]));
        }
        let with_blanks = (ids[3].clone(), vec![ids[3].clone()]);
        assert_eq!(comes("+49 30 333333"), with_blanks);
        assert_eq!(names.of(&ids[2]).as_deref(), Some("4930222222"));
    }

    #[test]
    fn what_is_wanted_stays_at_hand_however_much_comes_and_the_rest_is_swept_now_and_then() {
        let names = Names::default();
        for n in 0..3 * AT_HAND as u64 {
            let (id, sealed) = (format!("c-{n}"), format!("{SEALED}{n}"));
            let referred = Referred {
                contact: ContactId(n),
                customer: id.clone(),
            };
            names.put(id, format!("+{n}"));
            names.put_reference(sealed, format!("r{n}"), referred);
            // One in a hundred is to be called back some day.
            let lives = (0..=n).step_by(100);
            names.sweep(|| Wanted {
                names: lives.clone().map(|n| format!("c-{n}")).collect(),
                references: lives.clone().map(|n| format!("{SEALED}{n}")).collect(),
                contacts: lives.map(ContactId).collect(),
            });
        }
        let kept = names.read().customers.len();
        assert!(kept < AT_HAND, "{kept}");
        assert_eq!(names.of("c-100").as_deref(), Some("+100"));
        assert_eq!(names.contact_under("r100"), Some(ContactId(100)));
        assert_eq!(names.reference("sealed:100").as_deref(), Some("r100"));
        assert_eq!(names.of("c-101"), None);
        let before = names.reference("of a release before");
        assert_eq!(before.as_deref(), Some("of a release before"));
        names.forget("c-100");
        assert_eq!(names.of("c-100"), None);
        assert_eq!(names.contact_under("r100"), None);
        assert_eq!(names.reference("sealed:100"), None);
        assert_eq!(names.reference("sealed:200").as_deref(), Some("r200"));
    }

    #[test]
    fn the_newest_are_at_hand_and_the_rest_is_forgotten() {
        let mut kept = Generations::default();
        for n in 0..3 * AT_HAND {
            kept.put(n.to_string(), n);
        }
        assert_eq!(kept.get("29999"), Some(&29_999));
        assert_eq!(kept.get("0"), None);
        assert!(kept.new.len() + kept.old.len() <= 2 * AT_HAND);
        assert_eq!(kept.remove("29999"), Some(29_999));
        assert_eq!(kept.get("29999"), None);
    }
}
