import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import type { ErrorKind } from "../../src/errors/codes.ts";
import { isRedkiteError } from "../../src/errors/redkite-error.ts";
import type { Disk } from "../../src/ports/disk.ts";

export interface DiskUnderTest extends AsyncDisposable {
  readonly disk: Disk;
}

/** What every disk does while nothing crashes. Each test opens an empty one. */
export function diskContract(name: string, open: () => Promise<DiskUnderTest>): void {
  test(`${name}: chunks are written back to back at an offset and read from any`, async () => {
    await using opened = await open();
    const file = await opened.disk.open("f", "create");
    await file.write(0, [utf8Encode("abc"), new Uint8Array(), utf8Encode("defg")]);
    await file.write(2, [utf8Encode("XY")]);
    await file.sync();
    assert.equal(await file.size(), 7);
    const into = new Uint8Array(4);
    assert.equal(await file.read(1, into), 4);
    assert.equal(utf8Decode(into), "bXYe");
    assert.equal(await file.read(5, into), 2);
    assert.equal(utf8Decode(into.subarray(0, 2)), "fg");
    assert.equal(await file.read(100, into), 0);
    await file.close();
    await file.close();
  });

  test(`${name}: many chunks and large ones arrive whole`, async () => {
    await using opened = await open();
    const chunks = Array.from({ length: 3_000 }, (_, i) => new Uint8Array((i * 7) % 900).fill(i));
    const file = await opened.disk.open("f", "create");
    await file.write(5, chunks);
    await file.close();
    const read = await opened.disk.readFile("f");
    assert.ok(Buffer.from(read.subarray(5)).equals(concatBytes(chunks)));
    assert.deepEqual([...read.subarray(0, 5)], [0, 0, 0, 0, 0]);
  });

  test(`${name}: a write beyond the end leaves zeros between, allocate grows with zeros, truncate cuts`, async () => {
    await using opened = await open();
    const file = await opened.disk.open("f", "create");
    await file.write(3, [utf8Encode("x")]);
    await file.allocate(2_000_000);
    assert.equal(await file.size(), 2_000_000);
    await file.allocate(10);
    assert.equal(await file.size(), 2_000_000);
    const tail = new Uint8Array(8).fill(1);
    assert.equal(await file.read(1_999_992, tail), 8);
    assert.deepEqual(tail, new Uint8Array(8));
    await file.truncate(4);
    await file.close();
    assert.deepEqual([...(await opened.disk.readFile("f"))], [0, 0, 0, 120]);
    assert.deepEqual(await opened.disk.stat("f"), { bytes: 4 });
  });

  test(`${name}: create replaces what was there, write keeps it`, async () => {
    await using opened = await open();
    const { disk } = opened;
    await disk.writeFile("f", [utf8Encode("old")], { sync: true });
    const again = await disk.open("f", "write");
    await again.write(0, [utf8Encode("O")]);
    await again.close();
    assert.equal(utf8Decode(await disk.readFile("f")), "Old");
    await (await disk.open("f", "create")).close();
    assert.deepEqual(await disk.stat("f"), { bytes: 0 });
    await disk.writeFile("f", [utf8Encode("a"), utf8Encode("b")], { sync: false });
    assert.equal(utf8Decode(await disk.readFile("f")), "ab");
  });

  test(`${name}: a mapping shows the whole file and outlives its name`, async () => {
    await using opened = await open();
    const { disk } = opened;
    await disk.makeDirectory("d/e");
    await disk.writeFile("d/e/f", [utf8Encode("mapped")], { sync: true });
    const buffer = await disk.map("d/e/f");
    await disk.remove("d/e/f");
    assert.equal(buffer.byteLength, 6);
    assert.equal(utf8Decode(buffer.bytes), "mapped");
    buffer.close();
  });

  test(`${name}: directories are made with their parents, listed in order and removed when empty`, async () => {
    await using opened = await open();
    const { disk } = opened;
    await disk.makeDirectory("a/b/c");
    await disk.makeDirectory("a/b/c");
    await disk.writeFile("a/z", [], { sync: true });
    await disk.writeFile("a/b.txt", [], { sync: true });
    await disk.syncDirectory("a");
    await disk.syncDirectory("");
    assert.deepEqual(await disk.list("a"), ["b.txt", "b/", "z"]);
    assert.deepEqual(await disk.list(""), ["a/"]);
    assert.deepEqual(await disk.list("nowhere/at/all"), []);
    assert.equal(await disk.stat("a"), undefined);
    assert.equal(await disk.stat("a/nothing"), undefined);
    await assert.rejects(disk.remove("a/b"), isKind("diskFailed"));
    await disk.remove("a/b/c");
    await disk.remove("a/b");
    assert.deepEqual(await disk.list("a"), ["b.txt", "z"]);
  });

  test(`${name}: rename moves a file and replaces the target`, async () => {
    await using opened = await open();
    const { disk } = opened;
    await disk.makeDirectory("d");
    await disk.writeFile("from", [utf8Encode("new")], { sync: true });
    await disk.writeFile("d/to", [utf8Encode("old")], { sync: true });
    await disk.rename("from", "d/to");
    assert.equal(utf8Decode(await disk.readFile("d/to")), "new");
    assert.deepEqual(await disk.list(""), ["d/"]);
  });

  test(`${name}: what is absent is fileNotFound`, async () => {
    await using opened = await open();
    const { disk } = opened;
    const attempts = [
      () => disk.open("none", "read"),
      () => disk.open("none", "write"),
      () => disk.open("no/folder", "create"),
      () => disk.map("none"),
      () => disk.readFile("none"),
      () => disk.rename("none", "other"),
      () => disk.remove("none"),
    ];
    for (const attempt of attempts) await assert.rejects(attempt, isKind("fileNotFound"));
  });

  test(`${name}: paths that leave the root, or are not paths, are refused`, async () => {
    await using opened = await open();
    for (const path of ["../x", "/etc/passwd", "a/../../x", "a//b", ".", "a/", "a\0b", "a\\..\\b"]) {
      await assert.rejects(opened.disk.readFile(path), isKind("parameterInvalid"), path);
      await assert.rejects(opened.disk.open(path, "create"), isKind("parameterInvalid"), path);
    }
  });

  test(`${name}: free space is a number of bytes`, async () => {
    await using opened = await open();
    assert.ok((await opened.disk.freeBytes()) > 0);
  });
}

export function isKind(kind: ErrorKind): (error: unknown) => boolean {
  return (error) => isRedkiteError(error, kind);
}
