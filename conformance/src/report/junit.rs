//! The report as JUnit XML: a suite for each operation, in it a case for each fixture and group of checks.

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::group::{count, who};
use super::{Mode, Report, Status};
use crate::explain::explain;
use crate::finding::{Attribution, Finding};

pub(super) fn write(report: &Report) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory cannot fail, and an empty file would be noticed at once.
    match document(&mut writer, &suites(report)) {
        Ok(()) => String::from_utf8(writer.into_inner()).map(|text| text + "\n").unwrap_or_default(),
        Err(_) => String::new(),
    }
}

struct Suite<'a> {
    name: String,
    cases: Vec<Case<'a>>,
}

struct Case<'a> {
    class: String,
    name: String,
    file: Option<&'a str>,
    findings: Vec<&'a Finding>,
    skipped: Option<String>,
}

impl Case<'_> {
    fn is_error(&self) -> bool {
        self.findings.iter().any(|finding| finding.attribution == Attribution::Engine)
    }
}

fn suites(report: &Report) -> Vec<Suite<'_>> {
    let mut of_case: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    let mut others: Vec<&Finding> = Vec::new();
    let known = |id: &str| report.fixtures.iter().any(|fixture| fixture.id == id) || report.scenarios.iter().any(|one| one.id == id);
    for finding in &report.findings {
        match finding.fixture.as_deref() {
            Some(id) if of_case.contains_key(id) || known(id) => of_case.entry(id).or_default().push(finding),
            _ => others.push(finding),
        }
    }
    let mut suites: Vec<Suite<'_>> = Vec::new();
    for fixture in &report.fixtures {
        let mut parts = fixture.id.rsplitn(2, '/');
        let (name, class) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (of_client, of_file): (Vec<&Finding>, Vec<&Finding>) =
            of_case.remove(fixture.id.as_str()).unwrap_or_default().into_iter().partition(|finding| is_of_client(finding));
        let skipped = (fixture.status == Status::Waived).then(|| "all that is wrong here is waived".to_owned());
        let mut cases = vec![case(class, &format!("{name}: the fixture is in order"), &fixture.file, of_file, skipped.clone())];
        if report.mode == Mode::Run {
            cases.push(case(class, &format!("{name}: the client keeps to it"), &fixture.file, of_client, skipped));
        }
        match suites.last_mut().filter(|suite| suite.name == class) {
            Some(suite) => suite.cases.extend(cases),
            None => suites.push(Suite { name: class.to_owned(), cases }),
        }
    }
    let scenarios = report.scenarios.iter().map(|scenario| {
        let findings = of_case.remove(scenario.id.as_str()).unwrap_or_default();
        case("scenarios", &scenario.id, &scenario.file, findings, None)
    });
    suites.push(Suite { name: "scenarios".into(), cases: scenarios.collect() });
    suites.push(coverage(report, &mut others));
    for attribution in Attribution::ALL {
        suites.push(of_no_fixture(attribution, &others));
    }
    suites.retain(|suite| !suite.cases.is_empty());
    suites
}

fn case<'a>(class: &str, name: &str, file: &'a str, findings: Vec<&'a Finding>, skipped: Option<String>) -> Case<'a> {
    let skipped = skipped.filter(|_| findings.is_empty());
    Case { class: class.replace('/', "."), name: name.to_owned(), file: Some(file), findings, skipped }
}

/// The other findings are about the file, whoever reads it.
fn is_of_client(finding: &Finding) -> bool {
    matches!(finding.attribution, Attribution::Client | Attribution::Engine | Attribution::Drift)
}

/// One case for each dimension; one that is only a share is skipped where something is missing.
fn coverage<'a>(report: &'a Report, others: &mut Vec<&'a Finding>) -> Suite<'a> {
    let cases = report.coverage.iter().map(|dimension| {
        let (findings, rest) = others.iter().partition(|finding| finding.id == dimension.id);
        *others = rest;
        let share = format!("{} of {}", dimension.covered, dimension.total);
        let skipped = match dimension.missing.len() {
            0 => None,
            _ if dimension.gates => Some(format!("{share} are covered, the others are waived")),
            _ => Some(format!("{share} are covered; this is no gate")),
        };
        let name = format!("{} {}", dimension.id, dimension.title);
        let skipped = skipped.filter(|_| Vec::is_empty(&findings));
        Case { class: "coverage".into(), name, file: None, findings, skipped }
    });
    let cases = cases.collect();
    Suite { name: "coverage".into(), cases }
}

