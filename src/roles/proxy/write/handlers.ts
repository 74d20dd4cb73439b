export { deleteHandler } from "./delete.ts";
export { insertHandler } from "./insert.ts";
export { upsertHandler } from "./upsert.ts";
