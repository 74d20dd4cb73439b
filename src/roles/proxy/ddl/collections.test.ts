import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../../../model/data-type.ts";
import { encode } from "../../../wire/codec.ts";
import { ShowType } from "../../../wire/enums.gen.ts";
import { FakeDeployment } from "../fake-deployment.testing.ts";
import { createRequest, field, idField, pair, vectorField } from "../requests.testing.ts";

async function withCollections(...names: string[]): Promise<FakeDeployment> {
  const deployment = new FakeDeployment();
  for (const name of names) {
    const fields = [
      idField,
      vectorField,
      field("t", DataType.VarChar, { typeParams: [pair("max_length", "9")] }),
    ];
    equal((await deployment.status("CreateCollection", createRequest(name, fields))).reason, "");
  }
  return deployment;
}

test("databases are created, listed, described, altered and dropped", async () => {
  const deployment = new FakeDeployment();
  const properties = [pair("database.max.collections", "3")];
  equal((await deployment.status("CreateDatabase", { dbName: "db", properties })).code, 0);
  deepEqual((await deployment.call("ListDatabases", {})).dbNames, ["default", "db"]);
  deepEqual((await deployment.call("DescribeDatabase", { dbName: "db" })).properties, properties);
  equal(
    (await deployment.status("AlterDatabase", { dbName: "db", deleteKeys: ["database.max.collections"] }))
      .code,
    0,
  );
  deepEqual((await deployment.call("DescribeDatabase", { dbName: "db" })).properties, []);
  equal((await deployment.status("DropDatabase", { dbName: "db" })).code, 0);
  deepEqual((await deployment.call("ListDatabases", {})).dbNames, ["default"]);
});

test("wrong requests about databases are refused", async () => {
  const deployment = new FakeDeployment();
  const says = async (code: number, status: Promise<{ code: number; reason: string }>): Promise<string> => {
    const { code: got, reason } = await status;
    equal(got, code, reason);
    return reason;
  };
  equal(
    await says(802, deployment.status("CreateDatabase", { dbName: "" })),
    "database name couldn't be empty: invalid database name[database=]",
  );
  match(
    await says(802, deployment.status("CreateDatabase", { dbName: "1x" })),
    /first character of a database name/,
  );
  match(await says(802, deployment.status("CreateDatabase", { dbName: "a-b" })), /can only contain numbers/);
  match(
    await says(802, deployment.status("CreateDatabase", { dbName: "d".repeat(256) })),
    /less than 255 characters/,
  );
  equal(
    await says(800, deployment.status("DescribeDatabase", { dbName: "no" })),
    "database not found[database=no]",
  );
  equal(
    await says(800, deployment.status("DescribeDatabase", { dbName: "12-s" })),
    "database not found[database=12-s]",
  );
  match(
    await says(1100, deployment.status("AlterDatabase", { dbName: "default" })),
    /empty properties and delete keys/,
  );
  const both = { dbName: "default", properties: [pair("a", "b")], deleteKeys: ["a"] };
  match(await says(1100, deployment.status("AlterDatabase", both)), /at the same time/);
  const cipher = { dbName: "x", properties: [pair("cipher.enabled", "true")] };
  match(await says(10, deployment.status("CreateDatabase", cipher)), /encryption of a database/);
  match(
    await says(1100, deployment.status("AlterDatabase", { ...cipher, dbName: "default" })),
    /cipher related/,
  );
});

test("describe says in Milvus's words that there is no such collection, by name and by id", async () => {
  const deployment = await withCollections("one");
  const status = await deployment.status("DescribeCollection", { collectionName: "two" });
  deepEqual(
    [status.code, status.errorCode, status.reason, status.extraInfo.get("is_input_error")],
    [100, 4, "can't find collection[database=default][collection=two]", "true"],
  );
  equal(
    (await deployment.status("DescribeCollection", { collectionID: 1n })).reason,
    "can't find collection[database=default][collection=1]",
  );
  equal((await deployment.status("DescribeCollection", {})).code, 1100);
  const { id } = deployment.collection("one");
  equal((await deployment.call("DescribeCollection", { collectionID: id })).collectionName, "one");
});

