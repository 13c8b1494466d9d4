//! What a service shows today of questions that its documents answer in more than one way.
//!
//! The questions are data: which operation to read, and which answers there are. Only GET is sent, to one host, no more often
//! than the budget allows; no value of an answer is told, only which of the known answers it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use reqwest::Url;
use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::drift::cell;
use crate::exchange::{Response, header};
use crate::json::{join, tokens};
use crate::record::{RecordError, below, http_client, is_elsewhere, judged, read, reason, service_url};
use crate::spec::{Member, Operation, Schemas, Spec, essence, percent_encode, read_yaml};

/// One question, as a file of them states it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The number under which the facts know it.
    pub fact: String,
    /// The question in words.
    pub question: String,
    /// The operationId to read; a GET.
    pub operation: String,
    /// Its parameters; `$name` stands for what the caller sets.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// JSON pointers to where the answers are counted from: the first at which a list stands, for an answer whose `at` begins with
    /// `/*`, and the first at which an object stands for any other. Without them it is the whole body.
    #[serde(default)]
    pub within: Vec<String>,
    /// The known answers.
    pub answers: Vec<Answer>,
}

/// One known answer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The answer in words.
    pub answer: String,
    /// JSON pointer into the body; `*` stands for any element or member. Empty for the whole body.
    #[serde(default)]
    pub at: String,
    /// What has to stand there, at one place at least.
    pub is: Is,
    /// Whether it is the one that the document and the client rest on.
    #[serde(default)]
    pub expected: bool,
}

/// What can stand somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Is {
    /// Nothing, in an object that is there.
    Absent,
    /// JSON null.
    Null,
    /// A truth value.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number with a fraction.
    Fraction,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

/// Reads a file of questions and checks them against the document.
///
/// # Errors
///
/// One line with the place, for what is no list of questions, an operation that the document lacks or that is no GET, a question
/// without answers or without a parameter of the path, and a place that is no JSON pointer.
pub fn load_questions(path: &Path, spec: &Spec) -> Result<Vec<Question>, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let (value, locator) = read_yaml(&name, &text).map_err(|error| error.to_string())?;
    let list = value.as_array().ok_or_else(|| format!("{name}: a list of questions is expected"))?;
    let mut questions = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let place = locator.locate(&format!("/{index}")).map_or_else(|| name.clone(), |at| at.to_string());
        let question: Question = serde_json::from_value(value.clone()).map_err(|error| format!("{place}: {error}"))?;
        let operation = spec.operation(&question.operation);
        let operation = operation.ok_or_else(|| format!("{place}: the document has no operation `{}`", question.operation))?;
        question.check(operation).map_err(|error| format!("{place}: {error}"))?;
        questions.push(question);
    }
    Ok(questions)
}

impl Question {
    /// Whether it can be asked, and answered.
    fn check(&self, operation: &Operation) -> Result<(), String> {
        if operation.method != "GET" {
            return Err(format!("`{}` is a {}; only GET is asked", operation.id, operation.method));
        }
        if self.answers.is_empty() {
            return Err("a question needs `answers`".to_owned());
        }
        let of_path = operation.match_path(&operation.path).unwrap_or_default();
        if let Some((name, _)) = of_path.iter().find(|(name, _)| !self.with.contains_key(name)) {
            return Err(format!("`{}` has `{name}` in its path; `with` has to give it", operation.id));
        }
        if let Some((name, _)) = self.with.iter().find(|(_, value)| value.is_empty()) {
            return Err(format!("`with: {name}` is empty"));
        }
        let is_pointer = |text: &str| text.is_empty() || text.starts_with('/');
        let places = self.answers.iter().map(|answer| ("at", &answer.at)).chain(self.within.iter().map(|place| ("within", place)));
        if let Some((key, place)) = { places }.find(|(_, place)| !is_pointer(place)) {
            return Err(format!("`{key}: {place}` is no JSON pointer; it begins with `/`, or is empty for the whole body"));
        }
        if !self.within.is_empty() && self.answers.iter().any(|answer| answer.at.is_empty()) {
            return Err("with `within` each answer needs `at`".to_owned());
        }
        Ok(())
    }

