import com.google.gson.JsonObject;
import io.milvus.v2.client.ConnectConfig;
import io.milvus.v2.client.MilvusClientV2;
import io.milvus.v2.common.ConsistencyLevel;
import io.milvus.v2.common.DataType;
import io.milvus.v2.common.IndexParam;
import io.milvus.v2.service.collection.request.*;
import io.milvus.v2.service.database.request.*;
import io.milvus.v2.service.index.request.*;
import io.milvus.v2.service.partition.request.*;
import io.milvus.v2.service.utility.request.*;
import io.milvus.v2.service.vector.request.*;
import io.milvus.v2.service.vector.request.data.FloatVec;
import io.milvus.v2.service.vector.response.*;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;

/** The smoke test of the Java client: java Smoke address. Prints a line per check, see support/smoke-report.ts. */
public class Smoke {
  static final String NAME = "java_smoke";
  static final int DIM = 8;
  static final int ROWS = 200;
  static int checks = 0;

  static void check(String what, Callable<Object> body) {
    checks++;
    try {
      Object wrong = body.call();
      if (wrong == null || Boolean.TRUE.equals(wrong)) System.out.println("ok\t" + what);
      else System.out.println("not ok\t" + what + "\tgot " + wrong);
    } catch (Exception e) {
      System.out.println("not ok\t" + what + "\t" + String.valueOf(e).replace('\n', ' '));
    }
  }

  /** Null when the condition holds, else what was seen. */
  static Object expect(boolean condition, Object seen) {
    return condition ? null : String.valueOf(seen);
  }

  static List<Float> vector(long i) {
    Float[] v = new Float[DIM];
    Arrays.fill(v, 0f);
    v[(int) (i % DIM)] = 1f;
    v[(int) ((i + 1) % DIM)] = i / 1000f;
    return Arrays.asList(v);
  }

  static List<JsonObject> rows(long from, long to) {
    List<JsonObject> rows = new ArrayList<>();
    String[] colours = {"red", "green", "blue", "white"};
    com.google.gson.Gson gson = new com.google.gson.Gson();
    for (long i = from; i < to; i++) {
      JsonObject row = new JsonObject();
      row.addProperty("id", i);
      row.addProperty("colour", colours[(int) (i % 4)]);
      row.addProperty("price", i / 2f);
      row.add("vector", gson.toJsonTree(vector(i)));
      rows.add(row);
    }
    return rows;
  }

  static Object countIs(MilvusClientV2 client, long want) {
    QueryResp counted = client.query(QueryReq.builder().collectionName(NAME).filter("")
        .outputFields(Collections.singletonList("count(*)")).consistencyLevel(ConsistencyLevel.STRONG).build());
    Object got = counted.getQueryResults().get(0).getEntity().get("count(*)");
    return expect(((Number) got).longValue() == want, got);
  }

