//! The catalogue of changes: for each id the class, and what a client that is not regenerated meets.

use schemars::JsonSchema;
use serde::Serialize;

/// How much a change matters, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A client that keeps to the old document is refused, or is answered what the old document excludes.
    Breaking,
    /// A typed client can be hit all the same: by a value or a status that it does not know, or because what its callers
    /// name is called otherwise after regenerating.
    ClientRisk,
    /// More is possible than before.
    Additive,
    /// Nothing changes for a request or an answer.
    None,
}

impl Class {
    /// All classes, worst first.
    pub const ALL: [Self; 4] = [Self::Breaking, Self::ClientRisk, Self::Additive, Self::None];

    /// As the reports and options write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::ClientRisk => "client-risk",
            Self::Additive => "additive",
            Self::None => "none",
        }
    }
}

/// One kind of change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) id: &'static str,
    pub(super) class: Class,
    /// What the client that is not regenerated yet meets at run time.
    pub(super) until: &'static str,
}

const fn kind(id: &'static str, class: Class, until: &'static str) -> Kind {
    Kind { id, class, until }
}

use Class::{Additive, Breaking, ClientRisk};

const REFUSED: &str = "the service may refuse the request";
const NOT_DECODED: &str = "an answer that makes use of it does not decode";
const NOTHING: &str = "nothing changes";