    /// Where an answer is counted from.
    fn root<'a>(&self, answer: &Answer, body: &'a Value) -> Option<&'a Value> {
        if self.within.is_empty() {
            return Some(body);
        }
        let fits: fn(&Value) -> bool = if tokens(&answer.at).next().as_deref() == Some("*") { Value::is_array } else { Value::is_object };
        self.within.iter().filter_map(|place| body.pointer(place)).find(|value| fits(value))
    }
}

/// How a service is asked.
#[derive(Clone)]
pub struct Settings {
    /// The service, as `https://api.example`.
    pub to: String,
    /// The API key; it goes there alone.
    pub key: String,
    /// What `$name` stands for.
    pub set: BTreeMap<String, String>,
    /// How many calls may be made.
    pub budget: usize,
}

impl Settings {
    /// Whether a service can be asked so; [`compare`] looks by itself.
    ///
    /// # Errors
    ///
    /// One line for an address that is none of a service, and a key that no header can carry.
    pub fn check(&self) -> Result<(), RecordError> {
        service_url(&self.to)?;
        if HeaderValue::from_str(&self.key).is_err() {
            let message = "the API key holds a line break or another character that no header can carry; correct it where it is kept";
            return Err(RecordError(message.to_owned()));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("to", &self.to).field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// What the service shows of one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// The number under which the facts know it.
    pub fact: String,
    /// The question in words.
    pub question: String,
    /// The operationId that was read.
    pub operation: String,
    /// The answers that were seen.
    pub shown: Vec<String>,
    /// Whether one of them is not the expected one.
    pub is_other: bool,
    /// Why there is no answer, where there is none.
    pub unseen: Option<String>,
}

/// What a service shows today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Live {
    /// Version of this format; 1.
    pub live: u32,
    /// One row for each question, in the order of the file.
    pub rows: Vec<Row>,
    /// Where answers depart from the document: operation, check and place, sorted. `*` stands for an element of a list, and for a
    /// name that may be data.
    pub departures: Vec<String>,
    /// How many calls were made.
    pub calls: usize,
}

type Asked = (String, BTreeMap<String, String>);

/// Asks the service. One call answers all questions with the same operation and parameters; `pace` is awaited between calls.
///
/// # Errors
///
/// What [`Settings::check`] refuses, or a client that cannot be set up. That the service does not answer, or with an error, is told
/// in the rows.
pub async fn compare(spec: &Spec, questions: &[Question], settings: &Settings, pace: impl AsyncFn()) -> Result<Live, RecordError> {
    settings.check()?;
    let upstream = service_url(&settings.to)?;
    let http = http_client(&upstream)?;
    let mut answers: BTreeMap<Asked, Result<Response, String>> = BTreeMap::new();
    let (mut rows, mut departures, mut calls) = (Vec::new(), Vec::new(), 0);
    for question in questions {
        let answer = match (spec.operation(&question.operation), parameters(question, &settings.set)) {
            (None, _) => Err("the document has no such operation".to_owned()),
            (_, Err(missing)) => Err(missing),
            (Some(operation), _) if is_elsewhere(spec, operation, &upstream) => {
                Err("not asked: the document says that another server answers this".to_owned())
            }
            (Some(operation), Ok(with)) => {
                let asked = (question.operation.clone(), with);
                if !answers.contains_key(&asked) {
                    if calls == settings.budget {
                        rows.push(row(question, Err(&format!("the budget of {calls} call(s) is spent"))));
                        continue;
                    }
                    if calls > 0 {
                        pace().await;
                    }
                    calls += 1;
                    let answer = ask(spec, operation, &http, &upstream, &asked.1, &settings.key).await;
                    if let Ok(response) = &answer {
                        let found = spec.check_response(operation, response).into_iter();
                        let told = |at: &str| without_data(spec, operation, response, at);
                        departures.extend(found.map(|departure| format!("{} {} {}", operation.id, departure.check, told(&departure.at))));
                    }
                    answers.insert(asked.clone(), answer);
                }
                answers.get(&asked).cloned().unwrap_or_else(|| Err("not asked".to_owned()))
            }
        };
        rows.push(row(question, answer.as_ref().map_err(String::as_str)));
    }
    departures.sort();
    departures.dedup();
    Ok(Live { live: 1, rows, departures, calls })
}

fn parameters(question: &Question, set: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    let filled = question.with.iter().map(|(name, text)| match text.strip_prefix('$') {
        None => Ok((name.clone(), text.clone())),
        Some(variable) => {
            let value = set
                .get(variable)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("not asked: set `{variable}` to one of your account"));
            value.map(|value| (name.clone(), value.clone()))
        }
    });
    filled.collect()
}

