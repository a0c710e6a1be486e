//! What the files of each layout call a tensor.
//!
//! The towers ask by the names that transformers gives the parts of CLIP; the other layouts are read as if they had these.

/// Whose names a checkpoint has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// transformers' `CLIPModel`.
    Clip,
    /// transformers' `SiglipModel`: as CLIP's, but for the text tower's projection.
    Siglip,
    /// open_clip's `CLIP`, or `CustomTextCLIP` if the text tower's tensors are below `text.`.
    OpenClip,
    /// open_clip's, but for the image tower, which has timm's: EVA-CLIP and MobileCLIP.
    Timm,
    /// ProLIP's: as those of open_clip's `CustomTextCLIP`, with uncertainty tokens and linear heads.
    ProLip,
}

/// Where a tensor is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub name: String,
    /// The file holds it transposed.
    pub transposed: bool,
    /// Axes of length 1 that the file has before those that are asked for.
    pub leading: usize,
}

impl Naming {
    /// Where the tensor that transformers' CLIP calls `name` is. `has` says whether the files have a tensor.
    pub fn origin(self, name: &str, has: &dyn Fn(&str) -> bool) -> Origin {
        let plain = |name: String| Origin {
            name,
            transposed: false,
            leading: 0,
        };
        match self {
            Self::Clip => plain(name.to_owned()),
            Self::Siglip => plain(match name.strip_prefix("text_projection.") {
                Some(part) => format!("text_model.head.{part}"),
                None => name.to_owned(),
            }),
            Self::OpenClip => {
                let text = match has("text.token_embedding.weight") {
                    true => "text.",
                    false => "",
                };
                Origin {
                    name: open_clip(name, text),
                    // These two are used as x · W there, and as x · Wᵀ in transformers.
                    transposed: ["visual_projection.weight", "text_projection.weight"]
                        .contains(&name),
                    leading: 0,
                }
            }
            Self::Timm => match timm(name) {
                Some((name, leading)) => Origin {
                    leading,
                    ..plain(name)
                },
                None => Self::OpenClip.origin(name, has),
            },
            Self::ProLip => match name.split_once('.') {
                Some(("text_projection", part)) => plain(format!("text.text_projection.{part}")),
                Some(("text_uncertainty", part)) => {
                    plain(format!("text.text_uncertainty_projection.{part}"))
                }
                Some(("visual_uncertainty", part)) => {
                    plain(format!("visual.uncertainty_proj.{part}"))
                }
                _ => Origin {
                    name: open_clip(name, "text."),
                    transposed: name == "visual_projection.weight",
                    leading: 0,
                },
            },
        }
    }

    /// Whether queries, keys and values are one tensor, and what its weight and bias are called.
    pub fn fused_attention(self, name: &str, has: &dyn Fn(&str) -> bool) -> Option<[String; 2]> {
        let parts = match self {
            Self::Clip | Self::Siglip => return None,
            Self::Timm if name.starts_with("vision_model.") => ["qkv.weight", "qkv.bias"],
            Self::OpenClip | Self::Timm | Self::ProLip => {
                let fused = self.origin(name, has).name;
                return Some(["weight", "bias"].map(|part| format!("{fused}.in_proj_{part}")));
            }
        };
        Some(parts.map(|part| self.origin(&format!("{name}.{part}"), has).name))
    }
}

/// timm's name of what an image tower has, and the axes before those that are asked for; `None` of what is no part of it. FastViT's parts,
/// which transformers has no names for, are asked for by timm's.
fn timm(name: &str) -> Option<(String, usize)> {
    let part = match name.split_once('.')? {
        ("visual_projection", part) => return Some((format!("visual.trunk.head.{part}"), 0)),
        ("vision_model", part) => part,
        _ => return None,
    };
    let (part, leading) = match part {
        "embeddings.class_embedding" => ("cls_token".to_owned(), 2),
        "embeddings.position_embedding.weight" => ("pos_embed".to_owned(), 1),
        _ => {
            let renamed = [
                (
                    "embeddings.patch_embedding.weight",
                    "patch_embed.proj.weight",
                ),
                ("embeddings.patch_embedding.bias", "patch_embed.proj.bias"),
                ("embeddings.patch_embedding.", "patch_embed.backbone."),
                ("encoder.layers.", "blocks."),
                ("post_layernorm.", "norm."),
                (".layer_norm1.", ".norm1."),
                (".layer_norm2.", ".norm2."),
                (".self_attn.out_proj.", ".attn.proj."),
                (".self_attn.", ".attn."),
                (".mlp.gate.", ".mlp.fc1_g."),
                (".mlp.value.", ".mlp.fc1_x."),
            ];
            let part = part.to_owned();
            let renamed = renamed.iter();
            (
                renamed.fold(part, |part, (from, to)| part.replace(from, to)),
                0,
            )
        }
    };
    Some((format!("visual.trunk.{part}"), leading))
}

