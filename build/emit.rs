//! Writes what progenitor does not: open enums, ids, the operation table, the calls and the dispatcher.

use std::collections::BTreeMap;

use heck::{ToShoutySnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;
use syn::{File, ImplItem, Item, Signature};

use crate::call::{CallModel, Field};
use crate::document::{Fault, Result, schema_name};
use crate::example::Examples;
use crate::generate::{first_line, inner, types as generated_types};
use crate::lower::{Lowered, Reply};
use crate::model::{Model, Operation, Parameter, snake};

/// `open_enum!` and `id!` invocations, for `src/types`.
pub(crate) fn types(model: &Model) -> TokenStream {
    let enums = model.enums.iter().map(|e| {
        let (name, doc) = (format_ident!("{}", e.name), docs(&e.description));
        let variants = e.variants.iter().map(|variant| {
            let (ident, value, doc) = (format_ident!("{}", variant.ident), &variant.value, docs(&variant.description));
            quote!(#doc #ident = #value,)
        });
        quote!(open_enum! { #doc #name { #(#variants)* } })
    });
    let ids = model.ids.iter().map(|id| {
        let (name, doc) = (format_ident!("{}", id.name), docs(&id.description));
        quote!(id! { #doc #name })
    });
    quote!(#(#enums)* #(#ids)*)
}

/// The operation table, for `src/operation.rs`.
pub(crate) fn table(model: &Model) -> TokenStream {
    let mut names = Vec::new();
    let rows = model.operations.iter().map(|operation| {
        let name = constant(operation);
        names.push(name.clone());
        let Operation { id, method, path, tag, summary, success, errors, billed, idempotent, .. } = operation;
        let storage = operation.server.is_some();
        let (class, requests, seconds) = (&operation.rate.class, operation.rate.requests, operation.rate.seconds);
        let json_body = operation.body.as_ref().is_some_and(|body| body.schema.is_some());
        let parameters = operation.parameters.iter().map(|parameter| {
            let Parameter { name, location, required, .. } = parameter;
            let place = format_ident!("{}", location.to_upper_camel_case());
            quote!(Parameter { name: #name, place: Place::#place, required: #required })
        });
        let doc = format!("`{method} {path}`: {summary}.");
        quote! {
            #[doc = #doc]
            pub const #name: Operation = Operation {
                id: #id, method: #method, path: #path, tag: #tag, summary: #summary, parameters: &[#(#parameters),*], json_body: #json_body,
                billed: #billed, idempotent: #idempotent, rate: Rate { class: #class, requests: #requests, seconds: #seconds },
                success: &[#(#success),*], errors: &[#(#errors),*], storage: #storage,
            };
        }
    });
    let rows: Vec<TokenStream> = rows.collect();
    quote! {
        #(#rows)*
        /// Every operation of the spec, in its order.
        pub const OPERATIONS: &[&Operation] = &[#(&#names),*];
    }
}

pub(crate) fn constant(operation: &Operation) -> Ident {
    format_ident!("{}", operation.id.to_shouty_snake_case())
}

/// The calls with their methods on `Client`, for `src/calls.rs`.
pub(crate) fn calls(spec: &Value, model: &Model, lowered: &Lowered, api: &File) -> Result<TokenStream> {
    let examples = Examples::new(spec, model);
    let mut out = TokenStream::new();
    let plain: std::collections::BTreeSet<&String> = lowered
        .replies
        .values()
        .filter_map(|reply| match reply {
            Reply::Plain(name) => Some(name),
            _ => None,
        })
        .collect();
    for name in plain {
        let name = format_ident!("{name}");
        out.extend(quote! {
            impl Reply for crate::api::types::#name {
                type Value = Self;

                fn into_value(self) -> Self {
                    self
                }
            }
        });
    }
    for call in read_calls(spec, model, lowered, api)? {
        out.extend(call.choice());
        out.extend(call.client_method(&examples));
        out.extend(call.call_struct());
    }
    Ok(out)
}

/// The dispatcher, for `src/dispatch.rs`.
pub(crate) fn dispatcher(spec: &Value, model: &Model, lowered: &Lowered, api: &File) -> Result<TokenStream> {
    let calls = read_calls(spec, model, lowered, api)?;
    let arms = calls.iter().map(CallModel::dispatch);
    Ok(quote! {
        /// Runs one operation of the API; storage operations are not here.
        async fn api(client: &Client, operation: &'static Operation, mut input: Input<'_>) -> Result<Dispatched, Error> {
            match operation.id {
                #(#arms)*
                _ => Err(input.unknown_operation()),
            }
        }
    })
}

fn read_calls<'a>(spec: &'a Value, model: &'a Model, lowered: &'a Lowered, api: &'a File) -> Result<Vec<CallModel<'a>>> {
    let signatures = signatures(api);
    let structs = structs(api);
    let schemas = &spec["components"]["schemas"];
    let mut calls = Vec::new();
    for operation in model.operations.iter().filter(|operation| operation.server.is_none()) {
        let missing = |what: &str| Fault::new(&operation.yaml, format!("progenitor made no {what} for it")).in_operation(&operation.id);
        let signature = signatures.get(operation.id.as_str()).copied().ok_or_else(|| missing("method"))?;
        let reply = lowered.replies.get(&operation.id).ok_or_else(|| missing("reply"))?;
        let body = match operation.body.as_ref().and_then(|body| body.schema.as_deref()) {
            None => None,
            Some(name) => {
                let item = structs.get(name).ok_or_else(|| missing("body type"))?;
                Some((format_ident!("{name}"), body_fields(item, &schemas[name], schemas)))
            }
        };
        let chosen = |parameter: &&Parameter| operation.choice.as_ref().is_none_or(|choice| !choice.covers(&parameter.name));
        let sent = operation.parameters.iter().filter(|parameter| !parameter.client_wide && parameter.fixed.is_none()).filter(chosen);
        let own = sent.map(|parameter| Field {
            ident: format_ident!("{}", parameter.ident()),
            ty: parameter_type(&parameter.schema),
            required: parameter.required,
            summary: parameter.description.lines().next().unwrap_or_default().to_owned(),
            name: parameter.name.clone(),
            schema: parameter.schema.clone(),
        });
        calls.push(CallModel {
            operation,
            struct_name: format_ident!("{}", operation.id.to_upper_camel_case()),
            method: format_ident!("{}", operation.id),
            body,
            own: own.collect(),
            signature,
            reply,
        });
    }
    Ok(calls)
}

fn signatures(api: &File) -> BTreeMap<String, &Signature> {
    let blocks = api.items.iter().filter_map(|item| match item {
        Item::Impl(block) if block.trait_.is_none() => Some(block),
        _ => None,
    });
    let methods = blocks.flat_map(|block| &block.items).filter_map(|item| match item {
        ImplItem::Fn(method) => Some((method.sig.ident.to_string(), &method.sig)),
        _ => None,
    });
    methods.collect()
}

fn structs(api: &File) -> BTreeMap<String, &syn::ItemStruct> {
    let structs = generated_types(api).iter().filter_map(|item| match item {
        Item::Struct(item) => Some((item.ident.to_string(), item)),
        _ => None,
    });
    structs.collect()
}

fn body_fields(item: &syn::ItemStruct, schema: &Value, schemas: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties: BTreeMap<String, (&String, &Value)> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, property)| (snake(name), (name, property))).collect();
    // In the order of the spec, which is the order that a person would give them in; the generator sorts by name.
    let order: Vec<String> = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| snake(name)).collect();
    let mut fields: Vec<Field> = item
        .fields
        .iter()
        .filter_map(|field| {
            let ident = field.ident.clone()?;
            let (name, property) = properties.get(&ident.to_string())?;
            let is_required = required.contains(&name.as_str());
            let single = schema_name(property).and_then(|name| schemas[name]["enum"].as_array()).is_some_and(|values| values.len() == 1);
            let field = Field {
                ident,
                ty: qualified(&field.ty),
                required: is_required,
                summary: first_line(property, schemas),
                name: (*name).clone(),
                schema: (*property).clone(),
            };
            (!(is_required && single)).then_some(field)
        })
        .collect();
    fields.sort_by_key(|field| order.iter().position(|name| field.ident == name));
    fields
}

/// A type as it is written inside `mod types`, written from outside.
fn qualified(ty: &syn::Type) -> syn::Type {
    for outer in ["Option", "Vec"] {
        if let Some(item) = inner(ty, outer) {
            let (outer, item) = (format_ident!("{outer}"), qualified(&item));
            return syn::parse_quote!(#outer<#item>);
        }
    }
    match ty {
        syn::Type::Path(path)
            if path.path.segments.len() == 1 && path.path.segments[0].ident.to_string().starts_with(char::is_uppercase) =>
        {
            syn::parse_quote!(crate::api::types::#path)
        }
        _ => ty.clone(),
    }
}

pub(crate) fn parameter_type(schema: &Value) -> syn::Type {
    if let Some(name) = schema_name(schema) {
        let name = format_ident!("{name}");
        return syn::parse_quote!(crate::types::#name);
    }
    match schema["type"].as_str() {
        Some("integer") => syn::parse_quote!(i64),
        Some("number") => syn::parse_quote!(f64),
        Some("boolean") => syn::parse_quote!(bool),
        _ => syn::parse_quote!(::std::string::String),
    }
}

pub(crate) fn docs(text: &str) -> TokenStream {
    let lines = text.trim().lines().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}
