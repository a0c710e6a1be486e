//! Figures that depend on nothing but sums over the images: so they are the same of a run and of a drawing of its images.

/// A figure, and how many images are behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// Where it is in the summary: the object, empty for the summary itself, and the field.
    pub family: &'static str,
    pub name: &'static str,
    /// `None` where there is nothing to divide by.
    pub value: Option<f64>,
    /// Images that it is over, or what stands for them, such as labels.
    pub n: f64,
}

impl Figure {
    pub fn new(family: &'static str, name: &'static str, value: Option<f64>, n: f64) -> Self {
        Self {
            family,
            name,
            value,
            n,
        }
    }

    /// Its path in the summary, such as `metrics.information.correct`.
    pub fn path(&self) -> String {
        match self.family {
            "" => self.name.to_owned(),
            family => format!("{family}.{}", self.name),
        }
    }
}

/// `sum / n`; `None` of nothing.
pub fn mean(sum: f64, n: f64) -> Option<f64> {
    (n > 0.0).then(|| sum / n)
}

/// 1 of what is so, else 0.
pub fn one_if(so: bool) -> f64 {
    f64::from(u8::from(so))
}

/// Adds a row to the sums of its columns, which are as many.
pub fn add_row(sums: &mut [f64], row: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}
