//! Corrupted fixtures.

use super::{Explanation, entry};

pub(super) const CHECKS: &[Explanation] = &[
    entry(
        "M801",
        "a corrupted fixture is noticed",
        "A fixture with this one fault passes every check of a run: the lint, and the comparison with what its snapshot says that \
         the client sent and returned.",
        "The fixture has no snapshot, the spec is loose here, or the client throws away what nobody declared lossy.",
        "Look at the mutant with `conformance mutate --show ID`. Close the schema, take a snapshot, or let the client tell of the value.",
        "M801 books/get_book/minimal#drop@/response/json/title",
    ),
    entry(
        "M802",
        "a mutant is equivalent",
        "The mutant says the same as the fixture, or differs only where no check is meant to see: it is counted apart and listed with \
         the rule that proves it, and is no finding.",
        "Names of headers have no case, query pairs no order, and a place that the fixture declares lossy is not compared.",
        "Nothing, if the rule is what you want.",
        "header-case at /request/headers/accept",
    ),
];
