//! A map in key order for keys that nearly always come in rising order and leave at the front, as those who wait and
//! those who are idle do.

use std::collections::{BTreeMap, VecDeque};

/// Shorter lanes are not worth closing up.
const SHORT: usize = 32;

/// A key that comes behind all others goes to the end of a lane, and the others into a tree. What is taken out of the
/// middle of the lane leaves a gap: nothing is ever moved to make room, however many there are.
#[derive(Clone, Debug)]
pub(crate) struct Ordered<K, V> {
    /// By key; `None` is a gap. There is none at either end.
    lane: VecDeque<(K, Option<V>)>,
    gaps: usize,
    /// What came out of order.
    tree: BTreeMap<K, V>,
}

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self {
            lane: VecDeque::new(),
            gaps: 0,
            tree: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Copy, V: Copy> Ordered<K, V> {
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let is_last = self.lane.back().is_none_or(|(last, _)| *last < key);
        if is_last && (self.tree.is_empty() || !self.tree.contains_key(&key)) {
            self.lane.push_back((key, Some(value)));
        } else {
            self.insert_between(key, value);
        }
    }

    fn insert_between(&mut self, key: K, value: V) {
        // Who comes back to where they were fills their own gap.
        if let Ok(at) = self.place(&key) {
            let was = self.lane[at].1.replace(value);
            self.gaps -= usize::from(was.is_none());
        } else {
            self.tree.insert(key, value);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if self.lane.front().is_some_and(|(first, _)| first == key) {
            self.lane.pop_front();
            self.trim();
        } else {
            self.remove_between(key);
        }
    }

    fn remove_between(&mut self, key: &K) {
        if let Ok(at) = self.place(key) {
            let was = self.lane[at].1.take();
            self.gaps += usize::from(was.is_some());
            self.trim();
            // So many were taken out since the last time that this costs each of them no more than one step.
            if self.gaps > SHORT && self.gaps > self.lane.len() / 2 {
                self.lane.retain(|(_, value)| value.is_some());
                self.gaps = 0;
            }
        } else {
            self.tree.remove(key);
        }
    }

    fn place(&self, key: &K) -> Result<usize, usize> {
        self.lane.binary_search_by(|(other, _)| other.cmp(key))
    }

    /// No gap stays at an end.
    fn trim(&mut self) {
        while self.gaps > 0 && self.lane.front().is_some_and(|(_, value)| value.is_none()) {
            self.lane.pop_front();
            self.gaps -= 1;
        }
        while self.gaps > 0 && self.lane.back().is_some_and(|(_, value)| value.is_none()) {
            self.lane.pop_back();
            self.gaps -= 1;
        }
    }

    pub(crate) fn first(&self) -> Option<(K, V)> {
        let in_lane = self.lane.front();
        let in_lane = in_lane.and_then(|(key, value)| value.map(|value| (*key, value)));
        if self.tree.is_empty() {
            return in_lane;
        }
        let in_tree = self.tree.first_key_value();
        let in_tree = in_tree.map(|(key, value)| (*key, *value));
        match (in_lane, in_tree) {
            (Some(one), Some(other)) => Some(if one.0 < other.0 { one } else { other }),
            (one, other) => one.or(other),
        }
    }

    /// All, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        let lane = self.lane.iter();
        let mut lane = lane
            .filter_map(|(key, value)| value.map(|value| (*key, value)))
            .peekable();
        let tree = self.tree.iter();
        let mut tree = tree.map(|(key, value)| (*key, *value)).peekable();
        std::iter::from_fn(move || match (lane.peek(), tree.peek()) {
            (Some((one, _)), Some((other, _))) if other < one => tree.next(),
            (Some(_), _) => lane.next(),
            (None, _) => tree.next(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_in_key_order_however_keys_come_and_go(
            steps in prop::collection::vec((0u8..8, 0u32..400), 1..600)
        ) {
            let mut map = Ordered::default();
            let mut sorted = BTreeMap::new();
            let mut behind = 0u32;
            for (step, n) in steps {
                match step {
                    // In their order, as most come.
                    0..4 => {
                        behind += n % 3 + 1;
                        map.insert(behind, n);
                        sorted.insert(behind, n);
                    }
                    // Anywhere, also where one is or was.
                    4 => {
                        map.insert(n, n);
                        sorted.insert(n, n);
                    }
                    5 => {
                        if let Some((key, _)) = sorted.pop_first() {
                            map.remove(&key);
                        }
                    }
                    // From the middle, or none.
                    6 => {
                        map.remove(&n);
                        sorted.remove(&n);
                    }
                    _ => {
                        let at = n as usize % sorted.len().max(1);
                        if let Some(key) = sorted.keys().copied().nth(at) {
                            map.remove(&key);
                            sorted.remove(&key);
                        }
                    }
                }
                prop_assert_eq!(map.first(), sorted.first_key_value().map(|(k, v)| (*k, *v)));
                let all: Vec<(u32, u32)> = sorted.iter().map(|(k, v)| (*k, *v)).collect();
                prop_assert_eq!(map.iter().collect::<Vec<_>>(), all);
            }
        }
    }

    #[test]
    fn gaps_are_closed_when_they_are_most_of_the_lane() {
        let mut map = Ordered::default();
        for key in 0..1000 {
            map.insert(key, key);
        }
        for key in 1..999 {
            map.remove(&key);
        }
        assert!(map.lane.len() <= 2 * SHORT + 2, "{}", map.lane.len());
        assert_eq!(map.iter().collect::<Vec<_>>(), [(0, 0), (999, 999)]);
    }
}
