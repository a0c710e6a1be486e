//! Parts that the views share.

mod bar;
mod cursor;
mod grid;
mod pane;
mod scroll;
mod table;

pub use bar::{bar, marked_bar};
pub use cursor::Cursor;
pub use grid::{Grid, GridCursor};
pub use pane::{pane, split, stacked, wrap};
pub use scroll::Scroll;
pub use table::{Cell, Column, Table};
