//! A drawn world whose truth is known: figures of plane geometry, each an instance of a most specific node.
//!
//! What the world draws is true of the picture by construction, and an annotator of known habits labels it. So the
//! data carry planted multiplicity and planted errors, known for every picture: the only place where what cladist
//! claims of the error can be held against what is so. A small CLIP trained on such drawings is part of the program.
//! Pure: pictures are made in memory.

mod annotate;
mod draw;
mod figures;
mod picture;
mod planted;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use annotate::{Annotation, Annotator, Habit};
pub use draw::{Canvas, Drawing};
pub use figures::{KINDS, Kind, Outline};
pub use picture::{dataset, name, png};
pub use planted::Planted;

use crate::model::EmbeddedCheckpoint;
use crate::taxonomy::{NodeId, Taxonomy, UnsoundTaxonomy, load_str};

/// The world's taxonomy, as YAML.
pub const TAXONOMY: &str = include_str!("../../taxonomies/shapes.yaml");

/// A small CLIP trained on the world's drawings: `models/demo`, where its card says what it is.
pub const MODEL: EmbeddedCheckpoint = EmbeddedCheckpoint {
    name: "demo",
    config: include_bytes!("../../models/demo/config.json"),
    weights: include_bytes!("../../models/demo/model.safetensors"),
    tokenizer: include_bytes!("../../models/demo/tokenizer.json"),
    preprocessor: include_bytes!("../../models/demo/preprocessor_config.json"),
};

/// How many pictures the world has where no number is asked for.
pub const PICTURES: u64 = 1000;

/// Source of chance: the same numbers on every machine.
type Chance = ChaCha8Rng;

/// How pictures are made and annotated. The default is what the name `demo` stands for: an annotator that writes down
/// any of the true labels, and errs in one of twenty.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub seed: u64,
    pub canvas: Canvas,
    pub annotator: Annotator,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            canvas: Canvas::default(),
            annotator: Annotator {
                habit: Habit::Uniform,
                error_rate: 0.05,
            },
        }
    }
}

/// One picture with all that is known of it.
#[derive(Debug, Clone)]
pub struct Item {
    pub drawing: Drawing,
    pub facts: Facts,
}

/// What is known of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The most specific node that is true of the picture.
    pub specific: NodeId,
    /// Every node that is true of it, `specific` included, in the order of the taxonomy.
    pub truths: Vec<NodeId>,
    pub annotation: Annotation,
}

/// The world: a taxonomy and the figures that are drawn of it.
pub struct World {
    taxonomy: Taxonomy,
    kinds: Vec<(NodeId, &'static Kind)>,
}

impl World {
    /// The world of the built-in taxonomy.
    ///
    /// # Errors
    /// None, as long as `taxonomies/shapes.yaml` is sound and has a node for each kind: a test holds both.
    pub fn new() -> Result<Self, UnsoundTaxonomy> {
        let taxonomy = load_str("shapes.yaml", TAXONOMY).into_sound()?;
        let kinds = KINDS
            .iter()
            .filter_map(|kind| Some((taxonomy.find(kind.id)?, kind)))
            .collect();
        Ok(Self { taxonomy, kinds })
    }

    pub fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// Picture `i` of the world with these settings. It depends on the seed and `i` alone, so the first pictures of a
    /// large set are those of a small one, and any of them can be made at any time.
    pub fn item(&self, settings: &Settings, i: u64) -> Item {
        let (facts, kind, mut chance) = self.begin(settings, i);
        Item {
            drawing: draw::draw(kind, &settings.canvas, &mut chance),
            facts,
        }
    }

    /// What is known of picture `i`, without drawing it.
    pub fn facts(&self, settings: &Settings, i: u64) -> Facts {
        self.begin(settings, i).0
    }

    /// All but the drawing of a picture, and the chance to draw it with.
    fn begin(&self, settings: &Settings, i: u64) -> (Facts, &'static Kind, Chance) {
        let mut chance = Chance::seed_from_u64(settings.seed);
        chance.set_stream(i);
        let (specific, kind) = *self.kinds.choose(&mut chance).expect("the world has kinds");
        // The annotator has a chance of its own, so that other habits label the same pictures.
        let mut annotators_chance = Chance::seed_from_u64(chance.random());
        let mut truths = self.taxonomy.ancestors(specific);
        truths.sort_unstable();
        let annotation =
            settings
                .annotator
                .annotate(&self.taxonomy, specific, &truths, &mut annotators_chance);
        let facts = Facts {
            specific,
            truths,
            annotation,
        };
        (facts, kind, chance)
    }
}

#[cfg(test)]
mod tests;
