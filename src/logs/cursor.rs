//! A place in the merged stream: how far each of its files has been read.

use super::backward::whole_length;
use super::listing::{self, PartPath};
use super::slot::Slot;
use crate::app::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Plain data, so that a reader that lost its connection can go on where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Slots before this one are read to their ends.
    pub(super) from: Option<Slot>,
    /// From there on, a part that is not named has not been read at all.
    pub(super) parts: BTreeMap<PartPath, u64>,
}

/// A writer may still be in the slot before the newest, never in an older one.
pub const GROWING: usize = 2;

impl Cursor {
    pub(super) fn since(slot: Slot) -> Cursor {
        Cursor { from: Some(slot), parts: BTreeMap::new() }
    }

    /// After every line that is complete at this moment.
    pub(super) fn now(dir: &Path) -> Result<Cursor, Failure> {
        let slots = listing::slots(dir)?;
        let growing = &slots[slots.len().saturating_sub(GROWING)..];
        let mut parts = BTreeMap::new();
        for slot in growing {
            for part in listing::parts(dir, *slot)? {
                let length = whole_length(&part.below(dir))?;
                parts.insert(part, length);
            }
        }
        Ok(Cursor { from: growing.first().copied(), parts })
    }

    /// Where a part ends for a reader who comes from the future; `None`: at its end.
    pub(super) fn end_of(&self, part: &PartPath) -> Option<u64> {
        let grows = self.from.is_none_or(|from| from <= part.slot);
        grows.then(|| self.parts.get(part).copied().unwrap_or(0))
    }

    pub(super) fn advance(&mut self, from: Option<Slot>, positions: Vec<(PartPath, u64)>) {
        self.from = from;
        self.parts.extend(positions);
        self.parts.retain(|part, _| from.is_none_or(|from| from <= part.slot));
    }
}
