//! Writes what progenitor does not: open enums, ids, the operation table, the calls and the dispatcher.

use std::collections::BTreeMap;

use heck::{ToShoutySnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;
use syn::{File, FnArg, ImplItem, Item, Pat, Signature};

use crate::document::{Fault, Result, schema_name};
use crate::example::Examples;
use crate::generate::{Taken, first_line, inner, types as generated_types};
use crate::lower::{Lowered, Reply};
use crate::model::{Choice, Model, Operation, Parameter, snake};

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

fn constant(operation: &Operation) -> Ident {
    format_ident!("{}", operation.id.to_shouty_snake_case())
}

/// One argument or option of a call: a field of its struct.
struct Field {
    ident: Ident,
    ty: syn::Type,
    required: bool,
    summary: String,
    name: String,
    schema: Value,
}

/// Everything about one call that the emitters share.
struct CallModel<'a> {
    operation: &'a Operation,
    struct_name: Ident,
    method: Ident,
    body: Option<(Ident, Vec<Field>)>,
    own: Vec<Field>,
    signature: &'a Signature,
    reply: &'a Reply,
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

fn parameter_type(schema: &Value) -> syn::Type {
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

impl Choice {
    fn covers(&self, name: &str) -> bool {
        self.parameter == name || self.variants.iter().any(|variant| variant.argument.as_deref() == Some(name))
    }
}

impl CallModel<'_> {
    fn choice_type(&self) -> Option<(Ident, Ident)> {
        self.operation.choice.as_ref().map(|choice| (format_ident!("{}", choice.name), format_ident!("{}", choice.type_name)))
    }

    fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.operation.parameters.iter().find(|parameter| parameter.name == name)
    }

    fn choice(&self) -> TokenStream {
        let Some(choice) = &self.operation.choice else { return TokenStream::new() };
        let name = format_ident!("{}", choice.type_name);
        let variants = choice.variants.iter().map(|variant| {
            let (ident, doc) = (format_ident!("{}", variant.name), docs(&variant.description));
            let argument = variant.argument.as_deref().and_then(|argument| self.parameter(argument)).map(|parameter| {
                let ty = parameter_type(&parameter.schema);
                quote!((#ty))
            });
            quote!(#doc #ident #argument)
        });
        let doc = format!("What [`Client::{}`] looks for.", self.operation.id);
        quote! {
            #[doc = #doc]
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[non_exhaustive]
            pub enum #name { #(#variants),* }
        }
    }

    /// The value that a caller gets.
    fn value_type(&self) -> TokenStream {
        let component = |name: &String| {
            let name = format_ident!("{name}");
            quote!(crate::api::types::#name)
        };
        match self.reply {
            Reply::List(item) => {
                let item = component(item);
                quote!(crate::types::List<#item>)
            }
            Reply::Data(name) | Reply::Plain(name) => component(name),
            Reply::Done => quote!(()),
        }
    }

    /// The value as it is decoded, with what is needed to encode it again without loss.
    fn reply_type(&self) -> TokenStream {
        let value = self.value_type();
        match self.reply {
            Reply::List(_) | Reply::Plain(_) => value,
            Reply::Data(_) => quote!(crate::types::Data<#value>),
            Reply::Done => quote!(crate::types::Done),
        }
    }

    fn arguments(&self) -> impl Iterator<Item = &Field> {
        let body = self.body.iter().flat_map(|(_, fields)| fields);
        self.own.iter().chain(body).filter(|field| field.required)
    }

    fn client_method(&self, examples: &Examples<'_>) -> TokenStream {
        let (method, call) = (&self.method, &self.struct_name);
        let choice = self.choice_type();
        let choice_argument = choice.iter().map(|(name, ty)| quote!(#name: #ty));
        let arguments = self.arguments().map(|field| {
            let (ident, ty) = (&field.ident, Taken::of(&field.ty).argument());
            quote!(#ident: #ty)
        });
        let choice_init = choice.iter().map(|(name, _)| quote!(#name));
        let own = self.own.iter().map(|field| {
            let ident = &field.ident;
            if field.required {
                let value = Taken::of(&field.ty).convert(ident);
                quote!(#ident: #value)
            } else {
                quote!(#ident: ::std::option::Option::None)
            }
        });
        let body = self.body.iter().map(|(name, fields)| {
            // `new` takes its arguments in the generator's order, by name.
            let mut required: Vec<&Field> = fields.iter().filter(|field| field.required).collect();
            required.sort_by_key(|field| field.ident.to_string());
            let idents = required.iter().map(|field| &field.ident);
            quote!(body: crate::api::types::#name::new(#(#idents),*))
        });
        let doc = docs(&self.documentation(examples));
        let (gate, reference) = (self.gate(), self.reference(&quote!(reference: ::std::option::Option::None,)));
        quote! {
            #gate
            impl Client {
                #doc
                pub fn #method(&self, #(#choice_argument,)* #(#arguments),*) -> #call<'_> {
                    #call { client: self, #reference #(#choice_init,)* #(#own,)* #(#body),* }
                }
            }
        }
    }

    fn is_unstable(&self) -> bool {
        self.operation.tag == "unstable"
    }

    /// Hides what is undocumented behind a feature.
    fn gate(&self) -> TokenStream {
        if self.is_unstable() { quote!(#[cfg(feature = "unstable")]) } else { TokenStream::new() }
    }

    /// `tokens`, if a reference can be planted in what this call makes.
    fn reference(&self, tokens: &TokenStream) -> TokenStream {
        if self.operation.reference { tokens.clone() } else { TokenStream::new() }
    }

    fn documentation(&self, examples: &Examples<'_>) -> String {
        let Operation { summary, description, method, path, rate, billed, idempotent, evidence, .. } = self.operation;
        let fields: Vec<(&str, &Value)> = self.arguments().map(|field| (field.name.as_str(), &field.schema)).collect();
        let arguments = examples.arguments(self.operation, &fields);
        let binding = if matches!(self.reply, Reply::Done) { "" } else { "let reply = " };
        let example = format!(
            "```no_run\n# async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {{\n{binding}client.{}({arguments}).await?;\n# Ok(())\n# }}\n```",
            self.operation.id
        );
        let unstable = if self.is_unstable() { "Behind the feature `unstable`, and outside of semantic versioning.\n" } else { "" };
        let cost = if *billed {
            "Billed: it consumes credits of the account. What is wrong for sure is an error before anything is sent, all at once; `check` on the call looks for it alone.\n"
        } else {
            ""
        };
        let retry = if *idempotent {
            "Safe to repeat: it is retried after a failed connection, 408, 429 and 5xx."
        } else {
            "Not safe to repeat: it is retried only when nothing can have been accepted (no connection was made, or 429). A lost reply is an error with [`is_outcome_unknown`](crate::Error::is_outcome_unknown), which carries what was asked ([`attempted`](crate::Error::attempted))."
        };
        let limit = match (rate.requests, rate.seconds) {
            (0, _) => String::new(),
            (n, 60) => {
                format!("Limit: {n} requests a minute for an API key, together with all operations of the class `{}`.\n", rate.class)
            }
            (n, _) => {
                format!("Limit: {n} request(s) a second for an API key, together with all operations of the class `{}`.\n", rate.class)
            }
        };
        let errors: Vec<String> = self.operation.errors.iter().map(u16::to_string).collect();
        format!(
            "{summary}.\n\n{example}\n\n{description}\n\n`{method} {path}`. {unstable}{cost}{limit}{retry}\nSource: {evidence}.\n\n# Errors\n\nAn [`Error`] for the statuses {} that are documented or observed, for a connection that fails or times out, and for a reply that cannot be decoded.",
            errors.join(", ")
        )
    }

    fn call_struct(&self) -> TokenStream {
        let call = &self.struct_name;
        let choice = self.choice_type().into_iter().map(|(name, ty)| quote!(pub(crate) #name: #ty));
        let own = self.own.iter().map(|field| {
            let (ident, ty) = (&field.ident, &field.ty);
            if field.required { quote!(pub(crate) #ident: #ty) } else { quote!(pub(crate) #ident: Option<#ty>) }
        });
        let body = self.body.iter().map(|(name, _)| quote!(pub(crate) body: crate::api::types::#name));
        let own_setters = self.own.iter().filter(|field| !field.required).map(|field| {
            let ident = &field.ident;
            let value = Taken::of(&field.ty).convert(ident);
            setter(field, &quote!(self.#ident = Some(#value)))
        });
        let body_setters = self.body.iter().flat_map(|(_, fields)| fields).filter(|field| !field.required).map(|field| {
            let (ident, value) = (&field.ident, Taken::of(&field.ty).convert(&field.ident));
            setter(field, &quote!(self.body.#ident = Some(#value)))
        });
        let (value, reply, send) = (self.value_type(), self.reply_type(), self.send());
        let doc = format!("A call of [`Client::{0}`], sent by `.await`.", self.operation.id);
        let (gate, check, reference_setter) = (self.gate(), self.check(), self.reference_setter());
        let (reference, mutable) = (self.reference(&quote!(pub(crate) reference: Option<crate::Reference>,)), self.reference(&quote!(mut)));
        quote! {
            #gate
            #[doc = #doc]
            #[derive(Clone, Debug)]
            #[must_use = "a call is sent when it is awaited"]
            pub struct #call<'c> { pub(crate) client: &'c Client, #reference #(#choice,)* #(#own,)* #(#body),* }

            #gate
            impl<'c> #call<'c> {
                #(#own_setters)*
                #(#body_setters)*
                #reference_setter
                #check

                pub(crate) async fn reply(#mutable self) -> Result<#reply, Error> { #send }

                /// Sends the call; the same as `.await` on it.
                ///
                /// # Errors
                ///
                /// Those of the method that made the call.
                pub async fn send(self) -> Result<#value, Error> {
                    self.reply().await.map(Reply::into_value)
                }
            }

            #gate
            impl<'c> ::std::future::IntoFuture for #call<'c> {
                type Output = Result<#value, Error>;
                type IntoFuture = BoxFuture<'c, Self::Output>;

                fn into_future(self) -> Self::IntoFuture {
                    Box::pin(self.send())
                }
            }
        }
    }

    /// Looks for mistakes before anything is billed. A billed operation whose body cannot do so does not compile.
    fn check(&self) -> TokenStream {
        if !self.operation.billed {
            return TokenStream::new();
        }
        let table = constant(self.operation);
        quote! {
            /// Looks for what is wrong with the call, without sending it and free of charge.
            ///
            /// Sending looks too. What the facts leave open (a host that is not on the list, an option that the model may ignore)
            /// is no error, but a warning of `tracing`. What only the service can know (whether a video is there, or a credit
            /// left) is not looked for.
            ///
            /// # Errors
            ///
            /// One [`Error`] with [`is_invalid_input`](Error::is_invalid_input) that lists everything: each field by its path,
            /// with its value and what was expected.
            pub fn check(&self) -> Result<(), Error> {
                crate::validate::check(&#table, &self.body, self.client.shared().clock.as_ref())
            }
        }
    }

    fn reference_setter(&self) -> TokenStream {
        let table = constant(self.operation);
        self.reference(&quote! {
            /// Plants a reference in the title, by which the result of a lost reply can be told; see [`Reference`](crate::Reference).
            /// It is visible to whoever sees the title. Where no title is set, the reference becomes the title.
            pub fn with_reference(mut self, reference: &crate::Reference) -> Self {
                self.reference = Some(reference.clone());
                self
            }

            /// What would be attempted, to be written down before it is sent: a future that is dropped, or a program that ends,
            /// gives no error to take it from.
            #[must_use]
            pub fn attempt(&self) -> crate::Attempted {
                let mut body = self.body.clone();
                if let Some(reference) = &self.reference {
                    crate::validate::plant(&mut body, reference);
                }
                let body = serde_json::to_value(body).unwrap_or_default();
                crate::Attempted::new(&#table, &body, self.client.shared().clock.as_ref(), ::std::time::Duration::ZERO)
            }
        })
    }

    fn send(&self) -> TokenStream {
        let table = constant(self.operation);
        let method = &self.method;
        let mut steps = TokenStream::new();
        if self.operation.billed {
            steps.extend(quote!(self.check()?;));
        }
        steps.extend(self.reference(&quote! {
            if let Some(reference) = self.reference.take() {
                crate::validate::plant(&mut self.body, &reference);
            }
        }));
        for field in &self.own {
            let (ident, name) = (&field.ident, &field.name);
            if self.parameter(name).is_some_and(|parameter| parameter.location == "path") {
                steps.extend(quote!(crate::types::check_segment(&#table, #name, self.#ident.as_str())?;));
            }
        }
        for field in self.body.iter().flat_map(|(_, fields)| fields).filter(|field| schema_name(&field.schema) == Some("FullClipId")) {
            let (ident, name) = (&field.ident, &field.name);
            steps.extend(quote!(self.body.#ident.check(&#table, #name)?;));
        }
        if let Some(choice) = &self.operation.choice {
            steps.extend(self.choice_steps(choice));
        }
        for parameter in self.operation.parameters.iter().filter(|parameter| parameter.fixed.is_some()) {
            let (ident, ty, value) = (format_ident!("{}", parameter.ident()), parameter_type(&parameter.schema), &parameter.fixed);
            steps.extend(quote!(let #ident = <#ty>::from(#value);));
        }
        let arguments = self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => match typed.pat.as_ref() {
                Pat::Ident(pat) => Some(self.argument(&pat.ident, &typed.ty)),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        });
        let arguments: Vec<TokenStream> = arguments.collect();
        let reply = self.reply_type();
        // What cannot be repeated has to be looked for when its reply is lost.
        let asking = (!self.operation.idempotent && self.body.is_some()).then(|| quote!(.asking(&self.body)));
        quote! {
            #steps
            let call = self.client.begin::<#reply>(&#table)#asking;
            let answer = call.api.#method(#(#arguments),*).await;
            call.finish(answer)
        }
    }

    /// Binds every parameter that the choice covers.
    fn choice_steps(&self, choice: &Choice) -> TokenStream {
        let (name, ty) = (format_ident!("{}", choice.name), format_ident!("{}", choice.type_name));
        let covered: Vec<&Parameter> = self.operation.parameters.iter().filter(|parameter| choice.covers(&parameter.name)).collect();
        let idents: Vec<Ident> = covered.iter().map(|parameter| format_ident!("{}", parameter.ident())).collect();
        let full = covered.iter().filter(|parameter| schema_name(&parameter.schema) == Some("FullClipId"));
        let table = constant(self.operation);
        let checks = full.map(|parameter| {
            let (ident, name) = (format_ident!("{}", parameter.ident()), &parameter.name);
            quote!(if let Some(id) = &#ident { id.check(&#table, #name)?; })
        });
        let arms = choice.variants.iter().map(|variant| {
            let (variant_ident, value) = (format_ident!("{}", variant.name), &variant.value);
            let pattern = variant.argument.as_ref().map(|_| quote!((argument)));
            let values = covered.iter().map(|parameter| {
                if parameter.name == choice.parameter {
                    let ty = parameter_type(&parameter.schema);
                    quote!(<#ty>::from(#value))
                } else if variant.argument.as_deref() == Some(&parameter.name) {
                    quote!(Some(argument))
                } else {
                    quote!(None)
                }
            });
            quote!(#ty::#variant_ident #pattern => (#(#values),*),)
        });
        quote!(let (#(#idents),*) = match self.#name { #(#arms)* }; #(#checks)*)
    }

    /// One argument of the generated method, in the form that its signature asks for.
    fn argument(&self, ident: &Ident, ty: &syn::Type) -> TokenStream {
        let local = self.operation.parameters.iter().any(|parameter| {
            *ident == parameter.ident()
                && (parameter.fixed.is_some() || self.operation.choice.as_ref().is_some_and(|choice| choice.covers(&parameter.name)))
        });
        let place = if local { quote!(#ident) } else { quote!(self.#ident) };
        let is_str = |ty: &syn::Type| quote!(#ty).to_string().ends_with("str");
        match (ty, inner(ty, "Option")) {
            (syn::Type::Reference(reference), _) if is_str(&reference.elem) => quote!(#place.as_str()),
            (syn::Type::Reference(_), _) => quote!(&#place),
            (_, Some(syn::Type::Reference(reference))) if is_str(&reference.elem) => quote!(#place.as_deref()),
            (_, Some(syn::Type::Reference(_))) => quote!(#place.as_ref()),
            (_, Some(_)) => quote!(#place),
            _ => quote!(#place),
        }
    }

    fn dispatch(&self) -> TokenStream {
        let (id, call) = (&self.operation.id, &self.struct_name);
        let mut steps = TokenStream::new();
        let mut inits = Vec::new();
        if let Some(choice) = &self.operation.choice {
            let (name, ty, parameter) = (format_ident!("{}", choice.name), format_ident!("{}", choice.type_name), &choice.parameter);
            let known: Vec<&String> = choice.variants.iter().map(|variant| &variant.value).collect();
            let arms = choice.variants.iter().map(|variant| {
                let (value, variant_ident) = (&variant.value, format_ident!("{}", variant.name));
                let argument = variant.argument.iter().map(|argument| quote!((input.required(#argument)?)));
                quote!(#value => crate::calls::#ty::#variant_ident #(#argument)*,)
            });
            steps.extend(quote!(let #name = match input.required::<String>(#parameter)?.as_str() { #(#arms)* other => return Err(input.not_one_of(#parameter, other, &[#(#known),*])) };));
            inits.push(quote!(#name));
        }
        for parameter in self.operation.parameters.iter() {
            if let Some(value) = &parameter.fixed {
                let name = &parameter.name;
                steps.extend(quote!(input.fixed(#name, #value)?;));
            }
        }
        for field in &self.own {
            let (ident, name) = (&field.ident, &field.name);
            let take = if field.required { quote!(required) } else { quote!(optional) };
            steps.extend(quote!(let #ident = input.#take(#name)?;));
            inits.push(quote!(#ident));
        }
        if self.body.is_some() {
            steps.extend(quote!(let body = input.body()?;));
            inits.push(quote!(body));
        }
        let (gate, reference) = (self.gate(), self.reference(&quote!(reference: None,)));
        quote! {
            #gate
            #id => {
                #steps
                let client = &input.finish(client)?;
                Dispatched::of(&crate::calls::#call { client, #reference #(#inits),* }.reply().await?)
            }
        }
    }
}

fn setter(field: &Field, assignment: &TokenStream) -> TokenStream {
    let (ident, ty) = (format_ident!("with_{}", field.ident), Taken::of(&field.ty).argument());
    let argument = &field.ident;
    let doc = format!("Sets `{}`: {}", field.name, field.summary);
    quote! {
        #[doc = #doc]
        pub fn #ident(mut self, #argument: #ty) -> Self {
            #assignment;
            self
        }
    }
}

fn docs(text: &str) -> TokenStream {
    let lines = text.trim().lines().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}