/// open_clip's name; `text` precedes those of the text tower.
fn open_clip(name: &str, text: &str) -> String {
    let (tower, part) = match name.split_once('.') {
        Some(("vision_model", part)) => ("visual.", part),
        Some(("text_model", part)) => (text, part),
        _ => ("", name),
    };
    let of_text = tower != "visual.";
    let whole = match (part, of_text) {
        ("embeddings.patch_embedding.weight", false) => "conv1.weight",
        ("embeddings.class_embedding", false) => "class_embedding",
        ("embeddings.class_embedding", true) => "cls_emb",
        ("embeddings.uncertainty_embedding", false) => "unc_embedding",
        ("embeddings.uncertainty_embedding", true) => "unc_emb",
        ("embeddings.token_embedding.weight", true) => "token_embedding.weight",
        ("embeddings.position_embedding.weight", _) => "positional_embedding",
        ("visual_projection.weight", _) => return "visual.proj".to_owned(),
        ("text_projection.weight", _) => return format!("{text}text_projection"),
        _ => part,
    };
    let renamed = [
        ("encoder.layers.", "transformer.resblocks."),
        ("pre_layrnorm.", "ln_pre."),
        ("post_layernorm.", "ln_post."),
        ("final_layer_norm.", "ln_final."),
        (".layer_norm1.", ".ln_1."),
        (".layer_norm2.", ".ln_2."),
        (".mlp.fc1.", ".mlp.c_fc."),
        (".mlp.fc2.", ".mlp.c_proj."),
        (".self_attn", ".attn"),
    ];
    let whole = renamed
        .iter()
        .fold(whole.to_owned(), |name, (from, to)| name.replace(from, to));
    format!("{tower}{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_open_clip() {
        for (name, plain, custom) in [
            (
                "vision_model.embeddings.patch_embedding.weight",
                "visual.conv1.weight",
                "visual.conv1.weight",
            ),
            (
                "vision_model.encoder.layers.11.layer_norm1.bias",
                "visual.transformer.resblocks.11.ln_1.bias",
                "visual.transformer.resblocks.11.ln_1.bias",
            ),
            (
                "text_model.encoder.layers.0.self_attn.out_proj.weight",
                "transformer.resblocks.0.attn.out_proj.weight",
                "text.transformer.resblocks.0.attn.out_proj.weight",
            ),
            (
                "text_model.encoder.layers.0.mlp.fc2.bias",
                "transformer.resblocks.0.mlp.c_proj.bias",
                "text.transformer.resblocks.0.mlp.c_proj.bias",
            ),
            (
                "text_model.embeddings.position_embedding.weight",
                "positional_embedding",
                "text.positional_embedding",
            ),
            (
                "text_projection.weight",
                "text_projection",
                "text.text_projection",
            ),
            ("visual_projection.weight", "visual.proj", "visual.proj"),
            ("logit_scale", "logit_scale", "logit_scale"),
        ] {
            for (has_text, expected) in [(false, plain), (true, custom)] {
                let origin = Naming::OpenClip.origin(name, &|_| has_text);
                assert_eq!(origin.name, expected);
                assert_eq!(origin.transposed, name.contains("projection"), "{name}");
            }
        }
    }

    #[test]
    fn the_names_of_timm() {
        for (name, expected, leading) in [
            ("visual_projection.bias", "visual.trunk.head.bias", 0),
            (
                "vision_model.embeddings.class_embedding",
                "visual.trunk.cls_token",
                2,
            ),
            (
                "vision_model.embeddings.patch_embedding.bias",
                "visual.trunk.patch_embed.proj.bias",
                0,
            ),
            (
                "vision_model.embeddings.patch_embedding.1.bn.weight",
                "visual.trunk.patch_embed.backbone.1.bn.weight",
                0,
            ),
            (
                "vision_model.stages.3.blocks.0.mlp.fc1.weight",
                "visual.trunk.stages.3.blocks.0.mlp.fc1.weight",
                0,
            ),
            ("text_model.final_layer_norm.bias", "text.ln_final.bias", 0),
        ] {
            let origin = Naming::Timm.origin(name, &|_| true);
            assert_eq!((&origin.name[..], origin.leading), (expected, leading));
        }
        for (name, weight) in [
            (
                "vision_model.encoder.layers.0.self_attn",
                "visual.trunk.blocks.0.attn.qkv.weight",
            ),
            (
                "text_model.encoder.layers.0.self_attn",
                "text.transformer.resblocks.0.attn.in_proj_weight",
            ),
        ] {
            let fused = Naming::Timm.fused_attention(name, &|_| true).unwrap();
            assert_eq!(fused[0], weight);
        }
    }

    #[test]
    fn the_names_of_prolip() {
        for (name, expected) in [
            (
                "vision_model.embeddings.uncertainty_embedding",
                "visual.unc_embedding",
            ),
            ("text_model.embeddings.class_embedding", "text.cls_emb"),
            (
                "text_model.embeddings.uncertainty_embedding",
                "text.unc_emb",
            ),
            ("text_projection.bias", "text.text_projection.bias"),
            (
                "text_uncertainty.weight",
                "text.text_uncertainty_projection.weight",
            ),
            ("visual_uncertainty.bias", "visual.uncertainty_proj.bias"),
            ("text_model.final_layer_norm.bias", "text.ln_final.bias"),
            ("visual_projection.weight", "visual.proj"),
        ] {
            let origin = Naming::ProLip.origin(name, &|_| false);
            assert_eq!(origin.name, expected);
            assert_eq!(origin.transposed, name == "visual_projection.weight");
        }
    }
}
