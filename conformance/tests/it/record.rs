//! Recording: nothing of anybody reaches the disk, what is recorded replays, and nothing is called that was not asked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::GzEncoder;
use opusclip_conformance::options::Options;
use opusclip_conformance::record::{Event, Keep, Policy, RecordOptions, Recorder};
use opusclip_conformance::run::{conclude, execute};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::subject::{Call, Failure, FailureClass, Outcome, Subject};
use opusclip_conformance::suite::{Case, Suite};
use opusclip_conformance::waivers::Waivers;
use serde_json::{Map, Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const KEY: &str = "sk-test-kanari-key-0123456789";

/// An API in which a value can stand everywhere.
const VAULT: &str = "
openapi: 3.0.3
info: {title: Vault, version: 1.0.0}
servers: [{url: 'https://vault.example'}]
security: [{key: []}]
paths:
  /things/{thingId}:
    parameters:
      - {name: thingId, in: path, required: true, schema: {type: string}}
      - {name: q, in: query, schema: {type: string}}
      - {name: sort, in: query, schema: {type: string, enum: [up, down]}}
      - {name: x-tenant, in: header, schema: {type: string}}
    get:
      operationId: get_thing
      tags: [vault]
      responses:
        '200':
          description: A thing.
          headers:
            x-request-id: {schema: {type: string}}
          content:
            application/json: {schema: {$ref: '#/components/schemas/Thing'}}
        '401': {description: The key is wrong.}
        '404':
          description: None.
          content:
            text/plain: {schema: {type: string}}
    post:
      operationId: change_thing
      tags: [vault]
      x-billed: true
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Thing'}}
      responses:
        '200':
          description: A thing.
          content:
            application/json: {schema: {$ref: '#/components/schemas/Thing'}}
        '401': {description: The key is wrong.}
components:
  securitySchemes: {key: {type: http, scheme: bearer}}
  schemas:
    Thing:
      type: object
      properties:
        id: {type: string}
        state: {type: string, enum: [open, closed]}
        isNew: {type: boolean}
        count: {type: integer}
        number: {type: integer}
        link: {type: string, format: uri}
        mail: {type: string}
        tags: {type: array, items: {type: string}}
        labels: {type: object, additionalProperties: {type: string}}
        anything: {type: object, additionalProperties: true}
        owner:
          type: object
          properties:
            name: {type: string}
            mail: {type: string, nullable: true}
";

fn vault() -> Arc<Spec> {
    Arc::new(Spec::parse("vault.yaml", VAULT).unwrap())
}

/// A folder of its own for one test, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("opusclip-conformance-record-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Every file below, with its path.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(at: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn options(upstream: &str, folder: &Folder) -> RecordOptions {
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    RecordOptions::new(upstream, "a fake vault", &folder.0, Arc::new(clock))
}

