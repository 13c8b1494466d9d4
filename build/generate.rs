//! Runs progenitor on the lowered spec and edits what comes out.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openapiv3::OpenAPI;
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle};
use quote::quote;
use serde_json::Value;
use syn::{File, ImplItem, Item, parse_quote};

use crate::decode::{self, Member, drop_derived};
use crate::document::{Fault, Result, schema_name};
use crate::lower::{Lowered, only};
use crate::model::{Model, snake};
use crate::request;

pub(crate) fn generate(spec: &Value, model: &Model, lowered: &Lowered) -> Result<File> {
    let mut file = run(&lowered.spec, lowered).map_err(|message| {
        let culprit = model
            .operations
            .iter()
            .find(|operation| operation.server.is_none() && run(&only(&lowered.spec, &operation.id), lowered).is_err());
        match culprit {
            Some(operation) => Fault::new(&operation.yaml, format!("progenitor cannot take it: {message}")).in_operation(&operation.id),
            None => Fault::new("components.schemas", format!("progenitor cannot take the document: {message}")),
        }
    })?;
    edit(spec, &mut file)?;
    Ok(file)
}

/// progenitor panics on much of what it cannot take; a panic is turned into its message.
fn run(spec: &Value, lowered: &Lowered) -> std::result::Result<File, String> {
    let document: OpenAPI = serde_json::from_value(spec.clone()).map_err(|error| error.to_string())?;
    let mut settings = GenerationSettings::default();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::transport::Scope))
        .with_derive("PartialEq");
    for (name, path) in &lowered.replacements {
        settings.with_replacement(name, path, [].into_iter());
    }
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(|| Generator::new(&settings).generate_tokens(&document)));
    std::panic::set_hook(hook);
    let tokens = outcome.map_err(|panic| match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "it panicked without a message".to_owned(),
    })?;
    syn::parse2(tokens.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

/// What stands in the generated `mod types`.
pub(crate) fn types(api: &File) -> &[Item] {
    let module = api.items.iter().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => module.content.as_ref(),
        _ => None,
    });
    module.map_or(&[], |(_, items)| items)
}

