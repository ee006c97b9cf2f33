//! Which of many lines has the first, among those that somebody fits.

use std::cmp::Ordering;

use crate::ix::Bits;

/// Where one stands, as one number, which is compared in one step: a time or a rank, then a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u128);

/// Behind all others: of what is empty.
pub(crate) const NOWHERE: Place = Place(u128::MAX);

impl Place {
    pub(crate) const fn of(first: i64, then: u64) -> Self {
        Self(((first as u64 ^ 1 << 63) as u128) << 64 | then as u128)
    }

    pub(crate) const fn parts(self) -> (i64, u64) {
        let first = (self.0 >> 64) as u64 ^ 1 << 63;
        (first as i64, self.0 as u64)
    }
}

/// The heads of lines that are numbered densely. The first that fits is found by a look at each that fits and is not
/// empty: up to some hundreds that is quicker than to keep them in order, which each change of a head would cost a
/// search for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    blocks: Vec<Block>,
    lines_filled: usize,
}

/// Sixty-four lines, as many as a word of a set has bits. [`NOWHERE`] where a line is empty.
#[derive(Clone, Debug)]
struct Block {
    /// The times or ranks of the heads, in their order as numbers: hardly ever are two the same.
    firsts: [u64; 64],
    /// The numbers by which those are told apart.
    thens: [u64; 64],
    /// The lines that are not empty.
    filled: u64,
}

impl Heads {
    /// So many lines, all empty.
    pub(crate) fn new(lines: usize) -> Self {
        let mut heads = Self::default();
        heads.reach(lines);
        heads
    }

    /// There are at least so many lines; more than before are empty.
    pub(crate) fn reach(&mut self, lines: usize) {
        let empty = || Block {
            firsts: [u64::MAX; 64],
            thens: [u64::MAX; 64],
            filled: 0,
        };
        let blocks = lines.div_ceil(64).max(self.blocks.len());
        self.blocks.resize_with(blocks, empty);
    }

    #[inline]
    pub(crate) fn place(&self, at: usize) -> Place {
        self.blocks[at / 64].place(at % 64)
    }

    /// The lines of the set that are not empty, ascending.
    pub(crate) fn filled<'a>(&'a self, fits: &'a Bits) -> impl Iterator<Item = usize> + 'a {
        fits.within(self.blocks.iter().map(|block| block.filled))
    }

    pub(crate) fn are_none(&self) -> bool {
        self.lines_filled == 0
    }

    /// The head of a line is another from now on, or none.
    #[inline]
    pub(crate) fn set(&mut self, at: usize, place: Place) {
        let block = &mut self.blocks[at / 64];
        let was = block.place(at % 64);
        block.firsts[at % 64] = (place.0 >> 64) as u64;
        block.thens[at % 64] = place.0 as u64;
        if was == NOWHERE && place != NOWHERE {
            block.filled |= 1 << (at % 64);
            self.lines_filled += 1;
        } else if was != NOWHERE && place == NOWHERE {
            block.filled &= !(1 << (at % 64));
            self.lines_filled -= 1;
        }
    }

    /// The line with the first head of those that are in the set.
    #[inline]
    pub(crate) fn first_in(&self, fits: &Bits) -> Option<usize> {
        // Two in turn, each the least of every second head: the next of one need not wait for the other. And no
        // branch: which of them is the least can't be foretold. Where two come first by the same time or rank, it is
        // done again by their whole places.
        let mut least = [(u64::MAX, usize::MAX, false); 2];
        for (n, (block, fits)) in self.blocks.iter().zip(fits.words()).enumerate() {
            let mut left = fits & block.filled;
            while left != 0 {
                let one = left.trailing_zeros() as usize;
                left &= left - 1;
                // The last of an odd number is looked at twice.
                let other = if left == 0 {
                    one
                } else {
                    left.trailing_zeros() as usize
                };
                left &= left.wrapping_sub(1);
                for (least, at) in least.iter_mut().zip([one, other]) {
                    let head = block.firsts[at % 64];
                    let is_first = head < least.0;
                    least.2 = (least.2 & !is_first) | (head == least.0);
                    least.0 = if is_first { head } else { least.0 };
                    least.1 = if is_first { n * 64 + at } else { least.1 };
                }
            }
        }
        let [one, other] = least;
        let (_, line, alike) = match one.0.cmp(&other.0) {
            Ordering::Less => one,
            Ordering::Greater => other,
            Ordering::Equal => (one.0, one.1, one.2 || other.2 || one.1 != other.1),
        };
        if alike {
            return self.first_by_place(fits);
        }
        (line != usize::MAX).then_some(line)
    }

