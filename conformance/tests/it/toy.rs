//! A typed client for the toy API, small enough to read, with switches for everything that a client can do wrong.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use opusclip_conformance::spec::Spec;
use opusclip_conformance::subject::{Call, Failure, FailureClass, Outcome, Subject};
use opusclip_conformance::suite::Suite;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const KEY: &str = "sk-test-toy-key";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy")
}

/// The toy API, read once.
pub(crate) fn spec() -> &'static Spec {
    static SPEC: LazyLock<Spec> = LazyLock::new(|| {
        let text = std::fs::read_to_string(root().join("openapi.yaml")).unwrap();
        Spec::parse("openapi.yaml", &text).unwrap()
    });
    &SPEC
}

pub(crate) fn suite() -> Suite {
    Suite::load(&root().join("fixtures")).unwrap()
}

/// What the client does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Defect {
    #[default]
    None,
    DropsField,
    RenamesQuery,
    ChangesMethod,
    OmitsAuthorization,
    ClosesEnum,
    SwallowsEnvelope,
    AddsHeader,
    LeaksKey,
    SendsTwice,
    SendsWhatItShouldRefuse,
    LeavesBase,
    TellsWrongType,
    HidesStatus,
    InventsField,
    ChangesBody,
    Panics,
    Hangs,
    LacksOperation,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Toy(pub(crate) Defect);

#[derive(Serialize, Deserialize)]
struct Author {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Book<G> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    genre: Option<G>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Author>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClosedGenre {
    Poetry,
    Prose,
}

#[derive(Serialize, Deserialize)]
struct BookPage {
    data: Vec<Book<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Subject for Toy {
    async fn call(&self, call: Call<'_>) -> Outcome {
        match self.0 {
            Defect::LacksOperation if call.operation == "get_book" => return Outcome::Unsupported,
            Defect::Panics => panic!("index out of bounds of {}", call.base_url),
            Defect::Hangs => std::future::pending().await,
            _ => {}
        }
        match self.attempt(call).await {
            Ok(outcome) => outcome,
            Err(failure) => Outcome::Failed(*failure),
        }
    }
}

impl Toy {
    async fn attempt(&self, call: Call<'_>) -> Result<Outcome, Box<Failure>> {
        let base = if self.0 == Defect::LeavesBase { call.base_url.split("/f/").next().unwrap_or_default() } else { call.base_url };
        let text = |key: &str| call.input[key].as_str().unwrap_or_default().to_owned();
        match call.operation {
            "list_books" => {
                let genre = if self.0 == Defect::RenamesQuery { "kind" } else { "genre" };
                let mut query = String::new();
                for (name, value) in [(genre, &call.input["genre"]), ("page", &call.input["page"])] {
                    if !value.is_null() {
                        let value = value.to_string().replace('"', "");
                        query += &format!("{}{name}={value}", if query.is_empty() { '?' } else { '&' });
                    }
                }
                let method = if self.0 == Defect::ChangesMethod { "HEAD" } else { "GET" };
                let reply = self.send(method, &format!("{base}/books{query}"), None, true).await?;
                self.page(&reply)
            }
            "add_book" => {
                if call.input["body"]["title"] == "" && self.0 != Defect::SendsWhatItShouldRefuse {
                    return Err(failure(FailureClass::Rejected, None, "a book needs a title"));
                }
                let mut body = call.input["body"].clone();
                if self.0 == Defect::ChangesBody {
                    body["title"] = json!(body["title"].as_str().unwrap_or_default().to_uppercase());
                }
                let body = body.to_string().into_bytes();
                let reply = self.send("POST", &format!("{base}/books"), Some(("application/json", body)), true).await?;
                self.book(&reply)
            }
            "get_book" => {
                let id = text("bookId").replace(' ', "%20");
                let reply = self.send("GET", &format!("{base}/books/{id}"), None, true).await?;
                self.book(&reply)
            }
            "put_cover" => {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD.decode(text("body")).unwrap();
                self.send("PUT", &text("url"), Some(("application/octet-stream", bytes)), false).await?;
                Ok(Outcome::Decoded { type_name: "()".into(), value: Value::Null, details: Map::new() })
            }
            _ => Ok(Outcome::Unsupported),
        }
    }