  public static void main(String[] args) throws Exception {
    MilvusClientV2 client = new MilvusClientV2(ConnectConfig.builder().uri("http://" + args[0]).build());
    check("tells its version", () -> expect(!client.getServerVersion().isEmpty(), "nothing"));
    client.dropCollection(DropCollectionReq.builder().collectionName(NAME).build());

    check("creates a collection", () -> {
      CreateCollectionReq.CollectionSchema schema = client.createSchema();
      schema.addField(AddFieldReq.builder().fieldName("id").dataType(DataType.Int64).isPrimaryKey(true).autoID(false).build());
      schema.addField(AddFieldReq.builder().fieldName("colour").dataType(DataType.VarChar).maxLength(32).build());
      schema.addField(AddFieldReq.builder().fieldName("price").dataType(DataType.Float).build());
      schema.addField(AddFieldReq.builder().fieldName("vector").dataType(DataType.FloatVector).dimension(DIM).build());
      client.createCollection(CreateCollectionReq.builder().collectionName(NAME).collectionSchema(schema)
          .consistencyLevel(ConsistencyLevel.STRONG).build());
      return null;
    });
    check("has the collection", () -> expect(client.hasCollection(HasCollectionReq.builder().collectionName(NAME).build()), "no"));
    check("lists collections", () -> expect(client.listCollections().getCollectionNames().contains(NAME), client.listCollections()));
    check("describes the collection", () -> {
      var described = client.describeCollection(DescribeCollectionReq.builder().collectionName(NAME).build());
      return expect(described.getFieldNames().size() == 4 && described.getPrimaryFieldName().equals("id"), described);
    });
    check("inserts rows", () -> {
      InsertResp inserted = client.insert(InsertReq.builder().collectionName(NAME).data(rows(0, ROWS)).build());
      return expect(inserted.getInsertCnt() == ROWS, inserted);
    });
    check("flushes", () -> {
      client.flush(FlushReq.builder().collectionNames(Collections.singletonList(NAME)).build());
      return null;
    });
    check("counts stored rows", () -> {
      var stats = client.getCollectionStats(GetCollectionStatsReq.builder().collectionName(NAME).build());
      return expect(stats.getNumOfEntities() == ROWS, stats);
    });
    check("builds an HNSW index", () -> {
      client.createIndex(CreateIndexReq.builder().collectionName(NAME).sync(true).indexParams(Collections.singletonList(
          IndexParam.builder().fieldName("vector").indexName("by_vector").indexType(IndexParam.IndexType.HNSW)
              .metricType(IndexParam.MetricType.COSINE)
              .extraParams(new java.util.HashMap<>(java.util.Map.of("M", 16, "efConstruction", 100))).build())).build());
      return null;
    });
    check("lists indexes", () -> {
      List<String> names = client.listIndexes(ListIndexesReq.builder().collectionName(NAME).build());
      return expect(names.equals(List.of("by_vector")), names);
    });
    check("describes the index", () -> {
      var described = client.describeIndex(DescribeIndexReq.builder().collectionName(NAME).indexName("by_vector").build());
      return expect(described.getIndexDescriptions().get(0).getTotalRows() == ROWS, described);
    });
    check("loads", () -> {
      client.loadCollection(LoadCollectionReq.builder().collectionName(NAME).sync(true).build());
      return expect(client.getLoadState(GetLoadStateReq.builder().collectionName(NAME).build()), "not loaded");
    });
    check("searches", () -> {
      SearchResp found = client.search(SearchReq.builder().collectionName(NAME).annsField("vector").topK(5)
          .data(Collections.singletonList(new FloatVec(vector(42)))).outputFields(List.of("colour", "price")).build());
      var hits = found.getSearchResults().get(0);
      return expect(hits.size() == 5 && hits.get(0).getId().equals(42L) && hits.get(0).getEntity().get("price").equals(21f), hits);
    });
    check("searches with a filter", () -> {
      SearchResp found = client.search(SearchReq.builder().collectionName(NAME).annsField("vector").topK(10)
          .filter("colour == \"red\" and price < 50").data(Collections.singletonList(new FloatVec(vector(42))))
          .outputFields(List.of("colour")).build());
      var hits = found.getSearchResults().get(0);
      return expect(hits.size() == 10 && hits.stream().allMatch(hit -> hit.getEntity().get("colour").equals("red")), hits);
    });
    check("queries", () -> {
      QueryResp rows = client.query(QueryReq.builder().collectionName(NAME).filter("id in [1, 2, 3, 1000]")
          .outputFields(List.of("id", "vector")).build());
      return expect(rows.getQueryResults().size() == 3, rows);
    });
    check("gets by id", () -> {
      GetResp got = client.get(GetReq.builder().collectionName(NAME).ids(List.of(7L, 8L)).build());
      return expect(got.getGetResults().size() == 2, got);
    });
    check("counts", () -> countIs(client, ROWS));
    check("upserts", () -> {
      UpsertResp upserted = client.upsert(UpsertReq.builder().collectionName(NAME).data(rows(ROWS - 10, ROWS + 10)).build());
      return expect(upserted.getUpsertCnt() == 20, upserted);
    });
    check("counts what was upserted", () -> countIs(client, ROWS + 10));
    check("deletes by filter", () -> {
      DeleteResp deleted = client.delete(DeleteReq.builder().collectionName(NAME).filter("id < 10").build());
      return expect(deleted.getDeleteCnt() == 10, deleted);
    });
    check("deletes by key", () -> {
      client.delete(DeleteReq.builder().collectionName(NAME).ids(List.of(10L, 11L)).build());
      return null;
    });
    check("counts what is left", () -> countIs(client, ROWS - 2));
    check("iterates over a query", () -> {
      var iterator = client.queryIterator(QueryIteratorReq.builder().collectionName(NAME).expr("id >= 0")
          .outputFields(List.of("id")).batchSize(50).consistencyLevel(ConsistencyLevel.STRONG).build());
      int seen = 0;
      for (var page = iterator.next(); !page.isEmpty(); page = iterator.next()) seen += page.size();
      iterator.close();
      return expect(seen == ROWS - 2, seen);
    });
    check("creates and lists partitions", () -> {
      client.createPartition(CreatePartitionReq.builder().collectionName(NAME).partitionName("extra").build());
      List<String> names = client.listPartitions(ListPartitionsReq.builder().collectionName(NAME).build());
      return expect(names.size() == 2 && names.contains("extra"), names);
    });
    check("creates, describes and drops an alias", () -> {
      client.createAlias(CreateAliasReq.builder().collectionName(NAME).alias("java_alias").build());
      var described = client.describeAlias(DescribeAliasReq.builder().alias("java_alias").build());
      client.dropAlias(DropAliasReq.builder().alias("java_alias").build());
      return expect(described.getCollectionName().equals(NAME), described);
    });
    check("creates, lists and drops a database", () -> {
      client.createDatabase(CreateDatabaseReq.builder().databaseName("java_db").build());
      var listed = client.listDatabases();
      client.dropDatabase(DropDatabaseReq.builder().databaseName("java_db").build());
      return expect(listed.getDatabaseNames().contains("java_db"), listed);
    });
    check("says that a collection is missing", () -> {
      try {
        client.query(QueryReq.builder().collectionName("java_nowhere").filter("id > 0").build());
        return "no error";
      } catch (Exception e) {
        return expect(e.getMessage().contains("java_nowhere"), e);
      }
    });
    check("releases", () -> {
      client.releaseCollection(ReleaseCollectionReq.builder().collectionName(NAME).build());
      return null;
    });
    check("drops the index", () -> {
      client.dropIndex(DropIndexReq.builder().collectionName(NAME).indexName("by_vector").build());
      return null;
    });
    check("drops the collection", () -> {
      client.dropCollection(DropCollectionReq.builder().collectionName(NAME).build());
      return expect(!client.hasCollection(HasCollectionReq.builder().collectionName(NAME).build()), "still there");
    });
    client.close();
    System.out.println("done\t" + checks);
    System.exit(0);
  }
}
