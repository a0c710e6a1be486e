//! The integration tests: one binary, so that it is linked once; a module per command or subject.

mod check;
mod clip;
mod cmd;
mod decide;
mod demo;
mod distances;
mod embed;
mod hub;
mod layers;
mod pixels;
mod prompts;
mod score;
mod show;
mod verdicts;
