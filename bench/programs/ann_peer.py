"""Another library as a contestant of `npm run bench:ann`: ann_peer.py LIBRARY INDEX METRIC THREADS BASE QUERIES [NAME=NUMBER ...]

Builds the index over BASE (float32, normalised for cosine), prints what that took as a line of JSON, and answers each line `WIDTH K FILE [MASKS]` like
engine/bench/ann-bench.cc: all queries in one call, again until 50 ms of CPU have gone by, the ids of the last call into FILE. MASKS (faiss HNSW
only) holds a bit a row, for all queries or for each, which is then a call of its own.
"""

import ctypes
import json
import os
import sys
import tempfile
import time

library, name, metric, threads, base_path, queries_path = sys.argv[1:7]
threads = int(threads)
numbers = {key: int(value) for key, value in (pair.split("=") for pair in sys.argv[7:])}
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(threads)

import numpy as np  # noqa: E402  (reads the variables)

M = numbers.get("m", 16)
EFC = numbers.get("efc", 200)
NLIST = numbers.get("nlist", 1024)


def status_bytes(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(key))


class Hnswlib:
    def __init__(self, base):
        import hnswlib

        self.index = hnswlib.Index(space="l2" if metric == "l2" else "ip", dim=base.shape[1])
        self.index.init_index(max_elements=len(base), M=M, ef_construction=EFC)
        self.index.set_num_threads(threads)
        self.index.add_items(base)

    def bytes(self):
        with tempfile.NamedTemporaryFile() as file:
            self.index.save_index(file.name)
            return os.path.getsize(file.name)

    def search(self, queries, width, k):
        self.index.set_ef(max(width, k))
        return self.index.knn_query(queries, k=k)[0]


class Faiss:
    def __init__(self, base):
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(threads)
        d = base.shape[1]
        m = numbers.get("subs", 32)
        factory = {
            "FLAT": "Flat",
            "HNSW": f"HNSW{M},Flat",
            "HNSW_SQ8": f"HNSW{M},SQ8",
            "IVF_FLAT": f"IVF{NLIST},Flat",
            "IVF_SQ8": f"IVF{NLIST},SQ8",
            "IVF_PQ": f"IVF{NLIST},PQ{m}x{numbers.get('nbits', 8)}",
            "IVF_PQ_FASTSCAN": f"IVF{NLIST},PQ{d // 2}x4fs,RFlat",
        }[name]
        measure = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.index_factory(d, factory, measure)
        if "HNSW" in name:
            self.index.hnsw.efConstruction = EFC
        self.index.train(base)
        self.index.add(base)

    def bytes(self):
        return len(self.faiss.serialize_index(self.index))

    def search(self, queries, width, k):
        if "HNSW" in name:
            self.index.hnsw.efSearch = width
        elif name == "IVF_PQ_FASTSCAN":
            self.faiss.extract_index_ivf(self.index).nprobe = width
            self.index.k_factor = float(min(40, max(4, width // 4)))
        elif name.startswith("IVF"):
            self.index.nprobe = width
        return self.index.search(queries, k)[1]

    def search_masked(self, queries, width, k, masks):
        selectors = [self.faiss.IDSelectorBitmap(mask) for mask in masks]
        wanted = [self.faiss.SearchParametersHNSW(efSearch=width, sel=selector) for selector in selectors]
        if len(wanted) == 1:
            return self.index.search(queries, k, params=wanted[0])[1]
        found = np.empty((len(queries), k), dtype=np.int64)
        for i, params in enumerate(wanted):
            found[i] = self.index.search(queries[i : i + 1], k, params=params)[1]
        return found


class Usearch:
    def __init__(self, base):
        from usearch.index import Index

        kind = {"l2": "l2sq", "ip": "ip", "cosine": "cos"}[metric]
        self.index = Index(ndim=base.shape[1], metric=kind, dtype=name.removeprefix("HNSW_").lower(), connectivity=M, expansion_add=EFC)
        self.index.add(np.arange(len(base)), base, threads=threads)

    def bytes(self):
        return self.index.serialized_length

    def search(self, queries, width, k):
        self.index.expansion_search = max(width, k)
        return self.index.search(queries, k, threads=threads).keys


class Scann:
    def __init__(self, base):
        import scann

        leaves = max(10, min(len(base) // 100, int(3 * len(base) ** 0.5)))
        kind = "squared_l2" if metric == "l2" else "dot_product"
        # Its own advice for the number of leaves is about the root of the rows; anisotropic hashing with two dimensions a block.
        self.index = (
            scann.scann_ops_pybind.builder(base, 10, kind)
            .tree(num_leaves=leaves, num_leaves_to_search=10, training_sample_size=min(len(base), 250_000))
            .score_ah(2, anisotropic_quantization_threshold=0.2 if kind == "dot_product" else float("nan"))
            .reorder(100)
            .set_n_training_threads(threads)
            .build()
        )

    def bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.index.serialize(folder)
            return sum(os.path.getsize(os.path.join(folder, file)) for file in os.listdir(folder))

    def search(self, queries, width, k):
        reorder = max(4 * k, min(400, 2 * width + 20))
        call = self.index.search_batched if threads == 1 else self.index.search_batched_parallel
        return call(queries, k, leaves_to_search=width, pre_reorder_num_neighbors=reorder)[0]


kinds = {"hnswlib": Hnswlib, "faiss": Faiss, "usearch": Usearch, "scann": Scann}
__import__({"usearch": "usearch.index"}.get(library, library))
before = status_bytes("VmRSS")
base = np.load(base_path)
queries = np.load(queries_path)
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
cpu, wall = time.process_time(), time.time()
contestant = kinds[library](base)
built = {"build_cpu_s": time.process_time() - cpu, "build_s": time.time() - wall}
built["peak_bytes"] = status_bytes("VmHWM") - before
mask_bytes = (len(base) + 63) // 64 * 8
del base
ctypes.CDLL(None).malloc_trim(0)
built["resident_bytes"] = status_bytes("VmRSS") - before - queries.nbytes
print(json.dumps(built | {"bytes": contestant.bytes(), "queries": len(queries)}), flush=True)

for line in sys.stdin:
    width, k, path, *masked = line.split()
    masks = [np.fromfile(file, dtype=np.uint8).reshape(-1, mask_bytes) for file in masked]
    rounds, began, spent = 0, time.process_time(), 0.0
    while spent < 0.05:
        ids = contestant.search_masked(queries, int(width), int(k), *masks) if masks else contestant.search(queries, int(width), int(k))
        rounds += 1
        spent = time.process_time() - began
    np.asarray(ids).astype(np.int64).astype(np.int32).tofile(path)
    print(json.dumps({"cpu_s": spent / rounds}), flush=True)
