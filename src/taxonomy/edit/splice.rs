//! Changes of a text by the bytes that they replace.

use std::ops::Range;

/// A part of a text and what takes its place.
#[derive(Debug, Clone)]
pub(super) struct Splice {
    range: Range<usize>,
    text: String,
    /// Of what is put in at one place, the deeper comes first.
    depth: usize,
}

impl Splice {
    pub fn delete(range: Range<usize>) -> Self {
        Self {
            range,
            text: String::new(),
            depth: 0,
        }
    }

    pub fn insert(at: usize, text: String, depth: usize) -> Self {
        Self {
            range: at..at,
            text,
            depth,
        }
    }

    pub fn replace(range: Range<usize>, text: String) -> Self {
        Self {
            range,
            text,
            depth: 0,
        }
    }

    fn is_deletion(&self) -> bool {
        self.text.is_empty()
    }
}

/// The text with all splices made. What would be put into a part that is deleted goes with it; `None` where two splices cannot
/// both be made.
pub(super) fn splice(text: &str, splices: Vec<Splice>) -> Option<String> {
    let (deletions, mut rest): (Vec<_>, Vec<_>) =
        splices.into_iter().partition(Splice::is_deletion);
    let deletions = united(deletions.into_iter().map(|d| d.range).collect());
    rest.retain(|s| !deletions.iter().any(|d| lies_within(&s.range, d)));
    // What is taken out of a part that is replaced whole.
    let whole = |d: &Range<usize>| {
        rest.iter()
            .any(|s| !s.range.is_empty() && lies_within(d, &s.range))
    };
    let deletions: Vec<_> = deletions.into_iter().filter(|d| !whole(d)).collect();
    rest.extend(deletions.into_iter().map(Splice::delete));
    rest.sort_by_key(|s| (s.range.start, !s.range.is_empty(), usize::MAX - s.depth));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for Splice {
        range, text: new, ..
    } in rest
    {
        out.push_str(text.get(done..range.start)?);
        out.push_str(&new);
        done = range.end;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

fn lies_within(part: &Range<usize>, whole: &Range<usize>) -> bool {
    if part.is_empty() {
        return whole.start < part.start && part.start < whole.end;
    }
    whole.start <= part.start && part.end <= whole.end
}

/// Ranges that touch or overlap as one.
fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            // Those that only touch stay apart: something may be put in between.
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}
