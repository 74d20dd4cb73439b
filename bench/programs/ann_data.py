"""Brings a data set into the form that contestants of `npm run bench:ann` read:

ann_data.py OUT METRIC K --base FILE [--queries FILE] [--truth FILE]     files: .npy, .fvecs and .ivecs, .hdf5 (train, test, neighbors)
ann_data.py OUT METRIC K --generate ROWSxDIM

OUT gets base.npy and queries.npy (float32, normalised for cosine) and truth.npy (int32, at least K columns; computed exactly where it is not given).

Generated rows: 1,000 cluster centers and, around each, rows with half the centers' deviation, in 24 latent dimensions; a random linear map takes
them to DIM dimensions, where noise of a tenth is added. 1,000 queries come from the same distribution. One seed, so the same rows everywhere.
"""

import argparse
import os

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("metric", choices=["cosine", "l2", "ip"])
parser.add_argument("k", type=int)
for name in ("--base", "--queries", "--truth", "--generate"):
    parser.add_argument(name)
arguments = parser.parse_args()


def vecs(path, kind):
    flat = np.fromfile(path, dtype=np.int32)
    columns = int(flat[0])
    return flat.reshape(-1, columns + 1)[:, 1:].copy().view(kind)


def read(path, member, kind):
    if path.endswith(".npy"):
        return np.load(path)
    if path.endswith((".fvecs", ".ivecs")):
        return vecs(path, kind)
    if path.endswith((".hdf5", ".h5")):
        import h5py

        with h5py.File(path) as file:
            return file[member][:]
    raise SystemExit(f"{path} is no .npy, .fvecs, .ivecs or .hdf5 file")


def generate(rows, dim):
    random = np.random.default_rng(20_251)
    centers = random.standard_normal((1000, 24), dtype=np.float32)
    to_space = random.standard_normal((24, dim), dtype=np.float32) / np.sqrt(24, dtype=np.float32)

    def draw(count):
        latent = centers[random.integers(0, len(centers), count)] + 0.5 * random.standard_normal((count, 24), dtype=np.float32)
        return latent @ to_space + 0.1 * random.standard_normal((count, dim), dtype=np.float32)

    return draw(rows), draw(1000)


def exact(base, queries, k):
    squares = np.einsum("ij,ij->i", base, base) if arguments.metric == "l2" else None
    best = np.empty((len(queries), k), dtype=np.int32)
    step = max(1, 200_000_000 // len(base))
    for begin in range(0, len(queries), step):
        scores = queries[begin : begin + step] @ base.T
        if squares is not None:
            scores = 2 * scores - squares
        near = np.argpartition(-scores, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, near, axis=1), axis=1, kind="stable")
        best[begin : begin + step] = np.take_along_axis(near, order, axis=1)
    return best


if arguments.generate is not None:
    base, queries = generate(*(int(part) for part in arguments.generate.split("x")))
    truth = None
else:
    inside = arguments.base if arguments.base.endswith((".hdf5", ".h5")) else None
    base = read(arguments.base, "train", np.float32)
    queries = read(arguments.queries or inside, "test", np.float32)
    truth_path = arguments.truth or inside
    truth = None if truth_path is None else read(truth_path, "neighbors", np.int32)
base, queries = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (base, queries))
if arguments.metric == "cosine":
    for rows in (base, queries):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths > 0, lengths, 1)
if truth is None:
    truth = exact(base, queries, arguments.k)
if truth.shape[0] != len(queries) or truth.shape[1] < arguments.k:
    raise SystemExit(f"the truth has shape {truth.shape}; it takes {len(queries)} rows of at least {arguments.k}")
os.makedirs(arguments.out, exist_ok=True)
np.save(os.path.join(arguments.out, "base.npy"), base)
np.save(os.path.join(arguments.out, "queries.npy"), queries)
np.save(os.path.join(arguments.out, "truth.npy"), np.ascontiguousarray(truth[:, : arguments.k], dtype=np.int32))
