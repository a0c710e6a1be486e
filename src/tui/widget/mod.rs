//! Parts that the views share.

mod bar;
mod cursor;
mod pane;
mod table;

pub use bar::{bar, marked_bar};
pub use cursor::Cursor;
pub use pane::{pane, split, wrap};
pub use table::{Cell, Column, Table};
