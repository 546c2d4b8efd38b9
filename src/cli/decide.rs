//! `sluis decide`: one decision, offline.

use crate::consent::answer;

/// Answers the case in `input`: the text to write and the exit code, 0 for a permit, 2 for a denial. With 1, a mistake in the
/// case, the text is the diagnostic and goes to stderr.
#[must_use]
pub fn decide(input: &[u8]) -> (String, i32) {
    match answer(input) {
        Err(mistake) => (mistake.to_string(), 1),
        Ok(answer) => match serde_json::to_string_pretty(&answer) {
            Ok(text) => (text, if answer.is_permit() { 0 } else { 2 }),
            Err(error) => (error.to_string(), 1),
        },
    }
}
