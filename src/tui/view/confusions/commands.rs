//! What commands do with the selected pair, and to the list.

use super::list::Order;
use super::selected;
use crate::run::{Opened, quote};
use crate::tui::app::App;
use crate::tui::command::Command;
use crate::tui::view::{images, taxonomy};

/// The filter of the images of a pair. Errors alone are told apart where right answers have the same two labels.
fn images_of(app: &App, truth: &str, answer: &str, errors_alone: bool) -> String {
    let listed = app.confusions.listed.as_ref();
    let depth = listed.and_then(|listed| listed.found.depth);
    let filter = match (depth, app.run()) {
        (Some(depth), Some(run)) => {
            let side = |id| side_of_group(run, id, depth);
            format!("truth:{} answer:{}", side(truth), side(answer))
        }
        _ => images::of_pair(truth, answer),
    };
    match errors_alone && (depth.is_some() || truth == answer) {
        true => format!("{filter} verdict:error"),
        false => filter,
    }
}

/// A group in the language of filters: what is below it, or the label that stands for itself because it is not as deep.
pub(super) fn side_of_group(run: &Opened, id: &str, depth: usize) -> String {
    let node = run.taxonomy.find(id);
    match node.is_some_and(|n| run.taxonomy.depth(n).1 == depth) {
        true => format!("under({})", quote(id)),
        false => quote(id),
    }
}

/// Opens the images of the selected pair.
pub fn open(app: &mut App) {
    let Some((truth, answer)) = selected(app) else {
        app.complain("no confusion is selected");
        return;
    };
    let errors_alone = !app.confusions.matrix.is_shown || truth != answer;
    let filter = images_of(app, &truth, &answer, errors_alone);
    images::show(app, filter);
}

/// Goes where a command about a node leads, with what the selected images are annotated with.
pub fn go_with_truth(app: &mut App, command: Command) {
    let node = selected(app).and_then(|(truth, _)| app.run()?.taxonomy.find(&truth));
    match node {
        None => app.complain("no confusion of a label that the taxonomy knows is selected"),
        Some(node) if command == Command::ImagesOf => {
            let filter = app.run().map(|run| images::under(run, node));
            images::show(app, filter.unwrap_or_default());
        }
        Some(node) => taxonomy::go_with(app, node, command),
    }
}

/// Groups the labels otherwise, and says how.
pub fn group_at(app: &mut App, depth: Option<usize>) {
    app.confusions.depth = depth;
    let told = match depth {
        None => "labels are not grouped".to_owned(),
        Some(0) => "labels are grouped at the top".to_owned(),
        Some(depth) => format!("labels are grouped at depth {depth}"),
    };
    app.tell(told);
}

/// Orders the list, and says how.
pub fn sort_by(app: &mut App, order: Order) {
    app.confusions.order = order;
    let how = match (order.by.is_figure(), order.descending) {
        (true, true) => "greatest first",
        (true, false) => "least first",
        (false, false) => "from A to Z",
        (false, true) => "from Z to A",
    };
    app.tell(format!("sorted by {}, {how}", order.by.name()));
}

/// Moves in the list.
pub fn move_by(app: &mut App, command: Command) {
    let state = &mut app.confusions;
    let len = state.listed.as_ref().map_or(0, |listed| listed.rows.len());
    if state.cursor.perform(command, len) {
        state.detail.to_top();
    }
}
