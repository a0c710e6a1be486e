//! Drawings as image files, and as a data set that is nowhere on disk.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Drawing, Facts, Settings, World};
use crate::dataset::{Dataset, Made};

/// The drawing as the content of a PNG file.
pub fn png(drawing: &Drawing) -> Vec<u8> {
    let mut content = Vec::new();
    let mut encoder = png::Encoder::new(&mut content, drawing.size, drawing.size);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(&drawing.rgb)?;
            writer.finish()
        })
        .expect("writing to memory does not fail");
    content
}

/// The first `n` pictures of the world as a data set, each under its annotated label, and what is known of each.
///
/// Runs on the current rayon pool; the result does not depend on the number of threads.
pub fn dataset(world: &World, settings: &Settings, n: u64) -> (Dataset, Vec<Facts>) {
    let (items, facts) = (0..n)
        .into_par_iter()
        .map(|i| {
            let item = world.item(settings, i);
            let label = world.taxonomy().id(item.facts.annotation.label);
            let picture = Made {
                name: name(i, n),
                labels: vec![label.to_owned()],
                content: Arc::from(png(&item.drawing)),
            };
            (picture, item.facts)
        })
        .unzip();
    (Dataset::of_made(Path::new("demo"), items), facts)
}

/// The name of picture `i` of `n`: all of one length, in their order.
pub fn name(i: u64, n: u64) -> String {
    let digits = n.saturating_sub(1).to_string().len().max(4);
    format!("images/{i:0digits$}.png")
}
