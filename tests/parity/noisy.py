#!/usr/bin/env python3
"""An independent reference for the two-component mixture of losses (METHOD 8): scikit-learn's GaussianMixture.

Random valid masses of several shapes; the losses brought to [0, 1] as NCR does it, and the mixture started at the same
point as ours. Writes tests/fixtures/noisy.json, which tests/it/noisy.rs compares with.
Needs numpy and scikit-learn:  python3 tests/parity/noisy.py
"""
import json
from pathlib import Path

import numpy as np
from sklearn.mixture import GaussianMixture

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "noisy.json"


def fitted(masses):
    losses = -np.log(np.clip(masses, 1e-12, 1))
    least, reach = losses.min(), np.ptp(losses)
    values = ((losses - least) / reach)[:, None]
    mixture = GaussianMixture(
        2, covariance_type="full", tol=1e-7, max_iter=500, reg_covar=5e-4, weights_init=[0.5, 0.5],
        means_init=[[0], [1]], precisions_init=np.full((2, 1, 1), 1 / values.var()), random_state=0,
    ).fit(values)
    order = np.argsort(mixture.means_[:, 0])
    posterior = mixture.predict_proba(values)[:, order[1]]
    return {
        "masses": masses.tolist(),
        "posteriors": posterior.round(12).tolist(),
        "means": (least + reach * mixture.means_[order, 0]).round(12).tolist(),
        "weights": mixture.weights_[order].round(12).tolist(),
        "converged": bool(mixture.converged_),
        "above_half": int((posterior > 0.5).sum()),
    }


def main():
    rng = np.random.default_rng(8)
    sets = [
        # Sure of most, unsure of the rest; no mass at all on some.
        np.concatenate([rng.beta(20, 1, 60), rng.beta(1, 30, 15)]),
        np.concatenate([rng.beta(9, 1, 50), np.zeros(4)]),
        # Nothing to part: one heap, and the least number of images.
        rng.beta(4, 2, 80),
        rng.uniform(0.01, 1, 10),
        # A wide component around a narrow one.
        np.exp(-np.concatenate([rng.normal(3, 0.05, 120), rng.uniform(0, 20, 40)])),
    ]
    rows = [json.dumps(fitted(masses.round(12)), separators=(",", ":")) for masses in sets]
    OUT.write_text("[\n" + ",\n".join(rows) + "\n]\n")


if __name__ == "__main__":
    main()
