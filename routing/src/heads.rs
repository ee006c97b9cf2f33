//! Which of many lines has the first, among those that somebody fits.

use std::cmp::Ordering;

use crate::ix::{Bits, Ones};

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

/// The heads of lines that are numbered densely. Of up to 64 lines each that fits is looked at; of more, those of the
/// first band in which one fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    blocks: Vec<Block>,
    lines_filled: usize,
    /// Where there is more than one block.
    bands: Option<Box<Bands>>,
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
        if blocks > self.blocks.len() {
            self.blocks.resize_with(blocks, empty);
            self.bands = (blocks > 1).then(|| Bands::over(&self.blocks));
        }
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
        if let Some(bands) = &mut self.bands {
            bands.take_out(at, was);
            bands.put_in(at, place);
            bands.changes_left = bands.changes_left.saturating_sub(1);
            if bands.changes_left == 0 {
                bands.lay_out(&self.blocks, self.lines_filled);
            }
        }
    }

    /// The line with the first head of those that are in the set.
    #[inline]
    pub(crate) fn first_in(&self, fits: &Bits) -> Option<usize> {
        let fits = fits.words();
        match &self.bands {
            None => self.first_of_block(*fits.first()?),
            Some(bands) => bands.first_in(&self.blocks, fits),
        }
    }

    fn first_of_block(&self, fits: u64) -> Option<usize> {
        let block = self.blocks.first()?;
        let fits = fits & block.filled;
        // Two in turn, each the least of every second head: the next of one need not wait for the other. And no
        // branch: which of them is the least can't be foretold. Where two come first by the same time or rank, it is
        // done again by their whole places.
        let mut least = [(u64::MAX, usize::MAX, false); 2];
        let mut left = fits;
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
                least.1 = if is_first { at } else { least.1 };
            }
        }
        let [one, other] = least;
        let (_, line, alike) = match one.0.cmp(&other.0) {
            Ordering::Less => one,
            Ordering::Greater => other,
            Ordering::Equal => (one.0, one.1, one.2 || other.2 || one.1 != other.1),
        };
        if alike {
            return block.first_in(fits).map(|(_, at)| at);
        }
        (line != usize::MAX).then_some(line)
    }
}

impl Block {
    #[inline]
    fn place(&self, at: usize) -> Place {
        Place((self.firsts[at] as u128) << 64 | self.thens[at] as u128)
    }

    /// The first head of these lines, none of which is empty, and which line's it is.
    #[inline]
    fn first_in(&self, lines: u64) -> Option<(Place, usize)> {
        let mut first = None;
        for at in Ones::of(lines) {
            let place = self.place(at);
            if first.is_none_or(|(least, _)| place < least) {
                first = Some((place, at));
            }
        }
        first
    }
}

/// As many as a set has members that is in one piece.
const BANDS: usize = 256;
/// The second quarter of the heads lies in so many of them at most, so that hardly two lines are in one.
const SECOND: usize = BANDS / 8;
/// They are laid out anew after at least so many changes of heads.
const CHANGES: usize = 64;

/// Lines by what time or rank their heads are of, roughly: a band is a stretch of times or ranks, all as wide. Who
/// looks for the first that fits looks at one band after another, a word for 64 lines, and inside of the first alone
/// in which one fits: mostly at one head, however many fit. A head that changes goes from band to band in a few steps,
/// where an order of all heads would have to be searched and moved.
///
/// Times rise, so the bands are laid out anew after half as many changes again as there are lines, before those that
/// come first are in the last band: what that costs each of them does not grow. They are laid by the second quarter of
/// the heads: those that are much before all others, or far behind them, share the outermost and make no other band
/// wider. Which head is first never hangs on how they lie, only what it takes to find it.
#[derive(Clone, Debug)]
struct Bands {
    /// Which lines are in it: by band, then a word for each block.
    lines: Vec<u64>,
    blocks: usize,
    /// How many lines, by band.
    many: [u32; BANDS],
    /// The bands that are not empty.
    filled: Bits,
    /// Where the first begins, though all before it are in it too. All after the last are in that.
    from: u64,
    /// Of their width, the logarithm to base two.
    width: u32,
    changes_left: usize,
}

impl Bands {
    fn over(blocks: &[Block]) -> Box<Self> {
        let mut bands = Box::new(Self {
            lines: vec![0; BANDS * blocks.len()],
            blocks: blocks.len(),
            many: [0; BANDS],
            filled: Bits::default(),
            from: 0,
            width: 0,
            changes_left: CHANGES,
        });
        let filled = blocks
            .iter()
            .map(|block| block.filled.count_ones() as usize);
        bands.lay_out(blocks, filled.sum());
        bands
    }

    #[inline]
    fn band(&self, place: Place) -> usize {
        let first = (place.0 >> 64) as u64;
        let band = first.saturating_sub(self.from) >> self.width;
        band.min(BANDS as u64 - 1) as usize
    }

    #[inline]
    fn put_in(&mut self, at: usize, place: Place) {
        if place != NOWHERE {
            let band = self.band(place);
            self.lines[band * self.blocks + at / 64] |= 1 << (at % 64);
            self.many[band] += 1;
            self.filled.set(band, true);
        }
    }

    #[inline]
    fn take_out(&mut self, at: usize, place: Place) {
        if place != NOWHERE {
            let band = self.band(place);
            self.lines[band * self.blocks + at / 64] &= !(1 << (at % 64));
            self.many[band] -= 1;
            if self.many[band] == 0 {
                self.filled.set(band, false);
            }
        }
    }

