//! Values from the tree of a document. What a scalar is, is decided by what is asked for.

use std::fmt;

use domain::refusal::Refusal;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::document::{Content, Entry, Node, Scalar, on_line};
use crate::extract::explain_data;

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Mistake {
    message: String,
    line: Option<u32>,
    /// From the inside out.
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Item(usize),
}

impl Mistake {
    pub(super) fn into_refusal(self) -> Refusal {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(name),
                Step::Field(name) => path.push_str(&format!(".{name}")),
                Step::Item(index) => path.push_str(&format!("[{index}]")),
            }
        }
        let refusal = explain_data(&path, &self.message);
        match self.line {
            Some(line) => on_line(line, refusal),
            None => refusal,
        }
    }

    fn on(mut self, line: u32) -> Mistake {
        self.line = self.line.or(Some(line));
        self
    }

    /// A type of the domain has refused what it was given here.
    fn of_value(mut self, node: &Node) -> Mistake {
        match &node.content {
            Content::Scalar(scalar) if self.line.is_none() && has_exponent(&scalar.text) => {
                self.message.push_str("; write it out, without an exponent");
            }
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => {}
        }
        self.on(node.line)
    }

    fn below(mut self, step: Step) -> Mistake {
        self.steps.push(step);
        self
    }
}

impl Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Mistake {
        Mistake { message: message.to_string(), line: None, steps: Vec::new() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

/// Whether the text is a number with an exponent, which no price and no quantity may have.
fn has_exponent(text: &str) -> bool {
    let Some((number, exponent)) = text.split_once(['e', 'E']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits(number.trim_start_matches('-')) && digits(exponent.trim_start_matches(['-', '+']))
}

impl Scalar {
    fn truth(&self) -> Option<bool> {
        match self.text.as_str() {
            "true" | "True" | "TRUE" if self.is_plain => Some(true),
            "false" | "False" | "FALSE" if self.is_plain => Some(false),
            _ => None,
        }
    }

    fn found(&self) -> Unexpected<'_> {
        if self.is_nothing() { Unexpected::Unit } else { Unexpected::Str(&self.text) }
    }

    /// As JSON would have it; only what takes anything (a JSON Schema) sees this.
    fn give<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Mistake> {
        if self.is_nothing() {
            return visitor.visit_unit();
        }
        if let Some(truth) = self.truth() {
            return visitor.visit_bool(truth);
        }
        match serde_json::from_str::<serde_json::Number>(&self.text) {
            Ok(number) if self.is_plain => number.deserialize_any(visitor).map_err(Mistake::custom),
            Ok(_) | Err(_) => visitor.visit_str(&self.text),
        }
    }

    fn text<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Mistake> {
        if self.is_nothing() {
            return Err(Mistake::invalid_type(Unexpected::Unit, &visitor));
        }
        visitor.visit_str(&self.text)
    }

    fn integer<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Mistake> {
        match (self.is_plain, self.text.parse::<u64>(), self.text.parse::<i64>()) {
            (true, Ok(number), _) => visitor.visit_u64(number),
            (true, Err(_), Ok(number)) => visitor.visit_i64(number),
            (true, Err(_), Err(_)) | (false, ..) => Err(Mistake::invalid_type(self.found(), &visitor)),
        }
    }
}

impl Node {
    fn scalar<'n, 'de, V: Visitor<'de>>(&'n self, visitor: &V) -> Result<&'n Scalar, Mistake> {
        match &self.content {
            Content::Scalar(scalar) => Ok(scalar),
            Content::List(_) => Err(Mistake::invalid_type(Unexpected::Seq, visitor)),
            Content::Map(_) => Err(Mistake::invalid_type(Unexpected::Map, visitor)),
        }
        .map_err(|mistake: Mistake| mistake.on(self.line))
    }

    fn list<'de, V: Visitor<'de>>(items: &'de [Node], visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_seq(Items { items, next: 0 })
    }

    /// The field `type` first: what it says decides what the others are.
    fn map<'de, V: Visitor<'de>>(entries: &'de [Entry], visitor: V) -> Result<V::Value, Mistake> {
        let mut ordered: Vec<&Entry> = entries.iter().collect();
        ordered.sort_by_key(|entry| entry.name != "type");
        visitor.visit_map(Fields { entries: ordered.into_iter(), value: None })
    }
}

/// Reads a scalar as one of the kinds.
macro_rules! scalars {
    ($($method:ident by $read:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            self.scalar(&visitor)?.$read(visitor).map_err(|mistake| mistake.on(self.line))
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.content {
            Content::Scalar(scalar) => scalar.give(visitor),
            Content::List(items) => Node::list(items, visitor),
            Content::Map(entries) => Node::map(entries, visitor),
        }
        .map_err(|mistake| mistake.on(self.line))
    }

    scalars! {
        deserialize_str by text;
        deserialize_string by text;
        deserialize_identifier by text;
        deserialize_u8 by integer;
        deserialize_u16 by integer;
        deserialize_u32 by integer;
        deserialize_u64 by integer;
        deserialize_i32 by integer;
        deserialize_i64 by integer;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_nothing() => visitor.visit_none(),
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.content {
            Content::Map(entries) => Node::map(entries, visitor),
            Content::Scalar(scalar) => Err(Mistake::invalid_type(scalar.found(), &visitor)),
            Content::List(_) => Err(Mistake::invalid_type(Unexpected::Seq, &visitor)),
        }
        .map_err(|mistake| mistake.on(self.line))
    }

    /// Never from a list: fields have names.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i128 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct enum ignored_any
    }
}

struct Items<'de> {
    items: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        seed.deserialize(item).map(Some).map_err(|mistake| mistake.of_value(item).below(Step::Item(index)))
    }
}

struct Fields<'de> {
    entries: std::vec::IntoIter<&'de Entry>,
    value: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(entry);
        let name: StrDeserializer<'de, Mistake> = entry.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|mistake: Mistake| mistake.on(entry.line))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let Some(entry) = self.value.take() else {
            return Err(Mistake::custom("a value without a key"));
        };
        seed.deserialize(&entry.node)
            .map_err(|mistake| mistake.of_value(&entry.node).below(Step::Field(entry.name.clone())))
    }
}