    fn page(&self, reply: &Reply) -> Result<Outcome, Box<Failure>> {
        let page: BookPage = decode(reply)?;
        let value = if self.0 == Defect::SwallowsEnvelope { json!(page.data) } else { json!(page) };
        let type_name = if self.0 == Defect::TellsWrongType { "Vec<Book>" } else { "BookPage" };
        Ok(Outcome::Decoded { type_name: type_name.into(), value, details: Map::new() })
    }

    fn book(&self, reply: &Reply) -> Result<Outcome, Box<Failure>> {
        let mut value =
            if self.0 == Defect::ClosesEnum { json!(decode::<Book<ClosedGenre>>(reply)?) } else { json!(decode::<Book<String>>(reply)?) };
        match self.0 {
            Defect::DropsField => drop(value.as_object_mut().unwrap().remove("author")),
            Defect::InventsField => value["pages"] = json!(value["pages"].as_f64().unwrap_or(0.0)),
            _ => {}
        }
        Ok(Outcome::Decoded { type_name: "Book".into(), value, details: Map::new() })
    }

    async fn send(&self, method: &str, url: &str, body: Option<(&str, Vec<u8>)>, with_key: bool) -> Result<Reply, Box<Failure>> {
        if self.0 == Defect::SendsTwice {
            let _ = exchange(method, url, &self.headers(with_key), body.clone()).await;
        }
        let lost = |error: std::io::Error| failure(FailureClass::TransportError, None, &format!("{}", error.kind()));
        let reply = exchange(method, url, &self.headers(with_key), body).await.map_err(lost)?;
        if reply.status < 400 {
            return Ok(reply);
        }
        let told: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let status = (self.0 != Defect::HidesStatus).then_some(reply.status);
        let mut failure = failure(FailureClass::ApiError, status, &format!("{} from {url}", reply.status));
        failure.code = told["code"].as_str().map(str::to_owned);
        failure.message = told["message"].as_str().map(str::to_owned);
        if self.0 == Defect::LeaksKey {
            failure.debug = format!("Error {{ key: {KEY:?} }}");
        }
        Err(failure)
    }

    fn headers(&self, with_key: bool) -> Vec<(&'static str, String)> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if with_key && self.0 != Defect::OmitsAuthorization {
            headers.push(("authorization", format!("Bearer {KEY}")));
        }
        if self.0 == Defect::AddsHeader {
            headers.push(("x-debug", "1".to_owned()));
        }
        headers
    }
}

fn decode<T: DeserializeOwned>(reply: &Reply) -> Result<T, Box<Failure>> {
    serde_json::from_slice(&reply.body).map_err(|error| failure(FailureClass::DecodeError, Some(reply.status), &error.to_string()))
}

fn failure(class: FailureClass, status: Option<u16>, display: &str) -> Box<Failure> {
    Box::new(Failure { class, status, display: display.into(), debug: "Error".into(), ..Failure::default() })
}

/// One HTTP/1.1 exchange on a connection of its own.
async fn exchange(method: &str, url: &str, headers: &[(&str, String)], body: Option<(&str, Vec<u8>)>) -> std::io::Result<Reply> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut head = format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let (media_type, bytes) = body.unwrap_or_default();
    if !media_type.is_empty() {
        head += &format!("content-type: {media_type}\r\ncontent-length: {}\r\n", bytes.len());
    }
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(&bytes).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    let end = reply.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = String::from_utf8_lossy(&reply[..end]).split(' ').nth(1).and_then(|text| text.parse().ok());
    Ok(Reply { status: status.ok_or(std::io::ErrorKind::InvalidData)?, body: reply[end + 4..].to_vec() })
}