    #[cold]
    fn first_by_place(&self, fits: &Bits) -> Option<usize> {
        self.filled(fits).min_by_key(|&at| self.place(at))
    }
}

impl Block {
    #[inline]
    fn place(&self, at: usize) -> Place {
        Place((self.firsts[at] as u128) << 64 | self.thens[at] as u128)
    }
}

/// So many are looked at in their order before it is given up that one of the first fits.
const PROBES: usize = 16;

/// Heads that are kept in their order as well, where one that changes nearly always goes behind all others, as that
/// of those who became idle does. The first that fits is found in as many steps as there are before it, and where
/// few fit, in as many as fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadsInOrder {
    heads: Heads,
    /// The numbers of those that are not empty, by their heads.
    order: Vec<u32>,
}

impl HeadsInOrder {
    /// So many lines, all empty.
    pub(crate) fn new(lines: usize) -> Self {
        Self {
            heads: Heads::new(lines),
            order: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn place(&self, at: usize) -> Place {
        self.heads.place(at)
    }

    /// The lines of the set that are not empty, ascending.
    pub(crate) fn filled<'a>(&'a self, fits: &'a Bits) -> impl Iterator<Item = usize> + 'a {
        self.heads.filled(fits)
    }

    /// The head of a line is another from now on, or none.
    pub(crate) fn set(&mut self, at: usize, place: Place) {
        let was = self.heads.place(at);
        if was != NOWHERE {
            let from = self.place_in_order(at, was);
            self.order.remove(from);
        }
        if place != NOWHERE {
            let to = self.rank(place);
            self.order.insert(to, at as u32);
        }
        self.heads.set(at, place);
    }

    /// Mostly it is one of the first, for these are taken.
    fn place_in_order(&self, at: usize, place: Place) -> usize {
        let mut first = self.order.iter().take(PROBES);
        let found = first.position(|&other| other as usize == at);
        found.unwrap_or_else(|| self.rank(place))
    }

    /// How many heads are before a place.
    fn rank(&self, place: Place) -> usize {
        let is_before = |&other: &u32| self.heads.place(other as usize) < place;
        if self.order.last().is_none_or(is_before) {
            return self.order.len();
        }
        self.order.partition_point(is_before)
    }

    /// The line with the first head of those that are in the set.
    #[inline]
    pub(crate) fn first_in(&self, fits: &Bits) -> Option<usize> {
        let probed = self.order.iter().take(PROBES);
        let mut probed = probed.map(|&at| at as usize);
        if let Some(at) = probed.find(|&at| fits.has(at)) {
            return Some(at);
        }
        if self.order.len() <= PROBES {
            return None;
        }
        self.heads.first_in(fits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_that_fits_is_found_however_heads_change(
            steps in prop::collection::vec((0usize..80, prop::option::of(0i64..200)), 1..400),
            fits in prop::collection::vec(0usize..80, 0..30),
        ) {
            let (mut heads, mut in_order) = (Heads::new(70), HeadsInOrder::new(80));
            heads.reach(60);
            heads.reach(80);
            let mut set = Bits::default();
            for at in fits {
                set.set(at, true);
            }
            let mut plain = [NOWHERE; 80];
            for (at, place) in steps {
                // Of few times, so that many are the same.
                plain[at] = place.map_or(NOWHERE, |place| Place::of(place / 10 - 10, (at * 31 % 80) as u64));
                heads.set(at, plain[at]);
                in_order.set(at, plain[at]);
                let of = |least: &dyn Fn(&usize) -> bool| {
                    let filled = (0..80).filter(|&at| plain[at] != NOWHERE && least(&at));
                    filled.min_by_key(|&at| plain[at])
                };
                prop_assert_eq!(heads.first_in(&set), of(&|&at| set.has(at)));
                prop_assert_eq!(in_order.first_in(&set), of(&|&at| set.has(at)));
                let mut all = Bits::default();
                (0..80).for_each(|at| all.set(at, true));
                prop_assert_eq!(heads.first_in(&all), of(&|_| true));
                prop_assert_eq!(heads.are_none(), of(&|_| true).is_none());
                prop_assert_eq!(heads.filled(&all).count(), heads.lines_filled);
                prop_assert_eq!(in_order.order.len(), heads.lines_filled);
                prop_assert!(in_order.order.is_sorted_by_key(|&at| plain[at as usize]));
            }
        }
    }

    #[test]
    fn places_keep_their_order_and_their_parts() {
        let parts = [(i64::MIN, 0), (-1, u64::MAX), (0, 0), (0, 1), (i64::MAX, 0)];
        let places = parts.map(|(first, then)| Place::of(first, then));
        assert!(places.is_sorted());
        assert_eq!(places.map(Place::parts), parts);
        assert!(places[4] < NOWHERE);
    }
}
