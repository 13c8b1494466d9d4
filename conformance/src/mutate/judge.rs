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
use crate::compare::{outcomes, requests};
use crate::exchange::{Request, Response};
use crate::finding::Finding;
use crate::json;
use crate::lint::{lint_request, lint_response};
use crate::spec::{Operation, Spec, Violation};
use crate::subject::Outcome;
use crate::suite::Case;

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
            .or_else(|| self.is_text_gone(fault, mutant))
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
            (Some(expected), Some(sent)) => requests(case, expected, sent),
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
        let always = |name: &str| matches!(name, "content-type" | "authorization");
        let is_missing = sent.headers.iter().any(|(name, _)| !named.contains(name) && !always(name));
        (fault.side == Side::Request && is_missing).then(|| self.snapshot_speaks()).flatten()
    }

    /// A text that the outcome tells and that stands nowhere any more in what the client is given: it cannot tell it again.
    fn is_text_gone(&self, fault: &Fault, mutant: &Case) -> Option<Verdict> {
        if fault.side == Side::Request {
            return None;
        }
        let baseline = self.baseline.as_ref()?;
        let (before, after) = (self.original.response()?, mutant.response()?);
        if shows_beginning(&baseline.told, &before, &after) {
            return self.snapshot_speaks();
        }
        let given = given(self.original);
        let left = texts(&after);
        let is_left = |text: &str| left.iter().any(|(_, other)| other.contains(text)) || given.iter().any(|other| other.contains(text));
        let lost = lost(&before, &after);
        let is_gone = lost.iter().any(|(_, text)| is_told(&baseline.told, text) && !is_left(text));
        is_gone.then(|| self.snapshot_speaks()).flatten()
    }

    fn equivalence(&self, fault: &Fault, mutant: &Case) -> Option<Reason> {
        if self.is_same(fault, mutant) {
            return Some(Reason::Same);
        }
        let response = mutant.response().filter(|_| fault.side == Side::Response)?;
        let baseline = self.baseline.as_ref()?;
        if let Some(at) = fault.at.strip_prefix("/response/json") {
            let lossy = &mutant.fixture.expect.lossy;
            if lossy.iter().any(|entry| json::is_within(at, &entry.at)) {
                return Some(Reason::Lossy);
            }
            if matches!(baseline.outcome, Outcome::Decoded { .. }) && self.is_optional_null(at) {
                return Some(Reason::OptionalNull);
            }
        }
        let before = self.original.response()?;
        let lost = lost(&before, &response);
        let is_open = fault.operator != Operator::Status && lost.iter().all(|(_, text)| !is_told(&baseline.told, text));
        let is_failure = matches!(baseline.outcome, Outcome::Failed(_)) && fault.at.starts_with("/response/json/");
        (is_open && is_failure).then_some(Reason::Untold)
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

/// Every scalar of a response as text, with its place.
fn texts(response: &Response) -> BTreeSet<(String, String)> {
    let mut found: BTreeSet<(String, String)> =
        response.headers.iter().map(|(name, value)| (format!("/headers/{name}"), value.clone())).collect();
    match response.body.to_json() {
        Ok(body) => found.extend(json::leaves(&body, "/json").into_iter().filter_map(|(at, leaf)| match leaf {
            Value::String(text) => Some((at, text.clone())),
            Value::Number(number) => Some((at, number.to_string())),
            _ => None,
        })),
        Err(_) => {
            found.insert(("/text".to_owned(), response.body.to_text().into_owned()));
        }
    }
    found.retain(|(_, text)| !text.is_empty());
    found
}

/// What a response said and a mutant no longer says at that place.
fn lost(before: &Response, after: &Response) -> Vec<(String, String)> {
    texts(before).difference(&texts(after)).cloned().collect()
}

/// What the client knows without the answer.
fn given(case: &Case) -> Vec<String> {
    let mut found = Vec::new();
    for value in case.fixture.call.values() {
        found.extend(json::leaves(value, "").into_iter().map(|(_, leaf)| leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)));
    }
    found.push(case.fixture.operation.clone());
    found
}

/// Shorter texts stand in longer ones by chance.
const TELLING: usize = 4;

fn is_told(told: &[String], text: &str) -> bool {
    told.iter().any(|leaf| leaf == text || (text.len() >= TELLING && leaf.contains(text)))
}

/// Whether the outcome shows the body from its beginning to where the two part, as messages do that quote a body.
fn shows_beginning(told: &[String], before: &Response, after: &Response) -> bool {
    let (before, after) = (before.body.to_text(), after.body.to_text());
    let shared: usize = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let Some(next) = before.get(shared..).and_then(|rest| rest.chars().next()) else { return false };
    before.get(..shared + next.len_utf8()).is_some_and(|shown| shared >= TELLING && told.iter().any(|leaf| leaf.contains(shown)))
}