    /// Over the heads that there are, with more behind them for those who come.
    #[inline(never)]
    fn lay_out(&mut self, blocks: &[Block], lines_filled: usize) {
        self.lines.fill(0);
        self.many = [0; BANDS];
        self.filled = Bits::default();
        let heads = || {
            let blocks = blocks.iter().enumerate();
            blocks.flat_map(|(n, block)| Ones::of(block.filled).map(move |at| (block, n * 64, at)))
        };
        let mut firsts: Vec<u64> = heads().map(|(block, _, at)| block.firsts[at]).collect();
        let last = firsts.len().saturating_sub(1);
        let mut ranked = |place| {
            if firsts.is_empty() {
                return 0;
            }
            *firsts.select_nth_unstable(place).1
        };
        let quarter = ranked(last / 4);
        let long = ranked(last / 2) - quarter;
        self.from = quarter.saturating_sub(long.saturating_add(long / 2));
        self.width = (u64::BITS - long.leading_zeros()).saturating_sub(SECOND.ilog2());
        for (block, before, at) in heads() {
            self.put_in(before + at, block.place(at));
        }
        self.changes_left = lines_filled.max(CHANGES) * 3 / 2;
    }

    #[inline]
    fn first_in(&self, blocks: &[Block], fits: &[u64]) -> Option<usize> {
        let words = self.blocks.min(fits.len());
        let (blocks, fits) = (&blocks[..words], &fits[..words]);
        for band in self.filled.iter() {
            let lines = &self.lines[band * self.blocks..][..words];
            let (mut any, mut at, mut several) = (0, 0, false);
            for (n, (lines, fits)) in lines.iter().zip(fits).enumerate() {
                let both = lines & fits;
                several |= (any != 0) & (both != 0);
                any |= both;
                at = if both == 0 { at } else { n };
            }
            if several || any & any.wrapping_sub(1) != 0 {
                return Self::first_of(blocks, lines, fits);
            }
            if any != 0 {
                return Some(at * 64 + any.trailing_zeros() as usize);
            }
        }
        None
    }

    /// Of the lines that are in both sets.
    #[inline(never)]
    fn first_of(blocks: &[Block], lines: &[u64], fits: &[u64]) -> Option<usize> {
        let firsts = blocks.iter().enumerate().filter_map(|(n, block)| {
            let (place, at) = block.first_in(lines[n] & fits[n])?;
            Some((place, n * 64 + at))
        });
        firsts.min().map(|(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINES: usize = 200;

    fn places() -> impl Strategy<Value = i64> {
        prop_oneof![
            // Of few times, so that many are the same.
            (-10i64..10),
            // Far from one another, and as far as there is.
            any::<i64>(),
            Just(i64::MIN),
            Just(i64::MAX),
        ]
    }

    proptest! {
        #[test]
        fn the_first_that_fits_is_found_however_heads_change(
            steps in prop::collection::vec((0usize..LINES, 0u8..4, places()), 1..600),
            fits in prop::collection::vec(0usize..LINES, 0..60),
            lines in prop_oneof![Just(50usize), Just(64), Just(LINES)],
        ) {
            let mut heads = Heads::new(60);
            heads.reach(lines.min(70));
            heads.reach(lines);
            let (mut set, mut all) = (Bits::default(), Bits::default());
            fits.into_iter().for_each(|at| set.set(at % lines, true));
            (0..lines).for_each(|at| all.set(at, true));
            let mut plain = [NOWHERE; LINES];
            for (step, (at, kind, first)) in steps.into_iter().enumerate() {
                let at = at % lines;
                let place = |first| Place::of(first, (at * 31 % LINES) as u64);
                plain[at] = match kind {
                    0 => NOWHERE,
                    1 => place(step as i64 * 1_000),
                    _ => place(first),
                };
                heads.set(at, plain[at]);
                let of = |least: &dyn Fn(&usize) -> bool| {
                    let filled = (0..lines).filter(|&at| plain[at] != NOWHERE && least(&at));
                    filled.min_by_key(|&at| plain[at])
                };
                prop_assert_eq!(heads.first_in(&set), of(&|&at| set.has(at)));
                prop_assert_eq!(heads.first_in(&all), of(&|_| true));
                prop_assert_eq!(heads.are_none(), of(&|_| true).is_none());
                prop_assert_eq!(heads.filled(&all).count(), heads.lines_filled);
            }
        }
    }

    #[test]
    fn of_many_heads_few_are_looked_at_however_long_times_go_on() {
        let mut heads = Heads::new(502);
        let mut all = Bits::default();
        for at in 0..500 {
            heads.set(at, Place::of(at as i64, 0));
            all.set(at, true);
        }
        // Whom nobody can serve, and who is to wait for ever.
        heads.set(500, Place::of(i64::MIN, 0));
        heads.set(501, Place::of(i64::MAX, 0));
        all.set(501, true);
        for now in 500..50_000 {
            // The one that waits for ever is served by nobody.
            let first = heads.first_in(&all).unwrap();
            assert_ne!(first, 500);
            let bands = heads.bands.as_ref().unwrap();
            let looked_at = bands.many[bands.band(heads.place(first))];
            assert!(looked_at <= 8 || now < 1_500, "{looked_at} of 501");
            heads.set(first, Place::of(now, 0));
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
