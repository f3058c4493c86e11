//! Columns for a terminal.

/// Rows as lines, each column as wide as its widest cell.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_line_up_and_lines_do_not_trail() {
        let rows =
            [["FILE", "STATE"], ["a.onnx", "é"], ["b", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "FILE    STATE\na.onnx  é\nb\n");
        assert_eq!(table::<2>(&[]), "");
    }
}
