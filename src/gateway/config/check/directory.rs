//! `[directory]`: what says the kind of an organisation.

use std::collections::HashMap;
use std::path::Path;

use super::{Check, Mistake, access};
use crate::gateway::config::{DirectoryServer, DirectorySettings, raw};
use crate::identity::{FacilityTypes, Ura};

impl Check {
    pub(super) fn organisations(&mut self, raw: raw::Directory) -> Option<DirectorySettings> {
        let raw::Directory { file, url, ca, certificate, key, bearer_file } = raw;
        let listed = file.map_or_else(HashMap::new, |file| self.listed(&file));
        let has_access = ca.is_some() || certificate.is_some() || key.is_some() || bearer_file.is_some();
        let access = self.access("directory", access::Raw { ca, certificate, key, bearer_file });
        let server = match url {
            Some(url) => Some(DirectoryServer { base: self.base("directory.url", &url)?, access }),
            None if has_access => return self.mistake("directory.url", "the server that the credentials are for"),
            None => None,
        };
        Some(DirectorySettings { listed, server })
    }

    fn listed(&mut self, file: &Path) -> HashMap<Ura, FacilityTypes> {
        let path = self.file("directory.file", file);
        let mut listed = HashMap::new();
        if !path.is_file() {
            return listed;
        }
        let mut mistake = |key: &str, expected: String| {
            self.mistakes.push(Mistake { file: path.display().to_string(), key: key.to_owned(), expected });
        };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot be read: {error}"));
        let read = text.and_then(|text| {
            toml::from_str::<raw::Organisations>(&text).map_err(|error| error.to_string().trim_end().to_owned())
        });
        let organisations = match read {
            Ok(raw::Organisations { organisation }) => organisation,
            Err(expected) => {
                mistake("", expected);
                return listed;
            }
        };
        for (at, raw::Organisation { ura, _name, facility_types }) in organisations.into_iter().enumerate() {
            let key = |name: &str| format!("organisation[{at}].{name}");
            let Ok(ura) = ura.parse::<Ura>() else {
                mistake(&key("ura"), "a URA, eight digits".to_owned());
                continue;
            };
            match FacilityTypes::of(facility_types) {
                FacilityTypes::Unknown => {
                    mistake(&key("facility_types"), "codes such as \"Z3\", at least one".to_owned())
                }
                known @ FacilityTypes::Known(_) => {
                    if listed.insert(ura, known).is_some() {
                        mistake(&key("ura"), "each organisation once".to_owned());
                    }
                }
            }
        }
        listed
    }
}
