//! What is wrong with a file in `profiles/`, told so that it can be put right.

/// A mistake in a profile, policy or table file: where it stands and what should be there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: expected {expected}")]
pub struct ProfileError {
    file: String,
    key: String,
    expected: String,
}

impl ProfileError {
    /// Returns the mistake at `key` of `file`.
    #[must_use]
    pub fn new(file: &str, key: &str, expected: &str) -> Self {
        Self { file: file.to_owned(), key: key.to_owned(), expected: expected.to_owned() }
    }

    /// Returns the mistake that the TOML reader found in `text`: the key on the line it points at, or the line's number.
    #[must_use]
    pub fn toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count();
        let key = text.lines().nth(line).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
        let key = key.map_or_else(|| format!("line {}", line + 1), |key| format!("line {}, {key}", line + 1));
        Self { file: file.to_owned(), key, expected: format!("what the format has ({})", error.message()) }
    }

    /// Returns the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the key, or the line where no key can be named.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns what was expected there.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        #[serde(rename = "name")]
        _name: String,
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_file_and_line() {
        let text = "name = \"x\"\nnmae = \"y\"\n";
        let error = toml::from_str::<Named>(text).unwrap_err();
        let error = ProfileError::toml("profiles/x.toml", text, &error);
        assert_eq!((error.file(), error.key()), ("profiles/x.toml", "line 2, nmae"));
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}
