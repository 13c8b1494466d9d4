//! What progenitor and typify call things, and which Rust type they give them.

use heck::{ToPascalCase as _, ToSnakeCase as _};

use super::node::{Additional, Kind, Node, Normal, Schemas};

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "return", "Self", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized",
    "use", "virtual", "where", "while", "yield",
];

/// A method, a field or an argument.
pub(super) fn snake(name: &str) -> String {
    identifier(name, str::to_snake_case, "x")
}

/// A type or a variant.
pub(super) fn pascal(name: &str) -> String {
    identifier(name, str::to_pascal_case, "X")
}

fn identifier(name: &str, recase: impl Fn(&str) -> String, prefix: &str) -> String {
    let plain: String = name.chars().filter(|c| *c != '\'').map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let cased = match name {
        "+1" => recase("plus1"),
        "-1" => recase("minus1"),
        _ => recase(&plain),
    };
    let is_start = cased.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let cased = if is_start { cased } else { format!("{prefix}{cased}") };
    if KEYWORDS.contains(&cased.as_str()) { format!("{cased}_") } else { cased }
}

/// The name of the type at a place: the component's, or one made of the context.
pub(super) fn type_name(normal: &Normal, context: &str) -> String {
    normal.name.as_deref().map_or_else(|| context.to_owned(), pascal)
}

/// Whether the generator makes a type for this even where no component names it.
pub(super) fn has_own_type(normal: &Normal) -> bool {
    let is_record = normal.is(Kind::Object) && (!normal.properties.is_empty() || normal.additional == Additional::Nothing);
    let is_checked_text =
        normal.is(Kind::String) && ["pattern", "minLength", "maxLength"].iter().any(|key| normal.limits.contains_key(key));
    !normal.variants.is_empty() || normal.values.is_some() || is_record || is_checked_text
}

/// The Rust type of a value that has to be there. `context` is the name that an unnamed type gets.
pub(super) fn value_type(schemas: &Schemas<'_>, node: &Node, context: &str) -> String {
    let normal = schemas.normal(node);
    let plain = plain_type(schemas, &normal, context);
    if normal.nullable { option(plain) } else { plain }
}

/// The Rust type of a field: what may be missing is an `Option`, but for lists, maps and what has a default.
pub(super) fn field_type(schemas: &Schemas<'_>, node: &Node, context: &str, required: bool) -> String {
    let normal = schemas.normal(node);
    let plain = plain_type(schemas, &normal, context);
    let is_collection = normal.name.is_none() && (normal.is(Kind::Array) || (normal.is(Kind::Object) && !has_own_type(&normal)));
    let may_miss = !required && normal.default.is_none() && !is_collection;
    if normal.nullable || may_miss { option(plain) } else { plain }
}

pub(super) fn option(plain: String) -> String {
    format!("Option<{plain}>")
}

fn plain_type(schemas: &Schemas<'_>, normal: &Normal, context: &str) -> String {
    if normal.name.is_some() { type_name(normal, context) } else { unnamed_type(schemas, normal, context) }
}

/// The Rust type that a schema has without regard to its name.
pub(super) fn unnamed_type(schemas: &Schemas<'_>, normal: &Normal, context: &str) -> String {
    if has_own_type(normal) {
        return context.to_owned();
    }
    let limit = |key: &str| normal.limits.get(key).and_then(serde_json::Value::as_u64);
    let mut kinds = normal.kinds.iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return "serde_json::Value".to_owned() };
    match kind {
        Kind::String => string(normal.format.as_deref()).to_owned(),
        Kind::Integer => integer(normal),
        Kind::Number => (if normal.format.as_deref() == Some("float") { "f32" } else { "f64" }).to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Array => {
            let item = normal.items.as_ref().map(|items| value_type(schemas, items, &format!("{context}Item")));
            let item = item.unwrap_or_else(|| "serde_json::Value".to_owned());
            match (limit("minItems"), limit("maxItems")) {
                (Some(least), Some(most)) if least == most && most > 0 => format!("[{item}; {most}]"),
                _ => format!("Vec<{item}>"),
            }
        }
        Kind::Object => match &normal.additional {
            Additional::Only(values) => format!("HashMap<String, {}>", value_type(schemas, values, &format!("{context}Value"))),
            _ => "serde_json::Map<String, serde_json::Value>".to_owned(),
        },
    }
}

/// What kind of type the generator makes: of two types of one name it decides whether code that uses them still compiles.
pub(super) fn form(schemas: &Schemas<'_>, normal: &Normal, context: &str) -> String {
    let form = match &normal.values {
        _ if !normal.variants.is_empty() => "an enum of its variants",
        Some(_) if normal.is(Kind::String) => "an enum of its values",
        Some(_) => "a newtype with a list of values",
        None if has_own_type(normal) && normal.is(Kind::Object) => "a struct",
        None if has_own_type(normal) => "a newtype of a checked text",
        None => return format!("`{}`", unnamed_type(schemas, normal, context)),
    };
    form.to_owned()
}

fn string(format: Option<&str>) -> &'static str {
    match format {
        Some("date-time") => "chrono::DateTime<Utc>",
        Some("date") => "chrono::NaiveDate",
        Some("uuid") => "uuid::Uuid",
        Some("ip") => "std::net::IpAddr",
        Some("ipv4") => "std::net::Ipv4Addr",
        Some("ipv6") => "std::net::Ipv6Addr",
        _ => "String",
    }
}

fn integer(normal: &Normal) -> String {
    let bound = |key: &str| normal.limits.get(key).and_then(serde_json::Value::as_f64);
    let format = normal.format.as_deref().unwrap_or_default();
    let bits = match format {
        "int8" | "uint8" => "8",
        "int16" | "uint16" => "16",
        "int32" | "uint32" | "int" | "uint" => "32",
        _ => "64",
    };
    let only_least = format.is_empty() && bound("maximum").is_none();
    match bound("minimum") {
        Some(1.0) => format!("std::num::NonZeroU{bits}"),
        Some(0.0) if only_least => "u64".to_owned(),
        _ if format.starts_with('u') => format!("u{bits}"),
        _ => format!("i{bits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_typify() {
        assert_eq!(snake("BookController_listAll"), "book_controller_list_all");
        assert_eq!((snake("type"), pascal("self")), ("type_".to_owned(), "Self_".to_owned()));
        assert_eq!((pascal("4K"), pascal("Q&A"), pascal("it's")), ("X4k".to_owned(), "QA".to_owned(), "Its".to_owned()));
        assert_eq!((pascal("+1"), pascal(""), snake("x-opus-id")), ("Plus1".to_owned(), "X".to_owned(), "x_opus_id".to_owned()));
    }
}
