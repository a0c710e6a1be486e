//! Diagnostics: what is wrong with a taxonomy file, where, and what to do about it.
//!
//! Data only. `report::diagnostics` draws them in rustc's manner; [`Diagnostic::to_json`] is the machine's form.

use std::{ops::Range, path::Path};

use serde_json::{Value, json};

use super::load::Sources;

/// Stable name of a kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    UnreadableFile,
    Syntax,
    MultipleDocuments,
    TooLarge,
    DuplicateKey,
    DuplicateId,
    UnknownField,
    WrongType,
    UnreachableInclude,
    IncludeCycle,
    UnknownParent,
    UnknownNode,
    Cycle,
    EquivalentAncestor,
    DisjointCommonDescendant,
    EmptyTaxonomy,
    Template,
    SameName,
    DisjointOverlap,
    DuplicateEntry,
    RedundantEdge,
    SingleChildChain,
    ShortGroup,
}

/// Whether a taxonomy with this fault may be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

impl Code {
    /// Every code, errors first.
    pub const ALL: [Code; 23] = [
        Code::UnreadableFile,
        Code::Syntax,
        Code::MultipleDocuments,
        Code::TooLarge,
        Code::DuplicateKey,
        Code::DuplicateId,
        Code::UnknownField,
        Code::WrongType,
        Code::UnreachableInclude,
        Code::IncludeCycle,
        Code::UnknownParent,
        Code::UnknownNode,
        Code::Cycle,
        Code::EquivalentAncestor,
        Code::DisjointCommonDescendant,
        Code::EmptyTaxonomy,
        Code::Template,
        Code::SameName,
        Code::DisjointOverlap,
        Code::DuplicateEntry,
        Code::RedundantEdge,
        Code::SingleChildChain,
        Code::ShortGroup,
    ];

    /// The stable, kebab-case spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::UnreadableFile => "unreadable-file",
            Code::Syntax => "syntax",
            Code::MultipleDocuments => "multiple-documents",
            Code::TooLarge => "too-large",
            Code::DuplicateKey => "duplicate-key",
            Code::DuplicateId => "duplicate-id",
            Code::UnknownField => "unknown-field",
            Code::WrongType => "wrong-type",
            Code::UnreachableInclude => "unreachable-include",
            Code::IncludeCycle => "include-cycle",
            Code::UnknownParent => "unknown-parent",
            Code::UnknownNode => "unknown-node",
            Code::Cycle => "cycle",
            Code::EquivalentAncestor => "equivalent-ancestor",
            Code::DisjointCommonDescendant => "disjoint-common-descendant",
            Code::DisjointOverlap => "disjoint-overlap",
            Code::EmptyTaxonomy => "empty-taxonomy",
            Code::Template => "template",
            Code::SameName => "same-name",
            Code::DuplicateEntry => "duplicate-entry",
            Code::RedundantEdge => "redundant-edge",
            Code::SingleChildChain => "single-child-chain",
            Code::ShortGroup => "short-group",
        }
    }

    /// The usual severity. Warnings are legitimate in a sound taxonomy; everything else is an error. Two codes come as
    /// both: two nodes with one external id are a warning under [`Code::DuplicateId`], and so is a node written over
    /// several lines under [`Code::WrongType`].
    pub fn severity(self) -> Severity {
        match self {
            Code::SameName
            | Code::DisjointOverlap
            | Code::DuplicateEntry
            | Code::RedundantEdge
            | Code::SingleChildChain
            | Code::ShortGroup => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// A place in a source file: `start..end` in bytes of the text of source number `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The byte range in the source's text.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place that explains a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub span: Span,
    pub label: String,
}

/// Text that could stand in place of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub span: Span,
    pub replacement: String,
}

/// One fault of a taxonomy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// One sentence that stands alone, with the ids concerned.
    pub message: String,
    /// Where; `None` only when the file could not be read.
    pub primary: Option<Span>,
    /// What is at `primary`, said beside the underline; may be empty.
    pub label: String,
    pub related: Vec<Related>,
    /// What to do.
    pub help: Option<String>,
    pub suggestion: Option<Suggestion>,
}

impl Diagnostic {
    /// A fault of the code's usual severity.
    pub fn new(code: Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            primary: span.into(),
            label: String::new(),
            related: Vec::new(),
            help: None,
            suggestion: None,
        }
    }

    /// The same as a warning.
    pub(super) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push(Related {
            span,
            label: label.into(),
        });
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn suggest(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.suggestion = Some(Suggestion {
            span,
            replacement: replacement.into(),
        });
        self
    }

    /// Whether the taxonomy is unfit for scoring because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The diagnostic as one JSON object: `code`, `severity`, `message`, `file`, `line` and `column` (from 1, in
    /// characters), `span` (bytes, half open), `label`, `related`, `help`, `suggestion`.
    pub fn to_json(&self, sources: &Sources) -> Value {
        let place = |span: Span| {
            let (line, column) = sources.line_column(span.source as usize, span.start as usize);
            json!({
                "file": path_str(sources.path(span.source as usize)),
                "line": line,
                "column": column,
                "span": [span.start, span.end],
            })
        };
        let mut object = json!({
            "code": self.code.as_str(),
            "severity": self.severity.as_str(),
            "message": self.message,
        });
        let fields = object.as_object_mut().expect("json! made an object");
        if let Some(span) = self.primary {
            if let Value::Object(at) = place(span) {
                fields.extend(at);
            }
            fields.insert("label".into(), self.label.as_str().into());
        }
        let related = self.related.iter().map(|r| {
            let mut at = place(r.span);
            at["label"] = r.label.as_str().into();
            at
        });
        fields.insert("related".into(), related.collect());
        fields.insert("help".into(), self.help.as_deref().into());
        let suggestion = self.suggestion.as_ref().map(|s| {
            let mut at = place(s.span);
            at["replacement"] = s.replacement.as_str().into();
            at
        });
        fields.insert("suggestion".into(), suggestion.into());
        object
    }
}

fn path_str(path: &Path) -> String {
    path.display().to_string()
}
