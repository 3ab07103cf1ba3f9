//! Tables without borders, as wide as the terminal at most.

use super::{DIM, paint};
use comfy_table::{ContentArrangement, Table, presets};

/// Rows below dim headings. Empty headings print none.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>, width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if !headings.is_empty() {
        table.set_header(headings.to_vec());
    }
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_string()).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let is_heading = index == 0 && !headings.is_empty();
        text.push_str(&if is_heading { paint(DIM, line) } else { line.clone() });
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        [["web.1", "up", "serving since this morning"], ["worker.12", "crashed", ""]]
            .map(|row| row.map(str::to_string).to_vec())
            .to_vec()
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        assert_eq!(
            plain(&table(&["NAME", "STATE", "NOTE"], rows(), None)),
            "NAME       STATE    NOTE\n\
             web.1      up       serving since this morning\n\
             worker.12  crashed\n"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_instead_of_tearing() {
        let text = plain(&table(&[], rows(), Some(36)));
        assert!(text.lines().all(|line| line.chars().count() <= 36), "{text}");
    }
}
