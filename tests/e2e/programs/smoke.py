"""The smoke test of pymilvus: smoke.py ADDRESS. Prints a line per check, see support/smoke-report.ts."""

import json
import sys
import traceback

import numpy as np
from pymilvus import DataType, MilvusClient, MilvusException

DIM = 8
ROWS = 300
COLOURS = ["red", "green", "blue", "white"]

client = MilvusClient(uri=f"http://{sys.argv[1]}")
checks = []


def check(name):
    """Decorator: a check that runs when it is reached, in the order of the file."""

    def run(body):
        checks.append(name)
        try:
            body()
            print(f"ok\t{name}", flush=True)
        except Exception as error:  # every check reports, whatever it meets
            where = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(where) if f.filename == __file__), 0)
            reason = f"line {line}: {type(error).__name__}: {error}".replace("\n", " ").replace("\t", " ")
            print(f"not ok\t{name}\t{reason}", flush=True)

    return run


def same(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def refuses(substring, call):
    try:
        got = call()
    except MilvusException as error:
        assert substring in str(error), f"{error!s} does not say {substring!r}"
        return error
    raise AssertionError(f"no error, but {got!r}")


def vector(i):
    """Points along axis i mod DIM and leans a little towards the next one, so nearest neighbours are known."""
    v = np.zeros(DIM, dtype=np.float32)
    v[i % DIM] = 1
    v[(i + 1) % DIM] = i / 1000
    return v


def fresh(name, schema, index_params=None, **kwargs):
    if client.has_collection(name):
        client.drop_collection(name)
    client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong", **kwargs)


def count(name, **kwargs):
    return client.query(name, filter="", output_fields=["count(*)"], consistency_level="Strong", **kwargs)[0]["count(*)"]


def index_on(field, index_type="FLAT", metric="COSINE", **params):
    index_params = client.prepare_index_params()
    index_params.add_index(field_name=field, index_type=index_type, metric_type=metric, params=params)
    return index_params


# ---- rows with every kind of scalar, an HNSW index, growing and sealed segments

MAIN = "py_main"


def main_row(i):
    return {
        "id": i,
        "vector": vector(i),
        "colour": COLOURS[i % 4],
        "price": i / 2,
        "exact": i / 3,
        "small": i % 100 - 50,
        "flag": i % 2 == 0,
        "doc": {"n": i, "tags": [i % 3, i % 5], "deep": {"name": f"x{i}"}},
        "numbers": list(range(i % 4)),
        "maybe": None if i % 3 == 0 else i,
        "extra": i * 10,
    }


@check("tells its version")
def _():
    assert client.get_server_version()


@check("creates a collection")
def _():
    schema = client.create_schema(auto_id=False, enable_dynamic_field=True, description="smoke")
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("colour", DataType.VARCHAR, max_length=32)
    schema.add_field("price", DataType.FLOAT)
    schema.add_field("exact", DataType.DOUBLE)
    schema.add_field("small", DataType.INT8)
    schema.add_field("flag", DataType.BOOL)
    schema.add_field("doc", DataType.JSON)
    schema.add_field("numbers", DataType.ARRAY, element_type=DataType.INT32, max_capacity=16)
    schema.add_field("maybe", DataType.INT64, nullable=True)
    schema.add_field("level", DataType.INT16, default_value=np.int16(7))
    fresh(MAIN, schema)
    assert client.has_collection(MAIN)
    assert MAIN in client.list_collections()


@check("describes the collection")
def _():
    described = client.describe_collection(MAIN)
    same(described["collection_name"], MAIN)
    same(described["description"], "smoke")
    same(described["enable_dynamic_field"], True)
    same([f["name"] for f in described["fields"]][:3], ["id", "vector", "colour"])
    same(described["fields"][1]["params"]["dim"], DIM)
    same(described["num_shards"], 1)
    same(described["properties"]["timezone"], "UTC")


@check("inserts rows")
def _():
    got = client.insert(MAIN, [main_row(i) for i in range(ROWS)])
    same(got["insert_count"], ROWS)
    same(list(got["ids"]), list(range(ROWS)))


@check("refuses to search what is not loaded")
def _():
    refuses("not loaded", lambda: client.query(MAIN, filter="id > 0"))


@check("flushes")
def _():
    client.flush(MAIN)
    same(client.get_collection_stats(MAIN)["row_count"], ROWS)


@check("builds an HNSW index and scalar ones")
def _():
    index_params = index_on("vector", "HNSW", "COSINE", M=16, efConstruction=100)
    index_params.add_index(field_name="colour", index_type="INVERTED")
    index_params.add_index(field_name="price", index_type="STL_SORT")
    index_params.add_index(field_name="flag", index_type="BITMAP")
    client.create_index(MAIN, index_params)
    same(sorted(client.list_indexes(MAIN)), ["colour", "flag", "price", "vector"])
    described = client.describe_index(MAIN, "vector")
    same(described["index_type"], "HNSW")
    same(described["metric_type"], "COSINE")
    same(described["total_rows"], ROWS)
    same(described["state"], "Finished")


@check("loads")
def _():
    client.load_collection(MAIN)
    same(str(client.get_load_state(MAIN)["state"]), "Loaded")


@check("searches")
def _():
    hits = client.search(MAIN, [vector(42), vector(7)], limit=5, output_fields=["colour", "price", "extra"])
    same([len(h) for h in hits], [5, 5])
    same([h[0]["id"] for h in hits], [42, 7])
    same(hits[0][0]["entity"], {"colour": "blue", "price": 21.0, "extra": 420})
    assert abs(hits[0][0]["distance"] - 1) < 1e-5
    distances = [h["distance"] for h in hits[0]]
    same(distances, sorted(distances, reverse=True))


@check("searches with filters")
def _():
    for expression, holds in [
        ('colour == "red" and price < 50', lambda i: i % 4 == 0 and i < 100),
        ("flag == true and small > 0", lambda i: i % 2 == 0 and i % 100 > 50),
        ('colour in ["blue", "white"] and not (id < 100)', lambda i: i % 4 >= 2 and i >= 100),
        ("extra >= 2000", lambda i: i >= 200),
        ("maybe is null", lambda i: i % 3 == 0),
        ('doc["n"] > 250 and json_contains(doc["tags"], 2)', lambda i: i > 250 and 2 in (i % 3, i % 5)),
        ("array_contains(numbers, 2)", lambda i: i % 4 == 3),
        ('colour like "w%"', lambda i: i % 4 == 3),
    ]:
        want = {i for i in range(ROWS) if holds(i)}
        hits = client.search(MAIN, [vector(3)], filter=expression, limit=10)[0]
        same(len(hits), min(10, len(want)))
        assert {h["id"] for h in hits} <= want, f"{expression}: {[h['id'] for h in hits]}"
        same({r["id"] for r in client.query(MAIN, filter=expression, output_fields=["id"])}, want)


@check("fills in the values of a filter template")
def _():
    rows = client.query(MAIN, filter="id in {ids} and price < {top}", filter_params={"ids": [1, 2, 250], "top": 10.0})
    same({r["id"] for r in rows}, {1, 2})


@check("pages, ranges, groups and rounds")
def _():
    everything = client.search(MAIN, [vector(5)], limit=20)[0]
    page = client.search(MAIN, [vector(5)], limit=10, offset=10)[0]
    same([h["id"] for h in page], [h["id"] for h in everything[10:]])
    near = client.search(MAIN, [vector(5)], limit=50, search_params={"params": {"radius": 0.98, "range_filter": 1.01}})[0]
    assert near and all(0.98 < h["distance"] <= 1.01 for h in near)
    grouped = client.search(MAIN, [vector(5)], limit=4, group_by_field="colour", output_fields=["colour"])[0]
    same(sorted(h["entity"]["colour"] for h in grouped), sorted(COLOURS))
    rounded = client.search(MAIN, [vector(5)], limit=3, round_decimal=2)[0]
    assert all(abs(h["distance"] * 100 - round(h["distance"] * 100)) < 1e-4 for h in rounded)


@check("gets and queries all fields back")
def _():
    row = client.get(MAIN, ids=[10], output_fields=["*"])[0]
    same(np.asarray(row.pop("vector"), dtype=np.float32).tolist(), vector(10).tolist())
    doc = row.pop("doc")
    same(json.loads(doc) if isinstance(doc, str) else doc, main_row(10)["doc"])
    row["numbers"] = list(row["numbers"])
    want = {k: v for k, v in main_row(10).items() if k not in ("vector", "doc")} | {"level": 7}
    assert abs(row.pop("exact") - want.pop("exact")) < 1e-12
    same(row, want)


@check("limits and offsets a query")
def _():
    same([r["id"] for r in client.query(MAIN, filter="id >= 0", limit=5, offset=3, output_fields=["id"])], [3, 4, 5, 6, 7])


@check("sees writes at once")
def _():
    client.insert(MAIN, [main_row(i) for i in range(ROWS, ROWS + 20)])
    same(count(MAIN), ROWS + 20)
    same(client.search(MAIN, [vector(ROWS + 5)], limit=1)[0][0]["id"], ROWS + 5)


@check("deletes by key and by filter")
def _():
    client.delete(MAIN, ids=[0, 1, 2])
    client.delete(MAIN, filter='colour == "red" and id < 20')
    gone = {0, 1, 2} | {i for i in range(20) if i % 4 == 0}
    same(count(MAIN), ROWS + 20 - len(gone))
    same(client.get(MAIN, ids=sorted(gone)), [])


@check("upserts, and keeps keys unique")
def _():
    before = count(MAIN)
    got = client.upsert(MAIN, [main_row(i) | {"colour": "black"} for i in range(100, 110)] + [main_row(5000)])
    same(got["upsert_count"], 11)
    same(count(MAIN), before + 1)
    same({r["id"] for r in client.query(MAIN, filter='colour == "black"', output_fields=["id"])}, set(range(100, 110)))
    client.insert(MAIN, [main_row(5000) | {"colour": "second"}])
    same(count(MAIN), before + 1)
    same(client.get(MAIN, ids=[5000], output_fields=["colour"])[0]["colour"], "second")


@check("upserts parts of rows")
def _():
    client.upsert(MAIN, [{"id": 150, "colour": "partial"}], partial_update=True)
    row = client.get(MAIN, ids=[150], output_fields=["colour", "price", "vector"])[0]
    same((row["colour"], row["price"]), ("partial", 75.0))
    same(np.asarray(row["vector"], dtype=np.float32).tolist(), vector(150).tolist())


@check("iterates over queries and searches")
def _():
    iterator = client.query_iterator(MAIN, filter="id >= 50", batch_size=70, output_fields=["id"])
    seen = []
    while page := iterator.next():
        seen += [r["id"] for r in page]
    iterator.close()
    same(len(seen), len(set(seen)))
    same(len(seen), client.query(MAIN, filter="id >= 50", output_fields=["count(*)"])[0]["count(*)"])
    iterator = client.search_iterator(MAIN, data=[vector(9)], batch_size=40, limit=120)
    found = []
    while page := iterator.next():
        found += [h["id"] for h in page]
    iterator.close()
    same((len(found), len(set(found))), (120, 120))


@check("keeps its rows through compaction and another flush")
def _():
    before = count(MAIN)
    client.flush(MAIN)
    job = client.compact(MAIN)
    for _ in range(100):
        if client.get_compaction_state(job) == "Completed":
            break
        import time

        time.sleep(0.1)
    same(client.get_compaction_state(job), "Completed")
    same(count(MAIN), before)
    same(client.search(MAIN, [vector(42)], limit=1)[0][0]["id"], 42)


@check("adds a field that old rows have as null")
def _():
    client.add_collection_field(MAIN, field_name="later", data_type=DataType.INT32, nullable=True)
    same(client.get(MAIN, ids=[42], output_fields=["later"])[0]["later"], None)
    client.upsert(MAIN, [main_row(43) | {"later": 9}])
    same({r["id"] for r in client.query(MAIN, filter="later == 9", output_fields=["id"])}, {43})


@check("names what is wrong")
def _():
    refuses("py_nowhere", lambda: client.query("py_nowhere", filter="id > 0"))
    refuses("cannot parse expression", lambda: client.query(MAIN, filter="id >"))
    refuses("dimension", lambda: client.search(MAIN, [[0.1, 0.2]], limit=1))
    refuses("colour", lambda: client.insert(MAIN, [{k: v for k, v in main_row(1).items() if k != "colour"}]))


# ---- every vector type


def f16_row(i):
    return vector(i).astype(np.float16)


def bf16_bytes(i):
    return (vector(i).view(np.uint32) >> 16).astype(np.uint16).tobytes()


def bf16_row(i):
    try:
        import ml_dtypes

        return vector(i).astype(ml_dtypes.bfloat16)
    except ImportError:
        return bf16_bytes(i)


VECTOR_TYPES = {
    "f16": (DataType.FLOAT16_VECTOR, "COSINE", f16_row),
    "bf16": (DataType.BFLOAT16_VECTOR, "COSINE", bf16_row),
    "int8": (DataType.INT8_VECTOR, "L2", lambda i: np.array([(i * k) % 256 - 128 for k in range(1, 9)], dtype=np.int8)),
    "binary": (DataType.BINARY_VECTOR, "HAMMING", lambda i: bytes([i % 256])),
    "sparse": (DataType.SPARSE_FLOAT_VECTOR, "IP", lambda i: {i: 1.0, 1000 + i % 7: 0.5}),
}

for kind, (vector_type, metric, make) in VECTOR_TYPES.items():

    @check(f"stores and finds {kind} vectors")
    def _():
        name = f"py_{kind}"
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", vector_type, **({} if kind == "sparse" else {"dim": DIM}))
        index_type = "SPARSE_INVERTED_INDEX" if kind == "sparse" else "BIN_FLAT" if kind == "binary" else "FLAT"
        try:
            fresh(name, schema, index_on("vector", index_type, metric))
        except MilvusException:
            # An index type that this version refuses by name; AUTOINDEX serves every type.
            fresh(name, schema, index_on("vector", "AUTOINDEX", metric))
        client.insert(name, [{"id": i, "vector": make(i)} for i in range(100)])
        client.flush(name)
        client.insert(name, [{"id": i, "vector": make(i)} for i in range(100, 120)])
        for i in (33, 110):
            hits = client.search(name, [make(i)], limit=3, output_fields=["vector"], anns_field="vector")[0]
            same(hits[0]["id"], i)
            got = hits[0]["entity"]["vector"]
            if kind == "sparse":
                same({int(k): float(v) for k, v in got.items()}, make(i))
            else:
                got = got[0] if isinstance(got, list) and len(got) == 1 else got
                raw = got if isinstance(got, bytes) else np.asarray(got).tobytes()
                same(raw, make(i) if isinstance(make(i), bytes) else make(i).tobytes())
        client.drop_collection(name)


@check("finds MinHash signatures that share a band, and their similarity, growing, sealed and indexed")
def _():
    elements, bands = 32, 8
    random = np.random.default_rng(7)
    rows = random.integers(0, 2**32, size=(400, elements), dtype=np.uint32)
    for i in range(100, 400):  # three like each of the first hundred: 4, 16 and 28 of 32 elements are other ones
        rows[i] = rows[i % 100]
        changed = random.choice(elements, size=12 * (i // 100) - 8, replace=False)
        rows[i, changed] = random.integers(0, 2**32, size=len(changed), dtype=np.uint32)

    def estimates(query):
        return np.float32((rows == query).sum(axis=1) / elements)

    def shared(query):
        return [i for i in range(400) if (rows[i] == query).reshape(bands, -1).all(axis=1).any()]

    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("signature", DataType.BINARY_VECTOR, dim=elements * 32)
    params = {"mh_lsh_band": bands, "mh_element_bit_width": 32, "with_raw_data": True, "mh_lsh_code_in_mem": 1}
    refuses(
        "metric type HAMMING not found",
        lambda: fresh("py_minhash", schema, index_on("signature", "MINHASH_LSH", "HAMMING", **params)),
    )
    fresh("py_minhash", schema, index_on("signature", "MINHASH_LSH", "MHJACCARD", **params))
    client.insert("py_minhash", [{"id": i, "signature": rows[i].tobytes()} for i in range(400)])
    for step in ("growing", "sealed", "indexed"):
        if step == "sealed":
            client.flush("py_minhash")
        if step == "indexed":
            client.release_collection("py_minhash")
            client.load_collection("py_minhash")
        for i in (3, 120, 350):
            query, want = rows[i].tobytes(), estimates(rows[i])
            exact = {"mh_search_with_jaccard": True, "refine_k": 200, "mh_lsh_batch_search": True}
            hits = client.search("py_minhash", [query], limit=10, search_params={"params": exact})[0]
            same(len(hits), 10)
            same((hits[0]["id"], hits[0]["distance"]), (i, 1.0))
            for hit in hits:
                same(np.float32(hit["distance"]), want[hit["id"]])
            # Rows with fewer than eight unequal elements share one of eight bands.
            sure = np.sort(want[want > (elements - bands) / elements])[::-1]
            same([np.float32(hit["distance"]) for hit in hits][: len(sure)], list(sure))
            hits = client.search("py_minhash", [query], limit=400)[0]
            same(sorted(hit["id"] for hit in hits), shared(rows[i]))
            same({hit["distance"] for hit in hits}, {1.0})
            hits = client.search("py_minhash", [query], limit=20, filter="id < 15", search_params={"params": exact})[0]
            same(len(hits), 15)
            near = {"params": {**exact, "radius": 0.5, "range_filter": 0.99}}
            hits = client.search("py_minhash", [query], limit=50, search_params=near)[0]
            same({hit["id"] for hit in hits}, set(np.flatnonzero((want > 0.5) & (want <= 0.99))))
    unlike = random.integers(0, 2**32, size=elements, dtype=np.uint32).tobytes()
    same(len(client.search("py_minhash", [unlike], limit=10)[0]), 0)
    refuses(
        "param 'refine_k' (0) should be in range [1, 2147483647]",
        lambda: client.search("py_minhash", [unlike], limit=10, search_params={"params": {"refine_k": 0}}),
    )
    client.drop_collection("py_minhash")


@check("stores null vectors and searches the others")
def _():
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM, nullable=True)
    fresh("py_null", schema, index_on("vector", "FLAT", "L2"))
    client.insert("py_null", [{"id": i, "vector": None if i % 2 else vector(i)} for i in range(40)])
    same({h["id"] for h in client.search("py_null", [vector(4)], limit=40)[0]}, set(range(0, 40, 2)))
    client.flush("py_null")
    same({h["id"] for h in client.search("py_null", [vector(4)], limit=40)[0]}, set(range(0, 40, 2)))
    same(client.get("py_null", ids=[3], output_fields=["vector"])[0]["vector"], None)
    client.drop_collection("py_null")


@check("stores times and geometries, answers in a zone, filters and sorts by time")
def _():
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("at", DataType.TIMESTAMPTZ, nullable=True)
    schema.add_field("place", DataType.GEOMETRY, nullable=True)
    indexes = index_on("vector", "FLAT", "L2")
    indexes.add_index("at", index_type="STL_SORT")
    indexes.add_index("place", index_type="RTREE")
    fresh("py_times", schema, indexes)

    def row(i):
        if i % 10 == 9:
            return {"id": i, "vector": vector(i), "at": None, "place": None}
        at = f"2025-01-{1 + i % 28:02d}T{i % 24:02d}:00:00.5+08:00"
        return {"id": i, "vector": vector(i), "at": at, "place": f"POINT ({i} -0.5)"}

    def ids(expression, **kwargs):
        return {r["id"] for r in client.query("py_times", filter=expression, limit=100, **kwargs)}

    def on_or_after(day, hour):
        return {i for i in range(60) if i % 10 != 9 and (1 + i % 28, i % 24) >= (day, hour)}

    client.insert("py_times", [row(i) for i in range(50)])
    client.flush("py_times")
    client.insert("py_times", [row(i) for i in range(50, 60)])
    got = client.get("py_times", ids=[3, 9, 53], output_fields=["at", "place"])
    same(
        [(r["at"], r["place"]) for r in got],
        [
            ("2025-01-03T19:00:00.5Z", "POINT (3 -0.5)"),
            (None, None),
            ("2025-01-25T21:00:00.5Z", "POINT (53 -0.5)"),
        ],
    )
    got = client.query("py_times", filter="id == 3", output_fields=["at"], timezone="Asia/Shanghai")
    same(got[0]["at"], "2025-01-04T03:00:00.5+08:00")
    hit = client.search("py_times", [vector(3)], limit=1, output_fields=["at", "place"])[0][0]["entity"]
    same((hit["at"], hit["place"]), ("2025-01-03T19:00:00.5Z", "POINT (3 -0.5)"))
    hits = client.search("py_times", [vector(3)], limit=5, group_by_field="at", output_fields=["at"])[0]
    same(len({h["entity"]["at"] for h in hits}), 5)
    same(ids('at >= ISO "2025-01-20T00:00:00+08:00"'), on_or_after(20, 0))
    same(ids('at >= ISO "2025-01-20 00:00:00"', timezone="Asia/Shanghai"), on_or_after(20, 0))
    same(ids('at + INTERVAL "P1DT1H" >= ISO "2025-01-20T01:00:00+08:00"'), on_or_after(19, 0))
    same(ids('at + INTERVAL "P1M" >= ISO "2025-02-20T00:00:00+08:00"'), on_or_after(20, 0))
    same(ids("at is null"), {i for i in range(60) if i % 10 == 9})
    same(ids("place is null"), {i for i in range(60) if i % 10 == 9})
    refuses("got invalid timestamptz string 'soon'", lambda: client.insert("py_times", [{**row(1), "at": "soon"}]))
    refuses("invalid Geometry data", lambda: client.insert("py_times", [{**row(1), "place": "here"}]))
    client.upsert("py_times", [{"id": 3, "at": "2026-01-01T00:00:00Z"}], partial_update=True)
    got = client.get("py_times", ids=[3], output_fields=["at", "place"])[0]
    same((got["at"], got["place"]), ("2026-01-01T00:00:00Z", "POINT (3 -0.5)"))
    client.drop_collection("py_times")


@check("makes ids, and keys of strings")
def _():
    schema = client.create_schema(auto_id=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    fresh("py_auto", schema, index_on("vector"))
    ids = client.insert("py_auto", [{"vector": vector(i)} for i in range(10)])["ids"]
    same(len(set(ids)), 10)
    same(count("py_auto"), 10)
    client.drop_collection("py_auto")
    schema = client.create_schema(auto_id=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=20)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    fresh("py_keys", schema, index_on("vector"))
    client.insert("py_keys", [{"key": f"k{i}", "vector": vector(i)} for i in range(10)])
    client.upsert("py_keys", [{"key": "k3", "vector": vector(100)}])
    client.delete("py_keys", ids=["k4"])
    same(count("py_keys"), 9)
    same({r["key"] for r in client.query("py_keys", filter='key in ["k3", "k4", "k5"]')}, {"k3", "k5"})
    client.drop_collection("py_keys")


@check("keeps partitions apart, and spreads rows by a partition key")
def _():
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    fresh("py_parts", schema, index_on("vector"))
    client.create_partition("py_parts", "north")
    same(sorted(client.list_partitions("py_parts")), ["_default", "north"])
    client.insert("py_parts", [{"id": i, "vector": vector(i)} for i in range(10)])
    client.insert("py_parts", [{"id": i, "vector": vector(i)} for i in range(10, 30)], partition_name="north")
    same(count("py_parts", partition_names=["north"]), 20)
    same({h["id"] for h in client.search("py_parts", [vector(1)], limit=30, partition_names=["_default"])[0]}, set(range(10)))
    client.upsert("py_parts", [{"id": 1, "vector": vector(1)}], partition_name="north")
    same((count("py_parts"), count("py_parts", partition_names=["north"])), (30, 21))
    client.release_partitions("py_parts", ["north"])
    client.drop_partition("py_parts", "north")
    same(count("py_parts"), 9)
    client.drop_collection("py_parts")
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("tenant", DataType.VARCHAR, max_length=20, is_partition_key=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    fresh("py_tenants", schema, index_on("vector"), num_partitions=4)
    client.insert("py_tenants", [{"id": i, "tenant": f"t{i % 5}", "vector": vector(i)} for i in range(50)])
    same(len(client.query("py_tenants", filter='tenant == "t3"')), 10)
    same(len(client.list_partitions("py_tenants")), 4)
    client.drop_collection("py_tenants")


@check("renames, aliases, truncates and keeps properties")
def _():
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    fresh("py_first", schema, index_on("vector"))
    client.insert("py_first", [{"id": i, "vector": vector(i)} for i in range(10)])
    client.create_alias("py_first", "py_alias")
    same(client.describe_alias("py_alias")["collection_name"], "py_first")
    same(client.list_aliases("py_first")["aliases"], ["py_alias"])
    same(len(client.query("py_alias", filter="id < 5")), 5)
    client.drop_alias("py_alias")
    if client.has_collection("py_second"):
        client.drop_collection("py_second")
    client.rename_collection("py_first", "py_second")
    same(count("py_second"), 10)
    client.alter_collection_properties("py_second", {"collection.ttl.seconds": 3600})
    same(client.describe_collection("py_second")["properties"]["collection.ttl.seconds"], "3600")
    if hasattr(client, "truncate_collection"):
        client.truncate_collection("py_second")
        same(count("py_second"), 0)
    client.drop_collection("py_second")
    assert not client.has_collection("py_second")


@check("keeps databases apart")
def _():
    if "py_db" in client.list_databases():
        client.use_database("py_db")
        for name in client.list_collections():
            client.drop_collection(name)
        client.use_database("default")
        client.drop_database("py_db")
    client.create_database("py_db")
    assert "py_db" in client.list_databases()
    client.use_database("py_db")
    try:
        same(client.list_collections(), [])
        client.create_collection("py_main", dimension=4)
        client.insert("py_main", [{"id": 1, "vector": [1, 2, 3, 4]}])
        same(count("py_main"), 1)
        client.drop_collection("py_main")
    finally:
        client.use_database("default")
    client.drop_database("py_db")
    assert "py_db" not in client.list_databases()
    assert count(MAIN) > 100


@check("reads at every consistency level")
def _():
    for level in ("Strong", "Bounded", "Session", "Eventually"):
        assert client.query(MAIN, filter="id == 42", consistency_level=level), level


@check("indexes sparse vectors, paths of JSON and arrays; a dynamic field comes later")
def _():
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("doc", DataType.JSON)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT64, max_capacity=4)
    index_params = index_on("terms", "SPARSE_INVERTED_INDEX", "IP")
    index_params.add_index(
        "doc", index_type="INVERTED", params={"json_path": "doc['a']", "json_cast_type": "DOUBLE"}
    )
    index_params.add_index("tags", index_type="INVERTED")
    fresh("smoke_paths", schema, index_params)
    same(sorted(client.list_indexes("smoke_paths")), ["doc/a", "tags", "terms"])
    same(client.describe_index("smoke_paths", "doc/a")["json_path"], "doc['a']")
    rows = [{"id": i, "terms": {i % 10: 1.0, 20: i / 100}, "doc": {"a": i}, "tags": [i % 3]} for i in range(60)]
    client.insert("smoke_paths", rows)
    client.flush("smoke_paths")
    found = client.search("smoke_paths", [{7: 1.0}], limit=10, filter="doc['a'] >= 30 and array_contains(tags, 1)")
    same([h["id"] for h in found[0]], [37])
    client.alter_collection_properties("smoke_paths", {"dynamicfield.enabled": True})
    same(client.describe_collection("smoke_paths")["enable_dynamic_field"], True)
    same([row["id"] for row in client.query("smoke_paths", filter='colour == "red" or id == 3')], [3])
    client.drop_collection("smoke_paths")


@check("drops the index and the collection")
def _():
    client.release_collection(MAIN)
    client.drop_index(MAIN, "vector")
    assert "vector" not in client.list_indexes(MAIN)
    client.drop_collection(MAIN)
    assert not client.has_collection(MAIN)


client.close()
print(f"done\t{len(checks)}")