async fn ask(
    spec: &Spec,
    operation: &Operation,
    http: &reqwest::Client,
    upstream: &Url,
    with: &BTreeMap<String, String>,
    key: &str,
) -> Result<Response, String> {
    let mut path = operation.path.clone();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in with {
        let hole = format!("{{{name}}}");
        if path.contains(&hole) {
            path = path.replace(&hole, &percent_encode(value));
        } else {
            query.append_pair(name, value);
        }
    }
    let query = Some(query.finish()).filter(|query| !query.is_empty());
    let url = below(upstream, &path, query.as_deref()).ok_or("a parameter leads out of the service's path")?;
    let mut request = http.get(url).header("accept", "*/*").header("accept-encoding", "identity");
    for name in spec.credential_headers(operation) {
        request = if name == "authorization" { request.bearer_auth(key) } else { request.header(name, key) };
    }
    let answer = request.send().await.map_err(|error| format!("no answer: {}", reason(&error)))?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = read(answer).await?;
    if !(200..300).contains(&status) {
        return Err(format!("the service answers {status}"));
    }
    judged(status, &headers, &bytes).map_err(str::to_owned)
}

fn row(question: &Question, answer: Result<&Response, &str>) -> Row {
    let mut row = Row {
        fact: question.fact.clone(),
        question: question.question.clone(),
        operation: question.operation.clone(),
        shown: Vec::new(),
        is_other: false,
        unseen: None,
    };
    match answer.map(|response| response.body.to_json()) {
        Err(why) => row.unseen = Some(why.to_owned()),
        Ok(Err(_)) => row.unseen = Some("the body is no JSON".to_owned()),
        Ok(Ok(body)) => {
            let seen = question.answers.iter().filter(|answer| question.root(answer, &body).is_some_and(|root| answer.stands_in(root)));
            for answer in seen {
                row.shown.push(answer.answer.clone());
                row.is_other |= !answer.expected;
            }
            if row.shown.is_empty() {
                row.unseen = Some("none of the known answers: nothing of it is in this account, or it is a new one".to_owned());
            }
        }
    }
    row
}

impl Answer {
    fn stands_in(&self, root: &Value) -> bool {
        let Some((above, _)) = self.at.rsplit_once('/') else { return self.is.holds(root) };
        if self.is != Is::Absent {
            return all(root, &self.at).into_iter().any(|value| self.is.holds(value));
        }
        let name = tokens(&self.at).last().unwrap_or_default();
        // Only an object can lack a name.
        all(root, above).into_iter().any(|parent| parent.as_object().is_some_and(|map| name != "*" && !map.contains_key(&name)))
    }
}

