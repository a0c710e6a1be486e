//! The figures beside the names, and the tree as a table for a file.

use std::sync::Arc;

use ratatui::style::Style;
use serde_json::{Value, json};

use super::places::Place;
use crate::report::text::thousands;
use crate::run::{NodeFigure, NodeFigures, Opened};
use crate::score::Interval;
use crate::taxonomy::NodeId;
use crate::tui::sheet::Sheet;
use crate::tui::theme::{Theme, level};
use crate::tui::widget::Cell;

/// Shares of fewer images are marked: they say little.
pub const SMALL: usize = 10;
/// What stands where there is no image to tell anything of.
const NOTHING: &str = "·";

/// A column that can be shown.
pub struct Column {
    pub title: &'static str,
    /// The title where it stands above the figures.
    pub head: &'static str,
    /// `None`: as the number of images needs.
    pub width: Option<u16>,
    pub by_default: bool,
    /// What it is sorted by.
    pub key: fn(&NodeFigure) -> Option<f64>,
    /// Whether the greatest figure is the worst, or the one of most weight.
    pub worst_is_most: bool,
    text: fn(&NodeFigure) -> Option<String>,
    /// How bad it is, from 0 to 1; `None` of what is neither good nor bad.
    bad: fn(&NodeFigure) -> Option<f64>,
    /// Of how many images it is a share; `None` of counts.
    of: fn(&NodeFigure) -> Option<usize>,
}

fn share(share: Option<f64>) -> Option<String> {
    share.map(|share| format!("{:.1}", 100.0 * share))
}

fn count(n: usize) -> Option<String> {
    (n > 0).then(|| thousands(n))
}

/// From the one to the other end, in percent.
pub fn range(interval: Interval) -> String {
    let (low, high) = (100.0 * interval.low, 100.0 * interval.high);
    match format!("{low:.0}") == format!("{high:.0}") {
        true => format!("{low:.0} %"),
        false => format!("{low:.0}–{high:.0} %"),
    }
}

/// A column of shares of images in percent.
macro_rules! shares {
    ($title:literal, $head:literal, $by_default:literal, $worst_is_most:literal, $of:ident, $key:expr) => {
        Column {
            title: $title,
            head: $head,
            width: Some(6),
            by_default: $by_default,
            key: $key,
            worst_is_most: $worst_is_most,
            text: |figure| {
                let key: fn(&NodeFigure) -> Option<f64> = $key;
                share(key(figure))
            },
            bad: |figure| {
                let key: fn(&NodeFigure) -> Option<f64> = $key;
                key(figure).map(|share| if $worst_is_most { share } else { 1.0 - share })
            },
            of: |figure| Some(figure.$of),
        }
    };
}

/// A column of counts.
macro_rules! counts {
    ($title:literal, $by_default:literal, $field:ident) => {
        Column {
            title: $title,
            head: $title,
            width: None,
            by_default: $by_default,
            key: |figure| Some(figure.$field as f64),
            worst_is_most: true,
            text: |figure| count(figure.$field),
            bad: |_| None,
            of: |_| None,
        }
    };
}

/// All columns, in the order in which they are shown.
pub const COLUMNS: &[Column] = &[
    counts!("n", true, n),
    shares!("recall", "recall", true, false, n, |f| f.recall),
    shares!("error", "error", true, true, n, |f| f.error),
    Column {
        title: "multiplicity",
        head: "mult.",
        width: Some(9),
        by_default: true,
        key: |figure| figure.multiplicity.map(|share| share.high),
        worst_is_most: true,
        text: |figure| figure.multiplicity.map(range),
        bad: |_| None,
        of: |figure| Some(figure.errors),
    },
    shares!("credit", "credit", true, false, n, |f| f.credit),
    shares!("precision", "prec.", false, false, answered, |f| f
        .precision),
    shares!("outside", "outs.", false, true, n, |f| f.outside),
    counts!("own n", false, own_n),
];

