//! Recording: nothing of anybody reaches the disk, what is recorded replays, and nothing is called that was not asked for.

mod canaries;
mod forms;
mod leaks;

use flate2::Compression;
use flate2::write::GzEncoder;
use opusclip_conformance::record::{Event, Keep, Policy, RecordOptions, Recorder};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
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
        ("https://vault.example/", 200),
        ("/v2", 403),
        ("https://{where}.example", 403),
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

/// A recorder that nobody holds any more takes no calls, and breaks off those that are under way.
#[tokio::test]
async fn a_recording_that_is_dropped_is_over() {
    let folder = Folder::new("dropped");
    let (url, was_asked, _answer) = slow().await;
    let recorder = Recorder::start(vault(), options(&url, &folder)).await.unwrap();
    let call = tokio::spawn(client().get(format!("{}/things/1", recorder.url())).bearer_auth(KEY).send());
    was_asked.await.unwrap();
    let address = recorder.url().trim_start_matches("http://").to_owned();
    drop(recorder);
    let call = tokio::time::timeout(Duration::from_secs(5), call).await;
    assert!(call.is_ok_and(|call| call.unwrap().is_err()), "the call is still under way");
    assert!(tokio::net::TcpStream::connect(&address).await.is_err(), "it still listens");
}
