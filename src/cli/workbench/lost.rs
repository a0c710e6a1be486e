//! Figures that a saved run loses when it is judged again.

use super::Workbench;
use crate::run::Saved;

impl Workbench {
    /// Remembers which figures of a saved run need more than it keeps.
    pub(super) fn begin_with(&self, saved: &Saved) {
        let details = saved.details.as_ref();
        let has_curve = details.is_some_and(|details| details.pareto.is_some());
        let figures = [
            ("suspect annotations", saved.summary.suspects.is_some()),
            ("dilution", saved.summary.dilution.is_some()),
            ("retrieval", saved.summary.retrieval.is_some()),
            ("the operating curve", has_curve),
        ];
        let there = figures.into_iter().filter(|(_, is_there)| *is_there);
        let there = there.map(|(figure, _)| figure);
        self.of_all.get_or_init(|| there.collect());
    }

    /// Which figures are gone once it is judged again, why, and what keeps them.
    pub(super) fn lost_figures(&self) -> Option<String> {
        let figures = self.of_all.get()?.join(", ");
        (!figures.is_empty()).then(|| {
            format!(
                "left out: {figures}. These need the probabilities of all candidates, and a saved run keeps those of the best alone; they stay where the run is \
                 scored here: `cladist tui` with the options that made it, without its directory"
            )
        })
    }
}