/// What the service answers, whatever is asked; the requests that it got.
async fn service(answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

type Encoding = (&'static str, fn(&str) -> String);

/// The ways in which a secret is written down somewhere.
const ENCODINGS: [Encoding; 12] = [
    ("plain", str::to_owned),
    ("upper case", str::to_uppercase),
    ("percent", percent),
    ("percent twice", |text| percent(&percent(text))),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 of a pair", |text| URL_SAFE_NO_PAD.encode(format!("user:{text}"))),
    ("hex", hex),
    ("upper hex", |text| hex(text).to_uppercase()),
    ("gzip and base64", |text| STANDARD.encode(gzip(text))),
    ("json escapes", |text| text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()),
    ("html escapes", |text| text.chars().map(|c| format!("&#{};", u32::from(c))).collect()),
    ("backwards", |text| text.chars().rev().collect()),
];

/// Makes secrets, and remembers them.
#[derive(Default)]
struct Canaries(Vec<String>);

impl Canaries {
    fn next(&mut self) -> String {
        let number = self.0.len();
        let canary = format!("kn{}q{number:04}zv{}", number * 7919 % 9973, number * 104_729 % 99_991);
        self.0.push(canary.clone());
        canary
    }

    /// A number that is one.
    fn number(&mut self) -> u64 {
        let number = 7_362_810_000 + self.0.len() as u64;
        self.0.push(number.to_string());
        number
    }
}

/// A thing with a secret in every leaf and in every key that is data, and the known parts that may stay.
fn thing(canaries: &mut Canaries, encode: fn(&str) -> String, is_drifting: bool) -> Value {
    let mut next = || encode(&canaries.next());
    let mut value = json!({
        "id": next(),
        "state": "open",
        "isNew": true,
        "count": 3,
        "link": format!("https://cdn.vault.example/{}?X-Goog-Signature={}&user={}", next(), next(), next()),
        "mail": format!("{}@{}.example", next(), next()),
        "tags": [next(), next(), format!("a text with {} in it", next())],
        "labels": { next(): next(), next(): next() },
        "anything": { next(): { next(): [next(), 12, null] }, "list": [{ next(): next() }] },
        "owner": { "name": next(), "mail": null },
    });
    if is_drifting {
        value["owner"][next()] = json!(next());
        value[next()] = json!({ next(): next() });
    }
    value["number"] = json!(canaries.number());
    value
}

/// What is on the disk of these secrets, and in which form.
fn left(files: &[(PathBuf, Vec<u8>)], canaries: &[String]) -> Vec<String> {
    let every = canaries.iter().flat_map(|canary| ENCODINGS.iter().map(move |(name, encode)| (canary, name, encode(canary))));
    let every: Vec<(&String, &&str, String)> = every.collect();
    let search = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::NoncontiguousNFA))
        .build(every.iter().map(|(_, _, text)| text))
        .unwrap();
    let mut found = Vec::new();
    for (path, bytes) in files {
        let text = [path.display().to_string().as_bytes(), b"\n", bytes].concat();
        let hits = search.find_overlapping_iter(&text).map(|hit| &every[hit.pattern().as_usize()]);
        found.extend(hits.map(|(canary, encoding, _)| format!("{canary} as {encoding} in {}", path.display())));
    }
    found
}

/// A client of the vault without types: it builds each call from its table, and gives bodies back as they are.
struct Caller(reqwest::Client);

