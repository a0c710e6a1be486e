//! Captions and their tokens: varied sentences about any name of a label, and a byte-pair vocabulary made from them.

use std::collections::HashSet;

use anyhow::{Context, Result, anyhow};
use cladist::demo::World;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::normalizers::{
    Lowercase, NFC, Replace, Sequence as Normalizers, replace::ReplacePattern,
};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer, TokenizerBuilder};

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
const VOCABULARY: usize = 640;

/// What is said of a picture; `{}` is the name, `{a}` the name with its article.
const SENTENCES: &[&str] = &[
    "{}",
    "{a}",
    "a photo of {a}.",
    "a picture of {a}.",
    "a drawing of {a}.",
    "an image of {a}.",
    "a small drawing of {a}",
    "this is {a}",
    "here is {a}.",
    "a figure: {a}",
    "a photo of one {}.",
    "a close-up photo of {a}.",
    "a good photo of {a}.",
    "a photo of a small {}.",
    "a photo of a large {}.",
    "somebody drew {a}",
];

/// The names of every label, and the tokenizer.
pub struct Captions {
    /// By label, the preferred name first.
    names: Vec<Vec<String>>,
    tokenizer: Tokenizer,
}

impl Captions {
    pub fn new(world: &World) -> Result<Self> {
        let taxonomy = world.taxonomy();
        let names: Vec<Vec<String>> = taxonomy
            .nodes()
            .map(|n| taxonomy.node(n).names.clone())
            .collect();
        let corpus: Vec<String> = names
            .iter()
            .flatten()
            .flat_map(|name| SENTENCES.iter().map(move |sentence| say(sentence, name)))
            .collect();
        let tokenizer = tokenizer(&corpus).map_err(|error| anyhow!("the tokenizer: {error}"))?;
        Ok(Self { names, tokenizer })
    }

    pub fn vocab_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    pub fn start(&self) -> u32 {
        self.tokenizer.token_to_id(START).unwrap_or(0)
    }

    pub fn end(&self) -> u32 {
        self.tokenizer.token_to_id(END).unwrap_or(0)
    }

    /// One caption a label, in the order of the labels: a random sentence about a random name of it.
    pub fn of_all_labels(&self, seed: u64) -> Result<Vec<Vec<u32>>> {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let caption = |names: &Vec<String>| {
            // The preferred name half of the time: it is the one that prompts show.
            let name = if chance.random_bool(0.5) {
                names.first()
            } else {
                names.choose(&mut chance)
            };
            let sentence = SENTENCES
                .choose(&mut chance)
                .context("there are sentences")?;
            self.ids(&say(sentence, name.context("a label has names")?))
        };
        self.names.iter().map(caption).collect()
    }

    /// `a drawing of …` with the preferred name of each label.
    pub fn plain(&self) -> Result<Vec<Vec<u32>>> {
        self.names
            .iter()
            .map(|names| self.ids(&say("a drawing of {a}.", &names[0])))
            .collect()
    }

    pub fn tokenizer_json(&self) -> Result<String> {
        self.tokenizer
            .to_string(true)
            .map_err(|error| anyhow!("the tokenizer: {error}"))
    }

    fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| anyhow!("`{text}`: {error}"))?;
        Ok(encoding.get_ids().to_vec())
    }
}

fn say(sentence: &str, name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'A', 'L']) {
        "an"
    } else {
        "a"
    };
    sentence
        .replace("{a}", &format!("{article} {name}"))
        .replace("{}", name)
}

/// CLIP's normaliser, pre-tokeniser and template on a vocabulary of our own; the end of text is the largest id.
fn tokenizer(corpus: &[String]) -> tokenizers::Result<Tokenizer> {
    let normalizer = Normalizers::new(vec![
        NFC.into(),
        Replace::new(ReplacePattern::Regex(r"\s+".into()), " ")?.into(),
        Lowercase.into(),
    ]);
    let words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
    let pre_tokenizer = PreTokenizers::new(vec![
        Split::new(
            SplitPattern::Regex(words.into()),
            SplitDelimiterBehavior::Removed,
            true,
        )?
        .into(),
        ByteLevel::new(false, true, true).into(),
    ]);
    let mut made = TokenizerBuilder::new()
        .with_model(
            BPE::builder()
                .unk_token(END.into())
                .end_of_word_suffix("</w>".into())
                .continuing_subword_prefix(String::new())
                .build()?,
        )
        .with_normalizer(Some(normalizer))
        .with_pre_tokenizer(Some(pre_tokenizer))
        .with_post_processor(Some(ByteLevel::default()))
        .with_decoder(Some(ByteLevel::default()))
        .build()?;
    let alphabet: HashSet<char> = ByteLevel::alphabet().into_iter().collect();
    let mut trainer = BpeTrainerBuilder::new()
        .vocab_size(VOCABULARY)
        .show_progress(false)
        .initial_alphabet(alphabet)
        .end_of_word_suffix("</w>".into())
        .build();
    made.train(&mut trainer, corpus.iter().map(String::as_str))?;
    let special = |token: &str| AddedToken::from(token, true);
    made.add_special_tokens([special(START), special(END)])?;
    let mut made: Tokenizer = serde_json::from_str::<Tokenizer>(&made.to_string(false)?)?;
    let id = |token: &str| (token.to_owned(), made.token_to_id(token).unwrap_or(0));
    let template = RobertaProcessing::new(id(END), id(START))
        .trim_offsets(false)
        .add_prefix_space(false);
    made.with_post_processor(Some(template));
    Ok(made)
}