test("a batch of descriptions carries a status for each", async () => {
  const deployment = await withCollections("one", "two");
  const { status, responses } = await deployment.call("BatchDescribeCollection", {
    collectionName: ["one", "gone", "two"],
  });
  equal(status?.code, 0);
  deepEqual(
    responses.map((one) => [one.collectionName, one.status?.code]),
    [
      ["one", 0],
      ["gone", 100],
      ["two", 0],
    ],
  );
  const empty = await deployment.status("BatchDescribeCollection", {});
  deepEqual([empty.code, empty.reason], [1101, "collection names cannot be empty: missing parameter"]);
  equal(
    (await deployment.status("BatchDescribeCollection", { collectionName: Array<string>(1025).fill("a") }))
      .code,
    1100,
  );
});

test("has, drop and drop again", async () => {
  const deployment = await withCollections("one");
  const has = async (): Promise<boolean> =>
    (await deployment.call("HasCollection", { collectionName: "one" })).value;
  equal(await has(), true);
  equal((await deployment.status("DropCollection", { collectionName: "one" })).code, 0);
  equal(await has(), false);
  equal((await deployment.status("DropCollection", { collectionName: "one" })).code, 0);
  equal((await deployment.status("HasCollection", { collectionName: "a b" })).code, 1100);
  equal((await deployment.status("HasCollection", { collectionName: "one", dbName: "no" })).code, 800);
});

test("listings show all collections, or the loaded ones with their progress", async () => {
  const deployment = await withCollections("one", "two", "three");
  const all = await deployment.call("ShowCollections", {});
  deepEqual(
    [all.collectionNames, all.shardsNum, all.inMemoryPercentages],
    [["one", "two", "three"], [1, 1, 1], []],
  );
  deployment.loaded.set(deployment.collection("two").id, { partitionIds: [], progress: 40 });
  const loaded = await deployment.call("ShowCollections", { type: ShowType.InMemory });
  deepEqual(
    [loaded.collectionNames, loaded.inMemoryPercentages, loaded.queryServiceAvailable],
    [["two"], [40n], [false]],
  );
  const named = { type: ShowType.InMemory, collectionNames: ["one"] };
  const status = await deployment.status("ShowCollections", named);
  deepEqual([status.code, status.reason], [101, "collection not loaded[collection=one]"]);
});

test("a rename checks the new name and that something changes", async () => {
  const deployment = await withCollections("one");
  const rename = async (oldName: string, newName: string, newDBName = "") =>
    deployment.status("RenameCollection", { oldName, newName, newDBName });
  equal((await rename("one", "1x")).code, 1100);
  equal((await rename("", "two")).reason, "old collection name should not be empty: invalid parameter");
  match((await rename("one", "one")).reason, /collection name or database name should be different/);
  equal((await rename("one", "one", "default")).code, 1100);
  equal((await rename("one", "two")).code, 0);
  equal((await deployment.call("HasCollection", { collectionName: "two" })).value, true);
  equal((await rename("gone", "three")).code, 100);
});

test("row counts come from the stored rows", async () => {
  const deployment = await withCollections("one");
  equal((await deployment.status("GetCollectionStatistics", { collectionName: "gone" })).code, 100);
  const { stats } = await deployment.call("GetCollectionStatistics", { collectionName: "one" });
  deepEqual(stats, [pair("row_count", "0")]);
  equal((await deployment.status("TruncateCollection", { collectionName: "one" })).code, 0);
  equal((await deployment.status("TruncateCollection", { collectionName: "gone" })).code, 100);
});

