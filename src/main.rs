//! The `cladist` binary: everything it does is in the library, so that it can be tested there.

/// Every candle operation allocates; a caching allocator saves the page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // SAFETY: no other thread exists yet.
    unsafe { cladist::model::init_threads() };
    cladist::cli::main()
}
