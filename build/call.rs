//! The code of one call: its method on `Client`, its struct, and its arm of the dispatcher.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;
use syn::{FnArg, Pat, Signature};

use crate::document::schema_name;
use crate::emit::{constant, docs, parameter_type};
use crate::example::Examples;
use crate::generate::{Taken, inner};
use crate::lower::Reply;
use crate::model::{Choice, Operation, Parameter};

/// One argument or option of a call: a field of its struct.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: syn::Type,
    pub(crate) required: bool,
    pub(crate) summary: String,
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// Everything about one call that the emitters share.
pub(crate) struct CallModel<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) struct_name: Ident,
    pub(crate) method: Ident,
    pub(crate) body: Option<(Ident, Vec<Field>)>,
    pub(crate) own: Vec<Field>,
    pub(crate) signature: &'a Signature,
    pub(crate) reply: &'a Reply,
}

impl Choice {
    pub(crate) fn covers(&self, name: &str) -> bool {
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

    pub(crate) fn choice(&self) -> TokenStream {
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

    pub(crate) fn client_method(&self, examples: &Examples<'_>) -> TokenStream {
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

    pub(crate) fn call_struct(&self) -> TokenStream {
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
        let (gate, billed_methods, reference_setter) = (self.gate(), self.billed_methods(), self.reference_setter());
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
                #billed_methods

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

    /// The look before anything is billed, and what is kept for the case that the reply is lost. A billed operation whose body nobody
    /// looks at does not compile.
    fn billed_methods(&self) -> TokenStream {
        if !self.operation.billed {
            return TokenStream::new();
        }
        let table = constant(self.operation);
        let copy = quote!(let mut body = self.body.clone(););
        let plant = self.reference(&quote!(if let Some(reference) = &self.reference {
            crate::validate::plant(&mut body, reference);
        }));
        let body = if plant.is_empty() { quote!(let body = &self.body;) } else { quote!(#copy #plant let body = &body;) };
        let example = |lines: &str| {
            let (call, head) = (&self.struct_name, "```no_run\n# async fn example(call: opusclip::calls::");
            docs(&format!("{head}{call}<'_>) -> Result<(), opusclip::Error> {{\n{lines}\n# Ok(())\n# }}\n```"))
        };
        let check_example = example("call.check()?; // one error that lists all mistakes\ncall.await?;");
        let attempt_example = example("println!(\"about to send {}\", call.attempt());\ncall.await?;");
        quote! {
            /// Looks for what is wrong with the call, without sending it and free of charge.
            ///
            #check_example
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

            /// What would be attempted, to be written down before it is sent: a future that is dropped, or a program that ends,
            /// gives no error to take it from.
            ///
            #attempt_example
            ///
            /// It sends nothing; its time is now.
            #[must_use]
            pub fn attempt(&self) -> crate::Attempted {
                #body
                let asked = serde_json::to_value(body).unwrap_or_default();
                crate::Attempted::new(&#table, &asked, self.client.shared().clock.as_ref(), ::std::time::Duration::ZERO)
            }
        }
    }

    fn reference_setter(&self) -> TokenStream {
        self.reference(&quote! {
            /// Plants a reference in the title, by which the result of a lost reply can be told; see [`Reference`](crate::Reference).
            /// It is visible to whoever sees the title. Where no title is set, the reference becomes the title.
            pub fn with_reference(mut self, reference: &crate::Reference) -> Self {
                self.reference = Some(reference.clone());
                self
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

    pub(crate) fn dispatch(&self) -> TokenStream {
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