test("properties are altered, and what the collection cannot take is refused", async () => {
  const deployment = await withCollections("one");
  const alter = async (properties: { key: string; value: string }[], deleteKeys: string[] = []) =>
    deployment.status("AlterCollection", { collectionName: "one", properties, deleteKeys });
  equal((await alter([pair("collection.ttl.seconds", "60"), pair("mmap.enabled", "true")])).code, 0);
  equal((await alter([], ["mmap.enabled"])).code, 0);
  deepEqual((await deployment.call("DescribeCollection", { collectionName: "one" })).properties, [
    pair("collection.ttl.seconds", "60"),
  ]);
  const refused: readonly [Promise<{ code: number; reason: string }>, number, RegExp][] = [
    [alter([]), 1100, /no properties or delete keys provided/],
    [alter([pair("a", "b")], ["a"]), 1100, /cannot provide both DeleteKeys and ExtraParams/],
    [alter([pair("collection.ttl.seconds", "x")]), 1100, /collection TTL is not a valid positive integer/],
    [alter([pair("ttl_field", "ends")]), 1100, /ttl field name ends not found in schema/],
    [alter([pair("consistency_level", "Sometimes")]), 1100, /consistency level Sometimes is unknown/],
    [alter([pair("timezone", "x")]), 1100, /unknown or invalid IANA Time Zone ID: x/],
    [alter([pair("collection.description", "d".repeat(70_000))]), 1100, /description must not exceed/],
    [alter([pair("cipher.key", "x")]), 1100, /can not alter cipher related properties/],
    [alter([], ["dynamicfield.enabled"]), 1100, /cannot delete key dynamicfield.enabled/],
    [alter([pair("dynamicfield.enabled", "x")]), 1100, /invalid dynamic schema property value: x/],
    [
      alter([pair("dynamicfield.enabled", "true"), pair("a", "b")]),
      1100,
      /cannot alter dynamic schema with other properties at the same time/,
    ],
    [
      deployment.status("AlterCollection", { properties: [pair("a", "b")] }),
      1100,
      /collection name does not exists/,
    ],
    [
      deployment.status("AlterCollection", { collectionName: "gone", properties: [pair("a", "b")] }),
      100,
      /not found/,
    ],
  ];
  for (const [status, code, says] of refused) {
    const { code: got, reason } = await status;
    equal(got, code, reason);
    match(reason, says);
  }
  deployment.loaded.set(deployment.collection("one").id, { partitionIds: [], progress: 100 });
  const loaded: readonly [Promise<{ code: number; reason: string }>, string][] = [
    [alter([pair("mmap.enabled", "true")]), "can not alter mmap properties if collection loaded"],
    [alter([pair("warmup.scalarField", "sync")]), "can not alter warmup properties if collection loaded"],
    [alter([], ["mmap.enabled"]), "can not delete mmap properties if collection loaded"],
    [alter([], ["warmup.scalarField"]), "can not delete warmup.scalarField properties if collection loaded"],
  ];
  for (const [status, says] of loaded) {
    const { code, reason } = await status;
    deepEqual([code, reason], [104, `${says}: collection already loaded[collection=one]`]);
  }
  equal((await alter([pair("collection.ttl.seconds", "61")])).code, 0);
});

test("a collection gets its dynamic field later, and loses it with its indexes", async () => {
  const deployment = await withCollections("one");
  const enable = async (value: string) =>
    deployment.status("AlterCollection", {
      collectionName: "one",
      properties: [pair("dynamicfield.enabled", value)],
    });
  equal((await enable("false")).reason, "");
  equal((await enable("True")).reason, "");
  const info = deployment.collection("one");
  deepEqual([info.schema.enableDynamicField, info.schema.fields.at(-1)?.name], [true, "$meta"]);
  const described = await deployment.call("DescribeCollection", { collectionName: "one" });
  equal(described.schema?.enableDynamicField, true);
  equal((await enable("true")).reason, "");
  equal(deployment.collection("one").schema.fields.length, info.schema.fields.length);
  const onKey = await deployment.status("CreateIndex", {
    collectionName: "one",
    fieldName: "color",
    indexName: "on_color",
    extraParams: [
      pair("index_type", "INVERTED"),
      pair("json_cast_type", "DOUBLE"),
      pair("json_path", "color"),
    ],
  });
  equal(onKey.reason, "");
  const named = () => (deployment.indexes.get(info.id) ?? []).map(({ name }) => name);
  const before = named();
  equal(before.includes("on_color"), true);
  equal((await enable("false")).reason, "");
  const after = deployment.collection("one").schema;
  deepEqual([after.enableDynamicField, after.fields.some(({ name }) => name === "$meta")], [false, false]);
  deepEqual(
    named(),
    before.filter((name) => name !== "on_color"),
  );
});

