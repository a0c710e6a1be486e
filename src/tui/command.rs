//! The one table of commands: keys, footer, help, palette and the documentation all come from it.

use super::app::View;

/// Everything that one can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    Quit,
    Help,
    Palette,
    Back,
    Show(View),
    NextView,
    PreviousView,
    NextPane,
    PreviousPane,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    Filter,
    ClearFilter,
    NextMatch,
    PreviousMatch,
    Jump,
    Sort,
    Reverse,
    Columns,
    Copy,
    Export,
    SaveRun,
    Screenshot,
    Cancel,
    Mouse,
    Theme,
    Widen,
    Narrow,
    Again,
    Faults,
    EditFile,
    Edit,
    Undo,
    Redo,
    Snapshot,
    Suspend,
    Redraw,
    FoldAll,
    UnfoldAll,
    OtherPlace,
    ImagesOf,
    ConfusionsOf,
    PromptsOf,
    Reveal,
    EncodePrompts,
    EncodeImages,
    Accept,
    Deeper,
    Shallower,
    Matrix,
    TryLabel,
    TryTemplate,
    WholeSet,
    ApplyRule,
    Measure,
    CompareWith,
    CompareBefore,
}

/// Where a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Everywhere,
    In(&'static [View]),
}

impl Scope {
    pub fn covers(self, view: View) -> bool {
        match self {
            Scope::Everywhere => true,
            Scope::In(views) => views.contains(&view),
        }
    }

    /// Whether there is a view that has both.
    pub fn meets(self, other: Scope) -> bool {
        View::ALL
            .into_iter()
            .any(|view| self.covers(view) && other.covers(view))
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    pub command: Command,
    /// Its name in the palette and in a file of keys.
    pub id: &'static str,
    /// One line, in the imperative.
    pub doc: &'static str,
    /// A word for the footer; empty for what is not told there.
    pub short: &'static str,
    /// The keys that it has where no file says otherwise.
    pub keys: &'static [&'static str],
    pub scope: Scope,
}

use Command as C;
use Scope::{Everywhere, In};
use View as V;

/// Views with a list of which one chooses the columns.
const TABLES: &[View] = &[V::Taxonomy, V::Images, V::Confusions];
/// Views with a list that can be ordered.
const ORDERED: &[View] = &[V::Taxonomy, V::Images, V::Confusions, V::Prompts];
/// Views that show one node or image, from which others are reached.
const OF_NODES: &[View] = &[
    V::Overview,
    V::Taxonomy,
    V::Images,
    V::Confusions,
    V::Prompts,
    V::Compare,
    V::Suggest,
];

/// Views with something to edit.
const EDITED: &[View] = &[
    V::Taxonomy,
    V::Images,
    V::Confusions,
    V::Prompts,
    V::Suggest,
];

const fn spec(
    command: Command,
    id: &'static str,
    short: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
    doc: &'static str,
) -> Spec {
    Spec {
        command,
        id,
        doc,
        short,
        keys,
        scope,
    }
}

