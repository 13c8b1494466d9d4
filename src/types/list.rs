use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A list, in whichever envelope the service sent it.
///
/// ```
/// use opusclip::types::{Collection, List};
///
/// let list: List<Collection> = serde_json::from_str(r#"{"data": {"list": [{"collectionId": "xmAwhhFi0IJt"}], "total": 1}}"#)?;
/// assert_eq!(list.len(), 1);
/// assert_eq!(list.total(), Some(1));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Four envelopes are documented or observed (C1, C19): `[…]`, `{"data": […]}`, `{"data": {"list": […]}}` and
/// `{"list": […]}`. Anything else is an error, never an empty list. The envelope is remembered, so that encoding the list
/// again gives the same JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T> {
    items: Vec<T>,
    envelope: Envelope,
    page: Page,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Envelope {
    Bare,
    Data,
    DataList,
    List,
}

/// What may stand beside the items.
#[derive(Clone, Debug, Default, PartialEq)]
struct Page {
    total: Option<Value>,
    next: Option<Value>,
    limit: Option<Value>,
}

impl<T> List<T> {
    /// The items.
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The items, owned.
    #[must_use]
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// How many items there are in all, where the service says so.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.page.total.as_ref().and_then(crate::decode::whole)
    }

    /// The marker of the next page, as text, where the service gives one. How to send it back is undocumented (C19).
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self.page.next.as_ref()? {
            Value::String(next) => Some(next.clone()),
            other => Some(other.to_string()),
        }
    }

    /// The page size that the service applied, where it says so.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.page.limit.as_ref().and_then(crate::decode::whole)
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, envelope: Envelope::Bare, page: Page::default() }
    }
}

/// Items under a key, with what stands beside them.
struct Keyed<'a, T> {
    key: &'static str,
    list: &'a List<T>,
}

impl<T: Serialize> Serialize for Keyed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.key, &self.list.items)?;
        let Page { total, next, limit } = &self.list.page;
        for (key, value) in [("total", total), ("next", next), ("limit", limit)] {
            if let Some(value) = value {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.envelope {
            Envelope::Bare => self.items.serialize(serializer),
            Envelope::Data => Keyed { key: "data", list: self }.serialize(serializer),
            Envelope::List => Keyed { key: "list", list: self }.serialize(serializer),
            Envelope::DataList => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("data", &Keyed { key: "list", list: self })?;
                map.end()
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape { depth: 0, item: PhantomData })
    }
}

/// Reads a list at the top level (depth 0) or inside `data` (depth 1).
struct Shape<T> {
    depth: u8,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Shape<T> {
    type Value = List<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<List<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list: an array, or an object that holds one under `data`, `list` or `data.list`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<List<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(List::from(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<List<T>, A::Error> {
        let mut found: Option<List<T>> = None;
        let mut page = Page::default();
        let mut others = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            match key.as_str() {
                "data" if self.depth == 0 && found.is_none() => {
                    let mut list = access.next_value_seed(Self { depth: 1, item: PhantomData })?;
                    list.envelope = match list.envelope {
                        Envelope::List => Envelope::DataList,
                        _ => Envelope::Data,
                    };
                    found = Some(list);
                }
                "list" if found.is_none() => {
                    let mut list: List<T> = access.next_value_seed(Items(PhantomData))?;
                    list.envelope = Envelope::List;
                    found = Some(list);
                }
                "total" => page.total = access.next_value()?,
                "next" => page.next = access.next_value()?,
                "limit" => page.limit = access.next_value()?,
                _ => {
                    access.next_value::<IgnoredAny>()?;
                    others.push(key);
                }
            }
        }
        let mut list = found.ok_or_else(|| {
            A::Error::custom(format_args!(
                "no list here: expected an array, or an object with `data` or `list`; found an object with the keys {others:?}"
            ))
        })?;
        if list.envelope != Envelope::DataList {
            list.page = page;
        }
        Ok(list)
    }
}

/// Reads the array under `list`, and nothing else.
struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Items<T> {
    type Value = List<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<List<T>, D::Error> {
        Vec::deserialize(deserializer).map(List::from)
    }
}
