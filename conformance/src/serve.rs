//! Fixtures over HTTP for a client that nobody can plug in: the client makes its calls by itself, each request is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::compare::judge_request;
use crate::exchange::{Body, Request, Response};
use crate::finding::{Attribution, Finding};
use crate::json;
use crate::options::Options;
use crate::replay::{lock, neutral_request};
use crate::report::group::count;
use crate::server::{Handler, Reply, Server};
use crate::servers::{Servers, without_marker};
use crate::spec::Spec;
use crate::suite::{Case, Suite};

/// A server that answers what fixtures say, until it is told that the client is done.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use opusclip_conformance::{options::Options, serve::Session, spec::Spec, suite::Suite};
///
/// let (spec, suite) = (Spec::load("openapi.yaml".as_ref())?, Suite::load("tests/fixtures".as_ref())?);
/// let session = Session::start(spec, suite, Options::default(), 0).await?;
/// println!("give the client {}/f/<id of a fixture>", session.url());
/// session.done().await; // somebody posts to /__done
/// print!("{}", session.end(false).await.to_text());
/// # Ok(())
/// # }
/// ```
pub struct Session {
    desk: Arc<Desk>,
    url: String,
    server: Server,
}

/// What the session has seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServeReport {
    /// Version of this format; 1.
    pub serve: u32,
    /// The fixtures that were called, sorted.
    pub called: Vec<Called>,
    /// The selected fixtures that were not, sorted.
    pub not_called: Vec<String>,
    /// Requests that no fixture answers, sorted.
    pub refused: Vec<String>,
    /// What is wrong, sorted.
    pub findings: Vec<Finding>,
}

/// One fixture that was called.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Called {
    /// The fixture's id.
    pub fixture: String,
    /// How many requests came.
    pub requests: usize,
    /// How many findings there are against them.
    pub findings: usize,
}

struct Desk {
    spec: Spec,
    suite: Suite,
    options: Options,
    servers: Servers,
    url: String,
    /// In the order in which they came; the fixture that each belongs to, if any.
    seen: Mutex<Vec<(Option<usize>, Request)>>,
    done: Notify,
}

impl Session {
    /// Serves the selected fixtures on a port of the loopback interface; 0 takes any.
    ///
    /// # Errors
    ///
    /// The error of the system where the port cannot be had.
    pub async fn start(spec: Spec, suite: Suite, options: Options, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        let address = listener.local_addr()?;
        let (servers, url) = (Servers::new(&spec, address), format!("http://{address}"));
        let desk = Desk { spec, suite, options, servers, url: url.clone(), seen: Mutex::default(), done: Notify::new() };
        let desk = Arc::new(desk);
        let server = Server::start(listener, Arc::new(Front(Arc::clone(&desk))));
        Ok(Self { desk, url, server })
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The ids of the fixtures that are served, in order.
    pub fn fixtures(&self) -> impl Iterator<Item = &str> {
        self.desk.selected().map(|(_, case)| case.fixture.id.as_str())
    }

    /// Waits for `POST /__done`.
    pub async fn done(&self) {
        self.desk.done.notified().await;
    }

    /// What came of it; with `all`, a fixture that was not called is a finding.
    pub async fn end(self, all: bool) -> ServeReport {
        self.server.close().await;
        self.desk.report(all)
    }
}

impl ServeReport {
    /// 0: nothing is wrong, 1: there are findings, 3: nothing was called, so nothing is known.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let is_engine = |finding: &Finding| finding.attribution == Attribution::Engine;
        match self.findings.is_empty() {
            true => 0,
            false if self.findings.iter().any(is_engine) => 3,
            false => 1,
        }
    }

    /// The report for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let verdict = ["PASS", "FAIL", "FAIL", "ERROR"][usize::from(self.exit_code().min(3))];
        let requests: usize = self.called.iter().map(|called| called.requests).sum();
        let (called, rest) = (self.called.len(), self.not_called.len());
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{verdict}  {} called with {}, {rest} not called; {}",
            count(called, "fixture"),
            count(requests, "request"),
            count(self.findings.len(), "finding")
        );
        let _ = writeln!(text, "Only requests are judged here: what the client made of the answers, nobody knows.");
        for finding in &self.findings {
            let at = finding.at.as_ref().map(|at| format!("  ({at})")).unwrap_or_default();
            let _ = writeln!(text, "  {}{at}\n    {}", finding.item(), finding.message);
        }
        for (title, lines) in [
            ("Called", self.called.iter().map(|called| called.fixture.as_str()).collect::<Vec<_>>()),
            ("Not called", self.not_called.iter().map(String::as_str).collect()),
        ] {
            if !lines.is_empty() {
                let _ = writeln!(text, "\n{title}");
                lines.iter().for_each(|line| {
                    let _ = writeln!(text, "  {line}");
                });
            }
        }
        text
    }

    /// The report for programs, with a line break at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings as keys and no foreign `Serialize`: this cannot fail, and an empty report would be noticed at once.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }
}

impl Desk {
    fn selected(&self) -> impl Iterator<Item = (usize, &Case)> {
        self.suite.cases.iter().enumerate().filter(|(_, case)| self.options.selects(&case.fixture.id))
    }

