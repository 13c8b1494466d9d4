//! Whether a run would notice a fault.
//!
//! No client runs. It would make of the mutant either what its snapshot says, and then the comparison of that with the mutant
//! decides (C401, C403, C405, C407), or something else, and then the snapshot differs (C404). So a mutant is killed where that
//! comparison speaks, whatever the client is like.

use std::collections::BTreeSet;

use serde_json::Value;

use super::baseline::Baseline;
use super::edit::{Fault, Side};
use super::{Operator, Reason, Settings, Verdict};
use crate::closed;
use crate::compare::{mismatches, outcomes};
use crate::exchange::{Request, Response};
use crate::finding::Finding;
use crate::json;
use crate::lint::{lint_request, lint_response};
use crate::spec::{Operation, Spec, Violation};
use crate::subject::Outcome;
use crate::suite::Case;
use crate::view;

/// Everything about a fixture that its mutants share.
pub(super) struct Judge<'a> {
    spec: &'a Spec,
    operation: &'a Operation,
    original: &'a Case,
    baseline: Option<Baseline>,
    of_request: Vec<Violation>,
    of_response: Vec<Violation>,
    settings: &'a Settings,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        spec: &'a Spec,
        operation: &'a Operation,
        original: &'a Case,
        snapshot: Option<&Value>,
        settings: &'a Settings,
    ) -> Self {
        Self {
            spec,
            operation,
            original,
            baseline: snapshot.and_then(|snapshot| Baseline::read(original, snapshot)),
            of_request: closed::of_request(spec, operation, original),
            of_response: closed::of_response(spec, operation, original),
            settings,
        }
    }

    /// What the checks say of the fixture as it is; its mutants can be judged only where this is empty.
    pub(super) fn unmutated(&self) -> Vec<Finding> {
        let mut findings = crate::lint::lint_case(self.spec, self.original);
        findings.extend(self.against_request(self.original));
        findings.extend(self.against_outcome(self.original));
        let kept = self.baseline.as_ref().and_then(|baseline| baseline.response.as_ref());
        if let Some(kept) = kept {
            let shown = view::of_response(self.original);
            findings.extend(view::compare(self.original, kept, &shown).into_iter().map(|mut finding| {
                finding.pointer = format!("/response{}", finding.pointer);
                finding
            }));
        }
        findings
    }

    pub(super) fn verdict(&self, fault: &Fault, mutant: &Case) -> Verdict {
        let linted = match fault.side {
            Side::Request => lint_request(self.spec, self.operation, mutant, &self.of_response),
            Side::Response => lint_response(self.spec, self.operation, mutant, &self.of_request),
        };
        if let Some(check) = self.heard(&linted) {
            return Verdict::Killed(check);
        }
        let compared = match fault.side {
            Side::Request => self.against_request(mutant),
            Side::Response => self.against_outcome(mutant),
        };
        if let Some(check) = self.heard(&compared) {
            return Verdict::Killed(check);
        }
        self.is_header_unlisted(fault, mutant)
            .or_else(|| self.is_answer_changed(fault, mutant))
            .or_else(|| self.equivalence(fault, mutant).map(Verdict::Equivalent))
            .unwrap_or_else(|| Verdict::Survived(self.expected(fault)))
    }

    fn heard(&self, findings: &[Finding]) -> Option<&'static str> {
        findings.iter().map(|finding| finding.id).find(|id| !self.settings.without.contains(*id))
    }

    fn snapshot_speaks(&self) -> Option<Verdict> {
        (!self.settings.without.contains("C404")).then_some(Verdict::Killed("C404"))
    }

    /// What the client sent against what the fixture wants.
    fn against_request(&self, case: &Case) -> Vec<Finding> {
        let sent = self.baseline.as_ref().and_then(|baseline| baseline.request.as_ref());
        match (&case.fixture.request, sent) {
            (Some(expected), Some(sent)) => {
                let differing = mismatches(expected, sent).into_iter();
                differing.map(|(at, message)| case.finding("C401", &at, message)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn against_outcome(&self, case: &Case) -> Vec<Finding> {
        self.baseline.as_ref().map(|baseline| outcomes(self.spec, case, &baseline.outcome)).unwrap_or_default()
    }

    /// A snapshot lists the headers that the fixture names, so that one that is no longer named is missing in it.
    fn is_header_unlisted(&self, fault: &Fault, mutant: &Case) -> Option<Verdict> {
        let sent = self.baseline.as_ref()?.request.as_ref()?;
        let named = mutant.fixture.request.as_ref()?.named_headers();
        let always = |name: &str| name == "authorization" || name == "content-type" && !sent.body.is_empty();
        let is_missing = sent.headers.iter().any(|(name, _)| !named.contains(name) && !always(name));
        (fault.side == Side::Request && is_missing).then(|| self.snapshot_speaks()).flatten()
    }

    /// A snapshot holds what was answered, so that another answer differs from it.
    fn is_answer_changed(&self, fault: &Fault, mutant: &Case) -> Option<Verdict> {
        let kept = self.baseline.as_ref()?.response.as_ref()?;
        let is_changed = fault.side == Side::Response && *kept != view::of_response(mutant);
        is_changed.then(|| self.snapshot_speaks()).flatten()
    }

    fn equivalence(&self, fault: &Fault, mutant: &Case) -> Option<Reason> {
        if self.is_same(fault, mutant) {
            return Some(Reason::Same);
        }
        let at = fault.at.strip_prefix("/response/json")?;
        let lossy = &mutant.fixture.expect.lossy;
        if lossy.iter().any(|entry| json::is_within(at, &entry.at)) {
            return Some(Reason::Lossy);
        }
        let is_decoded = matches!(self.baseline.as_ref()?.outcome, Outcome::Decoded { .. });
        (is_decoded && self.is_optional_null(at)).then_some(Reason::OptionalNull)
    }

    /// Whether the two say the same over the wire.
    fn is_same(&self, fault: &Fault, mutant: &Case) -> bool {
        match fault.side {
            Side::Request => {
                // A JSON body without content-type is application/json to a fixture, and a snapshot always shows that header.
                let named = |case: &Case| {
                    let names = case.fixture.request.as_ref().map(|request| request.named_headers()).unwrap_or_default();
                    names.into_iter().filter(|name| name != "content-type").collect::<BTreeSet<String>>()
                };
                let request = |case: &Case| closed::whole_request(self.spec, self.operation, case).map(plain_request);
                request(self.original) == request(mutant) && named(self.original) == named(mutant)
            }
            Side::Response => self.original.response().map(plain_response) == mutant.response().map(plain_response),
        }
    }

    /// Whether the harness takes null and absent for the same there: the spec lets the key be left out and be null.
    fn is_optional_null(&self, at: &str) -> bool {
        let Some(response) = self.original.response() else { return false };
        let body = self.original.fixture.response.as_ref().and_then(|response| response.json.as_ref());
        let is_null = body.and_then(|body| body.pointer(at)).is_some_and(Value::is_null);
        is_null && self.spec.may_be_absent(self.operation, &response, at)
    }

    /// The check whose business the fault is.
    fn expected(&self, fault: &Fault) -> &'static str {
        match (fault.side, fault.operator) {
            (_, _) if self.baseline.is_none() => "C404",
            (Side::Request, _) => "C401",
            (Side::Response, Operator::Header) => "F306",
            (Side::Response, Operator::Status) => "F301",
            (Side::Response, _) => "C405",
        }
    }
}

fn plain_request(mut request: Request) -> Request {
    // Pairs of one name keep their order: of a list it is part of the value.
    request.query.sort_by(|a, b| a.0.cmp(&b.0));
    request.headers.sort();
    request
}

fn plain_response(mut response: Response) -> Response {
    response.headers.sort();
    response
}