impl Subject for Caller {
    async fn call(&self, call: Call<'_>) -> Outcome {
        let text = |name: &str| call.input.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let mut url = reqwest::Url::parse(call.base_url).unwrap();
        url.path_segments_mut().unwrap().extend(["things", &text("thingId").unwrap_or_default()]);
        for name in ["q", "sort"] {
            if let Some(value) = text(name) {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        let mut request = match call.operation {
            "get_thing" => self.0.get(url),
            _ => self.0.post(url).header("content-type", "application/json").body(call.input["body"].to_string()),
        };
        request = request.bearer_auth(KEY).header("accept", "*/*");
        if let Some(tenant) = text("x-tenant") {
            request = request.header("x-tenant", tenant);
        }
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        let body = reply.bytes().await.unwrap();
        if status >= 300 {
            return Outcome::Failed(Failure { class: FailureClass::ApiError, status: Some(status), ..Failure::default() });
        }
        Outcome::Decoded { type_name: "Thing".into(), value: serde_json::from_slice(&body).unwrap(), details: Map::new() }
    }
}

async fn findings_of_a_replay(spec: &Spec, folder: &Folder) -> Vec<String> {
    let all = Suite::load(&folder.0).unwrap();
    let has_odd_query = |case: &&Case| case.fixture.expect.violates.iter().any(|entry| entry.check == "F205");
    let undocumented: BTreeSet<String> = all.cases.iter().filter(has_odd_query).map(|case| case.fixture.id.clone()).collect();

    let mut suite = Suite::load(&folder.0).unwrap();
    // A client that keeps to the document cannot send a parameter that is not in it.
    suite.retain(|_, id| !undocumented.contains(id));
    assert!(suite.cases.len() >= 18);
    let options = Options { filter: Some("vault".into()), secrets: vec![KEY.into()], ..Options::default() };
    let (results, beyond) = execute(spec, &suite, &Caller(client()), &options).await;
    let report = conclude(spec, &suite, &Waivers::none(), &options, &results, beyond);
    report.findings.iter().map(ToString::to_string).collect()
}

/// Every header, query, path segment, body leaf and key, in twelve encodings.
#[tokio::test]
async fn no_canary_reaches_the_disk_and_what_was_recorded_replays() {
    let (spec, folder) = (vault(), Folder::new("canaries"));
    let canaries = Arc::new(Mutex::new(Canaries::default()));
    let current: Arc<Mutex<(usize, bool)>> = Arc::default();
    let server = service({
        let (canaries, current) = (Arc::clone(&canaries), Arc::clone(&current));
        move |request: &Request| {
            let (index, is_drifting) = *current.lock().unwrap();
            let encode = ENCODINGS[index].1;
            let mut canaries = canaries.lock().unwrap();
            let mut next = || encode(&canaries.next());
            let mut answer = ResponseTemplate::new(200)
                .insert_header("x-request-id", next().as_str())
                .insert_header("set-cookie", format!("session={}", next()).as_str())
                .insert_header(format!("x-{}", hex(&next()).to_lowercase()).as_str(), "1")
                .insert_header("etag", next().as_str())
                .insert_header("location", format!("https://vault.example/{}", next()).as_str());
            if request.url.query().is_some_and(|query| query.contains("sort=down")) {
                let text = format!("no such thing: {}", next());
                return ResponseTemplate::new(404).insert_header("x-trace", next().as_str()).set_body_raw(text, "text/plain");
            }
            let body = thing(&mut canaries, encode, is_drifting).to_string();
            if index % 3 == 0 {
                answer = answer.insert_header("content-encoding", "gzip");
                return answer.set_body_raw(gzip(&body), "application/json");
            }
            answer.set_body_raw(body, "application/json")
        }
    })
    .await;
    let mut options = options(&server.uri(), &folder);
    options.policy = Policy { allow_billed: true, allow_writes: true, budget: 1_000 };
    let recorder = Recorder::start(Arc::clone(&spec), options).await.unwrap();
    let http = client();
    for (index, (_, encode)) in ENCODINGS.iter().enumerate() {
        let is_drifting = index % 2 == 1;
        *current.lock().unwrap() = (index, is_drifting);
        let (sent, url) = {
            let mut canaries = canaries.lock().unwrap();
            let mut url = reqwest::Url::parse(&recorder.url()).unwrap();
            url.path_segments_mut().unwrap().extend(["things", &encode(&canaries.next())]);
            url.query_pairs_mut().append_pair("q", &encode(&canaries.next()));
            if is_drifting {
                url.query_pairs_mut().append_pair(&encode(&canaries.next()), &encode(&canaries.next()));
            }
            (thing(&mut canaries, *encode, is_drifting), url)
        };
        let headers = |request: reqwest::RequestBuilder| {
            let mut canaries = canaries.lock().unwrap();
            let tenant = encode(&canaries.next());
            let agent = encode(&canaries.next());
            let cookie = format!("a={}", encode(&canaries.next()));
            let request = request.bearer_auth(KEY).header("accept", "*/*").header("x-tenant", tenant);
            request.header("user-agent", agent).header("cookie", cookie).header("x-forwarded-for", encode(&canaries.next()))
        };
        headers(http.get(url.clone())).send().await.unwrap();
        let mut down = url.clone();
        down.query_pairs_mut().append_pair("sort", "down");
        headers(http.get(down)).send().await.unwrap();
        let body = http.post(url.clone()).header("content-type", "application/json").body(sent.to_string());
        headers(body).send().await.unwrap();
    }
    let written = recorder.stop();
    let canaries = std::mem::take(&mut canaries.lock().unwrap().0);
    assert!(canaries.len() >= 1_000, "{} canaries", canaries.len());
    assert_eq!(written.iter().filter(|event| matches!(event, Event::Written { .. })).count(), 36, "{written:#?}");
    let files = folder.files();
    assert_eq!(files.len(), 36);
    let found = left(&files, &[canaries.as_slice(), &[KEY.to_owned()]].concat());
    assert!(found.is_empty(), "{} of {} are on the disk:\n{}", found.len(), canaries.len(), found.join("\n"));
    let told: String = written.iter().map(|event| format!("{event} {event:?}")).collect();
    assert!(canaries.iter().all(|canary| !told.contains(canary.as_str())), "an event tells a secret");
    let findings = findings_of_a_replay(&spec, &folder).await;
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[tokio::test]
async fn what_costs_or_changes_something_has_to_be_asked_for() {
    let (spec, folder) = (vault(), Folder::new("policy"));
    let server = service(|_| ResponseTemplate::new(200).set_body_raw("{}", "application/json")).await;
    let http = client();
    let post = async |recorder: &Recorder| {
        let request = http.post(format!("{}/things/1", recorder.url())).header("content-type", "application/json").body("{}");
        let reply = request.send().await.unwrap();
        let (status, text) = (reply.status().as_u16(), reply.text().await.unwrap());
        (status, serde_json::from_str::<Value>(&text).unwrap()["detail"].as_str().map(str::to_owned))
    };
    for (policy, said) in [
        (Policy::default(), "change_thing is billed; --allow-billed"),
        (Policy { allow_billed: true, budget: 9, ..Policy::default() }, "change_thing can change something; --allow-writes"),
        (Policy { allow_billed: true, allow_writes: true, budget: 0 }, "the budget of 0 call(s) is spent"),
    ] {
        let mut options = options(&server.uri(), &folder);
        options.policy = policy;
        let recorder = Recorder::start(Arc::clone(&spec), options).await.unwrap();
        let (status, detail) = post(&recorder).await;
        assert!(status == 403 && detail.as_deref().is_some_and(|detail| detail.contains(said)), "{status} {detail:?}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
    let mut options = options(&server.uri(), &folder);
    options.policy = Policy { allow_billed: true, allow_writes: true, budget: 1 };
    let recorder = Recorder::start(Arc::clone(&spec), options).await.unwrap();
    assert_eq!((post(&recorder).await.0, post(&recorder).await.0), (200, 403));
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "the budget is one call");
}

#[tokio::test]
async fn the_same_value_has_the_same_placeholder_and_the_same_exchange_one_file() {
    let (spec, folder) = (vault(), Folder::new("stable"));
    let body = r#"{"id": "T-8412", "owner": {"name": "Ada Lovelace"}, "state": "open", "number": 7}"#;
    let server = service(move |_| ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
    let mut options = options(&server.uri(), &folder);
    options.keep = Keep::parse("keep.yaml", "- {operation: get_thing, at: /response/json/owner/name, why: a name of 1815}").unwrap();
    let recorder = Recorder::start(Arc::clone(&spec), options).await.unwrap();
    for _ in 0..2 {
        let url = format!("{}/things/T-8412?q=T-8412&sort=up", recorder.url());
        let reply = client().get(url).bearer_auth(KEY).header("accept", "*/*").send().await.unwrap();
        assert_eq!(reply.text().await.unwrap(), body, "the client gets what the service says");
    }
    let events = recorder.stop();
    assert!(matches!(events.as_slice(), [Event::Written { drift, .. }, Event::Known(_)] if drift.is_empty()), "{events:?}");
    let suite = Suite::load(&folder.0).unwrap();
    let case = &suite.cases[0];
    assert_eq!(case.fixture.id, "vault/get_thing/recorded-200");
    assert_eq!(case.fixture.provenance.source, "a fake vault");
    assert_eq!(case.fixture.provenance.at.as_deref(), Some("2026-01-01T00:00:00Z"));
    let request = case.fixture.request.as_ref().unwrap();
    assert_eq!(
        (request.path.as_str(), &request.query),
        ("/things/redacted-1", &vec![("q".into(), "redacted-1".into()), ("sort".into(), "up".into())])
    );
    let kept = json!({ "id": "redacted-1", "owner": { "name": "Ada Lovelace" }, "state": "open", "number": 7 });
    assert_eq!(case.fixture.response.as_ref().unwrap().json, Some(kept));
    assert_eq!(case.source["provenance"]["kept"], json!([{ "at": "/response/json/owner/name", "why": "a name of 1815" }]));
}

#[tokio::test]
async fn the_key_goes_to_the_service_alone_and_no_path_leads_out_of_it() {
    let (spec, folder) = (vault(), Folder::new("where"));
    let server = service(|_| ResponseTemplate::new(302).insert_header("location", "https://elsewhere.example/")).await;
    let recorder = Recorder::start(Arc::clone(&spec), options(&format!("{}/v1", server.uri()), &folder)).await.unwrap();
    let get = async |path: &str| client().get(format!("{}{path}", recorder.url())).bearer_auth(KEY).send().await.unwrap().status().as_u16();
    assert_eq!(get("/things/1").await, 302, "a redirect is told, not followed");
    assert_eq!(get("/things/%2e%2e").await, 403);
    assert_eq!(get("/elsewhere").await, 403);
    let got = server.received_requests().await.unwrap();
    let paths: Vec<&str> = got.iter().map(|request| request.url.path()).collect();
    assert_eq!(paths, ["/v1/things/1"]);
    assert_eq!(got[0].headers.get("authorization").unwrap().to_str().unwrap(), format!("Bearer {KEY}"));
    for (upstream, said) in [
        ("http://api.example", "anybody can read"),
        ("http://127.evil.example", "anybody can read"),
        ("http://127.0.0.1.evil.example", "anybody can read"),
        ("http://localhost.evil.example", "anybody can read"),
        ("http://[2001:db8::1]", "anybody can read"),
        ("https://user:pass@api.example", "credentials"),
        ("ftp://api.example", "none of http or https"),
        ("nonsense", "cannot be read"),
    ] {
        let error = Recorder::start(Arc::clone(&spec), options(upstream, &folder)).await.unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("pass"), "{error}");
    }
    for local in ["http://localhost:9", "http://127.0.0.1:9", "http://127.8.9.10", "http://[::1]:9/v1", "https://api.example"] {
        assert!(Recorder::start(Arc::clone(&spec), options(local, &folder)).await.is_ok(), "{local}");
    }
    let mut everywhere = options(&server.uri(), &folder);
    everywhere.listen = ([0, 0, 0, 0], 0).into();
    assert!(Recorder::start(spec, everywhere).await.unwrap_err().to_string().contains("loopback"));
}

#[tokio::test]
async fn what_another_server_answers_is_not_passed_on() {
    let server = service(|_| ResponseTemplate::new(200).set_body_raw("{}", "application/json")).await;
    let same = server.uri();
    for (own, expected) in [
        (same.as_str(), 200),
        ("/v2", 200),
        ("https://elsewhere.example", 403),
        ("http://127.0.0.1:1", 403),
        (&same.replace("http:", "https:"), 403),
    ] {
        let text = VAULT.replace("  /things/{thingId}:\n", &format!("  /things/{{thingId}}:\n    servers: [{{url: '{own}'}}]\n"));
        let spec = Arc::new(Spec::parse("vault.yaml", &text).unwrap());
        let folder = Folder::new(&format!("servers-{expected}"));
        let recorder = Recorder::start(spec, options(&same, &folder)).await.unwrap();
        let reply = client().get(format!("{}/things/1", recorder.url())).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), expected, "{own}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

/// Not after a call that cannot be taken back.
#[tokio::test]
async fn what_would_go_wrong_later_is_said_before_anything_is_called() {
    let folder = Folder::new("early");
    std::fs::write(folder.0.join("file"), "mine").unwrap();
    let mut below_a_file = options("https://api.example", &folder);
    below_a_file.out = folder.0.join("file/fixtures");
    let error = Recorder::start(vault(), below_a_file).await.unwrap_err().to_string();
    assert!(error.contains("file/fixtures: fixtures cannot be written there: "), "{error}");

    let mut kept = options("https://api.example", &folder);
    kept.keep = Keep::parse("keep.yaml", "- {operation: get_thingy, at: /response/json/id, why: w}").unwrap();
    let error = Recorder::start(vault(), kept).await.unwrap_err().to_string();
    assert_eq!(error, "a reviewed place is of `get_thingy`, and the document has no such operation");

    let mut elsewhere = options("https://api.example", &folder);
    elsewhere.out = folder.0.join("new/fixtures");
    let recorder = Recorder::start(vault(), elsewhere).await.unwrap();
    assert!(recorder.stop().is_empty());
    assert_eq!(folder.files().len(), 1, "nothing is left of the attempt to write");
}

#[test]
fn reviewed_places_are_read_with_care() {
    let good = "- {operation: get_thing, at: /response/json/id, why: public}";
    assert!(Keep::parse("keep.yaml", good).is_ok());
    for (from, to, said) in [
        ("why: public", "why: ' '", "keep.yaml:1:3: `why` is empty"),
        ("/response/json/id", "/json/id", "keep.yaml:1:3: `at` begins with /request/ or /response/"),
        ("/response/json/id", "/response/json/**", "keep.yaml:1:3: `**` would let whole parts stand; name each place"),
        ("- {", "{", "keep.yaml: a list of entries {operation, at, why} is expected"),
        ("why", "because", "keep.yaml:1:3: unknown field `because`"),
    ] {
        let error = Keep::parse("keep.yaml", &good.replace(from, to)).unwrap_err();
        assert!(error.starts_with(said), "{error}");
    }
    assert!(Keep::load("nowhere.yaml".as_ref()).unwrap_err().starts_with("nowhere.yaml: "));
}

/// A service that answers one request when it is told to.
async fn slow() -> (String, tokio::sync::oneshot::Receiver<()>, tokio::sync::oneshot::Sender<()>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, was_asked) = tokio::sync::oneshot::channel();
    let (answer, may_answer) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await.unwrap();
        asked.send(()).unwrap();
        if may_answer.await.is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}").await;
        }
    });
    (url, was_asked, answer)
}

