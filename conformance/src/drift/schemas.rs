//! Two schemas at the same place of a request or an answer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::found::{Effect, Found, Pair};
use super::names::Names;
use super::node::{Additional, Kind, Node, Normal, Property, Schemas};
use super::rust::{field_type, form, has_own_type, option, pascal, snake, type_name, unnamed_type, value_type};
use super::{Compiles, Use};
use crate::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

/// A place that both documents describe.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) direction: Direction,
    pub(super) by: Use,
    /// As `field `title` of `Book``.
    pub(super) label: String,
    /// What unnamed types are called here.
    pub(super) context: (String, String),
    /// Whether the generated client has a type for it; headers of answers are text.
    pub(super) is_typed: bool,
    /// Whether it need not be there, in the old and the new document.
    pub(super) optional: (bool, bool),
}

impl Spot {
    fn pick(&self, request: &'static str, response: &'static str) -> &'static str {
        if self.direction == Direction::Request { request } else { response }
    }

    fn below(&self, token: &str, label: String, context: (String, String), optional: (bool, bool)) -> Self {
        let by = Use { at: format!("{}/{token}", self.by.at), ..self.by.clone() };
        Self { by, label, context, optional, ..self.clone() }
    }
}

const STRUCT_LITERAL: &str = "a struct literal needs the field; with the builder it compiles, and fails when the value is built without it";
const NEW_FIELD: &str = "a struct literal needs the new field; with the builder it compiles";
const MATCH: &str = "a `match` on it without `_` does not compile";
const BUILDER: &str = "the builder takes the value as before; a struct literal, a positional call and what reads it do not compile";
const NAMING: &str = "only code that names the type does not compile";

