"""The client's side of the benches: wordnet.py STEP ADDRESS DATA [options]. Prints one line of JSON.

DATA is a folder with base.f16.npy, base.jsonl, queries.f16.npy and truth.*.i32.npy; see examples/data/README.md.
"""

import argparse
import json
import multiprocessing
import time

import numpy as np
from pymilvus import DataType, MilvusClient

parser = argparse.ArgumentParser()
parser.add_argument("step", choices=["create", "insert", "index", "compact", "load", "count", "recall", "search", "drop"])
parser.add_argument("address")
parser.add_argument("data")
parser.add_argument("--name", default="wordnet")
parser.add_argument("--clients", type=int, default=4)
parser.add_argument("--batch", type=int, default=1000)
parser.add_argument("--index", default="HNSW")
parser.add_argument("--ef", type=int, default=64)
parser.add_argument("--filter", default="")
parser.add_argument("--truth", default="all")
parser.add_argument("--seconds", type=float, default=10)
args = parser.parse_args()


def connect():
    return MilvusClient(uri=f"http://{args.address}")


def vectors(name):
    return np.load(f"{args.data}/{name}.f16.npy").astype(np.float32)


def rows_of_base():
    with open(f"{args.data}/base.jsonl", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield row["id"], row["lexname"], row["word_count"]


def create(client):
    if client.has_collection(args.name):
        client.drop_collection(args.name)
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("lexname", DataType.VARCHAR, max_length=64)
    schema.add_field("word_count", DataType.INT32)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors("queries").shape[1])
    client.create_collection(args.name, schema=schema, consistency_level="Strong")
    return {}


def insert_part(part, start, done):
    """One client: inserts every n-th batch, and reports when its first request went out and its last was answered."""
    base = vectors("base")
    rows = list(rows_of_base())
    client = connect()
    batches = []
    for first in range(part * args.batch, len(rows), args.batch * args.clients):
        chunk = rows[first : first + args.batch]
        batches.append([
            {"id": i, "lexname": lexname, "word_count": words, "vector": base[i]} for i, lexname, words in chunk
        ])
    start.wait()
    began = time.time()
    for batch in batches:
        client.insert(args.name, batch)
    done.put((began, time.time(), sum(map(len, batches))))


def insert(_):
    start = multiprocessing.Barrier(args.clients)
    done = multiprocessing.Queue()
    parts = [multiprocessing.Process(target=insert_part, args=(i, start, done)) for i in range(args.clients)]
    for part in parts:
        part.start()
    results = [done.get() for _ in parts]
    for part in parts:
        part.join()
    began, ended = min(r[0] for r in results), max(r[1] for r in results)
    rows = sum(r[2] for r in results)
    return {"rows": rows, "seconds": ended - began, "rows_per_second": rows / (ended - began), "ended_at": ended}


def wait_for_index(client, total):
    while True:
        state = client.describe_index(args.name, "vector")
        pending = int(state.get("pending_index_rows", 0))
        if int(state["indexed_rows"]) >= total and pending == 0 and state.get("state", "Finished") == "Finished":
            return
        time.sleep(0.05)


def total_rows():
    return np.load(f"{args.data}/base.f16.npy", mmap_mode="r").shape[0]


def index(client):
    began = time.time()
    client.flush(args.name)
    flushed = time.time()
    index_params = client.prepare_index_params()
    params = {"M": 16, "efConstruction": 200} if args.index == "HNSW" else {}
    index_params.add_index(field_name="vector", index_type=args.index, metric_type="COSINE", params=params)
    client.create_index(args.name, index_params)
    wait_for_index(client, total_rows())
    return {"flush_seconds": flushed - began, "index_seconds": time.time() - flushed, "seconds": time.time() - began}


def compact(client):
    """Merges everything into as few segments as the server's limits allow, and waits for their index."""
    began = time.time()
    job = client.compact(args.name)
    while client.get_compaction_state(job) != "Completed":
        time.sleep(0.1)
    wait_for_index(client, total_rows())
    return {"seconds": time.time() - began}


def load(client):
    began = time.time()
    client.load_collection(args.name)
    return {"seconds": time.time() - began}


def count(client):
    counted = client.query(args.name, filter="", output_fields=["count(*)"], consistency_level="Strong")
    return {"count": counted[0]["count(*)"], "expected": int(total_rows())}


def search_params():
    return {"metric_type": "COSINE", "params": {"ef": args.ef} if args.index == "HNSW" else {}}


def recall(client):
    """Recall@10 and, because ties may come in any order, whether each hit is at least as near as the tenth of the truth."""
    queries, truth, base = vectors("queries"), np.load(f"{args.data}/truth.{args.truth}.i32.npy"), vectors("base")
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    found, near_enough, short = 0, 0, 0
    began = time.time()
    for first in range(0, len(queries), 10):
        answers = client.search(
            args.name, list(queries[first : first + 10]), limit=10, filter=args.filter, search_params=search_params()
        )
        for i, hits in enumerate(answers, start=first):
            ids = [hit["id"] for hit in hits]
            short += len(ids) < 10
            found += len(set(ids) & set(truth[i, :10].tolist()))
            least = float(base[truth[i, 9]] @ unit[i]) - 1e-6
            near_enough += int((base[ids] @ unit[i] >= least).sum())
    total = 10 * len(queries)
    return {
        "ef": args.ef,
        "filter": args.filter,
        "recall": found / total,
        "recall_with_ties": near_enough / total,
        "queries_with_fewer_than_10": int(short),
        "seconds": time.time() - began,
    }


def search_part(part, start, done):
    queries = vectors("queries")
    client = connect()
    # Warm up: the first calls fetch the collection's description.
    for i in range(5):
        client.search(args.name, [queries[i]], limit=10, filter=args.filter, search_params=search_params())
    start.wait()
    times, i, ends = [], part, time.time() + args.seconds
    while time.time() < ends:
        began = time.perf_counter()
        client.search(
            args.name,
            [queries[i % len(queries)]],
            limit=10,
            filter=args.filter,
            search_params=search_params(),
            consistency_level="Bounded",
        )
        times.append(time.perf_counter() - began)
        i += args.clients
    done.put(times)


def search(_):
    start = multiprocessing.Barrier(args.clients + 1)
    done = multiprocessing.Queue()
    parts = [multiprocessing.Process(target=search_part, args=(i, start, done)) for i in range(args.clients)]
    for part in parts:
        part.start()
    start.wait()
    print("measuring", flush=True)
    times = sorted(sum((done.get() for _ in parts), []))
    for part in parts:
        part.join()
    return {
        "searches": len(times),
        "per_second": len(times) / args.seconds,
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[len(times) * 99 // 100] * 1e3,
    }


def drop(client):
    client.drop_collection(args.name)
    return {}


if __name__ == "__main__":
    needs_client = args.step not in ("insert", "search")
    print(json.dumps(globals()[args.step](connect() if needs_client else None)), flush=True)
