//! Matrix products, with weights that are laid out for it once: in f32, or with weights of eight bits.
//!
//! As in BLIS (Van Zee & van de Geijn 2015): a tile of the result stays in registers while the inputs are read, each in the order
//! in which it lies. There are tiles for several vector widths, of which the widest that the machine has is taken at run
//! time. Each value of the result is summed in an order that the inputs' widths alone decide: it depends neither on the
//! number of rows nor on the vector width, but for products in f32 on machines without fused multiply-add.

mod aligned;
mod exact;
mod int8;
mod part;
#[cfg(test)]
mod tests;
mod tile;

pub use exact::Packed;
pub use int8::Int8;
pub use tile::vectors;

use crate::Activation;
use aligned::Aligned;
use int8::Integers;

/// The inputs of a product: rows that begin `stride` values apart.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

/// What is done with the values of a product.
#[derive(Clone, Copy)]
pub enum Then<'a> {
    /// They are put.
    Put,
    /// The bias is added, and they are put.
    Bias(&'a [f32]),
    /// The bias is added, and what the activation makes of them is put.
    Activate(&'a [f32], Activation),
    /// They and the bias are added to what is there: the end of a residual branch.
    AddTo(&'a [f32]),
}

/// Memory that products use, kept from one to the next.
#[derive(Default)]
pub struct Scratch {
    values: Aligned<f32>,
    integers: Integers,
}
