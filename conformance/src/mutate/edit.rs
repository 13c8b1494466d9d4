//! One fault, as data: where it is put and what it changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Operator;
use crate::fixture::Fixture;
use crate::json;

/// One of the two messages of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// What happens to one place of a fixture.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// The JSON body at a pointer becomes another value.
    Set(String, Value),
    /// The key or element at a pointer goes; the empty pointer takes the whole body away.
    Remove(String),
    /// The key at a pointer gets another name.
    Rename(String, String),
    /// The object at a pointer gets one more key.
    Insert(String, String, Value),
    Text(String),
    Base64(String),
    Status(u16),
    Method(String),
    Path(String),
    Query(Vec<(String, String)>),
    Headers(BTreeMap<String, String>),
    Required(Vec<String>),
}

/// A fixture's single fault.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) operator: Operator,
    /// Tells faults of one operator at one place apart.
    pub(super) variant: String,
    /// Pointer into the fixture.
    pub(super) at: String,
    pub(super) side: Side,
    pub(super) edit: Edit,
}

impl Fault {
    /// Puts the fault into a fixture that has the message.
    pub(super) fn apply(&self, fixture: &mut Fixture) {
        match self.side {
            Side::Request => {
                let Some(request) = &mut fixture.request else { return };
                match &self.edit {
                    Edit::Method(method) => request.method.clone_from(method),
                    Edit::Path(path) => request.path.clone_from(path),
                    Edit::Query(query) => request.query.clone_from(query),
                    Edit::Headers(headers) => request.headers.clone_from(headers),
                    Edit::Required(names) => request.require_headers.clone_from(names),
                    Edit::Status(_) => {}
                    body => apply_to_body(body, &mut request.json, &mut request.text, &mut request.base64),
                }
            }
            Side::Response => {
                let Some(response) = &mut fixture.response else { return };
                match &self.edit {
                    Edit::Status(status) => {
                        response.status = Some(*status);
                        response.fault = None;
                    }
                    Edit::Headers(headers) => response.headers.clone_from(headers),
                    Edit::Method(_) | Edit::Path(_) | Edit::Query(_) | Edit::Required(_) => {}
                    body => apply_to_body(body, &mut response.json, &mut response.text, &mut response.base64),
                }
            }
        }
    }
}

fn apply_to_body(edit: &Edit, json: &mut Option<Value>, text: &mut Option<String>, base64: &mut Option<String>) {
    match edit {
        Edit::Text(new) => *text = Some(new.clone()),
        Edit::Base64(new) => *base64 = Some(new.clone()),
        Edit::Remove(at) if at.is_empty() => (*json, *text, *base64) = (None, None, None),
        edit => {
            if let Some(json) = json {
                apply_to_json(edit, json);
            }
        }
    }
}

fn apply_to_json(edit: &Edit, body: &mut Value) {
    match edit {
        Edit::Set(at, value) => {
            if let Some(place) = body.pointer_mut(at) {
                place.clone_from(value);
            }
        }
        Edit::Insert(at, key, value) => {
            if let Some(Value::Object(map)) = body.pointer_mut(at) {
                map.insert(key.clone(), value.clone());
            }
        }
        Edit::Remove(at) => {
            let Some((parent, key)) = parent_of(at) else { return };
            match body.pointer_mut(parent) {
                Some(Value::Object(map)) => {
                    map.shift_remove(&key);
                }
                Some(Value::Array(list)) => {
                    if let Some(index) = key.parse().ok().filter(|index: &usize| *index < list.len()) {
                        list.remove(index);
                    }
                }
                _ => {}
            }
        }
        Edit::Rename(at, to) => {
            let Some((parent, key)) = parent_of(at) else { return };
            if let Some(Value::Object(map)) = body.pointer_mut(parent) {
                let renamed = |name: String| if name == key { to.clone() } else { name };
                *map = std::mem::take(map).into_iter().map(|(name, value)| (renamed(name), value)).collect::<Map<_, _>>();
            }
        }
        _ => {}
    }
}

fn parent_of(at: &str) -> Option<(&str, String)> {
    let (parent, _) = at.rsplit_once('/')?;
    Some((parent, json::tokens(at).last()?))
}

/// The sets of values that the document gives to its enums, so that a fault can take another documented one.
pub(super) fn enums(document: &Value) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<Vec<String>>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(list)) = map.get("enum") {
                let texts: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                if !texts.is_empty() {
                    found.insert(texts);
                }
            }
            map.values().for_each(|value| collect(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
