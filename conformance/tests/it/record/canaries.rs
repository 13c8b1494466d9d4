//! Planted values, in every place and encoding: none of them may be on the disk.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use opusclip_conformance::options::Options;
use opusclip_conformance::record::{Event, Policy, Recorder};
use opusclip_conformance::run::{conclude, execute};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::subject::{Call, Failure, FailureClass, Outcome, Subject};
use opusclip_conformance::suite::{Case, Suite};
use opusclip_conformance::waivers::Waivers;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use wiremock::{Request, ResponseTemplate};

use super::*;

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
