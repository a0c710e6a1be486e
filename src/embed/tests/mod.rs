mod batch;
mod files;
mod keeping;
mod pipeline;