#[tokio::test]
async fn an_ending_waits_for_what_is_under_way() {
    let folder = Folder::new("settle");
    let (url, was_asked, answer) = slow().await;
    let mut recorder = Recorder::start(vault(), options(&url, &folder)).await.unwrap();
    let base = recorder.url();
    let call = tokio::spawn(client().get(format!("{base}/things/1")).bearer_auth(KEY).send());
    was_asked.await.unwrap();
    assert_eq!(recorder.under_way(), ["get_thing"]);
    let ending = async {
        answer.send(()).unwrap();
        call.await.unwrap().unwrap().text().await.unwrap()
    };
    let ((), text) = tokio::join!(recorder.settle(), ending);
    assert_eq!(text, "{}", "the client gets its answer");
    assert!(recorder.under_way().is_empty());
    assert!(client().get(format!("{base}/things/1")).send().await.is_err(), "no more calls are taken");
    assert!(matches!(recorder.stop().as_slice(), [Event::Written { .. }]));
}

#[tokio::test]
async fn what_is_broken_off_is_told() {
    let folder = Folder::new("broken-off");
    let (url, was_asked, _answer) = slow().await;
    let mut recorder = Recorder::start(vault(), options(&url, &folder)).await.unwrap();
    let call = tokio::spawn(client().get(format!("{}/things/1", recorder.url())).bearer_auth(KEY).send());
    was_asked.await.unwrap();
    let is_settled = tokio::select! {
        biased;
        () = recorder.settle() => true,
        () = tokio::task::yield_now() => false,
    };
    assert!(!is_settled);
    let told: Vec<String> = recorder.stop().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["get_thing was not recorded: the call was broken off, and the service may have taken it"]);
    assert!(call.await.unwrap().is_err());

    let (url, was_asked, _answer) = slow().await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut options = options(&url, &folder);
    options.listener = Some(Arc::new(move |event: &Event| tell.send(event.to_string()).unwrap()));
    let recorder = Recorder::start(vault(), options).await.unwrap();
    let call = tokio::spawn(client().get(format!("{}/things/1", recorder.url())).send());
    was_asked.await.unwrap();
    call.abort();
    let said = told.recv().await.unwrap();
    assert_eq!(said, "get_thing was not recorded: the call was broken off, and the service may have taken it");
    assert!(recorder.under_way().is_empty());
}

