mod files;
mod pipeline;
