//! What the generated code makes public, one line each: the text in which a change of the spec is reviewed.

use quote::ToTokens;
use syn::{Fields, File, ImplItem, Item, ItemStruct, Signature, Visibility};

use crate::generate::types;
use crate::lower::{Lowered, Reply};
use crate::model::{Model, Operation};

pub(crate) fn surface(model: &Model, lowered: &Lowered, api: &File, calls: &File) -> String {
    let mut lines = vec!["# Operations".to_owned()];
    lines.extend(model.operations.iter().map(|operation| operation_line(operation, lowered)));
    lines.push("\n# Calls".to_owned());
    lines.extend(items(&calls.items));
    lines.push("\n# Types".to_owned());
    for open in &model.enums {
        let values = open.variants.iter().map(|variant| format!("    {} = {:?}", variant.ident, variant.value));
        lines.push(format!("enum {}, open", open.name));
        lines.extend(values);
    }
    lines.extend(model.ids.iter().map(|id| format!("id {}", id.name)));
    lines.extend(model.hand_written.iter().map(|name| format!("hand-written {name}")));
    lines.extend(items(types(api)));
    lines.push("\n# opusclip::api".to_owned());
    lines.extend(items(&api.items));
    lines.join("\n") + "\n"
}

fn operation_line(operation: &Operation, lowered: &Lowered) -> String {
    let Operation { id, method, path, rate, billed, idempotent, .. } = operation;
    let reply = match lowered.replies.get(id) {
        Some(Reply::List(item)) => format!("List<{item}>"),
        Some(Reply::Data(name)) => format!("Data<{name}>"),
        Some(Reply::Plain(name)) => name.clone(),
        Some(Reply::Done) => "Done".to_owned(),
        None => "storage, by hand".to_owned(),
    };
    let flags = [(*billed, ", billed"), (*idempotent, ", idempotent")];
    let flags: String = flags.iter().filter_map(|(set, text)| set.then_some(*text)).collect();
    format!("{id}: {method} {path} -> {reply}; {} {}/{} s{flags}", rate.class, rate.requests, rate.seconds)
}

fn items(items: &[Item]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        let before = lines.len();
        match item {
            Item::Struct(item) if is_public(&item.vis) => lines.extend(structure(item)),
            Item::Enum(item) if is_public(&item.vis) => {
                lines.push(format!("enum {}", item.ident));
                lines.extend(item.variants.iter().map(|variant| format!("    {}", flat(variant_without_docs(variant)))));
            }
            Item::Impl(block) if block.trait_.is_none() => {
                let owner = flat(&block.self_ty);
                let methods = block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(method) if is_public(&method.vis) => Some(&method.sig),
                    _ => None,
                });
                lines.extend(methods.map(|signature| format!("{owner}::{}", function(signature))));
            }
            Item::Impl(block) => {
                let name = block.trait_.as_ref().map(|(path, _)| flat(path)).unwrap_or_default();
                let shown = ["IntoFuture", "FromStr", "Display", "Default", "TryFrom", "From"].iter().any(|known| name.contains(known));
                lines.extend(shown.then(|| format!("impl {name} for {}", flat(&block.self_ty))));
            }
            _ => {}
        }
        if is_gated(item) {
            lines[before..].iter_mut().for_each(|line| line.push_str(" [unstable]"));
        }
    }
    lines
}

/// Whether it is there with a feature only; `unstable` is the one that there is.
fn is_gated(item: &Item) -> bool {
    let attributes = match item {
        Item::Struct(item) => &item.attrs,
        Item::Impl(block) => &block.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg"))
}

fn structure(item: &ItemStruct) -> Vec<String> {
    let mut lines = vec![format!("struct {}", item.ident)];
    if let Fields::Named(fields) = &item.fields {
        for field in fields.named.iter().filter(|field| is_public(&field.vis)) {
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            let attributes: String = field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")).map(flat).collect();
            let wire =
                attributes.split_once("rename=\"").and_then(|(_, rest)| rest.split_once('"')).map_or(name.as_str(), |(wire, _)| wire);
            lines.push(format!("    {name}: {} <- {wire:?}", flat(&field.ty)));
        }
    }
    lines
}

fn function(signature: &Signature) -> String {
    let inputs: Vec<String> = signature.inputs.iter().map(flat).collect();
    let output = flat(&signature.output);
    format!("{}({}) {output}", signature.ident, inputs.join(", ")).trim_end().to_owned()
}

fn variant_without_docs(variant: &syn::Variant) -> syn::Variant {
    syn::Variant { attrs: Vec::new(), ..variant.clone() }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Tokens without the spaces and paths that only generated code has.
fn flat(tokens: impl ToTokens) -> String {
    const PATHS: [&str; 6] = [":: std :: ", ":: serde_json :: ", "crate :: types :: ", "crate :: api :: types :: ", "types :: ", "'c"];
    const MODULES: [&str; 6] = ["option :: ", "vec :: ", "string :: ", "convert :: ", "iter :: ", "future :: "];
    const SPACES: [(&str, &str); 13] = [
        (" :: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (",>", ">"),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" :", ":"),
        (" = ", "="),
        ("<>", ""),
    ];
    let text = PATHS.iter().chain(&MODULES).fold(tokens.to_token_stream().to_string(), |text, path| text.replace(path, ""));
    let text = SPACES.iter().fold(text, |text, (from, to)| text.replace(from, to));
    text.replace("- >", "->")
}
