//! Where the contacts that are here are kept, by their ids.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use crate::ContactId;
use crate::ix::Slot;

const VACANT: Slot = Slot(u32::MAX);
/// An id that is so much higher than all in the row does not come next to them.
const GAP: usize = 64;
/// So few are set apart for such a one, and a row begun anew with it: one elder keeps nobody out of the row.
const FEW: usize = 16;
/// The row is at most so many times as long as there are contacts in it.
const SPARSE: usize = 8;

/// Ids are given one after another, and who came at about the same time mostly leaves at about the same time: they
/// stand in a row of ids, side by side, where one is found without a search. Those who stay much longer than the others
/// are set apart from it. Any ids will do; that they rise one by one makes it quick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    /// Of `first` and the ids after it. The outermost are not vacant.
    row: VecDeque<Slot>,
    first: u64,
    in_row: usize,
    /// Looked up only, and walked where order doesn't matter.
    apart: HashMap<ContactId, Slot, FixedState>,
}

impl Slots {
    /// Its place in the row, if it has one, or would have one were the row long enough.
    #[inline]
    fn place(&self, id: ContactId) -> Option<usize> {
        usize::try_from(id.0.checked_sub(self.first)?).ok()
    }

    #[inline]
    pub(crate) fn get(&self, id: ContactId) -> Option<Slot> {
        match self.place(id).and_then(|at| self.row.get(at)) {
            Some(&slot) if slot != VACANT => Some(slot),
            _ if self.apart.is_empty() => None,
            _ => self.apart.get(&id).copied(),
        }
    }

    /// The id is not here yet.
    pub(crate) fn insert(&mut self, id: ContactId, slot: Slot) {
        debug_assert_eq!(self.get(id), None, "{id} is here already");
        if self.row.is_empty() {
            self.first = id.0;
        }
        match self.place(id) {
            Some(at) if at < self.row.len() => {
                self.row[at] = slot;
                self.in_row += 1;
            }
            Some(at) if at < self.row.len() + GAP => {
                self.row.extend((self.row.len()..at).map(|_| VACANT));
                self.row.push_back(slot);
                self.in_row += 1;
                self.keep_dense();
            }
            // A few who stay are no row.
            _ if self.in_row <= FEW => {
                while self.in_row > 0 {
                    self.set_first_apart();
                }
                self.row.clear();
                self.first = id.0;
                self.row.push_back(slot);
                self.in_row = 1;
            }
            _ => drop(self.apart.insert(id, slot)),
        }
    }

    pub(crate) fn remove(&mut self, id: ContactId) {
        match self.place(id).and_then(|at| self.row.get_mut(at)) {
            Some(slot) if *slot != VACANT => {
                *slot = VACANT;
                self.in_row -= 1;
                self.trim();
                self.keep_dense();
            }
            _ => drop(self.apart.remove(&id)),
        }
    }

    /// Everybody's, in no particular order.
    pub(crate) fn values(&self) -> impl Iterator<Item = Slot> + '_ {
        let in_row = self.row.iter().filter(|slot| **slot != VACANT);
        in_row.chain(self.apart.values()).copied()
    }

    fn trim(&mut self) {
        while self.row.front() == Some(&VACANT) {
            self.row.pop_front();
            self.first += 1;
        }
        while self.row.back() == Some(&VACANT) {
            self.row.pop_back();
        }
    }

    #[inline]
    fn keep_dense(&mut self) {
        if self.row.len() > GAP + SPARSE * self.in_row {
            self.shorten();
        }
    }

    /// Sets the eldest apart. Each place comes out of the row once, so this is paid for by their coming.
    #[inline(never)]
    fn shorten(&mut self) {
        while self.row.len() > SPARSE / 2 * self.in_row {
            self.set_first_apart();
        }
        self.trim();
    }

    fn set_first_apart(&mut self) {
        let Some(slot) = self.row.pop_front() else {
            return;
        };
        if slot != VACANT {
            self.in_row -= 1;
            self.apart.insert(ContactId(self.first), slot);
        }
        self.first += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_whatever_the_ids_are_and_whoever_stays(
            steps in prop::collection::vec((0u8..16, any::<u64>()), 1..3_000)
        ) {
            let (mut slots, mut sorted) = (Slots::default(), BTreeMap::new());
            let mut next = 0u64;
            for (step, (kind, n)) in steps.into_iter().enumerate() {
                let id = match kind {
                    0..8 => { next += 1; next }
                    8 => { next += n % 300; next }
                    9 if n % 2 == 0 => u64::MAX - 1 - n % 200,
                    9 => n % 5_000,
                    10 => n,
                    // Somebody who is here, mostly of the eldest.
                    11..15 => {
                        let at = (n % 8) as usize % sorted.len().max(1);
                        sorted.keys().copied().nth(at).unwrap_or(0)
                    }
                    _ => {
                        let at = n as usize % sorted.len().max(1);
                        sorted.keys().copied().nth(at).unwrap_or(0)
                    }
                };
                let slot = Slot::new(step);
                if sorted.remove(&id).is_some() {
                    slots.remove(ContactId(id));
                } else if id < u64::MAX {
                    sorted.insert(id, slot);
                    slots.insert(ContactId(id), slot);
                }
                prop_assert_eq!(slots.get(ContactId(id)), sorted.get(&id).copied());
                prop_assert!(slots.row.len() <= GAP + SPARSE * slots.in_row);
            }
            for (&id, &slot) in &sorted {
                prop_assert_eq!(slots.get(ContactId(id)), Some(slot));
            }
            let mut all: Vec<Slot> = slots.values().collect();
            all.sort_unstable();
            let mut expected: Vec<Slot> = sorted.values().copied().collect();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
    }

    #[test]
    fn one_elder_keeps_nobody_out_of_the_row() {
        let mut slots = Slots::default();
        slots.insert(ContactId(100), Slot(0));
        for id in 101..3_000 {
            slots.insert(ContactId(id), Slot(1));
            slots.remove(ContactId(id));
        }
        for id in 3_000..13_000 {
            slots.insert(ContactId(id), Slot(1));
        }
        assert_eq!((slots.in_row, slots.apart.len()), (10_000, 1));
    }

    #[test]
    fn who_stays_for_ever_does_not_make_the_row_long() {
        let mut slots = Slots::default();
        slots.insert(ContactId(0), Slot(0));
        for id in 1..100_000 {
            slots.insert(ContactId(id), Slot(1));
            if id > 1 {
                slots.remove(ContactId(id - 1));
            }
        }
        assert!(slots.row.len() <= GAP + SPARSE * 2, "{}", slots.row.len());
        assert_eq!(slots.get(ContactId(0)), Some(Slot(0)));
    }
}
