//! How each generated struct is decoded.
//!
//! serde's derive would take an array for an object, by position, and its `alias` refuses an object that carries both names. A
//! wrapper around the derived code that mends this costs each key a second look; code of our own costs none, and less to
//! compile, because what all structs share stands once in `src/object.rs`.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Item, ItemStruct, parse_quote};

/// A field as it is found in JSON.
pub(crate) struct Member {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) ty: syn::Type,
    pub(crate) required: bool,
    pub(crate) integer: bool,
    /// Other names that it has been seen under; the first in this list counts where the own one does not come.
    pub(crate) aliases: Vec<String>,
}

/// Takes `Deserialize` out of what is derived.
pub(crate) fn drop_derived(item: &mut ItemStruct) -> syn::Result<()> {
    for attribute in item.attrs.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let mut derived = Vec::new();
        attribute.parse_nested_meta(|meta| {
            derived.push(meta.path);
            Ok(())
        })?;
        derived.retain(|path| path.segments.last().is_none_or(|segment| segment.ident != "Deserialize"));
        *attribute = parse_quote!(#[derive(#(#derived),*)]);
    }
    item.attrs.retain(|attribute| !attribute.path().is_ident("serde"));
    Ok(())
}

/// The two impls that decode a struct.
pub(crate) fn impls(this: &Ident, members: &[Member]) -> [Item; 2] {
    let names = names(members);
    let declarations = members.iter().map(|member| {
        let (slot, ty) = (member.slot(), member.read_as());
        quote!(let mut #slot: ::std::option::Option<#ty> = ::std::option::Option::None;)
    });
    let arms = members.iter().enumerate().map(|(index, member)| {
        let (slot, name) = (member.slot(), &member.name);
        quote!(#index => crate::object::take(&mut #slot, #name, &mut access)?,)
    });
    let others = names.len() > members.len();
    let (declare_others, keep_others) = match others {
        true => (quote!(let mut others = crate::object::Others::new();), {
            let first = members.len();
            quote!(other @ #first.. if other != crate::object::UNKNOWN => others.keep(other, &mut access)?,)
        }),
        false => (quote!(), quote!()),
    };
    let mut position = members.len();
    let mut fallbacks = TokenStream::new();
    for member in members {
        for alias in &member.aliases {
            let slot = member.slot();
            fallbacks.extend(quote!(others.give(#position, #alias, &mut #slot)?;));
            position += 1;
        }
    }
    let fields = members.iter().map(|member| {
        let (ident, slot, name) = (&member.ident, member.slot(), &member.name);
        match (member.required, member.integer) {
            (true, false) => quote!(#ident: #slot.ok_or_else(|| crate::object::missing(#name))?),
            (true, true) => quote!(#ident: #slot.ok_or_else(|| crate::object::missing(#name))?.0),
            (false, false) => quote!(#ident: #slot.flatten()),
            (false, true) => quote!(#ident: #slot.flatten().map(|whole| whole.0)),
        }
    });
    let lookup = lookup(&names);
    [
        parse_quote! {
            impl crate::object::Object for #this {
                fn member(name: &str) -> usize { #lookup }

                fn read<'de, A: ::serde::de::MapAccess<'de>>(mut access: A) -> ::std::result::Result<Self, A::Error> {
                    #(#declarations)*
                    #declare_others
                    while let ::std::option::Option::Some(member) = crate::object::next::<Self, A>(&mut access)? {
                        match member {
                            #(#arms)*
                            #keep_others
                            _ => crate::object::skip(&mut access)?,
                        }
                    }
                    #fallbacks
                    ::std::result::Result::Ok(Self { #(#fields),* })
                }
            }
        },
        parse_quote! {
            impl<'de> ::serde::Deserialize<'de> for #this {
                fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                    crate::object::deserialize(deserializer)
                }
            }
        },
    ]
}

impl Member {
    fn slot(&self) -> Ident {
        format_ident!("member_{}", self.ident.to_string().trim_start_matches("r#"))
    }

    fn read_as(&self) -> syn::Type {
        match (self.integer, self.required) {
            (false, _) => self.ty.clone(),
            (true, true) => parse_quote!(crate::decode::Whole),
            (true, false) => parse_quote!(::std::option::Option<crate::decode::Whole>),
        }
    }
}

/// Every name that is looked for, at the place that `member` gives for it: the own ones first.
fn names(members: &[Member]) -> Vec<&str> {
    let own = members.iter().map(|member| member.name.as_str());
    own.chain(members.iter().flat_map(|member| member.aliases.iter().map(String::as_str))).collect()
}

/// By length first: most names differ in it, and comparing one by one would take half of the time of decoding.
fn lookup(names: &[&str]) -> TokenStream {
    let mut by_length: BTreeMap<usize, Vec<(usize, &str)>> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        by_length.entry(name.len()).or_default().push((index, name));
    }
    let lengths = by_length.iter().map(|(length, names)| {
        let arms = names.iter().map(|(index, name)| quote!(#name => #index,));
        quote!(#length => match name { #(#arms)* _ => crate::object::UNKNOWN },)
    });
    quote!(match name.len() { #(#lengths)* _ => crate::object::UNKNOWN })
}
