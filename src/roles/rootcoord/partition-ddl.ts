import { parameterInvalid } from "../../errors/parameter-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import { partitionId } from "../../model/ids.ts";
import { livePartitions, type PartitionInfo } from "../../model/schema.ts";
import type { DdlRuns } from "./ddl-runs.ts";
import type { RootCoordDeps } from "./root-coord-deps.ts";
import { DEFAULT_PARTITION, type RootTables } from "./root-tables.ts";

/** Create and drop of partitions. */
export class PartitionDdl {
  readonly #deps: RootCoordDeps;
  readonly #tables: RootTables;
  readonly #runs: DdlRuns;

  constructor(deps: RootCoordDeps, tables: RootTables, runs: DdlRuns) {
    this.#deps = deps;
    this.#tables = tables;
    this.#runs = runs;
  }

  async create(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void> {
    await this.#runs.change(ctx, request.collection, async (info) => {
      const live = livePartitions(info);
      if (live.some((part) => part.name === request.partition)) return undefined;
      const { partitionsMax } = this.#deps.limits;
      if (live.length >= partitionsMax) {
        throw parameterInvalid(
          `partition number (${live.length}) exceeds max configuration (${partitionsMax}), collection: ${info.name}`,
        );
      }
      this.#tables.checkCapacity(info.vchannels.length, this.#deps.limits.capacityMax);
      const created: PartitionInfo = {
        id: partitionId(await this.#runs.ids(1)),
        name: request.partition,
        state: "Created",
        createdAt: await this.#runs.timestamp(),
        droppedAt: undefined,
      };
      return { ...info, partitions: [...info.partitions, created] };
    });
  }

  async drop(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), request.collection);
      if (request.partition === DEFAULT_PARTITION)
        throw parameterInvalid("default partition cannot be deleted");
      const dropped = livePartitions(info).find((part) => part.name === request.partition);
      if (dropped === undefined) return;
      const partitions = info.partitions.map((part) =>
        part.id === dropped.id ? { ...part, state: "Dropped" as const } : part,
      );
      await this.#runs.rowChange(ctx, "dropPartition", { ...info, partitions }, dropped);
    });
  }
}