impl Column {
    pub fn cell(&self, figure: &NodeFigure, theme: Theme) -> Cell {
        let Some(text) = (self.text)(figure) else {
            return Cell::styled(NOTHING, theme.dim());
        };
        let is_small = (self.of)(figure).is_some_and(|n| n < SMALL);
        match (self.bad)(figure) {
            _ if is_small => Cell::styled(format!("?{text}"), theme.dim()),
            Some(bad) => Cell::styled(format!("{}{text}", level(bad)), theme.heat(bad)),
            None => Cell::styled(text, Style::new()),
        }
    }
}

/// What a file has of each row beside the node: a title, and the figure.
type Field = (&'static str, fn(&NodeFigure) -> Value);

const FIELDS: &[Field] = &[
    ("n", |f| json!(f.n)),
    ("recall", |f| json!(f.recall)),
    ("recall_low", |f| json!(f.interval.map(|i| i.low))),
    ("recall_high", |f| json!(f.interval.map(|i| i.high))),
    ("error", |f| json!(f.error)),
    ("confirmed", |f| json!(f.confirmed)),
    ("possible", |f| json!(f.possible)),
    ("mistakes", |f| json!(f.mistakes)),
    ("multiplicity_low", |f| json!(f.multiplicity.map(|i| i.low))),
    ("multiplicity_high", |f| {
        json!(f.multiplicity.map(|i| i.high))
    }),
    ("credit", |f| json!(f.credit)),
    ("answered", |f| json!(f.answered)),
    ("precision", |f| json!(f.precision)),
    ("outside", |f| json!(f.outside)),
    ("own_n", |f| json!(f.own_n)),
    ("own_errors", |f| json!(f.own_errors)),
];

/// The rows that are seen, with all columns.
pub fn sheet(run: &Arc<Opened>, figures: Option<Arc<NodeFigures>>, rows: &[Place]) -> Sheet {
    let run = Arc::clone(run);
    let rows: Vec<(Place, Option<NodeId>)> = rows.iter().copied().zip(nodes_above(rows)).collect();
    let of_place = ["id", "name", "under", "depth"].into_iter();
    let titles = of_place.chain(FIELDS.iter().map(|(title, _)| *title));
    Sheet {
        columns: titles.map(str::to_owned).collect(),
        len: rows.len(),
        row: Box::new(move |i| {
            let (place, above) = rows[i];
            let figure = figures
                .as_ref()
                .and_then(|f| f.nodes.get(place.node.index()));
            let mut cells = vec![
                json!(run.taxonomy.id(place.node)),
                json!(run.taxonomy.label(place.node)),
                json!(above.map(|above| run.taxonomy.id(above))),
                json!(place.depth),
            ];
            let fields = FIELDS.iter();
            cells.extend(fields.map(|(_, of)| figure.map_or(Value::Null, of)));
            cells
        }),
    }
}

/// The node that each row hangs under.
fn nodes_above(rows: &[Place]) -> impl Iterator<Item = Option<NodeId>> + '_ {
    let mut path: Vec<NodeId> = Vec::new();
    rows.iter().map(move |place| {
        path.truncate(place.depth as usize);
        let above = path.last().copied();
        path.push(place.node);
        above
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_images_and_none_are_marked() {
        let cell =
            |column: usize, figure: &NodeFigure| COLUMNS[column].cell(figure, Theme::Plain).text;
        let none = NodeFigure::default();
        let all = |figure: &NodeFigure| -> Vec<String> {
            (0..COLUMNS.len()).map(|c| cell(c, figure)).collect()
        };
        assert!(all(&none).iter().all(|text| text == NOTHING));
        let few = NodeFigure {
            n: 3,
            recall: Some(2.0 / 3.0),
            error: Some(1.0 / 3.0),
            ..none
        };
        assert_eq!(all(&few)[..3], ["3", "?66.7", "?33.3"]);
        let many = NodeFigure { n: 1_200, ..few };
        assert_eq!(all(&many)[..3], ["1,200", "▃66.7", "▃33.3"]);
    }

    #[test]
    fn a_share_from_here_to_there() {
        let range = |low: f64, high: f64| range(Interval { low, high });
        assert_eq!(range(0.121, 0.4), "12–40 %");
        assert_eq!(range(0.0, 0.0), "0 %");
    }
}
