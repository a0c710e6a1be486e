mod batch;
pub(crate) mod files;
mod keeping;
mod pipeline;
