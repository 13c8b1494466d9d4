//! The operations of two documents side by side: where they are, what they take, what they answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Use;
use super::found::{Effect, Found};
use super::names::Names;
use super::node::{Node, Schemas};
use super::rust::{field_type, pascal, snake, value_type};
use super::schemas::{Comparison, Direction, Spot};
use crate::json;
use crate::spec::{Credential, Media, Operation, Parameter, Payload, Place, Reply, Spec, essence};

const POSITIONAL: &str = "a positional call needs one more argument; a call by builder compiles";
const BUILDER_ONLY: &str = "a positional call compiles; a call by builder names it and does not";
const OPTIONAL: &str = "a call by builder compiles; a positional call gives `Some(…)`, or no longer does";
const ERROR_TYPE: &str = "only code that names the type of the error does not compile";

/// Compares two documents, operation by operation.
pub(super) struct Walk<'a> {
    old: &'a Spec,
    new: &'a Spec,
    names: &'a Names,
    old_schemas: Schemas<'a>,
    new_schemas: Schemas<'a>,
    pub(super) found: Found,
}

impl<'a> Walk<'a> {
    pub(super) fn new(old: &'a Spec, new: &'a Spec, names: &'a Names) -> Self {
        let (old_schemas, new_schemas) = (Schemas::new(old.document()), Schemas::new(new.document()));
        Self { old, new, names, old_schemas, new_schemas, found: Found::default() }
    }

    pub(super) fn operations(&mut self) {
        let (old, new) = (self.old, self.new);
        let mut left: Vec<&Operation> = new.operations().iter().collect();
        let mut pairs = Vec::new();
        let mut gone = Vec::new();
        let same_id = |a: &Operation, b: &Operation| self.names.operation(&b.id) == a.id;
        let same_place = |a: &Operation, b: &Operation| a.method == b.method && erased(&a.path) == erased(self.names.path(&b.path));
        for tests in [&same_id as &dyn Fn(&Operation, &Operation) -> bool, &same_place] {
            let todo: Vec<&Operation> =
                if pairs.is_empty() && gone.is_empty() { old.operations().iter().collect() } else { std::mem::take(&mut gone) };
            for a in todo {
                match left.iter().position(|b| tests(a, b)) {
                    Some(index) => pairs.push((a, left.remove(index))),
                    None => gone.push(a),
                }
            }
        }
        for a in gone {
            let effect = Effect::no(format!("method `{}` goes away", snake(&a.id)));
            let summary = format!("operation `{}`, {} {}, is gone", a.id, a.method, a.path);
            self.found.add("D101", (Some(&a.pointer), None), summary, effect, Some(whole(a)));
        }
        for b in left {
            let effect = Effect::yes(format!("method `{}` is new", snake(&b.id)));
            let summary = format!("operation `{}`, {} {}, is new", b.id, b.method, b.path);
            self.found.add("D102", (None, Some(&b.pointer)), summary, effect, None);
        }
        for (a, b) in pairs {
            self.operation(a, b);
        }
        self.servers();
    }

    fn operation(&mut self, a: &Operation, b: &Operation) {
        let at = (Some(a.pointer.as_str()), Some(b.pointer.as_str()));
        let method = snake(&a.id);
        if a.method != b.method || erased(&a.path) != erased(self.names.path(&b.path)) {
            let summary = format!("operation `{}` was {} {} and is {} {}", a.id, a.method, a.path, b.method, b.path);
            self.found.add("D103", at, summary, Effect::yes(format!("method `{method}` stays")), Some(whole(a)));
        }
        if self.names.operation(&b.id) != a.id {
            let effect = Effect::no(format!("method `{method}` is called `{}`", snake(&b.id)));
            self.found.add("D104", at, format!("operationId `{}` is `{}` now", a.id, b.id), effect, Some(whole(a)));
        }
        let is_deprecated = |spec: &Spec, pointer: &str| is_set(spec.document(), pointer, "deprecated");
        self.deprecation(
            &format!("operation `{}`", a.id),
            at,
            is_deprecated(self.old, &a.pointer),
            is_deprecated(self.new, &b.pointer),
            whole(a),
        );
        self.security(a, b);
        self.parameters(a, b);
        self.bodies(a, b);
        self.replies(a, b);
    }