const LISTS: &str = "
openapi: 3.0.3
info: {title: Lists, version: 1.0.0}
servers: [{url: 'https://lists.example'}]
paths:
  /lists:
    get:
      operationId: get_lists
      parameters:
        - {name: many, in: query, schema: {type: array, items: {type: string}}}
        - {name: joined, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: page, in: query, schema: {type: integer}}
        - {name: isNew, in: query, schema: {type: boolean}}
        - {name: userId, in: query, schema: {type: integer}}
        - {name: mode, in: query, required: true, schema: {type: string, enum: [all]}}
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object, properties: {genre: {type: string, enum: [prose]}}}}
        - {name: X-Tenant, in: header, schema: {type: string}}
      responses:
        '200':
          description: A list.
          headers: {x-left: {schema: {type: integer}}, x-token: {schema: {type: string}}}
          content:
            application/json: {schema: {$ref: '#/components/schemas/Lists'}}
            text/plain: {schema: {type: string}}
            application/x-www-form-urlencoded: {schema: {type: object, properties: {a: {type: string}}}}
            application/octet-stream: {schema: {type: string, format: binary}}
components:
  schemas:
    Lists:
      type: object
      properties:
        uuid: {type: string, format: uuid}
        uri: {type: string, format: uri}
        mail: {type: string, format: email}
        day: {type: string, format: date}
        at: {type: string, format: date-time}
        code: {type: string, pattern: '^[A-Z]{2}$'}
        long: {type: string, minLength: 40}
        short: {type: string, maxLength: 3}
        plain: {type: string}
        count: {type: integer, maximum: 2000}
        ratio: {type: number}
        id: {type: integer}
        ownerId: {type: integer}
        paid: {type: integer}
        kind: {type: string, enum: [open]}
        fixed: {type: string, default: usual}
        anything: {type: object, additionalProperties: true}
