//! The rows that figures and records are folded from; they are a fold of the entries themselves.

use std::collections::BTreeSet;

use trunkline_routing::metrics::{RotaVersion, Spell};
use trunkline_routing::{Output, Segment};

/// Rows that are complete, and kept for good; or those that are open yet, up to a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Of contacts: each stretch in a queue.
    pub segments: Vec<Segment>,
    /// Of agents: each state that they were in.
    pub spells: Vec<Spell>,
    /// Of agents: each version of what was planned for them.
    pub rotas: Vec<RotaVersion>,
}

impl Rows {
    /// Those that an entry completed: its outputs' records and rotas, and what agents were at before it.
    pub fn made(outputs: &[Output], spells: Vec<Spell>) -> Self {
        let segments = outputs.iter().filter_map(|output| match output {
            Output::Record(segment) => Some(segment.as_ref().clone()),
            _ => None,
        });
        let rotas = outputs.iter().filter_map(|output| match output {
            Output::Rota(version) => Some(version.as_ref().clone()),
            _ => None,
        });
        Self {
            segments: segments.collect(),
            spells,
            rotas: rotas.collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.segments.len() + self.spells.len() + self.rotas.len()
    }

    /// Each by itself.
    pub(super) fn one_by_one(self) -> impl Iterator<Item = Self> {
        let segments = self.segments.into_iter().map(|row| Self {
            segments: vec![row],
            ..Self::default()
        });
        let spells = self.spells.into_iter().map(|row| Self {
            spells: vec![row],
            ..Self::default()
        });
        let rotas = self.rotas.into_iter().map(|row| Self {
            rotas: vec![row],
            ..Self::default()
        });
        segments.chain(spells).chain(rotas)
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves out those that are there as complete ones.
    pub fn leave_out(&mut self, complete: &Self) {
        let stretch = |row: &Segment| (row.contact, row.index);
        let begins = |row: &Spell| (row.agent.clone(), row.from);
        let here: BTreeSet<_> = self.segments.iter().map(stretch).collect();
        let over = complete.segments.iter().map(stretch);
        let over: BTreeSet<_> = over.filter(|key| here.contains(key)).collect();
        self.segments.retain(|row| !over.contains(&stretch(row)));
        let here: BTreeSet<_> = self.spells.iter().map(begins).collect();
        let over = complete.spells.iter().map(begins);
        let over: BTreeSet<_> = over.filter(|key| here.contains(key)).collect();
        self.spells.retain(|row| !over.contains(&begins(row)));
    }

    /// Takes in those that are open, but for such as are here as complete ones.
    pub fn add_open(&mut self, mut open: Self) {
        open.leave_out(self);
        self.extend(open);
    }

    /// Takes others in.
    pub fn extend(&mut self, more: Self) {
        self.segments.extend(more.segments);
        self.spells.extend(more.spells);
        self.rotas.extend(more.rotas);
    }
}
