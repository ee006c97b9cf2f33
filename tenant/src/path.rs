//! Where in a document something stands: `spec.queues[1].route[0].require`.

use std::borrow::Cow;
use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field or a map's key.
    Key(Cow<'static, str>),
    /// A place in a list, from 0.
    Index(usize),
}

/// A field of a document, from its root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }
    /// `spec`.
    pub fn spec() -> Self {
        Self::root().key("spec")
    }
    /// `metadata.name`.
    pub fn name() -> Self {
        Self::root().key("metadata").key("name")
    }
    /// This path, then a field or key.
    #[must_use]
    pub fn key(&self, key: impl Into<Cow<'static, str>>) -> Self {
        self.with(Segment::Key(key.into()))
    }
    /// This path, then a place in a list.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }
    /// The steps from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }
    /// Whether one of the two lies within the other, or they are the same.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shared = self.0.len().min(other.0.len());
        self.0[..shared] == other.0[..shared]
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if place == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_as_people_write_it() {
        let path = FieldPath::spec()
            .key("queues")
            .at(1)
            .key("route")
            .at(0)
            .key("require");
        assert_eq!(path.to_string(), "spec.queues[1].route[0].require");
        assert!(path.overlaps(&FieldPath::spec().key("queues").at(1)));
        assert!(!path.overlaps(&FieldPath::spec().key("queues").at(2)));
    }
}