    fn deprecation(&mut self, label: &str, at: (Option<&str>, Option<&str>), was: bool, is: bool, by: Use) {
        let (id, says) = match (was, is) {
            (false, true) => ("D105", "is deprecated now"),
            (true, false) => ("D106", "is no longer deprecated"),
            _ => return,
        };
        self.found.add(id, at, format!("{label} {says}"), Effect::yes("the generated code stays"), Some(by));
    }

    fn security(&mut self, a: &Operation, b: &Operation) {
        let is_open = |list: &[Vec<Credential>]| list.is_empty() || list.iter().any(Vec::is_empty);
        let pointer = |spec: &Spec, operation: &Operation| {
            let own = format!("{}/security", operation.pointer);
            if spec.document().pointer(&own).is_some() { own } else { "/security".to_owned() }
        };
        let missing = |list: &[Vec<Credential>], others: &[Vec<Credential>]| list.iter().any(|one| !others.contains(one));
        let (id, says) = match (is_open(&a.security), is_open(&b.security)) {
            (true, true) => return,
            (true, false) => ("D111", "a credential is needed now"),
            (false, true) => ("D112", "no credential is asked for any more"),
            (false, false) if missing(&a.security, &b.security) => ("D113", "another credential is asked for"),
            (false, false) if missing(&b.security, &a.security) => ("D114", "another credential does too"),
            (false, false) => return,
        };
        let (from, to) = (pointer(self.old, a), pointer(self.new, b));
        let effect = Effect::yes("the generated client knows nothing of credentials; whoever makes the HTTP client sets them");
        self.found.add(id, (Some(&from), Some(&to)), says, effect, Some(whole(a)));
    }

    fn parameters(&mut self, a: &Operation, b: &Operation) {
        let mut left: Vec<&Parameter> = b.parameters.iter().collect();
        let mut gone = Vec::new();
        let names = self.names;
        let own = |parameter: &Parameter| names.parameter(&parameter.name).to_owned();
        let (old_order, new_order) = (path_names(&a.path), path_names(&b.path));
        let position = |order: &[String], parameter: &Parameter| order.iter().position(|name| *name == parameter.name);
        for was in &a.parameters {
            let same = |is: &&Parameter| match was.place {
                Place::Path => is.place == Place::Path && position(&old_order, was) == position(&new_order, is),
                place => is.place == place && own(is) == was.name,
            };
            match left.iter().position(same) {
                Some(index) => {
                    let is = left.remove(index);
                    self.parameter(a, was, is);
                }
                None => gone.push(was),
            }
        }
        for was in gone {
            let moved = left.iter().position(|is| own(is).eq_ignore_ascii_case(&was.name));
            let label = argument(&was.name, a);
            match moved {
                Some(index) => {
                    let is = left.remove(index);
                    let summary = format!("{} `{}` of `{}` travels in the {} now", was.place.name(), was.name, a.id, is.place.name());
                    let effect = Effect::partly(
                        format!("{label} stays, perhaps at another position"),
                        "a positional call may have to change the order",
                    );
                    self.found.add("D206", (Some(&was.pointer), Some(&is.pointer)), summary, effect, Some(use_of(a, was)));
                    self.parameter(a, was, is);
                }
                None => {
                    let summary = format!("{} parameter `{}` of `{}` is gone", was.place.name(), was.name, a.id);
                    self.found.add(
                        "D201",
                        (Some(&was.pointer), None),
                        summary,
                        Effect::no(format!("{label} goes away")),
                        Some(use_of(a, was)),
                    );
                }
            }
        }
        for is in left {
            let (id, how) = if is.required { ("D202", "required") } else { ("D203", "optional") };
            let context = pascal(&format!("{}-{}", b.id, is.name));
            let rust = is.schema.as_ref().map(|schema| field_type(&self.new_schemas, &Node::at(schema), &context, is.required));
            let rust = rust.unwrap_or_else(|| "String".to_owned());
            let effect = Effect::partly(format!("{} is new: `{rust}`", argument(&is.name, a)), POSITIONAL);
            let summary = format!("{how} {} parameter `{}` of `{}` is new", is.place.name(), is.name, a.id);
            self.found.add(id, (None, Some(&is.pointer)), summary, effect, Some(use_of(a, is)));
        }
    }

