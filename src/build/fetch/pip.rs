//! uv, Poetry and Pipenv: each is a package of the Python registry, installed into a venv of
//! its own.

use super::super::exec::Exec;
use super::super::tool::Tool;
use super::Fetch;
use crate::app::Failure;

pub fn fetch(
    request: &Fetch<'_>,
    _exec: &mut Exec<'_>,
    _said: &mut dyn FnMut(&str),
) -> Result<Tool, Failure> {
    Err(Failure::app(format!("{} cannot be fetched yet", request.wish.name)))
}
