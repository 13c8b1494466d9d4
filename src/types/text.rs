use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor as DeVisitor};

/// Decodes a string into anything that can be made of one, without a copy where none is needed.
pub(crate) struct Visitor<T>(pub(crate) PhantomData<T>);

impl<T: for<'a> From<&'a str> + From<String>> DeVisitor<'_> for Visitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        Ok(T::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<T, E> {
        Ok(T::from(value))
    }
}
