//! Horizontal bars of eighths of a cell.

/// A bar of at most so many columns for a share of 1; anything above zero shows.
pub fn bar(share: f64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = share.clamp(0.0, 1.0);
    let eighths = (share * (columns * 8) as f64).ceil() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// The same in exactly so many columns, with a mark where another share would end.
pub fn marked_bar(share: f64, mark: Option<f64>, columns: usize) -> String {
    let bar = bar(share, columns);
    let mut cells: Vec<char> = bar.chars().collect();
    cells.resize(columns, ' ');
    if let (Some(mark), true) = (mark, columns > 0) {
        let at = (mark.clamp(0.0, 1.0) * columns as f64).round() as usize;
        cells[at.min(columns - 1)] = '┃';
    }
    cells.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_its_columns_at_one_and_shows_the_smallest_share() {
        assert_eq!(bar(0.0, 10), "");
        assert_eq!(bar(1e-9, 10), "▏");
        assert_eq!(bar(1.0, 10).chars().count(), 10);
        assert_eq!(bar(f64::NAN, 10), "");
        assert_eq!(marked_bar(0.5, Some(0.75), 8), "████  ┃ ");
        assert_eq!(marked_bar(0.5, Some(1.0), 4), "██ ┃");
        assert_eq!(marked_bar(0.5, Some(1.0), 0), "");
    }
}
