//! Tiles of a product, by the vectors that the machine has.

use crate::elementwise::{has_avx2, has_avx512};

/// A tile of the result: rows × columns, by the registers that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// AVX-512: 12 × 32.
    Avx512,
    /// AVX2 and FMA: 6 × 16.
    Avx2,
    /// Whatever the target has: 4 × 16.
    Baseline,
}

/// What the products of this machine use, as people call it.
pub fn vectors() -> &'static str {
    match Tile::of_this_machine() {
        Tile::Avx512 => "AVX-512",
        Tile::Avx2 => "AVX2",
        Tile::Baseline if cfg!(target_arch = "aarch64") => "NEON",
        Tile::Baseline => "the target's own",
    }
}

impl Tile {
    pub fn of_this_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Self::Avx512;
            }
            if has_avx2() {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }

    pub fn rows(self) -> usize {
        match self {
            Self::Avx512 => 12,
            Self::Avx2 => 6,
            Self::Baseline => 4,
        }
    }

    pub fn columns(self) -> usize {
        match self {
            Self::Avx512 => 32,
            Self::Avx2 | Self::Baseline => 16,
        }
    }
}
