import { collectionSchemaMismatch } from "../../../errors/meta-errors.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import type { FieldData } from "../../../wire/messages.gen.ts";
import type { ProxyCall } from "../handler.ts";

/** What insert and upsert requests have in common. */
export interface RowRequest {
  readonly collectionName: string;
  readonly partitionName: string;
  readonly fieldsData: readonly FieldData[];
  readonly numRows: number;
  readonly schemaTimestamp: bigint;
}

/**
 * The collection of a request. A client that built the rows with another definition than the newest hears so
 * (collectionSchemaMismatch) and can build them again.
 */
export async function collectionOfRows(
  call: ProxyCall,
  { collectionName, schemaTimestamp }: RowRequest,
): Promise<CollectionInfo> {
  const { ctx, metaCache } = call;
  const cached = await metaCache.collection(ctx, collectionName);
  if (schemaTimestamp === 0n || schemaTimestamp === cached.updatedAt) return cached;
  metaCache.forget(cached.id);
  const newest = await metaCache.collection(ctx, collectionName);
  if (schemaTimestamp !== newest.updatedAt) throw collectionSchemaMismatch(collectionName);
  return newest;
}