/// Every change that a comparison can tell, in the order of the ids.
pub(super) const KINDS: &[Kind] = &[
    // Operations.
    kind("D101", Breaking, "the call is answered with an error, as 404 or 405"),
    kind("D102", Additive, NOTHING),
    kind("D103", Breaking, "the call goes to the old place and is answered with an error, as 404 or 405"),
    kind("D104", ClientRisk, NOTHING),
    kind("D105", Additive, "nothing changes yet; it is announced to go"),
    kind("D106", Class::None, NOTHING),
    kind("D111", Breaking, "a call without the credential is refused, as a rule with 401"),
    kind("D112", ClientRisk, "calls go on to work; the credential is sent to an operation that does not ask for it"),
    kind("D113", Breaking, "the credential that is sent is refused, as a rule with 401"),
    kind("D114", Additive, NOTHING),
    kind("D121", Breaking, "calls go to the server that is no longer documented"),
    kind("D122", Additive, NOTHING),
    kind("D131", Class::None, NOTHING),
    kind("D132", Class::None, NOTHING),
    // Parameters.
    kind("D201", Breaking, "the parameter is still sent, and ignored or refused"),
    kind("D202", Breaking, "a call without the parameter is refused, as a rule with 400"),
    kind("D203", Additive, NOTHING),
    kind("D204", Breaking, "a call that leaves the parameter out is refused, as a rule with 400"),
    kind("D205", Additive, NOTHING),
    kind("D206", Breaking, "the parameter is sent where nobody looks for it"),
    kind("D207", Breaking, "the value is written in a way that the service does not read"),
    kind("D208", ClientRisk, NOTHING),
    // Request bodies.
    kind("D301", Breaking, "a call without a body is refused, as a rule with 400"),
    kind("D302", Breaking, "the body is still sent, and ignored or refused"),
    kind("D303", Breaking, "a call without a body is refused, as a rule with 400"),
    kind("D304", Additive, NOTHING),
    kind("D305", Breaking, "the body is refused, as a rule with 415"),
    kind("D306", Additive, NOTHING),
    kind("D307", Additive, NOTHING),
    // Responses.
    kind("D401", Breaking, "success comes with a status that the client takes for an unexpected response"),
    kind("D402", ClientRisk, "an answer with this status is an unexpected response"),
    kind("D403", ClientRisk, "an answer with this status is an unexpected response: its body is not decoded"),
    kind("D404", Additive, NOTHING),
    kind("D405", Breaking, "the body does not decode"),
    kind("D406", ClientRisk, "an answer of this media type does not decode"),
    kind("D407", Additive, "the body is thrown away"),
    kind("D408", Breaking, "an answer without a body does not decode"),
    kind("D409", Breaking, "code that reads the header finds none"),
    kind("D410", ClientRisk, "code that reads the header may find none"),
    kind("D411", Additive, NOTHING),
    kind("D412", ClientRisk, "code that reads the header may find none"),
    // What requests hold.
    kind("D601", Breaking, "a request without it is refused, as a rule with 400"),
    kind("D602", Additive, NOTHING),
    kind("D603", Breaking, "it is still sent, and ignored or refused"),
    kind("D604", Breaking, "a request without it is refused, as a rule with 400"),
    kind("D605", Additive, NOTHING),
    kind("D606", Breaking, "a null is refused, as a rule with 400"),
    kind("D607", Additive, NOTHING),
    kind("D608", Breaking, REFUSED),
    kind("D609", Additive, NOTHING),
    kind("D610", Breaking, REFUSED),
    kind("D611", Additive, NOTHING),
    kind("D612", Breaking, "the value is refused, as a rule with 400"),
    kind("D613", Additive, NOTHING),
    kind("D614", Breaking, "a value that is not on the list is refused, as a rule with 400"),
    kind("D615", Additive, NOTHING),
    kind("D616", Breaking, "a value outside the new bounds is refused, as a rule with 400"),
    kind("D617", Additive, NOTHING),
    kind("D618", Breaking, "further properties are refused, as a rule with 400"),
    kind("D619", Additive, NOTHING),
    kind("D620", ClientRisk, "a request that leaves it out means something else than before"),
    kind("D621", Breaking, "a request of this variant is refused, as a rule with 400"),
    kind("D622", Additive, NOTHING),
    kind("D623", Breaking, "it is still sent, and ignored or refused"),
    kind("D624", Additive, NOTHING),
    kind("D625", Breaking, "the service may take the request for another variant"),
    // What answers hold.
    kind("D701", Breaking, "an answer without it does not decode"),
    kind("D702", ClientRisk, "it is missing from every answer: what reads it finds nothing"),
    kind("D703", Breaking, "an answer without it does not decode"),
    kind("D704", Breaking, "an answer with null does not decode"),
    kind("D705", Additive, "what is new is ignored"),
    kind("D706", Breaking, "the type refuses what it does not know, so that no answer with it decodes"),
    kind("D707", Additive, NOTHING),
    kind("D708", Additive, NOTHING),
    kind("D709", Breaking, NOT_DECODED),
    kind("D710", Additive, NOTHING),
    kind("D711", Breaking, NOT_DECODED),
    kind("D712", Additive, NOTHING),
    kind("D713", ClientRisk, "an answer with this value does not decode: the variant is unknown"),
    kind("D714", Additive, NOTHING),
    kind("D715", ClientRisk, "an answer with a value that is not on the old list does not decode"),
    kind("D716", Additive, NOTHING),
    kind("D717", ClientRisk, "a value outside the old bounds does not decode where the type checks them"),
    kind("D718", Additive, NOTHING),
    kind("D719", Additive, NOTHING),
    kind("D720", ClientRisk, "the type refuses what it does not know, so that an answer with more does not decode"),
    kind("D721", ClientRisk, "an answer that leaves it out is filled with the old default"),
    kind("D722", Breaking, "an answer of this variant does not decode"),
    kind("D723", Additive, NOTHING),
    kind("D724", Breaking, "it is missing from every answer"),
    kind("D725", Additive, "what is new is ignored"),
    kind("D726", Breaking, "the variant is not recognised"),
    // What generated code calls it.
    kind("D801", ClientRisk, NOTHING),
    kind("D802", Class::None, NOTHING),
    kind("D803", Class::None, NOTHING),
    kind("D804", ClientRisk, NOTHING),
    kind("D805", ClientRisk, NOTHING),
    kind("D806", Additive, NOTHING),
    // The comparison with another party's document.
    kind("D901", ClientRisk, "nothing: the entry only hides what may come"),
    kind("D902", ClientRisk, "nothing: the entry only hides what may come"),
];

/// The kind with this id. An id that is not in the catalogue is a fault of this crate, and counts as breaking.
pub(super) fn find(id: &'static str) -> Kind {
    KINDS.iter().copied().find(|kind| kind.id == id).unwrap_or(kind(id, Breaking, "not known"))
}

#[cfg(test)]
mod tests {
    use super::KINDS;

    #[test]
    fn ids_are_in_order_and_there_once() {
        assert!(KINDS.windows(2).all(|pair| matches!(pair, [a, b] if a.id < b.id)));
    }
}
