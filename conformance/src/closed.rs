//! A fixture against the spec in a closed world: whatever the spec does not document has to be declared.

use std::collections::BTreeSet;

use crate::exchange::{Request, header};
use crate::finding::Finding;
use crate::fixture::{Violates, lower};
use crate::params::parameters;
use crate::spec::{Operation, Spec, Violation};
use crate::suite::Case;

/// What in a fixture departs from the spec without being declared, and what is declared and does not.
pub(crate) fn check(spec: &Spec, operation: &Operation, case: &Case) -> Vec<Finding> {
    let mut departures = of_request(spec, operation, case);
    departures.extend(of_response(spec, operation, case));
    judge(spec, case, departures.iter())
}

/// What of these departures is not declared, and what is declared beyond them.
pub(crate) fn judge<'a>(spec: &Spec, case: &Case, departures: impl Iterator<Item = &'a Violation> + Clone) -> Vec<Finding> {
    let declared = &case.fixture.expect.violates;
    let undeclared = departures.clone().filter(|departure| !is_declared(declared, departure));
    let mut findings: Vec<Finding> = undeclared
        .map(|departure| {
            let finding = case.finding(departure.check, &departure.at, &departure.message);
            finding.with_spec_location(spec.locate(&departure.spec_at))
        })
        .collect();
    for (index, entry) in declared.iter().enumerate() {
        let is_used = departures.clone().any(|departure| covers(entry, departure));
        // F212 is this crate's own check of the expectation; the spec has no word in it.
        if !is_used && entry.check != "F212" {
            let message = format!("{} has nothing to say at {}", entry.check, entry.at);
            findings.push(case.finding("F217", &format!("/expect/violates/{index}"), message));
        }
    }
    findings
}

fn covers(entry: &Violates, departure: &Violation) -> bool {
    entry.check == departure.check && entry.at == departure.at
}

/// Whether the fixture says that it departs from the spec in this way.
pub(crate) fn is_declared(declared: &[Violates], departure: &Violation) -> bool {
    declared.iter().any(|entry| covers(entry, departure))
}

/// Where the fixture's request departs from the spec, declared or not.
pub(crate) fn of_request(spec: &Spec, operation: &Operation, case: &Case) -> Vec<Violation> {
    let Some(request) = whole_request(spec, operation, case) else { return Vec::new() };
    let open = open_headers(spec, operation, case);
    let found = spec.check_request(operation, &request).into_iter();
    found.filter(|violation| !open.contains(&violation.at)).collect()
}

/// Where the fixture's response departs from the spec, declared or not.
pub(crate) fn of_response(spec: &Spec, operation: &Operation, case: &Case) -> Vec<Violation> {
    case.response().map(|response| spec.check_response(operation, &response)).unwrap_or_default()
}

/// The fixture's request with a stand-in for every header that may have any value.
pub(crate) fn whole_request(spec: &Spec, operation: &Operation, case: &Case) -> Option<Request> {
    let mut request = case.request()?;
    let stated = case.fixture.request.as_ref()?;
    if stated.json.is_some() && header(&request.headers, "content-type").is_none() {
        request.headers.push(("content-type".into(), "application/json".into()));
    }
    for name in stated.require_headers.iter().map(|name| name.to_ascii_lowercase()) {
        if header(&request.headers, &name).is_none() && name != "authorization" {
            request.headers.push((name, "any".into()));
        }
    }
    let needs_credentials = stated.require_headers.iter().any(|name| name.eq_ignore_ascii_case("authorization"));
    if needs_credentials && header(&request.headers, "authorization").is_none() {
        // Which scheme the document asks for shows in what it objects to.
        let candidates = ["Bearer any", "Basic YW55OmFueQ=="].map(|value| {
            let mut candidate = request.clone();
            candidate.headers.push(("authorization".into(), value.into()));
            candidate
        });
        let [first, second] = candidates;
        let is_refused = spec.check_request(operation, &first).iter().any(|violation| violation.check == "F207");
        request = if is_refused { second } else { first };
    }
    Some(request)
}

/// Places of documented headers whose value the fixture leaves open, so that nothing can be said of it.
fn open_headers(spec: &Spec, operation: &Operation, case: &Case) -> BTreeSet<String> {
    let Some(stated) = &case.fixture.request else { return BTreeSet::new() };
    let known = parameters(spec, operation);
    let fixed = lower(&stated.headers);
    let names = stated.require_headers.iter().map(|name| name.to_ascii_lowercase());
    let open = names.filter(|name| header(&fixed, name).is_none());
    let documented =
        open.filter(|name| known.iter().any(|parameter| parameter.place == "header" && parameter.name.eq_ignore_ascii_case(name)));
    documented.map(|name| format!("/request/headers/{name}")).collect()
}

/// What the client's own request departs in from the spec, beyond what the fixture declares.
pub(crate) fn undeclared_by(spec: &Spec, operation: &Operation, case: &Case, request: &Request) -> Vec<Violation> {
    let declared = &case.fixture.expect.violates;
    let found = spec.check_request(operation, request).into_iter();
    found.filter(|violation| !is_declared(declared, violation)).collect()
}
