//! The integration tests: one binary, so that it is linked once; a module per command or subject.

mod check;
mod clip;
mod cmd;
mod decide;
mod demo;
mod distances;
mod elsewhere;
mod embed;
mod hierarchy_metrics;
mod hub;
mod intervals;
mod layers;
mod matching;
mod metrics_doc;
mod noisy;
mod outside;
mod pixels;
mod prompts;
mod reassessed;
mod retrieval;
mod saved;
mod score;
mod show;
mod statistics;
mod verdicts;
mod worlds;