/// The table, in the order of help.
pub const TABLE: &[Spec] = &[
    spec(
        C::Help,
        "help",
        "help",
        &["?", "f1"],
        Everywhere,
        "Show the keys of this view",
    ),
    spec(
        C::Palette,
        "palette",
        "commands",
        &[":"],
        Everywhere,
        "Choose any command by its name",
    ),
    spec(
        C::Show(V::Overview),
        "overview",
        "",
        &["1"],
        Everywhere,
        "Go to the overview",
    ),
    spec(
        C::Show(V::Taxonomy),
        "taxonomy",
        "",
        &["2"],
        Everywhere,
        "Go to the taxonomy",
    ),
    spec(
        C::Show(V::Images),
        "images",
        "",
        &["3"],
        Everywhere,
        "Go to the images",
    ),
    spec(
        C::Show(V::Confusions),
        "confusions",
        "",
        &["4"],
        Everywhere,
        "Go to the confusions",
    ),
    spec(
        C::Show(V::Prompts),
        "prompts",
        "",
        &["5"],
        Everywhere,
        "Go to the prompts",
    ),
    spec(
        C::Show(V::Curve),
        "curve",
        "",
        &["6"],
        Everywhere,
        "Go to the operating curve",
    ),
    spec(
        C::Show(V::Compare),
        "compare",
        "",
        &["7"],
        Everywhere,
        "Go to the comparison",
    ),
    spec(
        C::Show(V::Suggest),
        "suggest",
        "",
        &["8"],
        Everywhere,
        "Go to the suggested edits",
    ),
    spec(
        C::NextView,
        "next-view",
        "",
        &["]"],
        Everywhere,
        "Go to the next view",
    ),
    spec(
        C::PreviousView,
        "previous-view",
        "",
        &["["],
        Everywhere,
        "Go to the previous view",
    ),
    spec(
        C::Back,
        "back",
        "back",
        &["backspace", "ctrl-o"],
        Everywhere,
        "Go back to where you were",
    ),
    spec(
        C::NextPane,
        "next-pane",
        "pane",
        &["tab"],
        Everywhere,
        "Go to the next pane of this view",
    ),
    spec(
        C::PreviousPane,
        "previous-pane",
        "",
        &["shift-tab"],
        Everywhere,
        "Go to the previous pane of this view",
    ),
    spec(C::Up, "up", "", &["up", "k"], Everywhere, "Move up"),
    spec(C::Down, "down", "", &["down", "j"], Everywhere, "Move down"),
    spec(
        C::Left,
        "left",
        "",
        &["left", "h"],
        Everywhere,
        "Move left; close a branch",
    ),
    spec(
        C::Right,
        "right",
        "",
        &["right", "l"],
        Everywhere,
        "Move right; open a branch",
    ),
    spec(
        C::PageUp,
        "page-up",
        "",
        &["pageup", "ctrl-b", "ctrl-u"],
        Everywhere,
        "Move a page up",
    ),
    spec(
        C::PageDown,
        "page-down",
        "",
        &["pagedown", "ctrl-f", "ctrl-d"],
        Everywhere,
        "Move a page down",
    ),
    spec(
        C::First,
        "first",
        "",
        &["home", "g"],
        Everywhere,
        "Move to the first",
    ),
    spec(
        C::Last,
        "last",
        "",
        &["end", "shift-g"],
        Everywhere,
        "Move to the last",
    ),
    spec(
        C::Open,
        "open",
        "open",
        &["enter"],
        Everywhere,
        "Open what is selected: the images behind a number",
    ),
    spec(
        C::Filter,
        "filter",
        "filter",
        &["/"],
        In(&[
            V::Taxonomy,
            V::Images,
            V::Confusions,
            V::Prompts,
            V::Compare,
            V::Suggest,
        ]),
        "Show only what matches; in the taxonomy, find",
    ),
    spec(
        C::ClearFilter,
        "clear-filter",
        "",
        &["esc"],
        Everywhere,
        "Show everything again",
    ),
    spec(
        C::NextMatch,
        "next-match",
        "",
        &["n"],
        Everywhere,
        "Go to the next match",
    ),
    spec(
        C::PreviousMatch,
        "previous-match",
        "",
        &["shift-n"],
        Everywhere,
        "Go to the previous match",
    ),
    spec(
        C::Jump,
        "jump",
        "find",
        &["f"],
        Everywhere,
        "Jump to any node by a part of its name",
    ),
    spec(
        C::Sort,
        "sort",
        "sort",
        &["s"],
        In(ORDERED),
        "Sort by the next column",
    ),
    spec(
        C::Reverse,
        "reverse",
        "",
        &["shift-s"],
        In(ORDERED),
        "Reverse the order",
    ),
    spec(
        C::Columns,
        "columns",
        "columns",
        &["c"],
        In(TABLES),
        "Choose the columns",
    ),
    spec(
        C::ImagesOf,
        "images-of",
        "images",
        &["i"],
        In(OF_NODES),
        "Show the images of what is selected",
    ),
    spec(
        C::ConfusionsOf,
        "confusions-of",
        "",
        &["shift-c"],
        In(OF_NODES),
        "Show the confusions of what is selected",
    ),
    spec(
        C::PromptsOf,
        "prompts-of",
        "",
        &["p"],
        In(OF_NODES),
        "Show the prompts of what is selected",
    ),
    spec(
        C::Reveal,
        "reveal",
        "",
        &["t"],
        In(OF_NODES),
        "Show what is selected in the taxonomy",
    ),
    spec(
        C::FoldAll,
        "fold-all",
        "",
        &["-"],
        In(&[V::Taxonomy]),
        "Close all branches",
    ),
    spec(
        C::UnfoldAll,
        "unfold-all",
        "",
        &["+", "="],
        In(&[V::Taxonomy]),
        "Open all branches",
    ),
    spec(
        C::OtherPlace,
        "other-place",
        "other place",
        &["o"],
        In(&[V::Taxonomy]),
        "Go to the next place of a node with several parents",
    ),
    spec(
        C::Deeper,
        "deeper",
        "deeper",
        &["+", "="],
        In(&[V::Confusions]),
        "Group the labels a level deeper",
    ),
    spec(
        C::Shallower,
        "shallower",
        "shallower",
        &["-"],
        In(&[V::Confusions]),
        "Group the labels a level higher",
    ),
    spec(
        C::Matrix,
        "matrix",
        "matrix",
        &["v"],
        In(&[V::Confusions]),
        "Show the confusions as a matrix, or as a list",
    ),
    spec(
        C::Edit,
        "edit",
        "edit",
        &["e"],
        In(EDITED),
        "Edit what is selected: add, rename, delete, split, merge, parents, relations, names, description, prompts; say that an answer was right too",
    ),
    spec(
        C::EncodePrompts,
        "encode-prompts",
        "encode",
        &["shift-p"],
        In(&[V::Taxonomy, V::Prompts]),
        "Encode the prompts, for cosines between labels",
    ),
    spec(
        C::Accept,
        "accept",
        "accept",
        &["a"],
        In(&[V::Suggest]),
        "Make the suggested edit: its diff is shown before it is written; what takes words is asked for",
    ),
    spec(
        C::EncodeImages,
        "encode-images",
        "encode",
        &["shift-p"],
        In(&[V::Suggest]),
        "Encode the images, for how far those of two labels coincide and which labels are of two sorts",
    ),
    spec(
        C::TryLabel,
        "try-label",
        "try a label",
        &["a"],
        In(&[V::Prompts]),
        "Type in a label and score it at once",
    ),
    spec(
        C::TryTemplate,
        "try-template",
        "try a template",
        &["shift-a"],
        In(&[V::Prompts]),
        "Type in a template and score it at once",
    ),
    spec(
        C::WholeSet,
        "whole-set",
        "whole set",
        &["w"],
        In(&[V::Prompts]),
        "Score on the whole set, or on the selected image alone",
    ),
    spec(
        C::ApplyRule,
        "apply-rule",
        "apply",
        &["a"],
        In(&[V::Curve]),
        "Answer by the threshold at the cursor",
    ),
    spec(
        C::Measure,
        "measure",
        "measure",
        &["b"],
        In(&[V::Curve]),
        "Measure in bits of information, or in depth",
    ),
    spec(
        C::CompareWith,
        "compare-with",
        "with",
        &["r"],
        In(&[V::Compare]),
        "Compare with a snapshot or another run: type in its name or its directory",
    ),
    spec(
        C::CompareBefore,
        "compare-before",
        "before",
        &["b"],
        In(&[V::Compare]),
        "Compare with what was shown before",
    ),
    spec(
        C::Copy,
        "copy",
        "copy",
        &["y"],
        Everywhere,
        "Copy the selected value to the clipboard of the terminal",
    ),
    spec(
        C::Export,
        "export",
        "export",
        &["x"],
        Everywhere,
        "Write what is shown to a file: CSV or JSON",
    ),
    spec(
        C::SaveRun,
        "save-run",
        "",
        &["shift-w"],
        Everywhere,
        "Save the run to a directory",
    ),
    spec(
        C::Screenshot,
        "screenshot",
        "",
        &["shift-x"],
        Everywhere,
        "Write this screen to an SVG file",
    ),
    spec(
        C::Cancel,
        "cancel",
        "",
        &["ctrl-x"],
        Everywhere,
        "Cancel the work in progress",
    ),
    spec(
        C::Again,
        "again",
        "",
        &["ctrl-r"],
        Everywhere,
        "Score again from what the files hold now; it is done by itself when one of them is saved",
    ),
    spec(
        C::Faults,
        "faults",
        "faults",
        &["!"],
        Everywhere,
        "Show what is wrong with the files; Enter opens the editor there",
    ),
    spec(
        C::EditFile,
        "edit-file",
        "",
        &["shift-e"],
        Everywhere,
        "Open the taxonomy in your editor (VISUAL, EDITOR), where the selected node is written",
    ),
    spec(
        C::Undo,
        "undo",
        "",
        &["u"],
        Everywhere,
        "Take the last edit back: the file is byte for byte what it was",
    ),
    spec(
        C::Redo,
        "redo",
        "",
        &["shift-u"],
        Everywhere,
        "Make the edit again that was taken back last",
    ),
    spec(
        C::Snapshot,
        "snapshot",
        "",
        &["shift-r"],
        Everywhere,
        "Give what is shown a name, to compare with it later",
    ),
    spec(
        C::Widen,
        "widen",
        "",
        &[">"],
        Everywhere,
        "Widen the left pane",
    ),
    spec(
        C::Narrow,
        "narrow",
        "",
        &["<"],
        Everywhere,
        "Narrow the left pane",
    ),
    spec(
        C::Mouse,
        "mouse",
        "",
        &["m"],
        Everywhere,
        "Release the mouse, so that text can be selected, or catch it again",
    ),
    spec(
        C::Theme,
        "theme",
        "",
        &["shift-t"],
        Everywhere,
        "Change to the next theme",
    ),
    spec(
        C::Redraw,
        "redraw",
        "",
        &["ctrl-l"],
        Everywhere,
        "Draw the screen anew",
    ),
    spec(
        C::Suspend,
        "suspend",
        "",
        &["ctrl-z"],
        Everywhere,
        "Go back to the shell; `fg` returns here",
    ),
    spec(
        C::Quit,
        "quit",
        "quit",
        &["q", "ctrl-c"],
        Everywhere,
        "Quit",
    ),
];

impl Command {
    /// Its row in the table.
    pub fn spec(self) -> &'static Spec {
        let found = TABLE.iter().find(|spec| spec.command == self);
        found.expect("every command is in the table")
    }

    /// A command by its name.
    pub fn by_id(id: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|spec| spec.id == id)
            .map(|spec| spec.command)
    }
}