impl Is {
    /// Whether a value is of this kind; `1000.0` is a whole number.
    fn holds(self, value: &Value) -> bool {
        let is_whole = || value.as_f64().map(|number| number.fract() == 0.0);
        match self {
            Self::Absent => false,
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => is_whole() == Some(true),
            Self::Fraction => is_whole() == Some(false),
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// A place in an answer, with `*` for what may be data of the account: the names in a map, and undocumented ones that do not
/// look like the name of a field.
fn without_data(spec: &Spec, operation: &Operation, response: &Response, at: &str) -> String {
    let Some(inner) = at.strip_prefix("/response/json") else { return at.to_owned() };
    let body = response.body.to_json().unwrap_or_default();
    let mut told = String::from("/response/json");
    let kind = essence(header(&response.headers, "content-type").unwrap_or_default());
    let (mut value, mut schemas) = (Some(&body), spec.response_schemas(operation, response.status, &kind));
    for token in tokens(inner) {
        let (shown, below) = match value {
            Some(Value::Array(_)) => (Cow::Borrowed("*"), spec.items(&schemas)),
            _ => match spec.member_of(&schemas, &token) {
                Member::Known(below) => (Cow::Owned(token.clone()), below),
                Member::Unknown if schemas.is_known() && is_field_name(&token) => (Cow::Owned(token.clone()), Schemas::default()),
                Member::Entry(below) => (Cow::Borrowed("*"), below),
                Member::Unknown => (Cow::Borrowed("*"), Schemas::default()),
            },
        };
        told = join(&told, &shown);
        value = value.and_then(|value| match value {
            Value::Array(list) => token.parse::<usize>().ok().and_then(|index| list.get(index)),
            value => value.get(&token),
        });
        schemas = below;
    }
    told
}

/// Ids and addresses have digits or other characters in them.
fn is_field_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-')
}

/// Every value that a pointer with `*` leads to.
fn all<'a>(body: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let mut found = vec![body];
    for token in tokens(pointer) {
        found = found
            .into_iter()
            .flat_map(|value| match (value, token.as_str()) {
                (Value::Array(list), "*") => list.iter().collect(),
                (Value::Object(map), "*") => map.values().collect(),
                (Value::Array(list), index) => index.parse::<usize>().ok().and_then(|index| list.get(index)).into_iter().collect(),
                (Value::Object(map), name) => map.get(name).into_iter().collect(),
                _ => Vec::new(),
            })
            .collect();
    }
    found
}

impl Live {
    /// Whether something else was seen than what the document and the client rest on.
    #[must_use]
    pub fn is_other(&self) -> bool {
        !self.departures.is_empty() || self.rows.iter().any(|row| row.is_other)
    }

    /// Whether it answered none of the questions, so that nothing is known of it.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.rows.iter().all(|row| row.unseen.is_some())
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", serde_json::to_value(self).unwrap_or_default())
    }

    /// As a table for a person.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let mark = if row.is_other {
                "OTHER"
            } else if row.unseen.is_some() {
                "unseen"
            } else {
                "as expected"
            };
            // Writing into a String cannot fail.
            let question = one_line(&row.question);
            let _ = writeln!(out, "{:5} {mark:12} {question} ({})\n{:18} {}", row.fact, row.operation, "", one_line(&row.told()));
        }
        self.end(&mut out, str::to_owned);
        out
    }

    /// As Markdown, for a note on the facts.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut out = String::from("| fact | question | operation | shown today | expected |\n| --- | --- | --- | --- | --- |\n");
        for row in &self.rows {
            let expected = match (&row.unseen, row.is_other) {
                (Some(_), _) => "unseen",
                (None, true) => "**no**",
                (None, false) => "yes",
            };
            let operation = format!("`{}`", row.operation);
            let [fact, question, operation, told] = [&row.fact, &row.question, &operation, &row.told()].map(|text| cell(text));
            let _ = writeln!(out, "| {fact} | {question} | {operation} | {told} | {expected} |");
        }
        // The stars of a place would be taken for emphasis.
        self.end(&mut out, |departure| format!("- `{departure}`"));
        out
    }

    fn end(&self, out: &mut String, told: fn(&str) -> String) {
        if !self.departures.is_empty() {
            let _ = writeln!(out, "\nNot as documented:\n");
            for departure in &self.departures {
                let _ = writeln!(out, "{}", told(departure));
            }
        }
        let other = self.rows.iter().filter(|row| row.is_other).count();
        let unseen = self.rows.iter().filter(|row| row.unseen.is_some()).count();
        let (questions, calls) = (self.rows.len(), self.calls);
        let _ = writeln!(out, "\n{questions} question(s), {calls} call(s): {other} answered otherwise than expected, {unseen} unseen");
    }
}

/// The text without what would end a line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Row {
    fn told(&self) -> String {
        self.unseen.clone().unwrap_or_else(|| self.shown.join("; "))
    }
}