test("a field's limits are altered within bounds", async () => {
  const deployment = await withCollections("one");
  const alter = async (fieldName: string, key: string, value: string) =>
    deployment.status("AlterCollectionField", {
      collectionName: "one",
      fieldName,
      properties: [pair(key, value)],
    });
  equal((await alter("t", "max_length", "20")).code, 0);
  equal((await alter("t", "mmap_enabled", "true")).code, 0);
  const stored = deployment.collection("one").schema.fields.find(({ name }) => name === "t");
  deepEqual([stored?.typeParams["max_length"], stored?.typeParams["mmap.enabled"]], ["20", "true"]);
  const refused: readonly [Promise<{ code: number; reason: string }>, RegExp][] = [
    [alter("t", "dim", "4"), /dim does not allow update in collection field param/],
    [alter("vec", "max_length", "4"), /vec can not modify the maxlength for non-string types/],
    [alter("t", "max_length", "x"), /max_length should be an integer, but got string/],
    [alter("t", "max_length", "65536"), /65536 exceeds the maximum allowed value 65535/],
    [alter("t", "max_length", "0"), /should be in \(0, 65535\], but got 0 instead/],
    [alter("t", "max_capacity", "4"), /t can not modify the maxcapacity for non-array types/],
    [alter("t", "warmup", "hot"), /invalid warmup policy: hot/],
    [
      deployment.status("AlterCollectionField", {
        collectionName: "one",
        fieldName: "t",
        deleteKeys: ["dim"],
      }),
      /dim is not allowed to drop in collection field param/,
    ],
  ];
  for (const [status, says] of refused) {
    const { code, reason } = await status;
    equal(code, 1100, reason);
    match(reason, says);
  }
  deployment.loaded.set(deployment.collection("one").id, { partitionIds: [], progress: 100 });
  equal((await alter("t", "mmap.enabled", "false")).code, 104);
  equal((await alter("t", "warmup", "sync")).code, 104);
  const dropped = { collectionName: "one", fieldName: "t", deleteKeys: ["mmap.enabled"] };
  equal((await deployment.status("AlterCollectionField", dropped)).code, 104);
});

test("a field is added when old rows can live without it", async () => {
  const deployment = await withCollections("one");
  const add = async (more: Parameters<typeof field>[2], name = "extra", type: DataType = DataType.Int64) =>
    deployment.status("AddCollectionField", {
      collectionName: "one",
      schema: encode("schema.FieldSchema", field(name, type, more)),
    });
  const refused: readonly [Promise<{ code: number; reason: string }>, number, RegExp][] = [
    [add({}), 1100, /added field must be nullable, please check it, field name = extra/],
    [add({ nullable: true }, "id"), 1100, /duplicated field name id/],
    [add({ nullable: true, isPrimaryKey: true }), 1100, /not support to add pk field, field name = extra/],
    [add({ nullable: true, isDynamic: true }), 1100, /not support to add dynamic field, field name = extra/],
    [add({ nullable: true, autoID: true }), 1100, /only primary field can speficy AutoID with true/],
    [add({ nullable: true, isPartitionKey: true }), 1100, /not support to add partition key field/],
    [add({ nullable: true }, "RowID"), 1100, /not support to add system field, field name = RowID/],
    [add({ nullable: true }, "1x"), 1701, /Invalid field name: 1x/],
    [add({ nullable: true }, "x", DataType.Text), 10, /the data type Text of field x/],
    [
      add({ nullable: true }, "v", DataType.FloatVector),
      1100,
      /vector field must have dimension specified, field name = v/,
    ],
    [
      add({ nullable: true, defaultValue: { stringData: "x" } }),
      1100,
      /is not equal to the type\(DataType_VarChar\)/,
    ],
  ];
  for (const [status, code, says] of refused) {
    const { code: got, reason } = await status;
    equal(got, code, reason);
    match(reason, says);
  }
  equal((await add({ nullable: true, defaultValue: { longData: 4n } })).reason, "");
  const described = await deployment.call("DescribeCollection", { collectionName: "one" });
  equal(described.schema?.fields.at(-1)?.name, "extra");
  const unread = { collectionName: "one", schema: Uint8Array.of(0xff) };
  equal((await deployment.status("AddCollectionField", unread)).code, 1100);
});
