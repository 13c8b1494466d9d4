use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::List;

/// What the body of a success is decoded into.
pub(crate) trait Reply: DeserializeOwned + Serialize {
    /// What a caller gets of it.
    type Value;

    /// Whether an empty body is an answer.
    const ACCEPTS_EMPTY: bool = false;

    fn into_value(self) -> Self::Value;
}

/// One object, bare or under `data`: the documentation and the live service differ, operation by operation (C17, C18, C37).
///
/// Remembers how it arrived, so that encoding it again gives the same JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data<T> {
    value: T,
    wrapped: bool,
}

impl<T: DeserializeOwned + Serialize> Reply for Data<T> {
    type Value = T;

    fn into_value(self) -> T {
        self.value
    }
}

impl<T: Serialize> Serialize for Data<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wrapped<'a, T> {
            data: &'a T,
        }
        if self.wrapped { Wrapped { data: &self.value }.serialize(serializer) } else { self.value.serialize(serializer) }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Data<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // No object of this API has a field `data` of its own beside others, so an object with `data` is an envelope.
        let mut value = Value::deserialize(deserializer)?;
        let inner = value.get_mut("data").filter(|data| data.is_object()).map(Value::take);
        let (value, wrapped) = match inner {
            Some(inner) => (inner, true),
            None => (value, false),
        };
        let value = serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string().as_str() {
            "." => D::Error::custom(error.inner()),
            path => D::Error::custom(format_args!("at `{path}`: {}", error.inner())),
        })?;
        Ok(Self { value, wrapped })
    }
}

/// The answer of an operation that returns nothing of use: any JSON, or no body at all. The status says that it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Done(Value);

impl Reply for Done {
    type Value = ();

    const ACCEPTS_EMPTY: bool = true;

    fn into_value(self) {}
}

impl<T: DeserializeOwned + Serialize> Reply for List<T> {
    type Value = Self;

    fn into_value(self) -> Self {
        self
    }
}
