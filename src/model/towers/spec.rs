//! What the towers of a model are made of: the sizes and choices that its configuration makes.

pub use cladist_kernels::Activation;

/// How a pair of towers is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub vision: VisionSpec,
    pub text: TextSpec,
    /// Dimension of the joint space.
    pub dim: usize,
}

/// A stack of pre-norm transformer blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    pub width: usize,
    /// Width of the hidden layer of the MLPs.
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub activation: Activation,
    /// Epsilon of all layer norms of the tower.
    pub eps: f32,
    /// Whether a token sees those before it alone.
    pub causal: bool,
}

/// The image tower.
#[derive(Debug, Clone, PartialEq)]
pub enum VisionSpec {
    Vit(VitSpec),
    FastVit(FastVitSpec),
}

/// A vision transformer.
#[derive(Debug, Clone, PartialEq)]
pub struct VitSpec {
    pub stack: Stack,
    pub blocks: Blocks,
    /// Pixels of a side of the picture.
    pub image_size: usize,
    pub patch_size: usize,
    pub patches: Patches,
    /// Whether a layer norm stands before the blocks.
    pub pre_norm: bool,
    pub pool: VisionPool,
    /// Whether the projection has a bias.
    pub projection_bias: bool,
}

/// How patches become tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patches {
    /// By one product, with a bias or without.
    Whole { bias: bool },
    /// By three, as in MobileCLIP-B: of 4 × 4 pixels, of 2 × 2 of these and of 2 × 2 of those, so that a patch has 16 × 16 pixels. The first
    /// two are a quarter as wide as the blocks, and have a batch norm and an activation. The class token has no position.
    Steps,
}

/// FastViT, the image tower of MobileCLIP (Vasu et al., FastViT: A Fast Hybrid Vision Transformer Using Structural Reparameterization,
/// 2023): stages of blocks, each on a grid of half the side of the one before and twice as wide.
#[derive(Debug, Clone, PartialEq)]
pub struct FastVitSpec {
    /// Pixels of a side of the picture.
    pub image_size: usize,
    /// Width of the first stage.
    pub width: usize,
    /// Blocks of each stage. Convolutions mix the tokens of the first three stages, attention those of the others.
    pub layers: Vec<usize>,
    /// Width of the hidden layer of an MLP, by that of its stage.
    pub mlp_ratio: usize,
    /// Whether it is one of the larger: attention stands behind a layer norm, and not a batch norm; nothing is squeezed and excited between
    /// stages; and the stem has no branch of single pixels.
    pub large: bool,
}

/// What blocks of an image tower are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// Pre-norm transformer blocks.
    Plain,
    /// Those of EVA-02: rotary positions, gated MLPs (of `silu`, whatever the stack's activation is), and a layer norm more in both.
    /// `grid` is the side, in patches, of the picture whose patches are one step apart: in others they are as far apart in all.
    Eva { grid: usize },
}

/// What stands for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisionPool {
    /// The class token, normed and projected.
    Class,
    /// The mean of the patches, without the class token, projected; the layer norm is before the mean or after it.
    Mean { norm_first: bool },
    /// A learnt query that attends to the patches, and an MLP; there is no class token and no projection.
    Attention,
    /// The class token, normed twice, as ProLIP's code does it, and projected. Log σ² is a projection of the token behind it,
    /// normed once.
    ClassAndUncertainty,
}

/// The text tower.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSpec {
    pub stack: Stack,
    pub vocabulary: usize,
    /// Tokens of the longest text, start and end included.
    pub length: usize,
    pub padding: Padding,
    pub pool: TextPool,
    /// Whether the projection has a bias.
    pub projection_bias: bool,
}

/// How texts of different lengths become one array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// To the longest of a batch: no token that counts sees what comes after it.
    Unseen,
    /// Always to the full length, with this id: the padding is seen, or is what stands for the text.
    Full(u32),
}

/// The token whose state stands for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPool {
    First,
    /// The last one, padding included.
    Last,
    /// The first one of the largest id.
    Highest,
    /// The first one with this id; without one, the first of all.
    Id(u32),
    /// A class token of its own behind the padded text and an uncertainty token. Log σ² is a projection of what the class token
    /// is projected to: so has it the published code of ProLIP, where what becomes of the uncertainty token is not looked at.
    ClassAndUncertainty,
}

impl VisionSpec {
    /// Pixels of a side of the picture.
    pub fn image_size(&self) -> usize {
        match self {
            Self::Vit(spec) => spec.image_size,
            Self::FastVit(spec) => spec.image_size,
        }
    }

    /// The vision transformer, if it is one.
    #[cfg(test)]
    pub fn vit(&self) -> Option<&VitSpec> {
        match self {
            Self::Vit(spec) => Some(spec),
            Self::FastVit(_) => None,
        }
    }
}

impl FastVitSpec {
    /// Values of a head of the attention.
    pub const HEAD: usize = 32;

    /// Stages whose tokens convolutions mix.
    const OF_CONVOLUTIONS: usize = 3;

    /// Width of a stage, from 0 on.
    pub fn width_of(&self, stage: usize) -> usize {
        self.width << stage
    }

