//! Tests of the program from outside: one binary, a module per command.

mod check;
mod cmd;
mod pixels;
mod show;
