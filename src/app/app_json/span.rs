//! Where a value stands in a JSON text: serde_json keeps no positions, and an error
//! without a place is half an error.

use std::ops::Range;

/// The span of the value at `path`, a list of keys and of indexes from the top, or of the
/// last thing on the way that is there. The text is JSON that serde_json has accepted, so this only
/// walks; of a key given twice the last counts, as in serde_json.
pub fn locate(text: &str, path: &[&str]) -> Range<usize> {
    let mut walk = Walk { bytes: text.as_bytes(), at: 0 };
    walk.space();
    let mut best = walk.at..walk.end_of_value();
    for key in path {
        match member(text, best.start, key) {
            Some(value) => best = value,
            None => break,
        }
    }
    best
}

/// The span of the value of `key` in the object that starts at `at`.
fn member(text: &str, at: usize, key: &str) -> Option<Range<usize>> {
    let mut walk = Walk { bytes: text.as_bytes(), at };
    if walk.peek() == Some(b'[') {
        return item(walk, key.parse().ok()?);
    }
    if walk.peek() != Some(b'{') {
        return None;
    }
    walk.at += 1;
    let mut found = None;
    loop {
        walk.space_or(b',');
        if walk.peek() != Some(b'"') {
            return found;
        }
        let name = walk.at..walk.end_of_value();
        walk.at = name.end;
        walk.space_or(b':');
        let value = walk.at..walk.end_of_value();
        walk.at = value.end;
        let name: Option<String> = text.get(name).and_then(|name| serde_json::from_str(name).ok());
        if name.as_deref() == Some(key) {
            found = Some(value);
        }
    }
}

fn item(mut walk: Walk<'_>, index: usize) -> Option<Range<usize>> {
    walk.at += 1;
    for _before in 0..index {
        walk.space_or(b',');
        walk.at = walk.end_of_value();
    }
    walk.space_or(b',');
    let found = walk.at..walk.end_of_value();
    (!found.is_empty()).then_some(found)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        self.space_or(b' ');
    }

    fn space_or(&mut self, other: u8) {
        while self.peek().is_some_and(|b| b == other || b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// One past the value that starts here.
    fn end_of_value(&self) -> usize {
        let mut depth = 0usize;
        let mut at = self.at;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'"' => at = self.end_of_string(at) - 1,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => return at,
                b'}' | b']' => depth -= 1,
                b',' | b':' if depth == 0 => return at,
                byte if depth == 0 && byte.is_ascii_whitespace() => return at,
                _ => {}
            }
            at += 1;
            if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                return at;
            }
        }
        at
    }

    fn end_of_string(&self, start: usize) -> usize {
        let mut at = start + 1;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'"' => return at + 1,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn a_path_leads_to_the_last_value_under_its_keys() {
        let text = r#" {"a": {"b\"": [1, {"c": 2}], "b": 7}, "a": {"b" : "x,}y" } } "#;
        assert_eq!(&text[locate(text, &["a", "b"])], r#""x,}y""#);
        assert_eq!(&text[locate(text, &["a"])], r#"{"b" : "x,}y" }"#);
        assert_eq!(&text[locate(text, &["a", "zzz"])], r#"{"b" : "x,}y" }"#);
        assert_eq!(&text[locate(text, &["a", "b", "deeper"])], r#""x,}y""#);
        let list = r#"[1, [2, {"c": 3}], "]"]"#;
        assert_eq!(&list[locate(list, &["1", "1", "c"])], "3");
        assert_eq!(&list[locate(list, &["2"])], r#""]""#);
        assert_eq!(&list[locate(list, &["3"])], list);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "(?s)[\"{},:\\\\ aé\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[\"{},:\\\\ aé]{0,3}", inner, 0..4)
                    .prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_text_found_is_the_value_meant(value in any_json(), pretty: bool) {
            let text = match pretty {
                true => serde_json::to_string_pretty(&value).unwrap(),
                false => value.to_string(),
            };
            let found: Value = serde_json::from_str(&text[locate(&text, &[])]).unwrap();
            prop_assert_eq!(&found, &value);
            for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                let found = &text[locate(&text, &[&index.to_string()])];
                prop_assert_eq!(&serde_json::from_str::<Value>(found).unwrap(), inner);
            }
            for (key, inner) in value.as_object().into_iter().flatten() {
                let found: Value = serde_json::from_str(&text[locate(&text, &[key])]).unwrap();
                prop_assert_eq!(&found, inner);
            }
        }

        #[test]
        fn no_text_at_all_makes_it_panic(text in "(?s)[\"{}\\[\\],:\\\\ a]{0,30}") {
            locate(&text, &["a", "a"]);
        }
    }
}