/// One case for each check that spoke of no fixture.
fn of_no_fixture<'a>(attribution: Attribution, others: &[&'a Finding]) -> Suite<'a> {
    let mut checks: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in others.iter().filter(|finding| finding.attribution == attribution) {
        checks.entry(finding.id).or_default().push(finding);
    }
    let name = who(attribution);
    let cases = checks.into_iter().map(|(id, findings)| Case {
        class: name.to_owned(),
        name: explain(id).map_or_else(|| id.to_owned(), |check| format!("{id} {}", check.title)),
        file: None,
        findings,
        skipped: None,
    });
    let name = if attribution == Attribution::Coverage { "waivers" } else { name };
    Suite { name: name.to_owned(), cases: cases.collect() }
}

type Out = Writer<Vec<u8>>;

fn document(writer: &mut Out, suites: &[Suite<'_>]) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let cases: Vec<&Case<'_>> = suites.iter().flat_map(|suite| &suite.cases).collect();
    let root = writer.create_element("testsuites").with_attribute(("name", "conformance"));
    let numbers = numbers(&cases);
    root.with_attributes(numbers.iter().map(|(key, value)| (*key, value.as_str())))
        .write_inner_content(|writer| suites.iter().try_for_each(|suite| write_suite(writer, suite)))?;
    Ok(())
}

fn numbers(cases: &[&Case<'_>]) -> [(&'static str, String); 4] {
    let number = |is: &dyn Fn(&Case<'_>) -> bool| cases.iter().filter(|case| is(case)).count().to_string();
    [
        ("tests", cases.len().to_string()),
        ("failures", number(&|case| !case.findings.is_empty() && !case.is_error())),
        ("errors", number(&|case| case.is_error())),
        ("skipped", number(&|case| case.skipped.is_some())),
    ]
}

fn write_suite(writer: &mut Out, suite: &Suite<'_>) -> io::Result<()> {
    let cases: Vec<&Case<'_>> = suite.cases.iter().collect();
    let numbers = numbers(&cases);
    let element = writer.create_element("testsuite").with_attribute(("name", line(&suite.name).as_str()));
    element
        .with_attributes(numbers.iter().map(|(key, value)| (*key, value.as_str())))
        .write_inner_content(|writer| cases.iter().try_for_each(|case| write_case(writer, case)))?;
    Ok(())
}

fn write_case(writer: &mut Out, case: &Case<'_>) -> io::Result<()> {
    let (class, name) = (line(&case.class), line(&case.name));
    let mut element =
        writer.create_element("testcase").with_attribute(("classname", class.as_str())).with_attribute(("name", name.as_str()));
    if let Some(file) = case.file {
        element = element.with_attribute(("file", line(file).as_str()));
    }
    if case.findings.is_empty() && case.skipped.is_none() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|writer| {
        if let Some(reason) = &case.skipped {
            writer.create_element("skipped").with_attribute(("message", reason.as_str())).write_empty()?;
        }
        let Some(first) = case.findings.first() else { return Ok(()) };
        let kind = if case.is_error() { "error" } else { "failure" };
        let mut ids: Vec<&str> = case.findings.iter().map(|finding| finding.id).collect();
        ids.dedup();
        // Many readers show the first failure of a case only, so all of them are in one.
        let message = match case.findings.len() {
            1 => format!("{}: {}", first.id, first.message),
            number => format!("{} ({}); the first: {}", count(number, "finding"), ids.join(" "), first.message),
        };
        let texts: Vec<String> = case.findings.iter().map(|finding| told(finding)).collect();
        let element = writer.create_element(kind).with_attribute(("message", line(&message).as_str()));
        element.with_attribute(("type", ids.join(" ").as_str())).write_text_content(BytesText::new(&clean(&texts.join("\n\n"))))?;
        Ok(())
    })?;
    Ok(())
}

fn told(finding: &Finding) -> String {
    let mut lines = vec![finding.to_string()];
    lines.extend(finding.spec_at.as_ref().map(|at| format!("  spec:  {at}")));
    lines.extend(explain(finding.id).map(|check| format!("  do:    {}", check.fix)));
    lines.extend(finding.reproduce.as_ref().map(|command| format!("  again: {command}")));
    lines.join("\n")
}

/// Text for an attribute: on one line.
fn line(text: &str) -> String {
    clean(text).replace(['\n', '\r', '\t'], " ")
}

/// XML 1.0 has no way to write most control characters.
fn clean(text: &str) -> String {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if is_allowed(c) { c } else { '\u{fffd}' }).collect()
}
