//! Values on their way from the host to a device.
//!
//! On CUDA they are written into page-locked memory, from which the device fetches them itself while it computes something else: without
//! it the driver copies them once more, and computing waits. Two workers a device take turns ([`Turns`]): one computes, the other has the
//! next micro-batch uploaded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Result, Tensor};

/// Threads that keep a CUDA device busy: one computes, and one uploads.
pub const CUDA_WORKERS: usize = 2;

/// Who computes on a device. candle gives each thread a stream of its own, but all of them the same cuBLAS handle, whose working memory is
/// for one product at a time.
#[derive(Default)]
pub struct Turns(Mutex<()>);

impl Turns {
    /// Waits until nobody else computes on the device; on a CPU all may at once. What is computed must have been read when this is given back.
    pub fn wait(&self, device: &Device) -> Option<MutexGuard<'_, ()>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!device.is_cpu()).then(lock)
    }
}

/// Brings values to a device.
#[derive(Default)]
pub struct Upload {
    #[cfg(feature = "cuda")]
    page_locked: page_locked::Buffers,
}

impl Upload {
    /// A rows × cols tensor on the device, of the values that `fill` writes.
    ///
    /// # Errors
    /// A device that fails, or has no room for them.
    pub fn tensor(
        &self,
        shape: (usize, usize),
        device: &Device,
        fill: impl Fn(&mut [f32]),
    ) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if let Device::Cuda(cuda) = device
            && let Some(tensor) = self.page_locked.tensor(shape, cuda, &fill)?
        {
            return Ok(tensor);
        }
        let mut values = vec![0.0; shape.0 * shape.1];
        fill(&mut values);
        Tensor::from_vec(values, shape, device)
    }
}

#[cfg(feature = "cuda")]
mod page_locked {
    use std::sync::{Arc, Mutex, PoisonError};

    use candle_core::cuda_backend::WrapErr;
    use candle_core::cuda_backend::cudarc::driver::{CudaStream, DriverError, PinnedHostSlice};
    use candle_core::op::BackpropOp;
    use candle_core::{CudaDevice, CudaStorage, Result, Storage, Tensor};

    /// Buffers that are not in use: as many as threads have uploaded at once, as large as what they have.
    #[derive(Default)]
    pub struct Buffers(Mutex<Vec<PinnedHostSlice<f32>>>);

    impl Buffers {
        /// As [`Upload::tensor`](super::Upload::tensor); `None` if the host has no memory that can be locked.
        pub fn tensor(
            &self,
            shape: (usize, usize),
            cuda: &CudaDevice,
            fill: &impl Fn(&mut [f32]),
        ) -> Result<Option<Tensor>> {
            let values = shape.0 * shape.1;
            let stream = cuda.cuda_stream();
            let Ok(mut buffer) = self.take(values, &stream) else {
                return Ok(None);
            };
            let source = &mut buffer.as_mut_slice().w()?[..values];
            fill(source);
            // SAFETY: all of it is written by the copy before anything reads it, on the same stream.
            let mut target = unsafe { cuda.alloc::<f32>(values)? };
            let copied = stream.memcpy_htod(&*source, &mut target);
            // This thread waits for the copy, and not the device for this thread: the buffer is free then, whatever became of it.
            let done = stream.synchronize();
            self.give_back(buffer);
            copied.and(done).w()?;
            let storage = CudaStorage::wrap_cuda_slice(target, cuda.clone());
            let storage = Storage::Cuda(storage);
            Ok(Some(Tensor::from_storage(
                storage,
                shape,
                BackpropOp::none(),
                false,
            )))
        }

        fn take(
            &self,
            values: usize,
            stream: &Arc<CudaStream>,
        ) -> std::result::Result<PinnedHostSlice<f32>, DriverError> {
            let unused = {
                let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                unused.pop()
            };
            if let Some(buffer) = unused.filter(|buffer| buffer.len() >= values) {
                return Ok(buffer);
            }
            // SAFETY: zeros are written before anything reads it.
            let mut buffer = unsafe { stream.context().alloc_pinned::<f32>(values)? };
            let start = buffer.as_mut_ptr()?;
            // SAFETY: it is as long as that, and nobody else has it.
            unsafe { start.write_bytes(0, values) };
            Ok(buffer)
        }

        fn give_back(&self, buffer: PinnedHostSlice<f32>) {
            let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            unused.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_there_is() {
        let fill = |values: &mut [f32]| {
            let numbered = values.iter_mut().enumerate();
            numbered.for_each(|(i, value)| *value = i as f32);
        };
        let upload = Upload::default();
        for shape in [(2, 3), (1, 2), (0, 5)] {
            let tensor = upload.tensor(shape, &Device::Cpu, fill).unwrap();
            assert_eq!(tensor.dims(), [shape.0, shape.1]);
            let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let numbers: Vec<f32> = (0..shape.0 * shape.1).map(|i| i as f32).collect();
            assert_eq!(values, numbers);
        }
    }

    #[test]
    fn on_a_cpu_all_compute_at_once() {
        let turns = Turns::default();
        assert!(turns.wait(&Device::Cpu).is_none());
    }
}