    fn parameter(&mut self, a: &Operation, was: &Parameter, is: &Parameter) {
        let at = (Some(was.pointer.as_str()), Some(is.pointer.as_str()));
        let label = argument(&was.name, a);
        let by = use_of(a, was);
        if is.place == Place::Path && self.names.parameter(&is.name) != was.name {
            let effect = Effect::partly(format!("{label} is called `{}`", snake(&is.name)), BUILDER_ONLY);
            self.found.add(
                "D208",
                at,
                format!("path parameter `{}` of `{}` is called `{}`", was.name, a.id, is.name),
                effect,
                Some(by.clone()),
            );
        }
        if was.required != is.required {
            let (id, says) = if is.required { ("D204", "required") } else { ("D205", "optional") };
            let effect = Effect::partly(format!("{label} becomes {says}"), OPTIONAL);
            self.found.add(
                id,
                at,
                format!("{} parameter `{}` of `{}` is {says} now", was.place.name(), was.name, a.id),
                effect,
                Some(by.clone()),
            );
        }
        if was.style != is.style || (was.explode != is.explode && self.is_compound(is)) {
            let summary = format!("{} parameter `{}` of `{}` is written in another style", was.place.name(), was.name, a.id);
            self.found.add("D207", at, summary, Effect::yes(format!("{label} stays")), Some(by.clone()));
        }
        let flag = |spec: &Spec, pointer: &str| is_set(spec.document(), pointer, "deprecated");
        let summary = format!("parameter `{}` of `{}`", was.name, a.id);
        self.deprecation(&summary, at, flag(self.old, &was.pointer), flag(self.new, &is.pointer), by.clone());
        if let (Some(old), Some(new)) = (&was.schema, &is.schema) {
            let name = |parameter: &Parameter| pascal(&format!("{}-{}", a.id, parameter.name));
            let spot = Spot {
                direction: Direction::Request,
                by,
                label,
                context: (name(was), name(was)),
                is_typed: true,
                optional: (!was.required, !is.required),
            };
            self.schemas(old, new, &spot);
        }
    }

    /// Whether the way of writing lists and objects makes a difference for it.
    fn is_compound(&self, parameter: &Parameter) -> bool {
        let normal = parameter.schema.as_ref().map(|schema| self.new_schemas.normal(&Node::at(schema)));
        normal.is_some_and(|normal| normal.is(super::node::Kind::Array) || normal.is(super::node::Kind::Object))
    }

    fn schemas(&mut self, old: &str, new: &str, spot: &Spot) {
        let comparison = Comparison::new(&self.old_schemas, &self.new_schemas, self.names, &mut self.found);
        comparison.run(&Node::at(old), &Node::at(new), spot);
    }

