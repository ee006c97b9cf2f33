//! Which of many lines has the first, among those that somebody fits.

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
    /// By number; [`NOWHERE`] where a line is empty.
    places: Vec<Place>,
    filled: Bits,
    lines_filled: usize,
}

impl Heads {
    /// So many lines, all empty.
    pub(crate) fn new(lines: usize) -> Self {
        Self {
            places: vec![NOWHERE; lines],
            ..Self::default()
        }
    }

    /// One more line.
    pub(crate) fn add(&mut self) {
        self.places.push(NOWHERE);
    }

    #[inline]
    pub(crate) fn place(&self, at: usize) -> Place {
        self.places[at]
    }

    /// The lines that are not empty.
    pub(crate) fn filled(&self) -> &Bits {
        &self.filled
    }

    pub(crate) fn are_none(&self) -> bool {
        self.lines_filled == 0
    }

    /// The head of a line is another from now on, or none.
    #[inline]
    pub(crate) fn set(&mut self, at: usize, place: Place) {
        let was = std::mem::replace(&mut self.places[at], place);
        if was == NOWHERE && place != NOWHERE {
            self.filled.set(at, true);
            self.lines_filled += 1;
        } else if was != NOWHERE && place == NOWHERE {
            self.filled.set(at, false);
            self.lines_filled -= 1;
        }
    }

    /// The line with the first head of those that are in the set.
    #[inline]
    pub(crate) fn first_in(&self, fits: &Bits) -> Option<usize> {
        // Two in turn, each the least of every second head: the next of one need not wait for the other. And no
        // branch: which of them is the least can't be foretold.
        let mut least = [(NOWHERE, 0); 2];
        let mut consider = |of: usize, at: usize| {
            let head = self.places[at];
            let is_first = head < least[of].0;
            least[of].0 = if is_first { head } else { least[of].0 };
            least[of].1 = if is_first { at } else { least[of].1 };
        };
        for (from, mut fits) in fits.words_of_both(&self.filled) {
            while fits != 0 {
                let one = fits.trailing_zeros() as usize;
                fits &= fits - 1;
                // The last of an odd number is looked at twice.
                let other = if fits == 0 {
                    one
                } else {
                    fits.trailing_zeros() as usize
                };
                fits &= fits.wrapping_sub(1);
                consider(0, from + one);
                consider(1, from + other);
            }
        }
        let (head, line) = least[0].min(least[1]);
        (head != NOWHERE).then_some(line)
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

    /// The lines that are not empty.
    pub(crate) fn filled(&self) -> &Bits {
        self.heads.filled()
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
            (70..80).for_each(|_| heads.add());
            let mut set = Bits::default();
            for at in fits {
                set.set(at, true);
            }
            let mut plain = [NOWHERE; 80];
            for (at, place) in steps {
                plain[at] = place.map_or(NOWHERE, |place| Place::of(place - 100, at as u64));
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
                prop_assert_eq!(heads.filled().iter().count(), heads.lines_filled);
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