/// Compares the schemas of one operation's one side.
pub(super) struct Comparison<'a> {
    old: &'a Schemas<'a>,
    new: &'a Schemas<'a>,
    names: &'a Names,
    found: &'a mut Found,
    seen: BTreeSet<(Node, Node)>,
    /// What is still to be compared, the next one last.
    todo: Vec<(Node, Node, Spot, bool)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(old: &'a Schemas<'a>, new: &'a Schemas<'a>, names: &'a Names, found: &'a mut Found) -> Self {
        Self { old, new, names, found, seen: BTreeSet::new(), todo: Vec::new() }
    }

    /// Compares two schemas with all below them. No stack holds the way down: schemas that contain each other make it as long as
    /// there are schemas.
    pub(super) fn run(mut self, old: &Node, new: &Node, spot: &Spot) {
        self.compare(old, new, spot);
        while let Some((old, new, spot, with_null)) = self.todo.pop() {
            let known = self.todo.len();
            self.compare_as(&old, &new, &spot, with_null);
            self.todo.get_mut(known..).into_iter().for_each(<[_]>::reverse);
        }
    }

    fn compare(&mut self, old: &Node, new: &Node, spot: &Spot) {
        self.todo.push((old.clone(), new.clone(), spot.clone(), true));
    }

    /// `with_null` is false for variants, whose null has been compared as that of the whole.
    fn compare_as(&mut self, old: &Node, new: &Node, spot: &Spot, with_null: bool) {
        if !self.seen.insert((old.clone(), new.clone())) {
            return;
        }
        let (a, b) = (self.old.normal(old), self.new.normal(new));
        let at = (Some(a.at.as_str()), Some(b.at.as_str()));
        let field = self.typing(old, new, spot);
        if with_null && a.nullable != b.nullable && !a.is_anything() && !b.is_anything() {
            let (id, says) =
                if b.nullable { (spot.pick("D607", "D704"), "may be null") } else { (spot.pick("D606", "D708"), "is never null") };
            self.add(id, (Some(old.pointer()), Some(new.pointer())), format!("{} {says} now", spot.label), field.clone(), spot);
        }
        let own = (Some(old.pointer()), Some(new.pointer()));
        if a.deprecated != b.deprecated {
            let (id, says) = if b.deprecated { ("D105", "is deprecated now") } else { ("D106", "is no longer deprecated") };
            self.add(id, own, format!("{} {says}", spot.label), Effect::yes(format!("{} stays", spot.label)), spot);
        }
        if a.default != b.default {
            let name = |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), json::short);
            let summary = format!("default of {} was {} and is {}", spot.label, name(&a.default), name(&b.default));
            self.add(spot.pick("D620", "D721"), own, summary, field.clone(), spot);
        }
        // What a component says is told once, as the type's, and not for every field that has it.
        let is_same_name = a.name.is_some() && a.name.as_deref() == b.name.as_deref().map(|name| self.names.schema(name));
        let (typing, spot) = match &a.name {
            Some(name) if is_same_name && spot.is_typed => {
                let label = format!("type `{}`", pascal(name));
                let inner = |schemas: &Schemas<'_>, normal: &Normal| unnamed_type(schemas, normal, &pascal(name));
                let typing = retype(&label, &inner(self.old, &a), &inner(self.new, &b), spot.direction);
                (typing, &Spot { label, ..spot.clone() })
            }
            _ => (field, spot),
        };
        if !a.variants.is_empty() || !b.variants.is_empty() {
            if a.is_anything() || b.is_anything() {
                self.kinds(&a, &b, at, &typing, spot);
                return;
            }
            if a.variants.is_empty() == b.variants.is_empty() {
                self.type_names(&a, &b, spot);
            }
            self.variants((&a, old), (&b, new), at, &typing, spot);
            return;
        }
        if !self.kinds(&a, &b, at, &typing, spot) {
            return;
        }
        self.type_names(&a, &b, spot);
        self.scalars(&a, &b, at, &typing, spot);
        self.limits(&a, &b, at, &typing, spot);
        self.properties(&a, &b, spot);
        self.additional(&a, &b, at, &typing, spot);
        if let (Some(old), Some(new)) = (&a.items, &b.items) {
            let item = |normal: &Normal, context: &str| format!("{}Item", type_name(normal, context));
            let context = (item(&a, &spot.context.0), item(&b, &spot.context.1));
            let below = spot.below("*", format!("each element of {}", spot.label), context, (false, false));
            self.compare(old, new, &below);
        }
        match (&a.items, &b.items) {
            (None, Some(_)) if a.is(Kind::Array) => {
                self.retyped(spot.pick("D608", "D710"), at, "elements of any type", "typed elements", &typing, spot)
            }
            (Some(_), None) if b.is(Kind::Array) => {
                self.retyped(spot.pick("D609", "D709"), at, "typed elements", "elements of any type", &typing, spot)
            }
            _ => {}
        }
    }

    fn add(&mut self, id: &'static str, at: Pair<'_>, summary: String, effect: Effect, spot: &Spot) {
        self.found.add(id, at, summary, effect, Some(spot.by.clone()));
    }

    /// What becomes of the Rust type at this place.
    fn typing(&self, old: &Node, new: &Node, spot: &Spot) -> Effect {
        if !spot.is_typed {
            return Effect::yes(format!("{} is text for the generated client and stays so", spot.label));
        }
        let a = field_type(self.old, old, &spot.context.0, !spot.optional.0);
        let mut b = field_type(self.new, new, &spot.context.1, !spot.optional.1);
        let (named_a, named_b) = (self.old.normal(old), self.new.normal(new));
        if let (Some(known), Some(name)) = (&named_a.name, &named_b.name)
            && self.names.schema(name) == known
        {
            b = b.replace(&pascal(name), &pascal(known));
        }
        let (was, is) = (form(self.old, &named_a, &spot.context.0), form(self.new, &named_b, &spot.context.1));
        if a == b && was != is {
            return Effect::no(format!("{} stays `{a}`, which was {was} and is {is}", spot.label));
        }
        retype(&spot.label, &a, &b, spot.direction)
    }

    /// Whether the two are so much alike that comparing more makes sense.
    fn kinds(&mut self, a: &Normal, b: &Normal, at: Pair<'_>, typing: &Effect, spot: &Spot) -> bool {
        let says = |normal: &Normal| match (normal.variants.len(), normal.kinds.len()) {
            (0, 0) => "anything".to_owned(),
            (0, _) => normal.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or "),
            (many, _) => format!("one of {many} variants"),
        };
        if a.kinds == b.kinds && a.is_anything() == b.is_anything() {
            return true;
        }
        let id = match (covers(b, a), covers(a, b)) {
            (true, _) => spot.pick("D609", "D709"),
            (_, true) => spot.pick("D608", "D710"),
            _ => spot.pick("D608", "D709"),
        };
        let (was, is) = (says(a), says(b));
        self.retyped(id, at, &was, &is, typing, spot);
        false
    }

    fn retyped(&mut self, id: &'static str, at: Pair<'_>, was: &str, is: &str, typing: &Effect, spot: &Spot) {
        let list = if is == "array" && was != "array" {
            ": one became many"
        } else if was == "array" && is != "array" {
            ": many became one"
        } else {
            ""
        };
        self.add(id, at, format!("{} was {was} and is {is}{list}", spot.label), typing.clone(), spot);
    }

    fn scalars(&mut self, a: &Normal, b: &Normal, at: Pair<'_>, typing: &Effect, spot: &Spot) {
        let (was, is) = (a.telling_format(), b.telling_format());
        if was != is {
            let id = if widens_format(was, is) { spot.pick("D611", "D711") } else { spot.pick("D610", "D712") };
            // What no longer promises anything of a text is decoded as that text was, unless it had a type of its own.
            let id = if id == "D712" && was.is_some() && is.is_some() && !widens_format(is, was) { "D711" } else { id };
            let name = |format: Option<&str>| format.map_or_else(|| "none".to_owned(), |format| format!("`{format}`"));
            self.add(id, at, format!("format of {} was {} and is {}", spot.label, name(was), name(is)), typing.clone(), spot);
        }
        match (&a.values, &b.values) {
            (Some(was), Some(is)) => {
                let (own, other) = (type_name(a, &spot.context.0), type_name(b, &spot.context.1));
                for value in was.iter().filter(|value| !is.contains(value)) {
                    let effect = Effect::no(format!("variant `{}::{}` goes away", own, variant(value)));
                    self.add(spot.pick("D612", "D714"), at, format!("value {value} of {} is gone", spot.label), effect, spot);
                }
                for value in is.iter().filter(|value| !was.contains(value)) {
                    let own = if a.name.is_some() { &own } else { &other };
                    let effect = Effect::partly(format!("`{}` gains the variant `{}`", own, variant(value)), MATCH);
                    self.add(spot.pick("D613", "D713"), at, format!("value {value} of {} is new", spot.label), effect, spot);
                }
            }
            (None, Some(is)) => {
                let summary = format!("{} is one of {} values now", spot.label, is.len());
                self.add(spot.pick("D614", "D716"), at, summary, typing.clone(), spot);
            }
            (Some(was), None) => {
                let summary = format!("{} was one of {} values and is free now", spot.label, was.len());
                self.add(spot.pick("D615", "D715"), at, summary, typing.clone(), spot);
            }
            (None, None) => {}
        }
    }

    fn limits(&mut self, a: &Normal, b: &Normal, at: Pair<'_>, typing: &Effect, spot: &Spot) {
        let keys: BTreeSet<&'static str> = a.limits.keys().chain(b.limits.keys()).copied().collect();
        for key in keys {
            let (was, is) = (a.limits.get(key), b.limits.get(key));
            let same = was.and_then(Value::as_f64).is_some() && was.and_then(Value::as_f64) == is.and_then(Value::as_f64);
            if was == is || same {
                continue;
            }
            let number = |value: Option<&Value>| value.and_then(Value::as_f64);
            let is_tighter = match (number(was), number(is)) {
                (Some(was), Some(is)) if key.starts_with("min") => is > was,
                (Some(was), Some(is)) if key.starts_with("max") => is < was,
                // Another pattern, or another multiple, refuses something of what was fine, and the other way round.
                _ if was.is_some() && is.is_some() => spot.direction == Direction::Request,
                _ => is.is_some(),
            };
            let id = if is_tighter { spot.pick("D616", "D718") } else { spot.pick("D617", "D717") };
            let name = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), json::short);
            self.add(id, at, format!("`{key}` of {} was {} and is {}", spot.label, name(was), name(is)), typing.clone(), spot);
        }
    }

    fn properties(&mut self, a: &Normal, b: &Normal, spot: &Spot) {
        let owner = (type_name(a, &spot.context.0), type_name(b, &spot.context.1));
        let names: BTreeSet<&String> = a.properties.keys().chain(b.properties.keys()).collect();
        for name in names {
            let label = format!("field `{}` of `{}`", snake(name), owner.0);
            let context = (pascal(&format!("{}-{name}", owner.0)), pascal(&format!("{}-{name}", owner.1)));
            let old = a.properties.get(name);
            let new = b.properties.get(name);
            let optional = (old.is_none_or(|old| !old.required), new.is_none_or(|new| !new.required));
            let token = name.replace('~', "~0").replace('/', "~1");
            let below = spot.below(&token, label, context, optional);
            match (old, new) {
                (Some(old), Some(new)) => self.property(old, new, &below),
                (Some(old), None) => self.removed(old, &below),
                (None, Some(new)) => self.added(a, new, &below),
                (None, None) => {}
            }
        }
    }

    /// Whether the property never travels in this direction.
    fn is_hidden(&self, normal: &Normal, spot: &Spot) -> bool {
        if spot.direction == Direction::Request { normal.read_only } else { normal.write_only }
    }

    fn property(&mut self, old: &Property, new: &Property, spot: &Spot) {
        let at = (Some(old.node.pointer()), Some(new.node.pointer()));
        let (a, b) = (self.old.normal(&old.node), self.new.normal(&new.node));
        match (self.is_hidden(&a, spot), self.is_hidden(&b, spot)) {
            (true, true) => return,
            (false, true) => {
                let says = spot.pick("is read-only now", "is write-only now");
                let effect = Effect::yes(format!("{} stays", spot.label));
                return self.add(spot.pick("D623", "D724"), at, format!("{} {says}", spot.label), effect, spot);
            }
            (true, false) => {
                let says = spot.pick("is no longer read-only", "is no longer write-only");
                let effect = Effect::yes(format!("{} stays", spot.label));
                return self.add(spot.pick("D624", "D725"), at, format!("{} {says}", spot.label), effect, spot);
            }
            (false, false) => {}
        }
        if old.required != new.required {
            let typing = self.typing(&old.node, &new.node, spot);
            let (id, says) = if new.required {
                (spot.pick("D604", "D707"), spot.pick("is required now", "is always there now"))
            } else {
                (spot.pick("D605", "D703"), spot.pick("is optional now", "may be missing now"))
            };
            self.add(id, at, format!("{} {says}", spot.label), typing, spot);
        }
        self.compare(&old.node, &new.node, spot);
    }

    fn removed(&mut self, old: &Property, spot: &Spot) {
        if self.is_hidden(&self.old.normal(&old.node), spot) {
            return;
        }
        let id = match (spot.direction, old.required) {
            (Direction::Request, _) => "D603",
            (Direction::Response, true) => "D701",
            (Direction::Response, false) => "D702",
        };
        let how = if old.required { "required" } else { "optional" };
        let summary = format!("{}, which was {how}, is gone", spot.label);
        self.add(id, (Some(old.node.pointer()), None), summary, Effect::no(format!("{} goes away", spot.label)), spot);
    }

    fn added(&mut self, owner: &Normal, new: &Property, spot: &Spot) {
        if self.is_hidden(&self.new.normal(&new.node), spot) {
            return;
        }
        let rust = field_type(self.new, &new.node, &spot.context.1, new.required);
        let text = format!("{} is new: `{rust}`", spot.label);
        let is_closed = owner.additional == Additional::Nothing;
        let (id, effect) = match (spot.direction, new.required) {
            (Direction::Request, true) => ("D601", Effect::partly(text, STRUCT_LITERAL)),
            (Direction::Request, false) => ("D602", Effect::partly(text, NEW_FIELD)),
            (Direction::Response, _) if is_closed => ("D706", Effect::yes(text)),
            (Direction::Response, _) => ("D705", Effect::yes(text)),
        };
        let how = if new.required { "required" } else { "optional" };
        self.add(id, (None, Some(new.node.pointer())), format!("{} is new and {how}", spot.label), effect, spot);
    }

    fn additional(&mut self, a: &Normal, b: &Normal, at: Pair<'_>, typing: &Effect, spot: &Spot) {
        if !a.is(Kind::Object) || !b.is(Kind::Object) {
            return;
        }
        let says = |additional: &Additional| match additional {
            Additional::Anything => "any further properties",
            Additional::Only(_) => "further properties of one type",
            Additional::Nothing => "no further properties",
        };
        let rank = |additional: &Additional| match additional {
            Additional::Nothing => 0,
            Additional::Only(_) => 1,
            Additional::Anything => 2,
        };
        if let (Additional::Only(old), Additional::Only(new)) = (&a.additional, &b.additional) {
            let context = (format!("{}Value", spot.context.0), format!("{}Value", spot.context.1));
            let below = spot.below("*", format!("each value of {}", spot.label), context, (false, false));
            return self.compare(old, new, &below);
        }
        if rank(&a.additional) == rank(&b.additional) {
            return;
        }
        let id = if rank(&a.additional) > rank(&b.additional) { spot.pick("D618", "D719") } else { spot.pick("D619", "D720") };
        let summary = format!("{} took {} and takes {}", spot.label, says(&a.additional), says(&b.additional));
        self.add(id, at, summary, typing.clone(), spot);
    }

    fn variants(&mut self, old: (&Normal, &Node), new: (&Normal, &Node), at: Pair<'_>, typing: &Effect, spot: &Spot) {
        let list = |normal: &Normal, node: &Node| if normal.variants.is_empty() { vec![node.clone()] } else { normal.variants.clone() };
        let (was, mut is) = (list(old.0, old.1), list(new.0, new.1));
        if old.0.discriminator != new.0.discriminator {
            let name = |name: &Option<String>| name.as_ref().map_or_else(|| "none".to_owned(), |name| format!("`{name}`"));
            let summary =
                format!("discriminator of {} was {} and is {}", spot.label, name(&old.0.discriminator), name(&new.0.discriminator));
            self.add(spot.pick("D625", "D726"), at, summary, typing.clone(), spot);
        }
        self.mappings(old.0, new.0, at, typing, spot);
        let mut gone = Vec::new();
        for one in was {
            match self.partner(&one, &is) {
                Some(index) => {
                    let other = is.remove(index);
                    let label = format!("variant `{}` of {}", self.variant_name(self.old, &one), spot.label);
                    let below = Spot { label, ..spot.clone() };
                    self.todo.push((one, other, below, false));
                }
                None => gone.push(one),
            }
        }
        let owner = type_name(old.0, &spot.context.0);
        let is_enum = !old.0.variants.is_empty() && !new.0.variants.is_empty();
        for one in gone {
            let name = self.variant_name(self.old, &one);
            let effect = if is_enum { Effect::no(format!("variant `{owner}::{name}` goes away")) } else { typing.clone() };
            let summary = format!("variant `{name}` of {} is gone", spot.label);
            self.add(spot.pick("D621", "D723"), (Some(one.pointer()), at.1), summary, effect, spot);
        }
        for one in is {
            let name = self.variant_name(self.new, &one);
            let effect = if is_enum { Effect::partly(format!("`{owner}` gains the variant `{name}`"), MATCH) } else { typing.clone() };
            let summary = format!("variant `{name}` of {} is new", spot.label);
            self.add(spot.pick("D622", "D722"), (at.0, Some(one.pointer())), summary, effect, spot);
        }
    }

    /// Which variant a value of the discriminator stands for.
    fn mappings(&mut self, old: &Normal, new: &Normal, at: Pair<'_>, typing: &Effect, spot: &Spot) {
        if old.discriminator.is_none() || new.discriminator.is_none() {
            return;
        }
        let keys: BTreeSet<&String> = old.mapping.keys().chain(new.mapping.keys()).collect();
        for key in keys {
            let was = old.mapping.get(key).map(String::as_str);
            let is = new.mapping.get(key).map(|name| self.names.schema(name));
            if was != is {
                let name = |name: Option<&str>| name.map_or_else(|| "none".to_owned(), |name| format!("`{name}`"));
                let summary =
                    format!("schema for the value `{key}` of the discriminator of {} was {} and is {}", spot.label, name(was), name(is));
                self.add(spot.pick("D625", "D726"), at, summary, typing.clone(), spot);
            }
        }
    }

    fn variant_name(&self, schemas: &Schemas<'_>, node: &Node) -> String {
        let normal = schemas.normal(node);
        match (&normal.name, normal.kinds.first()) {
            (Some(name), _) => pascal(name),
            (None, Some(kind)) => pascal(kind.name()),
            (None, None) => "Any".to_owned(),
        }
    }

    /// The variant that stands for the same thing: of the same name, else the most alike of the same type.
    fn partner(&self, one: &Node, others: &[Node]) -> Option<usize> {
        let a = self.old.normal(one);
        let named = others.iter().position(|other| {
            let b = self.new.normal(other);
            a.name.is_some() && b.name.as_deref().map(|name| self.names.schema(name)) == a.name.as_deref()
        });
        let alike = |other: &Node| {
            let b = self.new.normal(other);
            let is_other = a.name.is_some() && b.name.is_some() && self.is_known(&a, &b);
            if a.kinds != b.kinds || is_other || a.values.is_some() != b.values.is_some() {
                return None;
            }
            let shared = a.properties.keys().filter(|name| b.properties.contains_key(*name)).count();
            let is_record = !a.properties.is_empty() || !b.properties.is_empty();
            (!is_record || shared > 0).then_some(shared)
        };
        named.or_else(|| {
            let best = others.iter().enumerate().filter_map(|(index, other)| Some((alike(other)?, std::cmp::Reverse(index))));
            best.max().map(|(_, std::cmp::Reverse(index))| index)
        })
    }

    /// Whether both documents know both names, so that one is not the other renamed.
    fn is_known(&self, a: &Normal, b: &Normal) -> bool {
        let (Some(was), Some(is)) = (&a.name, &b.name) else { return false };
        let is = self.names.schema(is);
        let in_old = self.old.names().contains(is);
        let in_new = self.new.names().iter().any(|name| self.names.schema(name) == was);
        in_old || in_new
    }

    fn type_names(&mut self, a: &Normal, b: &Normal, spot: &Spot) {
        if !spot.is_typed {
            return;
        }
        let component = |name: &str| json::join("/components/schemas", name);
        match (&a.name, &b.name) {
            (Some(was), Some(is)) => {
                let is_mapped = self.names.schema(is);
                if is_mapped == was {
                    return;
                }
                let (from, to) = (component(was), component(is));
                let at = (Some(from.as_str()), Some(to.as_str()));
                let text = format!("type `{}` is called `{}`", pascal(was), pascal(is));
                if self.is_known(a, b) {
                    let summary = format!("{} is of type `{}` instead of `{}`", spot.label, pascal(is), pascal(was));
                    let text = format!("{} was `{}` and becomes `{}`", spot.label, pascal(was), pascal(is));
                    self.add("D804", at, summary, Effect::no(text), spot);
                } else if pascal(was) != pascal(is) {
                    let summary = format!("schema `{was}` is called `{is}` now");
                    self.add("D801", at, summary, Effect::partly(text, NAMING), spot);
                }
            }
            (Some(was), None) => {
                let name = if has_own_type(b) { spot.context.1.clone() } else { self.plain(self.new, b, &spot.context.1) };
                if name == pascal(was) {
                    return;
                }
                let from = component(was);
                let effect = moved(&pascal(was), &name, has_own_type(b));
                self.add("D802", (Some(&from), Some(&b.at)), format!("schema `{was}` is written in place"), effect, spot);
            }
            (None, Some(is)) => {
                let name = if has_own_type(a) { spot.context.0.clone() } else { self.plain(self.old, a, &spot.context.0) };
                if name == pascal(is) || self.names.schema(is) != is {
                    return;
                }
                let to = component(is);
                let effect = moved(&name, &pascal(is), has_own_type(a));
                self.add("D803", (Some(&a.at), Some(&to)), format!("schema `{is}` has a name of its own"), effect, spot);
            }
            (None, None) => {}
        }
    }

    fn plain(&self, schemas: &Schemas<'_>, normal: &Normal, context: &str) -> String {
        value_type(schemas, &Node::at(&normal.at), context)
    }
}

