//! Columns to values and back: times are whole microseconds, names their text, the rest JSON.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn invalid(column: usize, kind: Type, error: impl Into<BoxError>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, error.into())
}

pub(super) fn time(row: &Row, column: usize) -> rusqlite::Result<Timestamp> {
    from_micros(row.get(column)?, column)
}

pub(super) fn optional_time(row: &Row, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|micros| from_micros(micros, column)).transpose()
}

fn from_micros(micros: i64, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| invalid(column, Type::Integer, error))
}

/// A name, a digest: anything with a text form.
pub(super) fn text<T>(row: &Row, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: Into<BoxError>>,
{
    row.get::<_, String>(column)?.parse().map_err(|error| invalid(column, Type::Text, error))
}

pub(super) fn optional_text<T>(row: &Row, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: Into<BoxError>>,
{
    row.get::<_, Option<String>>(column)?
        .map(|text| text.parse().map_err(|error| invalid(column, Type::Text, error)))
        .transpose()
}

pub(super) fn json<T: DeserializeOwned>(row: &Row, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| invalid(column, Type::Text, error))
}

pub(super) fn optional_json<T: DeserializeOwned>(
    row: &Row,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    row.get::<_, Option<String>>(column)?
        .map(|text| serde_json::from_str(&text).map_err(|error| invalid(column, Type::Text, error)))
        .transpose()
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// SQLite's integers are signed; a negative one in such a column is damage.
pub(super) fn number(row: &Row, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|error| invalid(column, Type::Integer, error))
}

pub(super) fn optional_number(row: &Row, column: usize) -> rusqlite::Result<Option<u64>> {
    row.get::<_, Option<i64>>(column)?
        .map(|value| u64::try_from(value).map_err(|error| invalid(column, Type::Integer, error)))
        .transpose()
}
