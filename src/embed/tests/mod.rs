mod files;
mod keeping;
mod pipeline;