    fn bodies(&mut self, a: &Operation, b: &Operation) {
        let by = Use { operation: a.id.clone(), status: None, at: "/request/json".to_owned() };
        let label = format!("the body of `{}`", snake(&a.id));
        let says = |text: &str| format!("request body of `{}` {text}", a.id);
        match (&a.body, &b.body) {
            (None, Some(is)) => {
                let id = if is.required { "D301" } else { "D307" };
                let effect = Effect::partly(format!("{label} is a new argument"), POSITIONAL);
                self.found.add(id, (Some(&a.pointer), Some(&is.pointer)), says("is new"), effect, Some(by));
            }
            (Some(was), None) => {
                let effect = Effect::no(format!("{label} goes away"));
                self.found.add("D302", (Some(&was.pointer), Some(&b.pointer)), says("is gone"), effect, Some(by));
            }
            (Some(was), Some(is)) => {
                let at = (Some(was.pointer.as_str()), Some(is.pointer.as_str()));
                if was.required != is.required {
                    let (id, how) = if is.required { ("D303", "is required now") } else { ("D304", "is optional now") };
                    self.found.add(id, at, says(how), Effect::yes(format!("{label} stays an argument")), Some(by.clone()));
                }
                self.body(a, b, was, is, &by, &label);
            }
            (None, None) => {}
        }
    }

    fn body(&mut self, a: &Operation, b: &Operation, was: &Payload, is: &Payload, by: &Use, label: &str) {
        for (media, other) in paired(&was.media, &is.media) {
            match other {
                Some(other) => {
                    let (Some(old), Some(new)) = (&media.schema, &other.schema) else { continue };
                    let context = (pascal(&format!("{}-body", a.id)), pascal(&format!("{}-body", b.id)));
                    let spot = Spot {
                        direction: Direction::Request,
                        by: by.clone(),
                        label: label.to_owned(),
                        context,
                        is_typed: true,
                        optional: (false, false),
                    };
                    self.schemas(old, new, &spot);
                }
                None => {
                    let summary = format!("request body of `{}` is no longer taken as {}", a.id, media.name);
                    let effect =
                        Effect::partly(format!("{label} is sent as another media type"), "it does where the type of the body stays");
                    self.found.add("D305", (Some(&media.pointer), Some(&is.pointer)), summary, effect, Some(by.clone()));
                }
            }
        }
        for media in unpaired(&is.media, &was.media) {
            let summary = format!("request body of `{}` is taken as {} too", a.id, media.name);
            let effect = Effect::yes(format!("{label} stays"));
            self.found.add("D306", (Some(&was.pointer), Some(&media.pointer)), summary, effect, Some(by.clone()));
        }
    }

    fn replies(&mut self, a: &Operation, b: &Operation) {
        let method = snake(&a.id);
        let key = |reply: &Reply| reply.status.to_ascii_uppercase();
        let (was, is): (BTreeMap<String, &Reply>, BTreeMap<String, &Reply>) =
            (a.responses.iter().map(|reply| (key(reply), reply)).collect(), b.responses.iter().map(|reply| (key(reply), reply)).collect());
        let only = |these: &BTreeMap<String, &'_ Reply>, those: &BTreeMap<String, &'_ Reply>, success: bool| -> Vec<String> {
            these.keys().filter(|status| is_success(status) == success && !those.contains_key(*status)).cloned().collect()
        };
        let by = |status: &str| Use { operation: a.id.clone(), status: Some(status.to_ascii_lowercase()), at: "/response".to_owned() };
        let (gone, new) = (only(&was, &is, true), only(&is, &was, true));
        let success = self.answer_type(a, b, true);
        match (gone.as_slice(), new.as_slice()) {
            ([from], [to]) => {
                if let (Some(old), Some(new)) = (was.get(from), is.get(to)) {
                    let summary = format!("success of `{}` was {from} and is {to}", a.id);
                    let effect = Effect::yes(format!("method `{method}` stays"));
                    self.found.add("D401", (Some(&old.pointer), Some(&new.pointer)), summary, effect, Some(by(from)));
                    self.reply(a, b, old, new);
                }
            }
            _ => {
                for (status, reply) in gone.iter().filter_map(|status| Some((status, was.get(status)?))) {
                    let summary = format!("success {status} of `{}` is gone", a.id);
                    let effect = success.clone();
                    self.found.add("D401", (Some(&reply.pointer), None), summary, effect, Some(by(status)));
                }
                for (status, reply) in new.iter().filter_map(|status| Some((status, is.get(status)?))) {
                    let summary = format!("success {status} of `{}` is new", a.id);
                    let effect = success.clone();
                    self.found.add("D402", (None, Some(&reply.pointer)), summary, effect, Some(by(status)));
                }
            }
        }
        let error = self.answer_type(a, b, false);
        let effect = || error.clone();
        for (status, reply) in only(&is, &was, false).iter().filter_map(|status| Some((status, is.get(status)?))) {
            self.found.add(
                "D403",
                (None, Some(&reply.pointer)),
                format!("error {status} of `{}` is new", a.id),
                effect(),
                Some(by(status)),
            );
        }
        for (status, reply) in only(&was, &is, false).iter().filter_map(|status| Some((status, was.get(status)?))) {
            let summary = format!("error {status} of `{}` is no longer documented", a.id);
            self.found.add("D404", (Some(&reply.pointer), None), summary, effect(), Some(by(status)));
        }
        for (status, old) in &was {
            if let Some(new) = is.get(status) {
                self.reply(a, b, old, new);
            }
        }
    }

