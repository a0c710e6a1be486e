//! What became of the images of a node.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::columns::{SMALL, range};
use super::super::figures;
use super::{Door, Facts, told_count};
use crate::report::text::thousands;
use crate::run::NodeFigure;
use crate::score::Group;
use crate::tui::view::{images, percent};

impl Facts<'_> {
    pub fn figures(&mut self) {
        let Some(figures) = figures(self.app) else {
            self.heading("Images");
            return self.told("…", self.theme.dim());
        };
        let Some(&figure) = figures.nodes.get(self.node.index()) else {
            return;
        };
        self.heading("Images");
        if figure.n == 0 {
            let answered = match figure.answered {
                0 => "none, and none is answered so".to_owned(),
                n => format!("none, but {} answered so", thousands(n)),
            };
            return self.told(&answered, self.theme.dim());
        }
        self.counts(&figure);
        self.shares(&figure);
        self.errors(&figure);
    }

    fn counts(&mut self, figure: &NodeFigure) {
        let under = images::under(self.run, self.node);
        let at = match figure.own_n {
            n if n == figure.n => String::new(),
            n => format!(" · {} its very own", thousands(n)),
        };
        let counted = told_count(figure.n, "image", "images");
        self.push(format!("{counted}{at}"), Some(Door::Images(under)));
        if figure.n < SMALL {
            let text = "? so few that shares say little";
            self.told(text, self.theme.orange());
        }
    }

    fn shares(&mut self, figure: &NodeFigure) {
        let interval = figure.interval.map_or(String::new(), |i| {
            format!(" ({:.1}–{:.1})", 100.0 * i.low, 100.0 * i.high)
        });
        let recall = percent(figure.recall);
        self.told(&format!("recall {recall}{interval}"), Style::new());
        let answered = thousands(figure.answered);
        let precision = percent(figure.precision);
        let precision = format!("precision {precision} of {answered} answered so");
        self.told(&precision, Style::new());
        let credit = figure.credit.map_or("–".to_owned(), |c| format!("{c:.2}"));
        let outside = percent(figure.outside);
        let told = format!("credit {credit} · taken for something else {outside}");
        self.told(&told, Style::new());
        if figure.suspect > 0 {
            let suspect = thousands(figure.suspect);
            let under = images::under(self.run, self.node);
            let door = Door::Images(format!("{under} suspect"));
            let line = Line::styled(
                format!("! suspect annotations {suspect}"),
                self.theme.orange(),
            );
            self.push(line, Some(door));
        }
    }

    /// The errors as a bar of three parts, and each part.
    fn errors(&mut self, figure: &NodeFigure) {
        let share = figure.multiplicity.map(range);
        let share = share.map_or(String::new(), |share| format!(", multiplicity {share}"));
        let error = percent(figure.error);
        let errors = told_count(figure.errors, "error", "errors");
        self.heading(&format!("{errors} ({error}){share}"));
        if figure.errors == 0 {
            return;
        }
        let parts = [
            ("confirmed", figure.confirmed, Group::Confirmed, "█"),
            ("possible", figure.possible, Group::Possible, "▒"),
            ("mistake", figure.mistakes, Group::Mistake, "░"),
        ];
        let counts = parts.map(|(_, count, ..)| count);
        let widths = stacked(counts, self.width.min(60));
        let bar = parts.iter().zip(widths);
        let bar = bar.map(|((.., group, sign), width)| {
            Span::styled(sign.repeat(width), self.theme.group(*group))
        });
        self.push(Line::from_iter(bar), None);
        let under = images::under(self.run, self.node);
        for (name, count, group, sign) in parts.into_iter().filter(|(_, count, ..)| *count > 0) {
            let share = 100.0 * count as f64 / figure.errors as f64;
            let right = format!("{} {share:>5.1} %", thousands(count));
            let what = match group {
                Group::Mistake => "mistakes".to_owned(),
                _ => format!("multiplicity, {name}"),
            };
            let line = Line::from(vec![
                Span::styled(format!("{sign} "), self.theme.group(group)),
                Span::raw(self.narrower(2).beside(&what, &right)),
            ]);
            self.push(line, Some(Door::Images(format!("{under} verdict:{name}"))));
        }
    }

    /// The same node in fewer columns.
    fn narrower(&self, by: usize) -> Facts<'_> {
        Facts {
            width: self.width.saturating_sub(by),
            items: Vec::new(),
            ..*self
        }
    }
}

/// So many columns in parts by counts; what is not nothing is seen, where there is room.
fn stacked(counts: [usize; 3], columns: usize) -> [usize; 3] {
    let total: usize = counts.iter().sum();
    let mut widths = [0; 3];
    if total == 0 {
        return widths;
    }
    for (width, count) in widths.iter_mut().zip(counts) {
        *width = (columns * count / total).max(usize::from(count > 0));
    }
    // What rounding left over, or took too much, is the greatest part's.
    let greatest = (0..3).max_by_key(|&i| counts[i]).unwrap_or(0);
    let others: usize = (0..3).filter(|&i| i != greatest).map(|i| widths[i]).sum();
    widths[greatest] = columns.saturating_sub(others);
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_bar_fill_it() {
        assert_eq!(stacked([1, 1, 2], 8), [2, 2, 4]);
        assert_eq!(stacked([1, 0, 999], 10), [1, 0, 9]);
        assert_eq!(stacked([0, 0, 0], 10), [0, 0, 0]);
        assert_eq!(stacked([1, 1, 1], 10).iter().sum::<usize>(), 10);
        assert_eq!(stacked([5, 5, 5], 0), [1, 1, 0]);
    }
}
