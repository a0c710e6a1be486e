#!/usr/bin/env python3
"""An independent reference for the matching of images with sets of prompts and for Gaussian embeddings (METHOD 4, 9).

Similarities by the definitions over sets, with images as sets of one and numpy's moments; the distances of distributions
also by sampling; inclusion by the completed square, by scipy's quadrature, and as the code published with ProLIP has it,
whose difference is accounted for. Writes tests/fixtures/matching.json, which tests/it/matching.rs compares with.
Needs numpy and scipy:  python3 tests/parity/matching.py
"""
import json
from pathlib import Path

import numpy as np
from scipy.integrate import nquad
from scipy.special import logsumexp
from scipy.stats import norm

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "matching.json"
ALPHA = 16


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def smooth_chamfer(xs, ys):
    """Of two sets of unit vectors, each soft maximum less by that of equal cosines."""
    cosines = xs @ ys.T
    one_way = lambda c: np.mean(logsumexp(ALPHA * c, axis=1) - np.log(c.shape[1])) / (2 * ALPHA)
    return one_way(cosines) + one_way(cosines.T)


def sampled_distance(m1, v1, m2, v2):
    return np.sum((m1 - m2) ** 2) + np.sum(v1 + v2)


def matched(strategy, image, prompts):
    if strategy == "mean":
        return image @ unit(prompts.mean(axis=0))
    if strategy == "max":
        return np.max(prompts @ image)
    if strategy == "smooth-chamfer":
        return smooth_chamfer(image[None], prompts)
    assert strategy == "gaussian"
    return 1 - sampled_distance(image, np.zeros_like(image), prompts.mean(axis=0), prompts.var(axis=0)) / 2


def completed_square(m1, v1, m2, v2, log_sigma=lambda v: np.log(v) / 2):
    """ln ∫ p1² p2 less constants, as ProLIP has it: exp(−a z² + b z − c) under the integral, a dimension each."""
    a = 1 / v1 + 1 / (2 * v2)
    b = 2 * m1 / v1 + m2 / v2
    c = m1**2 / v1 + m2**2 / (2 * v2)
    return np.sum(-2 * log_sigma(v1) - log_sigma(v2) - np.log(a) / 2 + b**2 / (4 * a) - c)


def inclusion(m1, v1, m2, v2):
    """The same with its constants: three normalisers, and √π of the integral."""
    return completed_square(m1, v1, m2, v2) + len(m1) * (np.log(np.pi) / 2 - 1.5 * np.log(2 * np.pi))


def inclusion_by_quadrature(m1, v1, m2, v2):
    def height(*z):
        z = np.array(z)
        return np.prod(norm.pdf(z, m1, np.sqrt(v1)) ** 2 * norm.pdf(z, m2, np.sqrt(v2)))

    reach = [[m - 9 * np.sqrt(v), m + 9 * np.sqrt(v)] for m, v in zip(m1, v1)]
    return np.log(nquad(height, reach, opts={"epsabs": 0, "epsrel": 1e-11})[0])


def main():
    rng = np.random.default_rng(9)
    # What crosses is f32, so that both sides start from the same numbers.
    f32 = lambda a: a.astype(np.float32).astype(float)
    shortest = lambda a: [float(str(v)) for v in a.ravel().astype(np.float32)]
    worlds = []
    for images, dim, counts, spread in [(6, 3, [1, 2, 5], 1.0), (4, 19, [8] * 3 + [1, 30], 0.4), (3, 64, [12, 1], 0.1)]:
        pictures = f32(unit(rng.normal(size=(images, dim))))
        centres = np.repeat(rng.normal(size=(len(counts), dim)), counts, axis=0)
        lengths = rng.uniform(0.5, 12, (sum(counts), 1))
        prompts = f32(unit(centres + spread * rng.normal(size=(sum(counts), dim))) * lengths)
        of_labels = np.split(unit(prompts), np.cumsum(counts)[:-1])
        values = {
            strategy: [[matched(strategy, x, label) for label in of_labels] for x in pictures]
            for strategy in ("mean", "max", "smooth-chamfer", "gaussian")
        }
        worlds.append({
            "dim": dim, "counts": counts, "images": shortest(pictures), "prompts": shortest(prompts),
            "values": {name: np.round(rows, 9).tolist() for name, rows in values.items()},
        })
    pairs = []
    for dim in [1, 1, 2, 2, 7, 40]:
        m1, m2 = f32(rng.normal(size=(2, dim)))
        v1, v2 = f32(np.exp(rng.normal(size=(2, dim)) - 1))
        here, there = inclusion(m1, v1, m2, v2), inclusion(m2, v2, m1, v1)
        if dim <= 2:
            assert np.isclose(here, inclusion_by_quadrature(m1, v1, m2, v2), rtol=1e-10, atol=1e-10)
        samples = [rng.normal(m, np.sqrt(v), (400_000, dim)) for m, v in ((m1, v1), (m2, v2))]
        distance = sampled_distance(m1, v1, m2, v2)
        assert np.isclose(np.mean(np.sum((samples[0] - samples[1]) ** 2, axis=1)), distance, rtol=0.02)
        # Fed ln σ² for ln σ, the normaliser counts twice: off by −Σ(2 ln σ1 + ln σ2).
        as_published = completed_square(m1, v1, m2, v2, log_sigma=np.log)
        assert np.isclose(as_published + np.sum(np.log(v1) + np.log(v2) / 2), completed_square(m1, v1, m2, v2))
        logit = 12.5 * (m1 @ m2 - np.sum(v1 + v2) / 2) - 3
        pairs.append({
            "means": [shortest(m1), shortest(m2)], "variances": [shortest(v1), shortest(v2)],
            "distance": distance, "logit": logit, "inclusion": [here, there],
        })
    dump = lambda rows: ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    OUT.write_text(f'{{"worlds": [\n{dump(worlds)}\n],\n"pairs": [\n{dump(pairs)}\n]}}\n')


if __name__ == "__main__":
    main()
