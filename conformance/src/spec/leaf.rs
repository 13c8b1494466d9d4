//! What the document says of a single value: whether it lies open in it, and what may stand in its place.

use serde_json::Value;

use super::Spec;
use super::facet::{Facet, properties};
use super::model::{Operation, Parameter, Place, essence, media_for};
use super::pointer::percent_decode;
use super::schema::World;

/// The schemas that together describe one value; none for a value that is not documented.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schemas(Vec<String>);

/// What the document says of the members of an object.
pub(crate) enum Member {
    /// The name is documented.
    Known(Schemas),
    /// Names are data here: the object is a map, or anything.
    Entry(Schemas),
    /// The name is not documented.
    Unknown,
}

impl Schemas {
    /// Whether anything is documented here.
    pub(crate) fn is_known(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Spec {
    /// The schema of a request body of this media type.
    pub(crate) fn request_schemas(&self, operation: &Operation, content_type: &str) -> Schemas {
        let media = operation.body.as_ref().and_then(|body| media_for(&body.media, content_type));
        Schemas(media.and_then(|media| media.schema.clone()).into_iter().collect())
    }

    /// The schema of a response body of this status and media type.
    pub(crate) fn response_schemas(&self, operation: &Operation, status: u16, content_type: &str) -> Schemas {
        let media = operation.reply(status).and_then(|reply| media_for(&reply.media, content_type));
        Schemas(media.and_then(|media| media.schema.clone()).into_iter().collect())
    }

    /// The schema of a path, query or header parameter; `None` where it is not documented.
    pub(crate) fn parameter_schemas(&self, operation: &Operation, place: &str, name: &str) -> Option<Schemas> {
        let parameter = find(operation, place, name)?;
        Some(Schemas(parameter.schema.clone().into_iter().collect()))
    }

    /// The schema of a documented header of a response.
    pub(crate) fn header_schemas(&self, operation: &Operation, status: u16, name: &str) -> Option<Schemas> {
        let header = operation.reply(status)?.headers.iter().find(|header| header.name == name)?;
        Some(Schemas(header.schema.clone().into_iter().collect()))
    }

    /// The text of a parameter as the value that its schema takes.
    pub(crate) fn typed(&self, operation: &Operation, place: &str, name: &str, text: &str) -> Value {
        find(operation, place, name).map_or_else(|| Value::from(text), |parameter| self.text_value(parameter, text).value)
    }

    /// Whether a media type stands in the document for this body.
    pub(crate) fn documents_media(&self, operation: &Operation, status: Option<u16>, content_type: &str) -> bool {
        let media = match status {
            Some(status) => operation.reply(status).map(|reply| &reply.media),
            None => operation.body.as_ref().map(|body| &body.media),
        };
        media.is_some_and(|media| media.iter().any(|media| essence(&media.name) == essence(content_type)))
    }

    /// The names of credentials that travel in headers, in lower case.
    pub(crate) fn credential_headers(&self, operation: &Operation) -> Vec<String> {
        use super::model::Credential as C;

        let names = operation.security.iter().flatten().filter_map(|credential| match credential {
            C::Bearer | C::Basic | C::Unknown(_) => Some("authorization".to_owned()),
            C::Header(name) => Some(name.clone()),
            C::Cookie(_) => Some("cookie".to_owned()),
            C::Query(_) => None,
        });
        names.collect()
    }

    /// Whether a query parameter carries a credential.
    pub(crate) fn is_query_credential(&self, operation: &Operation, name: &str) -> bool {
        let mut all = operation.security.iter().flatten();
        all.any(|credential| matches!(credential, super::model::Credential::Query(key) if key == name))
    }

    /// What describes the items of a list.
    pub(crate) fn items(&self, schemas: &Schemas) -> Schemas {
        Schemas(self.all_facets(schemas).iter().filter_map(Facet::items).collect())
    }

    /// What describes the member `name` of an object.
    pub(crate) fn member_of(&self, schemas: &Schemas, name: &str) -> Member {
        let facets = self.all_facets(schemas);
        let known = properties(&facets);
        if let Some(found) = known.get(name) {
            return Member::Known(Schemas(found.clone()));
        }
        let entries: Vec<String> = facets.iter().filter_map(Facet::entries).collect();
        let is_open = |facet: &Facet<'_>| facet.value.get("additionalProperties") == Some(&Value::Bool(true));
        if !entries.is_empty() || facets.iter().any(is_open) {
            return Member::Entry(Schemas(entries));
        }
        Member::Unknown
    }

    /// Whether the document itself prints this value as one that may stand here: in an enum, or as the default.
    pub(crate) fn prints(&self, schemas: &Schemas, value: &Value) -> bool {
        self.all_facets(schemas).iter().any(|facet| {
            let listed = facet.value.get("enum").and_then(Value::as_array).is_some_and(|list| list.contains(value));
            listed || facet.value.get("default") == Some(value)
        })
    }

    /// Whether one of the schemas has this type, or this format.
    pub(crate) fn has(&self, schemas: &Schemas, key: &str, wanted: &str) -> bool {
        self.all_facets(schemas).iter().any(|facet| facet.value.get(key).and_then(Value::as_str) == Some(wanted))
    }

    /// Whether all schemas take the value; true where nothing is documented.
    pub(crate) fn takes(&self, schemas: &Schemas, value: &Value) -> bool {
        schemas.0.iter().all(|at| self.accepts(at, World::Closed, value))
    }

    /// The name by which a client's type for this schema goes: that of the component, or `Vec` of it.
    pub(crate) fn type_name(&self, schemas: &Schemas) -> Option<String> {
        let name = |value: &Value| value.get("$ref")?.as_str()?.rsplit_once('/').map(|(_, name)| percent_decode(name).into_owned());
        let schema = self.document().pointer(schemas.0.first()?)?;
        name(schema).or_else(|| schema.get("items").and_then(name).map(|name| format!("Vec<{name}>")))
    }

    fn all_facets(&self, schemas: &Schemas) -> Vec<Facet<'_>> {
        schemas.0.iter().flat_map(|at| self.facets(at, None)).collect()
    }
}

fn find<'a>(operation: &'a Operation, place: &str, name: &str) -> Option<&'a Parameter> {
    let is = |parameter: &&Parameter| match parameter.place {
        Place::Header => place == "header" && parameter.name.eq_ignore_ascii_case(name),
        other => place == other.name() && parameter.name == name,
    };
    operation.parameters.iter().find(is)
}
