//! Paths to claims (section 7).

use serde_json::Value;

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// The member of an object.
    Member(String),
    /// The element of an array.
    Index(u64),
    /// All elements of an array (`null`).
    All,
}

impl Segment {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Member(name) => name.as_str().into(),
            Self::Index(index) => (*index).into(),
            Self::All => Value::Null,
        }
    }

    /// Whether the segment and a step of a disclosure may be the same: a member's name, or `None` for an array's element.
    fn meets(&self, step: Option<&str>) -> bool {
        match (self, step) {
            (Self::Member(name), Some(step)) => name == step,
            (Self::Index(_) | Self::All, None) => true,
            _ => false,
        }
    }
}

/// A path of members only.
#[must_use]
pub fn member_path(path: &[Segment]) -> Option<Vec<&str>> {
    let name = |it: &'_ Segment| matches!(it, Segment::Member(_));
    let all = path.iter().all(name);
    let names = path.iter().filter_map(|it| match it {
        Segment::Member(name) => Some(name.as_str()),
        Segment::Index(_) | Segment::All => None,
    });
    all.then(|| names.collect())
}

/// Whether a disclosure at `disclosed` is needed for, or part of, the claim at `path`.
#[must_use]
pub fn covers(path: &[Segment], disclosed: &[Option<&str>]) -> bool {
    path.iter().zip(disclosed).all(|(segment, step)| segment.meets(*step))
}

/// A claim that a path leads to: where exactly (RFC 6901), and its value.
#[derive(Clone, PartialEq)]
pub(super) struct Found<'a> {
    pub(super) pointer: String,
    pub(super) value: &'a Value,
}

/// What the path selects (section 7.1.1); nothing when it leads through something that is neither object nor array.
///
/// `shown` is for what a holder disclosed: elements that were kept back are gone from arrays, so an index beyond the end
/// stands for any element that is there.
pub(super) fn select<'a>(claims: &'a Value, path: &[Segment], shown: bool) -> Vec<Found<'a>> {
    let mut selected = vec![Found { pointer: String::new(), value: claims }];
    for segment in path {
        let mut next = Vec::new();
        for Found { pointer, value } in selected {
            let mut push = |step: &str, value: &'a Value| {
                let step = step.replace('~', "~0").replace('/', "~1");
                next.push(Found { pointer: format!("{pointer}/{step}"), value });
            };
            match (segment, value) {
                (Segment::Member(name), Value::Object(members)) => {
                    if let Some(value) = members.get(name) {
                        push(name, value);
                    }
                }
                (Segment::Index(index), Value::Array(elements)) => {
                    let at = usize::try_from(*index).ok().and_then(|at| Some((at, elements.get(at)?)));
                    match at {
                        Some((at, value)) => push(&at.to_string(), value),
                        None if shown => elements.iter().enumerate().for_each(|(at, it)| push(&at.to_string(), it)),
                        None => {}
                    }
                }
                (Segment::All, Value::Array(elements)) => {
                    elements.iter().enumerate().for_each(|(at, it)| push(&at.to_string(), it));
                }
                // Section 7.1.1: a wrong kind of element ends all of it.
                _ => return Vec::new(),
            }
        }
        selected = next;
    }
    selected
}