";

/// The fixture of one call to a service with this answer, and what departs from the document.
async fn recorded(name: &str, path: &str, headers: &[(&str, &str)], answer: ResponseTemplate) -> (Value, Vec<String>) {
    let (spec, folder) = (Arc::new(Spec::parse("lists.yaml", LISTS).unwrap()), Folder::new(name));
    let server = service(move |_| answer.clone()).await;
    let recorder = Recorder::start(spec, options(&server.uri(), &folder)).await.unwrap();
    let mut request = client().get(format!("{}{path}", recorder.url())).header("accept", "*/*");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap();
    let events = recorder.stop();
    let [Event::Written { drift, .. }] = events.as_slice() else { panic!("{path}: {events:?}") };
    (Suite::load(&folder.0).unwrap().cases[0].source.clone(), drift.clone())
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw("{}", "application/json")
}

#[tokio::test]
async fn a_call_has_its_parameters_as_values_of_their_type() {
    for (query, call, sent, drift) in [
        ("mode=all", json!(null), json!([["mode", "all"]]), &[][..]),
        ("mode=all&many=aaaa", json!({"many": ["redacted-1"]}), json!([["mode", "all"], ["many", "redacted-1"]]), &[]),
        (
            "mode=all&many=aaaa&many=bbbb&many=aaaa",
            json!({"many": ["redacted-1", "redacted-2", "redacted-1"]}),
            json!([["mode", "all"], ["many", "redacted-1"], ["many", "redacted-2"], ["many", "redacted-1"]]),
            &[],
        ),
        ("mode=all&joined=7,8", json!({"joined": [0, 1]}), json!([["mode", "all"], ["joined", "0,1"]]), &[]),
        ("mode=all&page=3&isNew=true", json!({"page": 3, "isNew": true}), json!([["mode", "all"], ["page", "3"], ["isNew", "true"]]), &[]),
        // Short as it is, somebody's number is not told.
        ("mode=all&userId=7", json!({"userId": 9000001}), json!([["mode", "all"], ["userId", "9000001"]]), &[]),
        ("mode=all&filter[genre]=prose", json!(null), json!([["mode", "all"], ["filter[genre]", "prose"]]), &[]),
        (
            "mode=all&odd=some-text",
            json!(null),
            json!([["mode", "all"], ["redacted-1", "redacted-2"]]),
            &["/request/query/redacted-1: an undocumented parameter", "F205 /request/query/redacted-1"],
        ),
    ] {
        let (source, told) = recorded("call", &format!("/lists?{query}"), &[], ok()).await;
        assert_eq!((&source["call"], &source["request"]["query"]), (&call, &sent), "{query}");
        assert_eq!(told, drift, "{query}");
    }
    let (source, _) = recorded("headers", "/lists?mode=all", &[("x-tenant", "team-8412"), ("x-other", "other-9")], ok()).await;
    assert_eq!(source["call"], json!({"X-Tenant": "redacted-1"}));
    assert_eq!(source["request"]["headers"], json!({"accept": "*/*", "x-tenant": "redacted-1"}));
}

