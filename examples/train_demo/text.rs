//! Captions and their tokens: varied sentences about any name of a label, and a byte-pair vocabulary made from them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use cladist::demo::World;
use cladist::prompts::with_article;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{
    Lowercase, NFC, Replace, Sequence as Normalizers, replace::ReplacePattern,
};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{
    AddedToken, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    SplitDelimiterBehavior, Tokenizer,
};

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
/// Marks the end of a word in the vocabulary.
const WORD_END: &str = "</w>";
/// Tokens at most.
const VOCABULARY: usize = 1200;

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
    sentence
        .replace("{a}", &with_article(name))
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
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for text in corpus {
        let mut split = PreTokenizedString::from(text.to_lowercase());
        pre_tokenizer.pre_tokenize(&mut split)?;
        for (word, ..) in split.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            *words.entry(word.to_owned()).or_default() += 1;
        }
    }
    let mut tokens: Vec<String> = ByteLevel::alphabet()
        .into_iter()
        .map(String::from)
        .collect();
    tokens.sort();
    let ends: Vec<String> = tokens
        .iter()
        .map(|letter| format!("{letter}{WORD_END}"))
        .collect();
    tokens.extend(ends);
    let merges = merges(&words, VOCABULARY.saturating_sub(tokens.len() + 2));
    tokens.extend(merges.iter().map(|(a, b)| format!("{a}{b}")));
    let vocab: Vocab = tokens.into_iter().zip(0..).collect();
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .unk_token(END.into())
        .end_of_word_suffix(WORD_END.into())
        .continuing_subword_prefix(String::new())
        .build()?;
    let mut made = Tokenizer::new(model);
    made.with_normalizer(Some(normalizer))?;
    made.with_pre_tokenizer(Some(pre_tokenizer));
    made.with_decoder(Some(ByteLevel::default()));
    let special = |token: &str| AddedToken::from(token, true);
    made.add_special_tokens([special(START), special(END)])?;
    let id = |token: &str| (token.to_owned(), made.token_to_id(token).unwrap_or(0));
    let template = RobertaProcessing::new(id(END), id(START))
        .trim_offsets(false)
        .add_prefix_space(false);
    made.with_post_processor(Some(template));
    Ok(made)
}

/// At most `count` byte-pair merges of these words, the most frequent pair first, ties by the pair itself: the trainer of
/// the tokenizers library breaks them by the order of a hash map, which is another one in every run.
fn merges(words: &BTreeMap<String, u64>, count: usize) -> Vec<(String, String)> {
    let mut words: Vec<(Vec<String>, u64)> = words
        .iter()
        .map(|(word, &times)| {
            let mut parts: Vec<String> = word.chars().map(String::from).collect();
            if let Some(last) = parts.last_mut() {
                last.push_str(WORD_END);
            }
            (parts, times)
        })
        .collect();
    let mut merges = Vec::new();
    while merges.len() < count {
        let mut pairs: BTreeMap<(&String, &String), u64> = BTreeMap::new();
        for (parts, times) in &words {
            for pair in parts.windows(2) {
                *pairs.entry((&pair[0], &pair[1])).or_default() += times;
            }
        }
        // The first of the most frequent in the order of the pairs.
        let best = pairs
            .into_iter()
            .min_by_key(|&(pair, times)| (Reverse(times), pair));
        let Some(((a, b), _)) = best else { break };
        let (a, b) = (a.clone(), b.clone());
        for (parts, _) in &mut words {
            let mut i = 0;
            while i + 1 < parts.len() {
                if parts[i] == a && parts[i + 1] == b {
                    let tail = parts.remove(i + 1);
                    parts[i].push_str(&tail);
                }
                i += 1;
            }
        }
        merges.push((a, b));
    }
    merges
}
