//! Memory that begins where a cache line does.

/// Values of which the first one is at the beginning of a cache line.
#[derive(Default)]
pub struct Aligned<T> {
    values: Vec<T>,
    start: usize,
}

impl<T: Copy + Default> Aligned<T> {
    const BYTES: usize = 64;

    /// `len` values, all to be written before they are read.
    pub fn sized(&mut self, len: usize) -> &mut [T] {
        let room = len + Self::BYTES / size_of::<T>();
        if self.values.len() < room {
            self.values = vec![T::default(); room];
            // The vector is not grown again, so its values stay where they are. Where no such place is found it is only slower.
            self.start = self.values.as_ptr().align_offset(Self::BYTES);
            self.start = self.start.min(room - len);
        }
        &mut self.values[self.start..][..len]
    }

    pub fn get(&self) -> &[T] {
        &self.values[self.start..]
    }
}