#[tokio::test]
async fn a_placeholder_keeps_to_what_the_document_asks_for() {
    let body = json!({
        "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "uri": "https://cdn.corp.example/a?sig=1",
        "mail": "jo@corp.example",
        "day": "2026-11-20",
        "at": "2026-11-20T10:02:11Z",
        "code": "DE",
        "long": "a text of somebody with more than forty characters",
        "short": "abc",
        "plain": "Some plain text",
        "count": 1999,
        "ratio": 0.25,
        "id": 7,
        "ownerId": 8,
        "paid": 9,
        "kind": "open",
        "fixed": "usual",
        "anything": {"key of somebody": 12, "list": [true, null, "text of it"]},
    });
    let (source, drift) =
        recorded("form", "/lists?mode=all", &[], ResponseTemplate::new(200).set_body_raw(body.to_string(), "application/json")).await;
    assert_eq!(drift, Vec::<String>::new());
    insta::assert_snapshot!(format!("{:#}", source["response"]["json"]));
}

#[tokio::test]
async fn bodies_and_headers_keep_their_form_and_tell_nothing() {
    let with = |body: &str, kind: &str| ResponseTemplate::new(200).set_body_raw(body.as_bytes().to_vec(), kind);
    let cases = [
        ("text", with("a text of somebody", "text/plain; charset=utf-8")),
        ("form", with("a=secret+value&b%2Fc=other", "application/x-www-form-urlencoded")),
        ("bytes", ResponseTemplate::new(200).set_body_raw(vec![0xff, 0, 0xfe, 1, 2, 3], "application/octet-stream")),
        ("nothing", ResponseTemplate::new(200)),
        ("broken", with("{no json of somebody", "application/json")),
        ("unknown type", with("<a>text of somebody</a>", "application/x-corp-8412")),
        ("number in a header", ok().insert_header("x-left", "17")),
        ("id in a header", ok().insert_header("x-left", "17000000")),
        ("text in a header", ok().insert_header("x-token", "tok-8412-9913")),
        ("retry-after", ok().insert_header("retry-after", "7")),
        ("charset", with("a text of somebody", "text/plain; charset=corp-8412")),
    ];
    let mut told = String::new();
    for (name, answer) in cases {
        let (source, drift) = recorded("bodies", "/lists?mode=all", &[], answer).await;
        told += &format!("== {name}\n{:#}\n{drift:#?}\n", source["response"]);
        assert!(
            ["somebody", "secret", "other", "8412", "9913", "17000000"].iter().all(|secret| !source.to_string().contains(secret)),
            "{source}"
        );
    }
    insta::assert_snapshot!(told);
}