    /// The fixture whose prefix the path has, and the path behind it.
    fn route<'a>(&self, path: &'a str) -> Option<(usize, &'a str)> {
        let rest = path.strip_prefix("/f/")?;
        let found = self.selected().filter_map(|(index, case)| {
            let path = rest.strip_prefix(case.fixture.id.as_str())?;
            (path.is_empty() || path.starts_with('/')).then_some((index, path))
        });
        // The id that is the beginning of another one is the shorter.
        found.min_by_key(|(_, path)| path.len())
    }

    fn base(&self, case: &Case) -> String {
        format!("{}/f/{}", self.url, case.fixture.id)
    }

    /// Everything that a client has to know to make the calls.
    fn list(&self) -> Value {
        let entries = self.selected().map(|(_, case)| {
            let base = self.base(case);
            let call = json::map_strings(&json!(case.fixture.call), &|text| self.servers.turned(text, &base));
            json!({ "fixture": case.fixture.id, "operation": case.fixture.operation, "base_url": base, "call": call })
        });
        json!({ "fixtures": entries.collect::<Vec<_>>(), "done": format!("{}/__done", self.url) })
    }

    /// Why a request is not answered as the fixture says, or nothing.
    fn refusal(&self, fixture: Option<usize>, request: &Request) -> Option<String> {
        let Some(case) = fixture.and_then(|index| self.suite.cases.get(index)) else {
            return Some(match request.path.strip_prefix("/f/") {
                Some(_) => "no fixture that is served has this id; GET / lists them".into(),
                None => "the base URL of every call is <this server>/f/<id of a fixture>; GET / lists them".into(),
            });
        };
        let id = &case.fixture.id;
        let Some(expected) = &case.fixture.request else {
            return Some(format!("{id} expects that the client refuses the call and sends nothing"));
        };
        let (method, path) = (&expected.method, &expected.path);
        (*method != request.method || *path != request.path)
            .then(|| format!("{id} expects {method} {path}, this is {} {}", request.method, request.path))
    }

    fn report(&self, all: bool) -> ServeReport {
        let seen = lock(&self.seen).clone();
        let mut by_fixture: BTreeMap<&str, (&Case, Vec<&Request>)> = BTreeMap::new();
        let mut findings: BTreeSet<Finding> = BTreeSet::new();
        let mut refused = Vec::new();
        for (fixture, request) in &seen {
            let line = format!("{} {}", request.method, request.path);
            match fixture.and_then(|index| self.suite.cases.get(index)) {
                Some(case) => by_fixture.entry(case.fixture.id.as_str()).or_insert((case, Vec::new())).1.push(request),
                None => {
                    let why = self.refusal(None, request).unwrap_or_default();
                    findings.insert(Finding::new("C402", format!("{line}: {why}")).with_pointer("/request"));
                    refused.push(line);
                }
            }
        }
        let mut called = Vec::new();
        for (id, (case, requests)) in &by_fixture {
            let base = self.base(case);
            let neutral = |text: &str| self.servers.neutral(text, &base);
            let mut own = BTreeSet::new();
            for request in requests {
                if case.fixture.request.is_none() {
                    own.extend(self.refusal(self.index(id), request).map(|why| case.finding("C402", "/request", why)));
                    refused.push(format!("{} {} ({id})", request.method, request.path));
                    continue;
                }
                own.extend(judge_request(&self.spec, case, &neutral_request((*request).clone(), &neutral)));
            }
            called.push(Called { fixture: (*id).to_owned(), requests: requests.len(), findings: own.len() });
            findings.extend(own);
        }
        let left = self.selected().filter(|(_, case)| !by_fixture.contains_key(case.fixture.id.as_str()));
        let left: Vec<&Case> = left.map(|(_, case)| case).filter(|case| case.fixture.request.is_some()).collect();
        if all {
            findings.extend(left.iter().map(|case| case.finding("C402", "/request", "expected 1 request(s), the client sent 0: none")));
        }
        if called.is_empty() && findings.is_empty() {
            findings.insert(Finding::new("E901", "no fixture was called"));
        }
        let mut not_called: Vec<String> = left.iter().map(|case| case.fixture.id.clone()).collect();
        not_called.sort();
        refused.sort();
        let findings = findings.into_iter().map(|mut finding| {
            finding.message = self.options.redact(&finding.message);
            finding
        });
        ServeReport { serve: 1, called, not_called, refused, findings: findings.collect() }
    }

    fn index(&self, id: &str) -> Option<usize> {
        self.suite.cases.iter().position(|case| case.fixture.id == id)
    }
}

struct Front(Arc<Desk>);

/// The number of a request that is about the session itself.
const OWN: usize = usize::MAX;
const DONE: usize = usize::MAX - 1;

impl Handler for Front {
    fn begin(&self, head: Request) -> (usize, bool) {
        match (head.method.as_str(), head.path.as_str()) {
            ("GET", "/") => return (OWN, false),
            ("POST", "/__done") => return (DONE, false),
            _ => {}
        }
        let found = self.0.route(&head.path);
        let fixture = found.map(|(index, _)| index);
        let path = found.map_or(head.path.as_str(), |(_, path)| without_marker(path));
        let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        let mut seen = lock(&self.0.seen);
        seen.push((fixture, Request { path, ..head }));
        (seen.len() - 1, true)
    }

    fn end(&self, number: usize, body: Body) -> Reply {
        if number == OWN {
            return Reply::Response(of_json(200, &self.0.list()));
        }
        if number == DONE {
            self.0.done.notify_one();
            return Reply::Response(of_json(200, &json!(self.0.report(false))));
        }
        let (fixture, request) = {
            let mut seen = lock(&self.0.seen);
            let Some((fixture, request)) = seen.get_mut(number) else { return Reply::Nothing };
            request.body = body;
            (*fixture, request.clone())
        };
        if let Some(why) = self.0.refusal(fixture, &request) {
            return Reply::Response(of_json(501, &json!({ "error": "no fixture answers this request", "why": why })));
        }
        let Some(case) = fixture.and_then(|index| self.0.suite.cases.get(index)) else { return Reply::Nothing };
        case.response().map_or(Reply::Nothing, Reply::Response)
    }
}

fn of_json(status: u16, value: &Value) -> Response {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Response { status, headers, body: Body(format!("{value:#}\n").into_bytes()) }
}
