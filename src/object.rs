//! Structs are decoded from objects, and from nothing else: what serde derives also takes an array, by position.
//!
//! Some fields have been seen under another name, beside their own or in its place.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{CowStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// A generated struct.
pub(crate) trait Object: Sized {
    /// Other names of fields, each with the field's own. Where both come the own one counts, and of several others the first
    /// in this list; serde's own `alias` refuses an object that has two of them.
    const ALIASES: &'static [(&'static str, &'static str)];

    /// The lengths of all these names, a bit each: most keys are told apart by it at once.
    const LENGTHS: u64 = lengths(Self::ALIASES);

    /// What serde derived, on an object that has the own names only.
    fn from_members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

const fn lengths(aliases: &[(&str, &str)]) -> u64 {
    let (mut bits, mut index) = (0, 0);
    while index < aliases.len() {
        let (alias, own) = aliases[index];
        bits |= bit(alias) | bit(own);
        index += 1;
    }
    bits
}

const fn bit(key: &str) -> u64 {
    1 << if key.len() < 63 { key.len() } else { 63 }
}

/// Decodes an object; the other name counts only where the own one is missing.
pub(crate) fn deserialize<'de, T: Object, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Object> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        if T::ALIASES.is_empty() {
            return T::from_members(MapAccessDeserializer::new(access));
        }
        T::from_members(MapAccessDeserializer::new(OwnNames {
            access,
            aliases: T::ALIASES,
            lengths: T::LENGTHS,
            seen: Vec::new(),
            kept: Vec::new(),
            next: None,
        }))
    }
}

/// The members of an object under their own names.
struct OwnNames<A> {
    access: A,
    aliases: &'static [(&'static str, &'static str)],
    lengths: u64,
    /// Own names that have come, of those that have another.
    seen: Vec<&'static str>,
    /// Values under other names, to be given at the end where the own name never came.
    kept: Vec<(usize, Value)>,
    next: Option<Value>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OwnNames<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.access.next_key_seed(Key)? {
            if self.lengths & bit(&key) == 0 {
                return seed.deserialize(CowStrDeserializer::new(key)).map(Some);
            }
            match self.aliases.iter().position(|(alias, own)| *alias == key || *own == key) {
                None => {}
                Some(found) => match self.aliases[found] {
                    (_, own) if own == key => self.seen.push(own),
                    _ => {
                        let value = self.access.next_value()?;
                        self.kept.push((found, value));
                        continue;
                    }
                },
            }
            return seed.deserialize(CowStrDeserializer::new(key)).map(Some);
        }
        self.kept.sort_by_key(|(alias, _)| std::cmp::Reverse(*alias));
        while let Some((alias, value)) = self.kept.pop() {
            let own = self.aliases.get(alias).map_or("", |(_, own)| *own);
            if !self.seen.contains(&own) {
                self.seen.push(own);
                self.next = Some(value);
                return seed.deserialize(CowStrDeserializer::new(Cow::Borrowed(own))).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.next.take() {
            Some(value) => seed.deserialize(value).map_err(A::Error::custom),
            None => self.access.next_value_seed(seed),
        }
    }
}

/// A key, borrowed where the input allows it.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
