//! Asterisk's configuration syntax, written so that no value can become anything but a value.
//!
//! Every text that comes from a document or a Secret passes [`Value::text`] or [`Id::new`]; the
//! rest is literals. What Asterisk's reader does with a line decides what is let through
//! (`config_text_file_load` and `process_text_line` in its `main/config.c`): `;` begins a comment unless a backslash stands
//! before it, white space at both ends is dropped, a `>` straight after the `=` is eaten, a line
//! ends at a line break, and one longer than 8 KiB is cut.

use std::fmt;

/// Asterisk's line buffer has 8192 bytes; nothing of ours comes near.
const MAX_VALUE: usize = 1024;

/// A text that can't be written into a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// It has a line break or another control character, which would begin a line of its own.
    #[error("{what} has a control character in it, such as a line break: write it without")]
    Control {
        /// What the text is.
        what: &'static str,
    },
    /// White space at an end is dropped by Asterisk.
    #[error("{what} begins or ends with white space, which Asterisk would drop")]
    Ends {
        /// What the text is.
        what: &'static str,
    },
    /// Empty or too long.
    #[error("{what} has {got} bytes: want 1 to {MAX_VALUE}")]
    Length {
        /// What the text is.
        what: &'static str,
        /// Its length.
        got: usize,
    },
    /// Not of the form that the thing must have.
    #[error("{what} {got:?} can't be used: want {want}")]
    Form {
        /// What the text is.
        what: &'static str,
        /// The text.
        got: String,
        /// What would be right.
        want: &'static str,
    },
}

/// A value, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

impl Value {
    /// Any text from outside. `what` names it in the refusal; the text itself is not shown, for
    /// it may be a password.
    pub(crate) fn text(what: &'static str, text: &str) -> Result<Self, Unsafe> {
        if text.chars().any(char::is_control) {
            return Err(Unsafe::Control { what });
        }
        if text.is_empty() || text.len() > MAX_VALUE {
            return Err(Unsafe::Length {
                what,
                got: text.len(),
            });
        }
        // Asterisk strips ASCII's blanks; other scripts' spaces are refused with them.
        if text.trim() != text {
            return Err(Unsafe::Ends { what });
        }
        Ok(Self(text.replace(';', "\\;")))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for Value {
    fn from(literal: &'static str) -> Self {
        Self(literal.to_owned())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self(number.to_string())
    }
}

impl From<&Id> for Value {
    fn from(id: &Id) -> Self {
        Self(id.0.clone())
    }
}

/// A name that may stand in brackets: letters, digits, `.`, `_`, `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(String);

impl Id {
    /// Checks the name.
    pub(crate) fn new(what: &'static str, name: &str) -> Result<Self, Unsafe> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 100 || !name.chars().all(fits) {
            return Err(Unsafe::Form {
                what,
                got: name.chars().take(80).collect(),
                want: "1 to 100 letters, digits, `.`, `_` and `-`",
            });
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A configuration file under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conf(String);

impl Conf {
    /// Begins with a comment, which is ours.
    pub(crate) fn new(comment: &'static str) -> Self {
        Self(format!("; {comment}\n"))
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, id: &Id) -> &mut Self {
        self.0.push_str(&format!("\n[{id}]\n"));
        self
    }

    /// Sets an option of the section. The blank before the value keeps a leading `>` in it.
    pub(crate) fn set(&mut self, option: &'static str, value: impl Into<Value>) -> &mut Self {
        self.0.push_str(&format!("{option} = {}\n", value.into().0));
        self
    }

    /// The file's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Asterisk's reader takes from `option = value`: the loop of `config_text_file_load`.
    fn as_asterisk_reads(line: &str) -> String {
        let mut text = line.to_owned();
        let mut from = 0;
        while let Some(found) = text[from..].find(';').map(|at| at + from) {
            if found > from && text.as_bytes()[found - 1] == b'\\' {
                text.remove(found - 1);
                from = found;
            } else {
                text.truncate(found);
            }
        }
        let (_, value) = text.split_once('=').unwrap();
        value.strip_prefix('>').unwrap_or(value).trim().to_owned()
    }

    #[test]
    fn a_semicolon_does_not_cut_a_password() {
        let mut conf = Conf::default();
        conf.set(
            "password",
            Value::text("a password", ">a;b=c#[x](!)").unwrap(),
        );
        assert_eq!(conf.0, "password = >a\\;b=c#[x](!)\n");
        assert_eq!(as_asterisk_reads(conf.0.trim_end()), ">a;b=c#[x](!)");
    }

    #[test]
    fn a_line_break_is_refused_wherever_it_stands() {
        for text in [
            "a\nb",
            "a\rb",
            "\n[evil]\ntype=endpoint",
            "a\0b",
            "x\u{85}y",
        ] {
            let refused = Value::text("a password", text).unwrap_err();
            assert_eq!(refused, Unsafe::Control { what: "a password" });
            assert!(
                !refused.to_string().contains("evil"),
                "a secret isn't shown"
            );
        }
    }

    #[test]
    fn what_asterisk_would_trim_or_cut_is_refused() {
        assert!(matches!(Value::text("x", " a"), Err(Unsafe::Ends { .. })));
        assert!(matches!(Value::text("x", ""), Err(Unsafe::Length { .. })));
        let long = "a".repeat(MAX_VALUE + 1);
        assert!(matches!(
            Value::text("x", &long),
            Err(Unsafe::Length { .. })
        ));
    }

    #[test]
    fn a_name_in_brackets_has_no_bracket_in_it() {
        for name in ["a]", "a](tpl", "a b", "", "a\n[b", "ä", "a;b"] {
            assert!(Id::new("a trunk", name).is_err(), "{name:?}");
        }
        assert!(Id::new("a trunk", "trunk_carrier-a.1").is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_let_through_is_read_back_as_it_was(text in "\\PC{1,40}") {
            if let Ok(value) = Value::text("x", &text) {
                let mut conf = Conf::default();
                conf.set("password", value);
                prop_assert_eq!(conf.0.lines().count(), 1);
                prop_assert_eq!(as_asterisk_reads(conf.0.trim_end_matches('\n')), text);
            }
        }
    }
}
