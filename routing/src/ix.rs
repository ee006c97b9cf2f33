//! Dense numbers for interned things, one type a thing.

use smallvec::SmallVec;

macro_rules! index {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $type(pub(crate) u32);

        impl $type {
            pub(crate) const fn at(self) -> usize {
                self.0 as usize
            }
            pub(crate) fn new(at: usize) -> Self {
                // Every table is bounded by the document's limits or by memory far below 2^32.
                Self(at as u32)
            }
        }
    };
}

index!(/// A team of the plan.
    TeamIx);
index!(/// A client; 0 is the centre itself.
    ClientIx);
index!(/// A queue, live or removed but still holding contacts.
    QueueIx);
index!(/// A class of agents who can do the same.
    ProfileIx);
index!(/// A class of steps that ask for the same.
    NeedIx);
index!(/// Contacts that wait for the same agents, in rank order.
    LineIx);
index!(/// An agent's slot.
    AgentIx);
index!(/// A contact's slot.
    Slot);

/// The centre counts as a client of weight 1.
pub(crate) const CENTRE: ClientIx = ClientIx(0);

/// A set of dense numbers; of up to 256 it is in one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bits(SmallVec<[u64; 4]>);

impl Bits {
    pub(crate) fn set(&mut self, at: usize, on: bool) {
        let word = at / 64;
        if word >= self.0.len() {
            if !on {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        let mask = 1 << (at % 64);
        if on {
            self.0[word] |= mask;
        } else {
            self.0[word] &= !mask;
        }
    }
    pub(crate) fn has(&self, at: usize) -> bool {
        self.0
            .get(at / 64)
            .is_some_and(|word| word & (1 << (at % 64)) != 0)
    }
    /// The members, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0
            .iter()
            .enumerate()
            .flat_map(|(at, &word)| Ones(at * 64, word))
    }
    /// The members that are in other words as well, ascending.
    pub(crate) fn within(&self, others: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
        let both = self.words().iter().copied().zip(others).enumerate();
        both.flat_map(|(at, (word, other))| Ones(at * 64, word & other))
    }
    /// Each of 64 numbers, from 0 on.
    #[inline]
    pub(crate) fn words(&self) -> &[u64] {
        &self.0
    }
}

/// The bits of a word that are set, ascending, from a number on.
pub(crate) struct Ones(usize, u64);

impl Ones {
    #[inline]
    pub(crate) fn of(word: u64) -> Self {
        Self(0, word)
    }
}

impl Iterator for Ones {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.1 == 0 {
            return None;
        }
        let bit = self.1.trailing_zeros() as usize;
        self.1 &= self.1 - 1;
        Some(self.0 + bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_both_sets_comes_out_in_order() {
        let mut a = Bits::default();
        let mut b = Bits::default();
        for n in [3, 64, 65, 200] {
            a.set(n, true);
        }
        for n in [64, 65, 199, 200, 700] {
            b.set(n, true);
        }
        b.set(65, false);
        assert_eq!(
            a.within(b.words().iter().copied()).collect::<Vec<_>>(),
            [64, 200]
        );
        assert!(a.has(3) && !b.has(3) && !b.has(10_000));
        assert_eq!(a.iter().count(), 4);
    }
}
