//! Which requests go through. Whatever could cost or change something has to be asked for.

use serde_json::Value;

use crate::spec::{Operation, Spec};

/// What a recording may do to the account; nothing but reading, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Operations that the document marks `x-billed: true` go through, as far as the budget goes.
    pub allow_billed: bool,
    /// Methods other than GET, HEAD and OPTIONS go through, as far as the budget goes.
    pub allow_writes: bool,
    /// How many calls that are billed or write may be made in all.
    pub budget: u32,
}

/// What a call does to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) is_billed: bool,
    pub(crate) writes: bool,
}

impl Effect {
    /// What the document says of the operation; a method that may change something does, whatever else is said.
    pub(crate) fn of(spec: &Spec, operation: &Operation) -> Self {
        let value = spec.document().pointer(&operation.pointer);
        let is_billed = value.and_then(|value| value.get("x-billed")).is_some_and(|billed| billed != &Value::Bool(false));
        Self { is_billed, writes: !matches!(operation.method.as_str(), "GET" | "HEAD" | "OPTIONS") }
    }

    /// Whether it only reads, and costs nothing.
    pub(crate) fn is_none(self) -> bool {
        !self.is_billed && !self.writes
    }
}

impl Policy {
    /// Why a call is refused, and what to do; `spent` calls of the budget are gone.
    pub(crate) fn refuse(&self, effect: Effect, name: &str, spent: u32) -> Option<String> {
        if effect.is_billed && !self.allow_billed {
            return Some(format!("{name} is billed; --allow-billed with --budget N lets N such calls through"));
        }
        if effect.writes && !self.allow_writes {
            return Some(format!("{name} can change something; --allow-writes with --budget N lets N such calls through"));
        }
        let is_over = !effect.is_none() && spent >= self.budget;
        is_over.then(|| format!("{name} is refused: the budget of {} call(s) is spent; --budget sets another", self.budget))
    }
}