    /// What becomes of the type of all successes, or of all errors, which a generator merges into one.
    fn answer_type(&self, a: &Operation, b: &Operation, success: bool) -> Effect {
        let label = format!("the {} of `{}`", if success { "result" } else { "error" }, snake(&a.id));
        let types = |schemas: &Schemas<'_>, operation: &Operation| -> BTreeSet<String> {
            let context = pascal(&format!("{}-response", operation.id));
            let of = |reply: &Reply| match reply.media.iter().find_map(|media| media.schema.as_ref()) {
                Some(schema) => value_type(schemas, &Node::at(schema), &context),
                None => "()".to_owned(),
            };
            operation.responses.iter().filter(|reply| is_success(&reply.status) == success).map(of).collect()
        };
        let (was, is) = (types(&self.old_schemas, a), types(&self.new_schemas, b));
        let names = |types: BTreeSet<String>| {
            let names: Vec<String> = types.into_iter().map(|name| format!("`{name}`")).collect();
            if names.is_empty() { "`()`".to_owned() } else { names.join(" or ") }
        };
        if was == is {
            return Effect::yes(format!("{label} stays {}", names(was)));
        }
        let text = format!("{label} was {} and becomes {}", names(was), names(is));
        Effect::partly(text, if success { "only code that makes use of the result does not compile" } else { ERROR_TYPE })
    }

    fn reply(&mut self, a: &Operation, b: &Operation, was: &Reply, is: &Reply) {
        let method = snake(&a.id);
        let status = was.status.to_ascii_lowercase();
        let by = |at: &str| Use { operation: a.id.clone(), status: Some(status.clone()), at: at.to_owned() };
        let at = (Some(was.pointer.as_str()), Some(is.pointer.as_str()));
        let label = if is_success(&status) { format!("the result of `{method}`") } else { format!("the error of `{method}`") };
        self.headers(a, was, is);
        match (was.media.is_empty(), is.media.is_empty()) {
            (true, true) => {}
            (true, false) => {
                let effect = Effect::partly(format!("{label} was `()` and gets a type"), "it does where the result is not used");
                self.found.add("D407", at, format!("answer {status} of `{}` has a body now", a.id), effect, Some(by("/response")));
            }
            (false, true) => {
                let effect = Effect::no(format!("{label} becomes `()`"));
                self.found.add("D408", at, format!("answer {status} of `{}` has no body any more", a.id), effect, Some(by("/response")));
            }
            (false, false) => {
                for (media, other) in paired(&was.media, &is.media) {
                    match other {
                        Some(other) => {
                            let (Some(old), Some(new)) = (&media.schema, &other.schema) else { continue };
                            let context = (pascal(&format!("{}-response", a.id)), pascal(&format!("{}-response", b.id)));
                            let spot = Spot {
                                direction: Direction::Response,
                                by: by("/response/json"),
                                label: label.clone(),
                                context,
                                is_typed: true,
                                optional: (false, false),
                            };
                            self.schemas(old, new, &spot);
                        }
                        None => {
                            let summary = format!("answer {status} of `{}` no longer comes as {}", a.id, media.name);
                            let effect = Effect::partly(format!("{label} may change its type"), "it does where the type of the body stays");
                            self.found.add("D405", (Some(&media.pointer), at.1), summary, effect, Some(by("/response")));
                        }
                    }
                }
                for media in unpaired(&is.media, &was.media) {
                    let summary = format!("answer {status} of `{}` may come as {}", a.id, media.name);
                    let effect = Effect::yes(format!("{label} stays"));
                    self.found.add("D406", (at.0, Some(&media.pointer)), summary, effect, Some(by("/response")));
                }
            }
        }
    }

    fn headers(&mut self, a: &Operation, was: &Reply, is: &Reply) {
        let status = was.status.to_ascii_lowercase();
        let by = |name: &str| Use { operation: a.id.clone(), status: Some(status.clone()), at: json::join("/response/headers", name) };
        let effect = || Effect::yes("headers are read by name, as text");
        for old in &was.headers {
            let says = |text: &str| format!("header `{}` of answer {status} of `{}` {text}", old.name, a.id);
            let Some(new) = is.headers.iter().find(|new| new.name == old.name) else {
                let id = if old.required { "D409" } else { "D410" };
                self.found.add(id, (Some(&old.pointer), Some(&is.pointer)), says("is gone"), effect(), Some(by(&old.name)));
                continue;
            };
            if old.required && !new.required {
                let at = (Some(old.pointer.as_str()), Some(new.pointer.as_str()));
                self.found.add("D412", at, says("may be missing now"), effect(), Some(by(&old.name)));
            }
            if let (Some(old_schema), Some(new_schema)) = (&old.schema, &new.schema) {
                let spot = Spot {
                    direction: Direction::Response,
                    by: by(&old.name),
                    label: format!("header `{}`", old.name),
                    context: (String::new(), String::new()),
                    is_typed: false,
                    optional: (false, false),
                };
                self.schemas(old_schema, new_schema, &spot);
            }
        }
        for new in is.headers.iter().filter(|new| !was.headers.iter().any(|old| old.name == new.name)) {
            let summary = format!("header `{}` of answer {status} of `{}` is new", new.name, a.id);
            self.found.add("D411", (Some(&was.pointer), Some(&new.pointer)), summary, effect(), Some(by(&new.name)));
        }
    }

    fn servers(&mut self) {
        let (was, is) = (self.old.servers(), self.new.servers());
        let effect = || Effect::yes("the generated client is given its base URL; whoever gives it decides");
        let at = (Some("/servers"), Some("/servers"));
        for url in was.iter().filter(|url| !is.contains(url)) {
            self.found.add("D121", at, format!("server {url} is gone"), effect(), None);
        }
        for url in is.iter().filter(|url| !was.contains(url)) {
            self.found.add("D122", at, format!("server {url} is new"), effect(), None);
        }
    }

    /// Components that no operation reaches: generated all the same, and all that is known of messages which the service sends.
    pub(super) fn unreferenced(&mut self) {
        let (old, new) = (self.old.document(), self.new.document());
        let (old_used, new_used) = (reachable(old), reachable(new));
        let loose = |names: BTreeSet<&str>, used: &BTreeSet<String>| -> BTreeSet<String> {
            names.into_iter().filter(|name| !used.contains(*name)).map(str::to_owned).collect()
        };
        let (was, is) = (loose(self.old_schemas.names(), &old_used), loose(self.new_schemas.names(), &new_used));
        let component = |name: &str| json::join("/components/schemas", name);
        for name in was.iter().filter(|name| !self.new_schemas.names().contains(name.as_str())) {
            let effect = Effect::no(format!("type `{}` goes away", pascal(name)));
            self.found.add(
                "D805",
                (Some(&component(name)), None),
                format!("schema `{name}`, which no operation uses, is gone"),
                effect,
                None,
            );
        }
        for name in is.iter().filter(|name| !self.old_schemas.names().contains(name.as_str())) {
            let effect = Effect::yes(format!("type `{}` is new", pascal(name)));
            self.found.add(
                "D806",
                (None, Some(&component(name))),
                format!("schema `{name}`, which no operation uses, is new"),
                effect,
                None,
            );
        }
        for name in was.intersection(&is) {
            let at = component(name);
            let rust = value_type(&self.old_schemas, &Node::at(&at), &pascal(name));
            let spot = Spot {
                direction: Direction::Response,
                by: Use { operation: String::new(), status: None, at: String::new() },
                label: format!("type `{rust}`"),
                context: (pascal(name), pascal(name)),
                is_typed: true,
                optional: (false, false),
            };
            self.schemas(&at, &at, &spot);
        }
    }
}

