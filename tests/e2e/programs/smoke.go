// The smoke test of the Go client: go run . <address>. Prints a line per check, see support/smoke-report.ts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/milvus-io/milvus/client/v2/column"
	"github.com/milvus-io/milvus/client/v2/entity"
	"github.com/milvus-io/milvus/client/v2/index"
	"github.com/milvus-io/milvus/client/v2/milvusclient"
)

const (
	name = "go_smoke"
	dim  = 8
	rows = 200
)

var checks int

func check(what string, err error) {
	checks++
	if err == nil {
		fmt.Printf("ok\t%s\n", what)
		return
	}
	fmt.Printf("not ok\t%s\t%s\n", what, strings.ReplaceAll(err.Error(), "\n", " "))
}

func expect(condition bool, format string, args ...any) error {
	if condition {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// Row i points along axis i mod dim and leans a little towards the next one, so nearest neighbours are known.
func vectorOf(i int64) []float32 {
	v := make([]float32, dim)
	v[i%dim] = 1
	v[(i+1)%dim] = float32(i) / 1000
	return v
}

func rowsOf(from, to int64) ([]int64, []string, []float32, [][]float32) {
	var ids []int64
	var colours []string
	var prices []float32
	var vectors [][]float32
	for i := from; i < to; i++ {
		ids = append(ids, i)
		colours = append(colours, []string{"red", "green", "blue", "white"}[i%4])
		prices = append(prices, float32(i)/2)
		vectors = append(vectors, vectorOf(i))
	}
	return ids, colours, prices, vectors
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	client, err := milvusclient.New(ctx, &milvusclient.ClientConfig{Address: os.Args[1]})
	check("connects", err)
	if err != nil {
		os.Exit(1)
	}
	defer client.Close(ctx)

	_ = client.DropCollection(ctx, milvusclient.NewDropCollectionOption(name))
	version, err := client.GetServerVersion(ctx, milvusclient.NewGetServerVersionOption())
	check("tells its version", errors.Join(err, expect(version != "", "empty version")))

	schema := entity.NewSchema().WithName(name).WithDescription("smoke").
		WithField(entity.NewField().WithName("id").WithDataType(entity.FieldTypeInt64).WithIsPrimaryKey(true)).
		WithField(entity.NewField().WithName("colour").WithDataType(entity.FieldTypeVarChar).WithMaxLength(32)).
		WithField(entity.NewField().WithName("price").WithDataType(entity.FieldTypeFloat)).
		WithField(entity.NewField().WithName("vector").WithDataType(entity.FieldTypeFloatVector).WithDim(dim))
	check("creates a collection", client.CreateCollection(ctx, milvusclient.NewCreateCollectionOption(name, schema).
		WithConsistencyLevel(entity.ClStrong)))

	has, err := client.HasCollection(ctx, milvusclient.NewHasCollectionOption(name))
	check("has the collection", errors.Join(err, expect(has, "not there")))

	described, err := client.DescribeCollection(ctx, milvusclient.NewDescribeCollectionOption(name))
	if err == nil {
		err = expect(len(described.Schema.Fields) == 4 && described.Schema.PKFieldName() == "id", "got %v", described.Schema)
	}
	check("describes the collection", err)

	names, err := client.ListCollections(ctx, milvusclient.NewListCollectionOption())
	check("lists collections", errors.Join(err, expect(strings.Contains(strings.Join(names, " "), name), "got %v", names)))

	ids, colours, prices, vectors := rowsOf(0, rows)
	inserted, err := client.Insert(ctx, milvusclient.NewColumnBasedInsertOption(name).WithInt64Column("id", ids).
		WithVarcharColumn("colour", colours).WithColumns(column.NewColumnFloat("price", prices)).
		WithFloatVectorColumn("vector", dim, vectors))
	if err == nil {
		err = expect(inserted.InsertCount == rows, "inserted %d", inserted.InsertCount)
	}
	check("inserts rows", err)

	task, err := client.Flush(ctx, milvusclient.NewFlushOption(name))
	if err == nil {
		err = task.Await(ctx)
	}
	check("flushes", err)

	stats, err := client.GetCollectionStats(ctx, milvusclient.NewGetCollectionStatsOption(name))
	check("counts stored rows", errors.Join(err, expect(stats["row_count"] == fmt.Sprint(rows), "got %v", stats)))

	building, err := client.CreateIndex(ctx, milvusclient.NewCreateIndexOption(name, "vector", index.NewHNSWIndex(entity.COSINE, 16, 100)))
	if err == nil {
		err = building.Await(ctx)
	}
	check("builds an HNSW index", err)

	indexes, err := client.ListIndexes(ctx, milvusclient.NewListIndexOption(name))
	check("lists indexes", errors.Join(err, expect(len(indexes) == 1, "got %v", indexes)))
	if len(indexes) == 1 {
		description, err := client.DescribeIndex(ctx, milvusclient.NewDescribeIndexOption(name, indexes[0]))
		check("describes the index", errors.Join(err, expect(description.TotalRows == rows, "got %+v", description)))
	}

	loading, err := client.LoadCollection(ctx, milvusclient.NewLoadCollectionOption(name))
	if err == nil {
		err = loading.Await(ctx)
	}
	check("loads", err)

	found, err := client.Search(ctx, milvusclient.NewSearchOption(name, 5, []entity.Vector{entity.FloatVector(vectorOf(42))}).
		WithANNSField("vector").WithOutputFields("colour", "price"))
	if err == nil {
		first, _ := found[0].IDs.GetAsInt64(0)
		price, _ := found[0].GetColumn("price").GetAsDouble(0)
		err = expect(found[0].ResultCount == 5 && first == 42 && price == 21, "got %d hits, first %d at %v", found[0].ResultCount, first, price)
	}
	check("searches", err)

	found, err = client.Search(ctx, milvusclient.NewSearchOption(name, 10, []entity.Vector{entity.FloatVector(vectorOf(42))}).
		WithANNSField("vector").WithFilter(`colour == "red" and price < 50`).WithOutputFields("colour", "price"))
	if err == nil {
		err = expect(found[0].ResultCount == 10, "got %d hits", found[0].ResultCount)
		for i := 0; i < found[0].ResultCount; i++ {
			colour, _ := found[0].GetColumn("colour").GetAsString(i)
			err = errors.Join(err, expect(colour == "red", "hit %d is %s", i, colour))
		}
	}
	check("searches with a filter", err)

	queried, err := client.Query(ctx, milvusclient.NewQueryOption(name).WithFilter("id in [1, 2, 3, 1000]").WithOutputFields("id", "vector"))
	if err == nil {
		err = expect(queried.ResultCount == 3, "got %d rows", queried.ResultCount)
	}
	check("queries", err)

	check("counts", countIs(ctx, client, rows))

	ids, colours, prices, vectors = rowsOf(rows-10, rows+10)
	upserted, err := client.Upsert(ctx, milvusclient.NewColumnBasedInsertOption(name).WithInt64Column("id", ids).
		WithVarcharColumn("colour", colours).WithColumns(column.NewColumnFloat("price", prices)).
		WithFloatVectorColumn("vector", dim, vectors))
	if err == nil {
		err = expect(upserted.UpsertCount == 20, "upserted %d", upserted.UpsertCount)
	}
	check("upserts", err)
	check("counts what was upserted", countIs(ctx, client, rows+10))

	deleted, err := client.Delete(ctx, milvusclient.NewDeleteOption(name).WithExpr("id < 10"))
	if err == nil {
		err = expect(deleted.DeleteCount == 10, "deleted %d", deleted.DeleteCount)
	}
	check("deletes by filter", err)
	_, err = client.Delete(ctx, milvusclient.NewDeleteOption(name).WithInt64IDs("id", []int64{10, 11}))
	check("deletes by key", err)
	check("counts what is left", countIs(ctx, client, rows-2))

	check("creates a partition", client.CreatePartition(ctx, milvusclient.NewCreatePartitionOption(name, "extra")))
	partitions, err := client.ListPartitions(ctx, milvusclient.NewListPartitionOption(name))
	check("lists partitions", errors.Join(err, expect(len(partitions) == 2, "got %v", partitions)))

	check("creates an alias", client.CreateAlias(ctx, milvusclient.NewCreateAliasOption(name, "go_alias")))
	alias, err := client.DescribeAlias(ctx, milvusclient.NewDescribeAliasOption("go_alias"))
	if err == nil {
		err = expect(alias.CollectionName == name, "got %+v", alias)
	}
	check("describes the alias", err)
	check("drops the alias", client.DropAlias(ctx, milvusclient.NewDropAliasOption("go_alias")))

	_ = client.DropDatabase(ctx, milvusclient.NewDropDatabaseOption("go_db"))
	check("creates a database", client.CreateDatabase(ctx, milvusclient.NewCreateDatabaseOption("go_db")))
	databases, err := client.ListDatabase(ctx, milvusclient.NewListDatabaseOption())
	check("lists databases", errors.Join(err, expect(strings.Contains(strings.Join(databases, " "), "go_db"), "got %v", databases)))
	check("drops the database", client.DropDatabase(ctx, milvusclient.NewDropDatabaseOption("go_db")))

	_, err = client.Query(ctx, milvusclient.NewQueryOption("go_nowhere").WithFilter("id > 0"))
	check("says that a collection is missing", expect(err != nil && strings.Contains(err.Error(), "go_nowhere"), "got %v", err))

	check("releases", client.ReleaseCollection(ctx, milvusclient.NewReleaseCollectionOption(name)))
	if len(indexes) == 1 {
		check("drops the index", client.DropIndex(ctx, milvusclient.NewDropIndexOption(name, indexes[0])))
	}
	check("drops the collection", client.DropCollection(ctx, milvusclient.NewDropCollectionOption(name)))
	fmt.Printf("done\t%d\n", checks)
}

func countIs(ctx context.Context, client *milvusclient.Client, want int64) error {
	counted, err := client.Query(ctx, milvusclient.NewQueryOption(name).WithOutputFields("count(*)").
		WithConsistencyLevel(entity.ClStrong))
	if err != nil {
		return err
	}
	got, err := counted.GetColumn("count(*)").GetAsInt64(0)
	return errors.Join(err, expect(got == want, "got %d rows, want %d", got, want))
}