/// What becomes of a place whose type was `a` and is `b`.
pub(super) fn retype(label: &str, a: &str, b: &str, direction: Direction) -> Effect {
    let text = format!("{label} was `{a}` and becomes `{b}`");
    let wrapped = option(a.to_owned()) == b || option(b.to_owned()) == a;
    if a == b {
        Effect::yes(format!("{label} stays `{a}`"))
    } else if wrapped && direction == Direction::Request {
        Effect::partly(text, BUILDER)
    } else {
        Effect::no(text)
    }
}

/// A type that is generated under another name, without any other change.
fn moved(from: &str, to: &str, is_record: bool) -> Effect {
    let text = format!("type `{from}` is called `{to}`");
    if is_record { Effect { text, compiles: Compiles::Partly, why: Some(NAMING) } } else { Effect::no(format!("`{from}` becomes `{to}`")) }
}

fn variant(value: &Value) -> String {
    pascal(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Whether `wide` lets through every type that `narrow` does.
fn covers(wide: &Normal, narrow: &Normal) -> bool {
    let takes = |kind: &Kind| wide.is(*kind) || (*kind == Kind::Integer && wide.is(Kind::Number));
    wide.is_anything() || (!narrow.is_anything() && !narrow.kinds.is_empty() && narrow.kinds.iter().all(takes))
}

/// Whether every value of the format `from` is one of the format `to`.
fn widens_format(from: Option<&str>, to: Option<&str>) -> bool {
    let bits =
        |format: Option<&str>| format.and_then(|format| format.trim_start_matches("uint").trim_start_matches("int").parse::<u32>().ok());
    match (from, to) {
        // Without a format, an integer has 64 bits to a generator.
        (_, None) => true,
        (Some("float"), Some("double")) => true,
        _ => matches!((bits(from), bits(to)), (Some(from), Some(to)) if to > from),
    }
}
