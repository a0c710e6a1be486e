//! What an image or a text is embedded as does not depend on what it is encoded with, to the bit.

use std::sync::atomic::AtomicBool;

use cladist::demo::{self, Settings, World};
use cladist::embed::{Batch, EmbedOptions, Encoded, Stages, encode_images};
use cladist::matrix::Matrix;
use cladist::model::pixels::DecodeOptions;
use cladist::model::{self, Encoder, LoadOptions};

/// The models that are at hand: of other sizes, so that other ways to multiply are taken.
fn encoders() -> Vec<Box<dyn Encoder>> {
    let load = |name: &str| {
        let dir = format!("{}/tests/fixtures/clip/{name}", env!("CARGO_MANIFEST_DIR"));
        model::load(&dir, LoadOptions::default(), &()).unwrap()
    };
    vec![
        model::load_embedded(&demo::MODEL, LoadOptions::default()).unwrap(),
        load("quick-gelu"),
        load("gelu-eps-f16"),
    ]
}

/// Different orders and sizes of the same things.
fn selections(n: usize) -> Vec<Vec<usize>> {
    let mut selections: Vec<Vec<usize>> = (1..n).map(|size| (0..size).collect()).collect();
    selections.extend((0..n).map(|i| vec![i]));
    selections.extend((1..n).map(|shift| (0..n).map(|i| (i + shift) % n).collect()));
    selections
}

fn is_the_same(found: &Matrix, of: &[usize], all: &Matrix) -> bool {
    let bits = |row: &[f32]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    found.rows() == of.len()
        && (of.iter().enumerate()).all(|(row, &i)| bits(found.row(row)) == bits(all.row(i)))
}

#[test]
fn an_image_is_embedded_alone_as_among_others() {
    let world = World::new().unwrap();
    let settings = Settings::default();
    let pictures: Vec<Vec<u8>> = (0..6)
        .map(|i| demo::png(&world.item(&settings, i).drawing))
        .collect();
    for encoder in encoders() {
        let encode = |of: &[usize]| -> Encoded {
            let read = |i: usize| Ok(pictures[of[i]].clone());
            let options = EmbedOptions {
                batch: Batch::of(4),
                decode: DecodeOptions::default(),
                stop_at_bad_image: true,
                stages: Stages::default(),
            };
            let stop = AtomicBool::new(false);
            let count = of.len();
            encode_images(encoder.as_ref(), count, &read, &options, &|_| {}, &stop).unwrap()
        };
        let everything: Vec<usize> = (0..pictures.len()).collect();
        let all = encode(&everything).embeddings;
        for of in selections(pictures.len()) {
            let found = encode(&of).embeddings;
            assert!(is_the_same(&found, &of, &all), "{of:?}");
        }
    }
}

#[test]
fn a_text_is_embedded_alone_as_among_others() {
    let words = [
        "a",
        "photo of a square",
        "the red one and the blue one",
        "x y z",
    ];
    let texts: Vec<String> = (0..14)
        .map(|i| format!("{} {}", words[i % 4], words[(i * 3 + i / 4) % 4]))
        .collect();
    for encoder in encoders() {
        let encode = |of: &[usize]| {
            let texts: Vec<&str> = of.iter().map(|&i| texts[i].as_str()).collect();
            encoder.encode_texts(&texts).unwrap()
        };
        let everything: Vec<usize> = (0..texts.len()).collect();
        let all = encode(&everything);
        for of in selections(texts.len()) {
            assert!(is_the_same(&encode(&of), &of, &all), "{of:?}");
        }
    }
}