fn argument(name: &str, operation: &Operation) -> String {
    format!("argument `{}` of `{}`", snake(name), snake(&operation.id))
}

fn whole(operation: &Operation) -> Use {
    Use { operation: operation.id.clone(), status: None, at: String::new() }
}

fn use_of(operation: &Operation, parameter: &Parameter) -> Use {
    let at = match parameter.place {
        Place::Path => "/request/path".to_owned(),
        Place::Query => json::join("/request/query", &parameter.name),
        Place::Header => json::join("/request/headers", &parameter.name),
        Place::Cookie => "/request/headers/cookie".to_owned(),
    };
    Use { operation: operation.id.clone(), status: None, at }
}

fn is_set(document: &Value, pointer: &str, key: &str) -> bool {
    document.pointer(pointer).and_then(|value| value.get(key)).and_then(Value::as_bool).unwrap_or(false)
}

fn is_success(status: &str) -> bool {
    status.starts_with('2')
}

/// A path whose parameters have no names, so that `/books/{id}` is `/books/{bookId}`.
fn erased(path: &str) -> String {
    let mut erased = String::new();
    let mut rest = path;
    while let Some((before, tail)) = rest.split_once('{') {
        erased.push_str(before);
        erased.push_str("{}");
        rest = tail.split_once('}').map_or("", |(_, rest)| rest);
    }
    erased + rest
}