    /// Whether attention mixes the tokens of a stage.
    pub fn attends(&self, stage: usize) -> bool {
        stage >= Self::OF_CONVOLUTIONS
    }

    /// Whether channels are squeezed and excited before a stage.
    pub fn excites(&self, stage: usize) -> bool {
        stage >= 2 && !self.large
    }

    /// Side of the grid of a stage; the stem makes it a quarter of the picture's.
    pub fn side(&self, stage: usize) -> usize {
        self.image_size.div_ceil(4 << stage)
    }

    /// Pixels of a side of what becomes a token of the last stage.
    pub fn pixels_of_token(&self) -> usize {
        4 << self.last()
    }

    /// The last stage.
    pub fn last(&self) -> usize {
        self.layers.len().saturating_sub(1)
    }

    fn check(&self) -> Result<(), String> {
        let last = self.width_of(self.last());
        match (self.width, self.mlp_ratio) {
            (1.., 1..) if last <= LARGEST && last.is_multiple_of(Self::HEAD) => Ok(()),
            (width, ratio) => Err(format!(
                "the image tower has stages of widths {width} to {last} and MLPs of {ratio} times that"
            )),
        }
    }
}

impl VitSpec {
    /// Patches along one side; what does not fill a patch is left out, as the references' strided convolution does.
    pub fn patches_per_side(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Tokens that the blocks see.
    pub fn tokens(&self) -> usize {
        self.patches_per_side() * self.patches_per_side() + self.pool.learnt_tokens()
    }

    fn check(&self) -> Result<(), String> {
        are_possible(&[
            ("the image tower's width", self.stack.width),
            ("the width of the image tower's MLPs", self.stack.inner),
            ("the image tower's number of heads", self.stack.heads),
            ("the patch size", self.patch_size),
        ])?;
        has_whole_heads("image", &self.stack)?;
        let head = self.stack.width / self.stack.heads;
        if self.blocks != Blocks::Plain && !head.is_multiple_of(4) {
            return Err(format!(
                "the image tower's heads have {head} values, which rotary positions do not part into fours"
            ));
        }
        if self.patches_per_side() == 0 {
            return Err(format!(
                "the patch size {} is larger than the image size {}",
                self.patch_size, self.image_size
            ));
        }
        Ok(())
    }
}

impl VisionPool {
    /// Learnt tokens before the patches, the class token first.
    pub fn learnt_tokens(self) -> usize {
        match self {
            Self::Attention => 0,
            Self::Class | Self::Mean { .. } => 1,
            Self::ClassAndUncertainty => 2,
        }
    }
}

impl TextSpec {
    /// Tokens that the blocks see of the longest text.
    pub fn tokens(&self) -> usize {
        self.length + self.pool.learnt_tokens()
    }
}

impl TextPool {
    /// Learnt tokens behind the text, the class token last.
    pub fn learnt_tokens(self) -> usize {
        match self {
            Self::ClassAndUncertainty => 2,
            Self::First | Self::Last | Self::Highest | Self::Id(_) => 0,
        }
    }
}

/// No model is wider, or has more words: beyond it a file is broken.
const LARGEST: usize = 1 << 24;

/// The same of the sides of pictures.
const LARGEST_SIDE: usize = 8192;

impl Spec {
    /// Whether the towers give log σ² of each dimension beside the mean.
    pub fn tells_uncertainty(&self) -> bool {
        matches!(&self.vision, VisionSpec::Vit(vision) if vision.pool == VisionPool::ClassAndUncertainty)
            && self.text.pool == TextPool::ClassAndUncertainty
    }

    /// Whether a network can be built of these sizes.
    ///
    /// # Errors
    /// A sentence that names the part and the value.
    pub fn check(&self) -> Result<(), String> {
        let Self { vision, text, dim } = self;
        let sizes = [
            ("the dimension of the joint space", *dim),
            ("the vocabulary", text.vocabulary),
            ("the text tower's width", text.stack.width),
            ("the width of the text tower's MLPs", text.stack.inner),
            ("the text tower's number of heads", text.stack.heads),
        ];
        are_possible(&sizes)?;
        if !(2..=LARGEST).contains(&text.length) {
            return Err(format!(
                "texts have {} tokens, start and end included",
                text.length
            ));
        }
        has_whole_heads("text", &text.stack)?;
        if !(1..=LARGEST_SIDE).contains(&vision.image_size()) {
            return Err(format!("the image size is {}", vision.image_size()));
        }
        match vision {
            VisionSpec::Vit(vision) => vision.check(),
            VisionSpec::FastVit(vision) => vision.check(),
        }
    }
}

fn are_possible(sizes: &[(&str, usize)]) -> Result<(), String> {
    let possible = 1..=LARGEST;
    match sizes.iter().find(|(_, size)| !possible.contains(size)) {
        Some((what, size)) => Err(format!("{what} is {size}")),
        None => Ok(()),
    }
}

fn has_whole_heads(tower: &str, stack: &Stack) -> Result<(), String> {
    match stack.width.is_multiple_of(stack.heads) {
        true => Ok(()),
        false => Err(format!(
            "the {tower} tower's width {} is not a multiple of its {} heads",
            stack.width, stack.heads
        )),
    }
}
