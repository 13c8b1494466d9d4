//! Structs are decoded from objects, and from nothing else: what serde derives also takes an array, by position.
//!
//! Some fields have been seen under another name, beside their own or in its place. The own one counts where both come, and of
//! several others the first that the spec lists; serde's own `alias` refuses an object that has two of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// What [`Object::member`] gives for a name that is none of its own.
pub(crate) const UNKNOWN: usize = usize::MAX;

/// A generated struct.
pub(crate) trait Object: Sized {
    /// The number of a name, which `read` knows it by.
    fn member(name: &str) -> usize;

    /// Reads the members of an object.
    fn read<'de, A: MapAccess<'de>>(access: A) -> Result<Self, A::Error>;
}

pub(crate) fn deserialize<'de, T: Object, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Members(PhantomData))
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Object> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        T::read(access)
    }
}

/// The number of the next member's name.
pub(crate) fn next<'de, T: Object, A: MapAccess<'de>>(access: &mut A) -> Result<Option<usize>, A::Error> {
    access.next_key_seed(Name::<T>(PhantomData))
}

struct Name<T>(PhantomData<T>);

impl<'de, T: Object> DeserializeSeed<'de> for Name<T> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<T: Object> Visitor<'_> for Name<T> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        Ok(T::member(name))
    }
}

/// Reads the value of a member that must not have come before.
pub(crate) fn take<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    name: &'static str,
    access: &mut A,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *slot = Some(access.next_value()?);
    Ok(())
}

pub(crate) fn skip<'de, A: MapAccess<'de>>(access: &mut A) -> Result<(), A::Error> {
    access.next_value::<IgnoredAny>().map(|_| ())
}

pub(crate) fn missing<E: Error>(name: &'static str) -> E {
    E::missing_field(name)
}

/// Values that came under other names, until it is known whether the own name came.
pub(crate) struct Others(Vec<(usize, Value)>);

impl Others {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn keep<'de, A: MapAccess<'de>>(&mut self, member: usize, access: &mut A) -> Result<(), A::Error> {
        self.0.push((member, access.next_value()?));
        Ok(())
    }

    /// Gives a value to a field that has none yet.
    pub(crate) fn give<T: for<'de> Deserialize<'de>, E: Error>(
        &mut self,
        member: usize,
        name: &'static str,
        slot: &mut Option<T>,
    ) -> Result<(), E> {
        let Some(found) = self.0.iter().position(|(kept, _)| *kept == member) else { return Ok(()) };
        let (_, value) = self.0.swap_remove(found);
        if slot.is_none() {
            *slot = Some(T::deserialize(value).map_err(|error| E::custom(format_args!("`{name}`: {error}")))?);
        }
        Ok(())
    }
}