/// The parameters of a path, in order.
fn path_names(path: &str) -> Vec<String> {
    path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned())).collect()
}

fn paired<'m>(these: &'m [Media], those: &'m [Media]) -> Vec<(&'m Media, Option<&'m Media>)> {
    let partner = |media: &Media| those.iter().find(|other| essence(&other.name) == essence(&media.name));
    these.iter().map(|media| (media, partner(media))).collect()
}

fn unpaired<'m>(these: &'m [Media], those: &'m [Media]) -> Vec<&'m Media> {
    these.iter().filter(|media| !those.iter().any(|other| essence(&other.name) == essence(&media.name))).collect()
}

/// The components that the operations reach, messages of the service aside.
fn reachable(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo: Vec<&Value> = document.get("paths").into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(value) = todo.pop() {
        match value {
            Value::Object(object) => {
                let target = object.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
                if let Some(target) = target
                    && seen.insert(target.to_owned())
                {
                    found.extend(target.strip_prefix("/components/schemas/").map(|name| name.replace("~1", "/").replace("~0", "~")));
                    todo.extend(document.pointer(target));
                }
                todo.extend(object.iter().filter(|(key, _)| *key != "callbacks").map(|(_, value)| value));
            }
            Value::Array(list) => todo.extend(list),
            _ => {}
        }
    }
    found
}
