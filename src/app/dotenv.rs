//! .env files.

use super::{ConfigKey, Diagnostics, Secret, SourceFile};
use std::collections::BTreeMap;

pub fn parse_dotenv(
    _file: &SourceFile,
) -> Result<BTreeMap<ConfigKey, Secret<String>>, Diagnostics> {
    Ok(BTreeMap::new())
}

pub fn print_dotenv(_values: &BTreeMap<ConfigKey, Secret<String>>) -> String {
    String::new()
}
