import { partitionNotFound } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { Constant } from "../../../expr/ast.ts";
import type { CompiledFilter } from "../../../expr/compile-filter.ts";
import { keysFrom } from "../../../format/column-select.ts";
import { routeKeys } from "../../../format/key-hash.ts";
import { DataType } from "../../../model/data-type.ts";
import type { PartitionId } from "../../../model/ids.ts";
import {
  type CollectionInfo,
  livePartitions,
  type PartitionInfo,
  partitionKeyField,
} from "../../../model/schema.ts";
import { checkPartitionName } from "../check/names.ts";
import type { ProxyLimits } from "../proxy-limits.ts";

type Limits = Pick<ProxyLimits, "nameBytesMax">;

/** Errors: partitionNotFound; parameterInvalid for a name that none can have. */
export function partitionNamed(info: CollectionInfo, name: string, limits: Limits): PartitionId {
  checkPartitionName(name, limits);
  const found = livePartitions(info).find((partition) => partition.name === name);
  if (found === undefined) throw partitionNotFound(name);
  return found.id;
}

/**
 * The partitions that a read looks into; undefined for all that are loaded. A collection with a partition key takes no names,
 * its partitions follow from the filter.
 */
export function readPartitions(
  info: CollectionInfo,
  names: readonly string[],
  filter: CompiledFilter,
): readonly PartitionId[] | undefined {
  if (partitionKeyField(info.schema) !== undefined) {
    refusePartitionNames(names);
    return filter.partitionKeyValues && partitionsOfValues(info, filter.partitionKeyValues);
  }
  if (names.length === 0) return undefined;
  const live = new Map(livePartitions(info).map(({ name, id }) => [name, id]));
  const ids = names.map((name) => {
    if (name.trim() === "")
      throw parameterInvalid("Invalid partition name: . Partition name should not be empty.");
    const id = live.get(name);
    if (id === undefined) throw parameterInvalid(`partition name ${name} not found`);
    return id;
  });
  return [...new Set(ids)];
}

export function refusePartitionNames(names: readonly string[]): void {
  if (names.length === 0) return;
  throw parameterInvalid("not support manually specifying the partition names if partition key mode is used");
}

/** Partitions of a collection with a partition key, in the order that its values are spread over. */
export function keyedPartitions(info: CollectionInfo): readonly PartitionInfo[] {
  const numbered = livePartitions(info).map((partition) => ({
    partition,
    number: Number(/_(\d+)$/.exec(partition.name)?.[1] ?? Number.NaN),
  }));
  return numbered.toSorted((a, b) => a.number - b.number).map(({ partition }) => partition);
}

/** Undefined when the values are not of the key's type: then nothing can be pruned. */
function partitionsOfValues(
  info: CollectionInfo,
  values: readonly Constant[],
): readonly PartitionId[] | undefined {
  const kind = partitionKeyField(info.schema)?.type === DataType.VarChar ? "varchar" : "int64";
  const wanted: (bigint | string)[] = [];
  for (const value of values) {
    if (kind === "int64" && value.kind === "int") wanted.push(value.value);
    else if (kind === "varchar" && value.kind === "string") wanted.push(value.value);
    else return undefined;
  }
  const partitions = keyedPartitions(info);
  const numbers = new Set(routeKeys(keysFrom(kind, wanted), partitions.length));
  return partitions.filter((_, number) => numbers.has(number)).map(({ id }) => id);
}
