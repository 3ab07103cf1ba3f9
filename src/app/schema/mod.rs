//! The JSON schemas that editors read. They are written by hand, because the parsers are;
//! the tests hold each against its parser, key by key and file by file.

/// app.json's, as `docs/schemas` has it.
pub const APP_JSON_SCHEMA: &str = include_str!("../../../docs/schemas/app.json.schema.json");

/// xii.toml's.
pub const XII_TOML_SCHEMA: &str = include_str!("../../../docs/schemas/xii.toml.schema.json");

#[cfg(test)]
pub mod draft_07;
#[cfg(test)]
mod tests;