fn edit(spec: &Value, file: &mut File) -> Result<()> {
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "types" => {
                let Some((_, items)) = &mut module.content else { continue };
                items.retain(|item| !is_clone_conversion(item));
                edit_types(spec, items)?;
            }
            // The generated constructor unwraps, and sets a total timeout that nobody asked for.
            Item::Impl(block) if block.trait_.is_none() => {
                block.items.retain(|item| !matches!(item, ImplItem::Fn(method) if method.sig.ident == "new"));
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item {
                        request::edit(method);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `impl From<&T> for T` hides a clone, and doubles the public surface.
fn is_clone_conversion(item: &Item) -> bool {
    let Item::Impl(block) = item else { return false };
    let Some((path, _)) = &block.trait_ else { return false };
    let this = &block.self_ty;
    quote!(#path).to_string().replace(' ', "") == format!("::std::convert::From<&{}>", quote!(#this))
}

fn edit_types(spec: &Value, items: &mut Vec<Item>) -> Result<()> {
    let schemas = &spec["components"]["schemas"];
    let mut impls = Vec::new();
    for item in items.iter_mut() {
        let Item::Struct(item) = item else { continue };
        let schema = &schemas[item.ident.to_string()];
        let empty = serde_json::Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let by_field: BTreeMap<String, (&String, &Value)> =
            properties.iter().map(|(name, property)| (snake(name), (name, property))).collect();
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        item.attrs.push(parse_quote!(#[non_exhaustive]));
        let (mut arguments, mut inits, mut setters) = (Vec::new(), Vec::new(), Vec::new());
        let mut members = Vec::new();
        for field in &mut item.fields {
            let Some(ident) = field.ident.clone() else { continue };
            let Some((name, property)) = by_field.get(&ident.to_string()) else { continue };
            let optional = !required.contains(&name.as_str());
            if !field.attrs.iter().any(|attribute| attribute.path().is_ident("doc")) {
                let summary = format!(" {}", first_line(property, schemas));
                field.attrs.insert(0, parse_quote!(#[doc = #summary]));
            }
            let aliases = property.get("x-aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            members.push(Member {
                ident: ident.clone(),
                name: (*name).clone(),
                ty: field.ty.clone(),
                required: !optional,
                integer: property["type"] == "integer",
                aliases: aliases.map(str::to_owned).collect(),
            });
            let fixed = fixed_value(schemas, property);
            if let (false, Some(fixed)) = (optional, fixed) {
                inits.push(quote!(#ident: #fixed.into()));
                continue;
            }
            let taken = Taken::of(&field.ty);
            let (ty, convert) = (taken.argument(), taken.convert(&ident));
            if optional {
                let setter = quote::format_ident!("with_{}", ident);
                let summary = format!("Sets `{name}`: {}", first_line(property, schemas));
                setters.push(quote! {
                    #[doc = #summary]
                    #[must_use]
                    pub fn #setter(mut self, #ident: #ty) -> Self {
                        self.#ident = ::std::option::Option::Some(#convert);
                        self
                    }
                });
                inits.push(quote!(#ident: ::std::option::Option::None));
            } else {
                arguments.push(quote!(#ident: #ty));
                inits.push(quote!(#ident: #convert));
            }
        }
        let this = item.ident.clone();
        drop_derived(item)
            .map_err(|error| Fault::new(format!("components.schemas.{this}"), format!("its derives cannot be read: {error}")))?;
        impls.extend(decode::impls(&this, &members));
        let doc = if arguments.is_empty() { "Starts with every field left out." } else { "Starts with the required fields." };
        impls.push(parse_quote! {
            impl #this {
                #[doc = #doc]
                #[must_use]
                pub fn new(#(#arguments),*) -> Self {
                    Self { #(#inits),* }
                }
                #(#setters)*
            }
        });
    }
    items.extend(impls);
    Ok(())
}

/// The only value of a required enum with one value.
fn fixed_value(schemas: &Value, property: &Value) -> Option<String> {
    let values = schemas[schema_name(property)?].get("enum")?.as_array()?;
    match values.as_slice() {
        [only] => only.as_str().map(str::to_owned),
        _ => None,
    }
}

pub(crate) fn first_line(property: &Value, schemas: &Value) -> String {
    let own = property.get("description").and_then(Value::as_str);
    let inherited = || schema_name(property).and_then(|name| schemas[name].get("description")?.as_str());
    own.or_else(inherited).unwrap_or_default().trim().lines().next().unwrap_or_default().to_owned()
}

/// How a value of a field's type is best taken as an argument.
pub(crate) enum Taken {
    /// `impl Into<T>`.
    Into(syn::Type),
    /// An iterator of what goes into `T`, for `Vec<T>`.
    Items(syn::Type),
}

impl Taken {
    pub(crate) fn of(ty: &syn::Type) -> Self {
        let ty = inner(ty, "Option").unwrap_or_else(|| ty.clone());
        match inner(&ty, "Vec") {
            Some(item) => Self::Items(item),
            None => Self::Into(ty),
        }
    }

    pub(crate) fn argument(&self) -> proc_macro2::TokenStream {
        match self {
            Self::Into(ty) => quote!(impl ::std::convert::Into<#ty>),
            Self::Items(item) => quote!(impl ::std::iter::IntoIterator<Item = impl ::std::convert::Into<#item>>),
        }
    }

    pub(crate) fn convert(&self, ident: &syn::Ident) -> proc_macro2::TokenStream {
        match self {
            Self::Into(_) => quote!(#ident.into()),
            Self::Items(_) => quote!(#ident.into_iter().map(::std::convert::Into::into).collect()),
        }
    }
}

/// `T` of `Option<T>` or `Vec<T>`.
pub(crate) fn inner(ty: &syn::Type, outer: &str) -> Option<syn::Type> {
    let syn::Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == outer)?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    }
}
