"""Other libraries on the documents of engine/bench/sparse-bench.cc: sparse_peer.py FILE EXPECTED

FILE holds documents as BM25's weights, the same as frequencies of terms, and queries (each as int64 rows, then row starts int64, indices int32,
values float32), EXPECTED the scores of the ten best of each query (float32). Prints a line of JSON for each library: queries per CPU second, best of three, after its scores were compared.
"""

import json
import os
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import bm25s  # noqa: E402  (reads the variables)
import numpy as np  # noqa: E402
import scipy.sparse as sparse  # noqa: E402
import tantivy  # noqa: E402

K = 10
data = open(sys.argv[1], "rb").read()
at = 0


def take(kind, count):
    global at
    values = np.frombuffer(data, kind, count, at)
    at += values.nbytes
    return values


def rows(columns):
    count = int(take(np.int64, 1)[0])
    starts = take(np.int64, count + 1)
    indices, values = take(np.int32, starts[-1]), take(np.float32, starts[-1])
    return sparse.csr_matrix((values, indices, starts), shape=(count, columns))


COLUMNS = 50_001
documents, counts, queries = rows(COLUMNS), rows(COLUMNS), rows(COLUMNS)
expected = np.fromfile(sys.argv[2], np.float32).reshape(-1, K)


def measure(name, search):
    found = np.array([search(i) for i in range(queries.shape[0])], dtype=np.float32)
    if not np.allclose(found, expected, rtol=1e-4):
        raise SystemExit(f"{name} finds other scores")
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        for i in range(queries.shape[0]):
            search(i)
        best = max(best, queries.shape[0] / (time.process_time() - began))
    print(json.dumps({"library": name, "queries_per_cpu_s": best}), flush=True)


def top(scores):
    return np.sort(scores[np.argpartition(scores, -K)[-K:]])[::-1]


by_term = documents.T.tocsr()
rows_of = [queries[i] for i in range(queries.shape[0])]
measure("scipy CSR, terms x documents", lambda i: top((rows_of[i] @ by_term).toarray()[0]))
vectors = [queries[i].toarray()[0] for i in range(queries.shape[0])]
measure("scipy CSR, documents x terms", lambda i: top(documents @ vectors[i]))

# bm25s searches a matrix of scores by term that it computes from texts; here it gets the documents' own weights.
columns = documents.tocsc()
columns.sort_indices()
tokens = [queries[i].indices.tolist() for i in range(queries.shape[0])]
for backend in ("numpy", "numba"):
    model = bm25s.BM25(backend=backend)
    model.scores = {"data": columns.data, "indices": columns.indices.astype(np.int32), "indptr": columns.indptr.astype(np.int64), "num_docs": documents.shape[0]}
    model.vocab_dict = {str(term): term for term in range(COLUMNS)}
    model.unique_token_ids_set, model.nonoccurrence_array = set(range(COLUMNS)), None
    if backend == "numba":
        model.activate_numba_scorer()
    measure(f"bm25s, {backend}", lambda i: model.retrieve([tokens[i]], k=K, sorted=True, show_progress=False, n_threads=0, backend_selection="numba" if backend == "numba" else "numpy").scores[0])

# tantivy scores by BM25 with the same numbers; the documents have lengths that its byte for them keeps.
schema = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="whitespace", index_option="freq").build()
index = tantivy.Index(schema)
writer = index.writer(200_000_000, 1)
for i in range(counts.shape[0]):
    row = counts[i]
    terms = np.repeat(row.indices, row.data.astype(np.int64)).astype(str)
    writer.add_document(tantivy.Document(text=" ".join(terms)))
writer.commit()
writer.wait_merging_threads()
index.reload()
searcher = index.searcher()
asked = [
    tantivy.Query.boolean_query([(tantivy.Occur.Should, tantivy.Query.term_query(schema, "text", str(term))) for term in tokens[i]])
    for i in range(len(tokens))
]
measure(f"tantivy, {searcher.num_segments} segments", lambda i: [score for score, _ in searcher.search(asked[i], limit=K, count=False).hits])
