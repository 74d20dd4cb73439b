"""Filters for `npm run bench:ann -- --filters`: ann_filters.py FOLDER METRIC K SHARES, over the base.npy and queries.npy of FOLDER.

For each share, a number from 0 to 1, three filters that about so many rows match:

random  rows drawn without regard to anything, the same for all queries
near    drawn for each query from the half of the rows that is nearest to it (all of that half when the share is 0.5 or more)
far     drawn for each query from the half that is farthest

KIND-SHARE.masks gets a bit a row in 64-bit words, one mask or one for each query; KIND-SHARE.truth.npy the k nearest matching rows.
"""

import os
import sys

import numpy as np

folder, metric, k, shares = sys.argv[1], sys.argv[2], int(sys.argv[3]), [float(share) for share in sys.argv[4].split(",")]
base = np.load(os.path.join(folder, "base.npy"))
queries = np.load(os.path.join(folder, "queries.npy"))
rows = len(base)
words = (rows + 63) // 64
random = np.random.default_rng(7)
squares = np.einsum("ij,ij->i", base, base) if metric == "l2" else None


def packed(mask):
    bits = np.zeros(words * 8, dtype=np.uint8)
    bits[: (rows + 7) // 8] = np.packbits(mask, bitorder="little")
    return bits


def best(scores, mask):
    matching = np.flatnonzero(mask)
    found = matching[np.argsort(-scores[matching], kind="stable")[:k]] if len(matching) <= 4 * k else None
    if found is None:
        near = matching[np.argpartition(-scores[matching], k)[:k]]
        found = near[np.argsort(-scores[near], kind="stable")]
    return np.pad(found, (0, k - len(found)), constant_values=-1)


kinds = ("random", "near", "far")
files = {(kind, share): open(os.path.join(folder, f"{kind}-{share:g}.masks"), "wb") for kind in kinds for share in shares}
truths = {key: np.empty((len(queries), k), dtype=np.int32) for key in files}
everywhere = {share: random.random(rows) < share for share in shares}
for share in shares:
    files["random", share].write(packed(everywhere[share]))
step = max(1, 200_000_000 // rows)
for begin in range(0, len(queries), step):
    block = queries[begin : begin + step] @ base.T
    if squares is not None:
        block = 2 * block - squares
    for query, scores in enumerate(block, begin):
        nearer = scores > np.median(scores)
        for share in shares:
            drawn = random.random(rows) < 2 * share
            for kind, mask in (("random", everywhere[share]), ("near", nearer & drawn), ("far", ~nearer & drawn)):
                truths[kind, share][query] = best(scores, mask)
                if kind != "random":
                    files[kind, share].write(packed(mask))
for (kind, share), file in files.items():
    file.close()
    np.save(os.path.join(folder, f"{kind}-{share:g}.truth.npy"), truths[kind, share])
