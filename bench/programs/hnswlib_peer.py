"""hnswlib on the same data: hnswlib_peer.py DATA THREADS. Prints one line of JSON with build time and recall@10 by ef."""

import json
import sys
import time

import hnswlib
import numpy as np

data, threads = sys.argv[1], int(sys.argv[2])
base = np.load(f"{data}/base.f16.npy").astype(np.float32)
queries = np.load(f"{data}/queries.f16.npy").astype(np.float32)
truth = np.load(f"{data}/truth.all.i32.npy")[:, :10]

index = hnswlib.Index(space="cosine", dim=base.shape[1])
index.init_index(max_elements=len(base), M=16, ef_construction=200)
index.set_num_threads(threads)
began = time.time()
index.add_items(base)
result = {"build_seconds": time.time() - began, "recall": {}, "queries_per_cpu_second": {}}
index.set_num_threads(1)
for ef in (32, 64, 128):
    index.set_ef(ef)
    began = time.process_time()
    ids, _ = index.knn_query(queries, k=10)
    result["queries_per_cpu_second"][ef] = len(queries) / (time.process_time() - began)
    result["recall"][ef] = float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(ids.tolist(), truth.tolist())]))
print(json.dumps(result))
