import type { MessageName } from "../../wire/codec.ts";
import type { MessageTypes } from "../../wire/messages.gen.ts";

/** What there is to know of one RPC of the public service besides its handler. */
export interface RpcSpec<Req extends MessageName = MessageName, Res extends MessageName = MessageName> {
  readonly request: Req;
  readonly response: Res;
  /** What a client must be allowed to do. */
  readonly access: Access;
  readonly quota: QuotaClass;
  /** Which queue it waits in; `schema` is serial per database. */
  readonly queue: "schema" | "ddl" | "dml" | "dql" | "lookup";
  /** What the request counts against its quota: bytes of a write, queries of a search, else 1. */
  readonly cost: (request: MessageTypes[Req], requestBytes: number) => number;
  /** A repetition of the same request changes nothing further. */
  readonly idempotent: boolean;
}

export interface Access {
  /** Milvus's name of the privilege; undefined where everyone may. */
  readonly privilege: string | undefined;
  readonly objectType: ObjectType;
}

export type ObjectType = "Global" | "Collection" | "User";
export type QuotaClass = "ddl" | "dml" | "dql" | "none";

const anyone: Access = { privilege: undefined, objectType: "Global" };
const global = (privilege: string): Access => ({ privilege, objectType: "Global" });
const collection = (privilege: string): Access => ({ privilege, objectType: "Collection" });
const user = (privilege: string): Access => ({ privilege, objectType: "User" });

const one = (): number => 1;

type Repeat = "idempotent" | "once";

function schemaChange<Req extends MessageName, Res extends MessageName>(
  request: Req,
  response: Res,
  access: Access,
  repeat: Repeat = "idempotent",
): RpcSpec<Req, Res> {
  return { ...ddl(request, response, access, repeat), queue: "schema" };
}

function ddl<Req extends MessageName, Res extends MessageName>(
  request: Req,
  response: Res,
  access: Access,
  repeat: Repeat = "idempotent",
): RpcSpec<Req, Res> {
  const idempotent = repeat === "idempotent";
  return { request, response, access, quota: "ddl", queue: "ddl", cost: one, idempotent };
}

function dml<Req extends MessageName, Res extends MessageName>(
  request: Req,
  response: Res,
  access: Access,
): RpcSpec<Req, Res> {
  const cost = (_: MessageTypes[Req], requestBytes: number): number => requestBytes;
  return { request, response, access, quota: "dml", queue: "dml", cost, idempotent: false };
}

function dql<Req extends MessageName, Res extends MessageName>(
  request: Req,
  response: Res,
  access: Access,
  cost: (request: MessageTypes[Req]) => number = one,
): RpcSpec<Req, Res> {
  return { request, response, access, quota: "dql", queue: "dql", cost, idempotent: true };
}

/** Reads metadata or state. */
function lookup<Req extends MessageName, Res extends MessageName>(
  request: Req,
  response: Res,
  access: Access,
  repeat: Repeat = "idempotent",
): RpcSpec<Req, Res> {
  const idempotent = repeat === "idempotent";
  return { request, response, access, quota: "none", queue: "lookup", cost: one, idempotent };
}

/** Every RPC of MilvusService in the order of its definition; a test compares types and privileges with it. */
export const RPC_SPECS = {
  CreateCollection: schemaChange(
    "milvus.CreateCollectionRequest",
    "common.Status",
    global("CreateCollection"),
  ),
  DropCollection: schemaChange("milvus.DropCollectionRequest", "common.Status", global("DropCollection")),
  HasCollection: lookup("milvus.HasCollectionRequest", "milvus.BoolResponse", anyone),
  LoadCollection: ddl("milvus.LoadCollectionRequest", "common.Status", collection("Load")),
  ReleaseCollection: ddl("milvus.ReleaseCollectionRequest", "common.Status", collection("Release")),
  DescribeCollection: lookup(
    "milvus.DescribeCollectionRequest",
    "milvus.DescribeCollectionResponse",
    global("DescribeCollection"),
  ),
  BatchDescribeCollection: lookup(
    "milvus.BatchDescribeCollectionRequest",
    "milvus.BatchDescribeCollectionResponse",
    global("DescribeCollection"),
  ),
  GetCollectionStatistics: lookup(
    "milvus.GetCollectionStatisticsRequest",
    "milvus.GetCollectionStatisticsResponse",
    collection("GetStatistics"),
  ),
  ShowCollections: lookup("milvus.ShowCollectionsRequest", "milvus.ShowCollectionsResponse", anyone),
  AlterCollection: schemaChange("milvus.AlterCollectionRequest", "common.Status", global("CreateCollection")),
  AlterCollectionField: schemaChange(
    "milvus.AlterCollectionFieldRequest",
    "common.Status",
    global("CreateCollection"),
  ),
  AddCollectionFunction: schemaChange(
    "milvus.AddCollectionFunctionRequest",
    "common.Status",
    global("CreateCollection"),
    "once",
  ),
  AlterCollectionFunction: schemaChange(
    "milvus.AlterCollectionFunctionRequest",
    "common.Status",
    global("CreateCollection"),
  ),
  DropCollectionFunction: schemaChange(
    "milvus.DropCollectionFunctionRequest",
    "common.Status",
    global("CreateCollection"),
  ),
  TruncateCollection: schemaChange(
    "milvus.TruncateCollectionRequest",
    "milvus.TruncateCollectionResponse",
    global("DropCollection"),
    "once",
  ),
  CreatePartition: schemaChange(
    "milvus.CreatePartitionRequest",
    "common.Status",
    collection("CreatePartition"),
  ),
  DropPartition: schemaChange("milvus.DropPartitionRequest", "common.Status", collection("DropPartition")),
  HasPartition: lookup("milvus.HasPartitionRequest", "milvus.BoolResponse", collection("HasPartition")),
  LoadPartitions: ddl("milvus.LoadPartitionsRequest", "common.Status", collection("Load")),
  Prewarm: ddl("milvus.PrewarmRequest", "milvus.PrewarmResponse", collection("Load")),
  DescribePrewarmTask: lookup(
    "milvus.DescribePrewarmTaskRequest",
    "milvus.DescribePrewarmTaskResponse",
    anyone,
  ),
  ReleasePartitions: ddl("milvus.ReleasePartitionsRequest", "common.Status", collection("Release")),
  GetPartitionStatistics: lookup(
    "milvus.GetPartitionStatisticsRequest",
    "milvus.GetPartitionStatisticsResponse",
    anyone,
  ),
  ShowPartitions: lookup(
    "milvus.ShowPartitionsRequest",
    "milvus.ShowPartitionsResponse",
    collection("ShowPartitions"),
  ),
  CreateNamespace: schemaChange(
    "milvus.CreateNamespaceRequest",
    "milvus.CreateNamespaceResponse",
    collection("CreatePartition"),
    "once",
  ),
  DescribeNamespace: lookup(
    "milvus.DescribeNamespaceRequest",
    "milvus.DescribeNamespaceResponse",
    collection("ShowPartitions"),
  ),
  ListNamespaces: lookup(
    "milvus.ListNamespacesRequest",
    "milvus.ListNamespacesResponse",
    collection("ShowPartitions"),
  ),
  DropNamespace: schemaChange(
    "milvus.DropNamespaceRequest",
    "milvus.DropNamespaceResponse",
    collection("DropPartition"),
  ),
  HasNamespace: lookup(
    "milvus.HasNamespaceRequest",
    "milvus.HasNamespaceResponse",
    collection("HasPartition"),
  ),
  GetNamespaceStats: lookup(
    "milvus.GetNamespaceStatsRequest",
    "milvus.GetNamespaceStatsResponse",
    collection("ShowPartitions"),
  ),
  GetLoadingProgress: lookup(
    "milvus.GetLoadingProgressRequest",
    "milvus.GetLoadingProgressResponse",
    collection("GetLoadState"),
  ),
  GetLoadState: lookup(
    "milvus.GetLoadStateRequest",
    "milvus.GetLoadStateResponse",
    collection("GetLoadState"),
  ),
  CreateAlias: schemaChange("milvus.CreateAliasRequest", "common.Status", global("CreateAlias"), "once"),
  DropAlias: schemaChange("milvus.DropAliasRequest", "common.Status", global("DropAlias")),
  AlterAlias: schemaChange("milvus.AlterAliasRequest", "common.Status", global("CreateAlias")),
  DescribeAlias: lookup(
    "milvus.DescribeAliasRequest",
    "milvus.DescribeAliasResponse",
    global("DescribeAlias"),
  ),
  ListAliases: lookup("milvus.ListAliasesRequest", "milvus.ListAliasesResponse", global("ListAliases")),
  CreateIndex: ddl("milvus.CreateIndexRequest", "common.Status", collection("CreateIndex")),
  AlterIndex: ddl("milvus.AlterIndexRequest", "common.Status", collection("CreateIndex")),
  DescribeIndex: lookup(
    "milvus.DescribeIndexRequest",
    "milvus.DescribeIndexResponse",
    collection("IndexDetail"),
  ),
  GetIndexStatistics: lookup(
    "milvus.GetIndexStatisticsRequest",
    "milvus.GetIndexStatisticsResponse",
    collection("IndexDetail"),
  ),
  GetIndexState: lookup(
    "milvus.GetIndexStateRequest",
    "milvus.GetIndexStateResponse",
    collection("IndexDetail"),
  ),
  GetIndexBuildProgress: lookup(
    "milvus.GetIndexBuildProgressRequest",
    "milvus.GetIndexBuildProgressResponse",
    collection("IndexDetail"),
  ),
  DropIndex: ddl("milvus.DropIndexRequest", "common.Status", collection("DropIndex")),
  Insert: dml("milvus.InsertRequest", "milvus.MutationResult", collection("Insert")),
  Delete: dml("milvus.DeleteRequest", "milvus.MutationResult", collection("Delete")),
  Upsert: dml("milvus.UpsertRequest", "milvus.MutationResult", collection("Upsert")),
  Search: dql("milvus.SearchRequest", "milvus.SearchResults", collection("Search"), (request) =>
    Number(request.nq),
  ),
  HybridSearch: dql("milvus.HybridSearchRequest", "milvus.SearchResults", collection("Search"), (request) =>
    request.requests.reduce((sum, { nq }) => sum + Number(nq), 0),
  ),
  Flush: ddl("milvus.FlushRequest", "milvus.FlushResponse", collection("Flush"), "once"),
  Query: dql("milvus.QueryRequest", "milvus.QueryResults", collection("Query")),
  CalcDistance: lookup("milvus.CalcDistanceRequest", "milvus.CalcDistanceResults", anyone),
  FlushAll: ddl("milvus.FlushAllRequest", "milvus.FlushAllResponse", global("FlushAll"), "once"),
  AddCollectionField: schemaChange(
    "milvus.AddCollectionFieldRequest",
    "common.Status",
    collection("AddCollectionField"),
    "once",
  ),
  AddCollectionStructField: schemaChange(
    "milvus.AddCollectionStructFieldRequest",
    "common.Status",
    collection("AddCollectionField"),
    "once",
  ),
  GetFlushState: lookup(
    "milvus.GetFlushStateRequest",
    "milvus.GetFlushStateResponse",
    collection("GetFlushState"),
  ),
  GetFlushAllState: lookup("milvus.GetFlushAllStateRequest", "milvus.GetFlushAllStateResponse", anyone),
  GetPersistentSegmentInfo: lookup(
    "milvus.GetPersistentSegmentInfoRequest",
    "milvus.GetPersistentSegmentInfoResponse",
    anyone,
  ),
  GetQuerySegmentInfo: lookup(
    "milvus.GetQuerySegmentInfoRequest",
    "milvus.GetQuerySegmentInfoResponse",
    anyone,
  ),
  GetReplicas: lookup("milvus.GetReplicasRequest", "milvus.GetReplicasResponse", anyone),
  Dummy: lookup("milvus.DummyRequest", "milvus.DummyResponse", anyone),
  RegisterLink: lookup("milvus.RegisterLinkRequest", "milvus.RegisterLinkResponse", anyone),
  GetMetrics: lookup("milvus.GetMetricsRequest", "milvus.GetMetricsResponse", anyone),
  GetComponentStates: lookup("milvus.GetComponentStatesRequest", "milvus.ComponentStates", anyone),
  LoadBalance: ddl("milvus.LoadBalanceRequest", "common.Status", collection("LoadBalance"), "once"),
  GetCompactionState: lookup("milvus.GetCompactionStateRequest", "milvus.GetCompactionStateResponse", anyone),
  ManualCompaction: ddl(
    "milvus.ManualCompactionRequest",
    "milvus.ManualCompactionResponse",
    collection("Compaction"),
    "once",
  ),
  GetCompactionStateWithPlans: lookup(
    "milvus.GetCompactionPlansRequest",
    "milvus.GetCompactionPlansResponse",
    anyone,
  ),
  Import: dml("milvus.ImportRequest", "milvus.ImportResponse", collection("Import")),
  GetImportState: lookup("milvus.GetImportStateRequest", "milvus.GetImportStateResponse", anyone),
  ListImportTasks: lookup("milvus.ListImportTasksRequest", "milvus.ListImportTasksResponse", anyone),
  CreateCredential: ddl("milvus.CreateCredentialRequest", "common.Status", global("CreateOwnership"), "once"),
  UpdateCredential: ddl("milvus.UpdateCredentialRequest", "common.Status", user("UpdateUser")),
  DeleteCredential: ddl("milvus.DeleteCredentialRequest", "common.Status", global("DropOwnership")),
  ListCredUsers: lookup(
    "milvus.ListCredUsersRequest",
    "milvus.ListCredUsersResponse",
    global("SelectOwnership"),
  ),
  CreateRole: ddl("milvus.CreateRoleRequest", "common.Status", global("CreateOwnership"), "once"),
  AlterRole: ddl("milvus.AlterRoleRequest", "common.Status", global("CreateOwnership")),
  DropRole: ddl("milvus.DropRoleRequest", "common.Status", global("DropOwnership")),
  OperateUserRole: ddl("milvus.OperateUserRoleRequest", "common.Status", global("ManageOwnership"), "once"),
  SelectRole: lookup("milvus.SelectRoleRequest", "milvus.SelectRoleResponse", global("SelectOwnership")),
  SelectUser: lookup("milvus.SelectUserRequest", "milvus.SelectUserResponse", user("SelectUser")),
  OperatePrivilege: ddl("milvus.OperatePrivilegeRequest", "common.Status", global("ManageOwnership"), "once"),
  OperatePrivilegeV2: ddl(
    "milvus.OperatePrivilegeV2Request",
    "common.Status",
    global("ManageOwnership"),
    "once",
  ),
  SelectGrant: lookup("milvus.SelectGrantRequest", "milvus.SelectGrantResponse", global("SelectOwnership")),
  GetVersion: lookup("milvus.GetVersionRequest", "milvus.GetVersionResponse", anyone),
  CheckHealth: lookup("milvus.CheckHealthRequest", "milvus.CheckHealthResponse", anyone),
  CreateResourceGroup: ddl(
    "milvus.CreateResourceGroupRequest",
    "common.Status",
    global("CreateResourceGroup"),
    "once",
  ),
  DropResourceGroup: ddl("milvus.DropResourceGroupRequest", "common.Status", global("DropResourceGroup")),
  UpdateResourceGroups: ddl(
    "milvus.UpdateResourceGroupsRequest",
    "common.Status",
    global("UpdateResourceGroups"),
  ),
  TransferNode: ddl("milvus.TransferNodeRequest", "common.Status", global("TransferNode"), "once"),
  TransferReplica: ddl("milvus.TransferReplicaRequest", "common.Status", global("TransferReplica"), "once"),
  ListResourceGroups: lookup(
    "milvus.ListResourceGroupsRequest",
    "milvus.ListResourceGroupsResponse",
    global("ListResourceGroups"),
  ),
  DescribeResourceGroup: lookup(
    "milvus.DescribeResourceGroupRequest",
    "milvus.DescribeResourceGroupResponse",
    global("DescribeResourceGroup"),
  ),
  RenameCollection: schemaChange(
    "milvus.RenameCollectionRequest",
    "common.Status",
    global("RenameCollection"),
    "once",
  ),
  ListIndexedSegment: lookup("feder.ListIndexedSegmentRequest", "feder.ListIndexedSegmentResponse", anyone),
  DescribeSegmentIndexData: lookup(
    "feder.DescribeSegmentIndexDataRequest",
    "feder.DescribeSegmentIndexDataResponse",
    anyone,
  ),
  Connect: lookup("milvus.ConnectRequest", "milvus.ConnectResponse", anyone, "once"),
  AllocTimestamp: lookup("milvus.AllocTimestampRequest", "milvus.AllocTimestampResponse", anyone, "once"),
  CreateDatabase: schemaChange(
    "milvus.CreateDatabaseRequest",
    "common.Status",
    global("CreateDatabase"),
    "once",
  ),
  DropDatabase: schemaChange("milvus.DropDatabaseRequest", "common.Status", global("DropDatabase"), "once"),
  ListDatabases: lookup("milvus.ListDatabasesRequest", "milvus.ListDatabasesResponse", anyone),
  AlterDatabase: schemaChange("milvus.AlterDatabaseRequest", "common.Status", global("AlterDatabase")),
  DescribeDatabase: lookup(
    "milvus.DescribeDatabaseRequest",
    "milvus.DescribeDatabaseResponse",
    global("DescribeDatabase"),
  ),
  ReplicateMessage: dml("milvus.ReplicateMessageRequest", "milvus.ReplicateMessageResponse", anyone),
  BackupRBAC: lookup("milvus.BackupRBACMetaRequest", "milvus.BackupRBACMetaResponse", global("BackupRBAC")),
  RestoreRBAC: ddl("milvus.RestoreRBACMetaRequest", "common.Status", global("RestoreRBAC"), "once"),
  CreatePrivilegeGroup: ddl(
    "milvus.CreatePrivilegeGroupRequest",
    "common.Status",
    global("CreatePrivilegeGroup"),
    "once",
  ),
  DropPrivilegeGroup: ddl("milvus.DropPrivilegeGroupRequest", "common.Status", global("DropPrivilegeGroup")),
  ListPrivilegeGroups: lookup(
    "milvus.ListPrivilegeGroupsRequest",
    "milvus.ListPrivilegeGroupsResponse",
    global("ListPrivilegeGroups"),
  ),
  OperatePrivilegeGroup: ddl(
    "milvus.OperatePrivilegeGroupRequest",
    "common.Status",
    global("OperatePrivilegeGroup"),
    "once",
  ),
  RunAnalyzer: lookup("milvus.RunAnalyzerRequest", "milvus.RunAnalyzerResponse", anyone),
  AddFileResource: ddl("milvus.AddFileResourceRequest", "common.Status", global("AddFileResource"), "once"),
  RemoveFileResource: ddl("milvus.RemoveFileResourceRequest", "common.Status", global("RemoveFileResource")),
  ListFileResources: lookup(
    "milvus.ListFileResourcesRequest",
    "milvus.ListFileResourcesResponse",
    global("ListFileResources"),
  ),
  AddUserTags: ddl("milvus.AddUserTagsRequest", "common.Status", user("UpdateUser")),
  DeleteUserTags: ddl("milvus.DeleteUserTagsRequest", "common.Status", user("UpdateUser")),
  GetUserTags: lookup("milvus.GetUserTagsRequest", "milvus.GetUserTagsResponse", user("SelectUser")),
  ListUsersWithTag: lookup(
    "milvus.ListUsersWithTagRequest",
    "milvus.ListUsersWithTagResponse",
    user("SelectUser"),
  ),
  CreateRowPolicy: ddl(
    "milvus.CreateRowPolicyRequest",
    "common.Status",
    collection("CreateOwnership"),
    "once",
  ),
  DropRowPolicy: ddl("milvus.DropRowPolicyRequest", "common.Status", collection("DropOwnership")),
  ListRowPolicies: lookup(
    "milvus.ListRowPoliciesRequest",
    "milvus.ListRowPoliciesResponse",
    collection("SelectOwnership"),
  ),
  UpdateReplicateConfiguration: ddl(
    "milvus.UpdateReplicateConfigurationRequest",
    "common.Status",
    global("UpdateReplicateConfiguration"),
  ),
  GetReplicateConfiguration: lookup(
    "milvus.GetReplicateConfigurationRequest",
    "milvus.GetReplicateConfigurationResponse",
    global("GetReplicateConfiguration"),
  ),
  GetReplicateInfo: lookup("milvus.GetReplicateInfoRequest", "milvus.GetReplicateInfoResponse", anyone),
  CreateReplicateStream: dml("milvus.ReplicateRequest", "milvus.ReplicateResponse", anyone),
  DumpMessages: lookup("milvus.DumpMessagesRequest", "milvus.DumpMessagesResponse", anyone),
  ComputePhraseMatchSlop: lookup(
    "milvus.ComputePhraseMatchSlopRequest",
    "milvus.ComputePhraseMatchSlopResponse",
    anyone,
  ),
  CreateSnapshot: ddl("milvus.CreateSnapshotRequest", "common.Status", collection("CreateSnapshot"), "once"),
  DropSnapshot: ddl("milvus.DropSnapshotRequest", "common.Status", collection("DropSnapshot")),
  ListSnapshots: lookup(
    "milvus.ListSnapshotsRequest",
    "milvus.ListSnapshotsResponse",
    collection("ListSnapshots"),
  ),
  DescribeSnapshot: lookup(
    "milvus.DescribeSnapshotRequest",
    "milvus.DescribeSnapshotResponse",
    collection("DescribeSnapshot"),
  ),
  RestoreSnapshot: ddl(
    "milvus.RestoreSnapshotRequest",
    "milvus.RestoreSnapshotResponse",
    collection("RestoreSnapshot"),
    "once",
  ),
  RestoreExternalSnapshot: ddl(
    "milvus.RestoreExternalSnapshotRequest",
    "milvus.RestoreExternalSnapshotResponse",
    global("RestoreExternalSnapshot"),
    "once",
  ),
  ExportSnapshot: ddl(
    "milvus.ExportSnapshotRequest",
    "milvus.ExportSnapshotResponse",
    global("ExportSnapshot"),
    "once",
  ),
  GetRestoreSnapshotState: lookup(
    "milvus.GetRestoreSnapshotStateRequest",
    "milvus.GetRestoreSnapshotStateResponse",
    anyone,
  ),
  ListRestoreSnapshotJobs: lookup(
    "milvus.ListRestoreSnapshotJobsRequest",
    "milvus.ListRestoreSnapshotJobsResponse",
    collection("RestoreSnapshot"),
  ),
  PinSnapshotData: ddl(
    "milvus.PinSnapshotDataRequest",
    "milvus.PinSnapshotDataResponse",
    global("PinSnapshotData"),
    "once",
  ),
  UnpinSnapshotData: ddl(
    "milvus.UnpinSnapshotDataRequest",
    "common.Status",
    global("UnpinSnapshotData"),
    "once",
  ),
  AlterCollectionSchema: schemaChange(
    "milvus.AlterCollectionSchemaRequest",
    "milvus.AlterCollectionSchemaResponse",
    collection("AlterCollectionSchema"),
    "once",
  ),
  BatchUpdateManifest: dml("milvus.BatchUpdateManifestRequest", "common.Status", collection("Insert")),
  RefreshExternalCollection: ddl(
    "milvus.RefreshExternalCollectionRequest",
    "milvus.RefreshExternalCollectionResponse",
    collection("RefreshExternalCollection"),
    "once",
  ),
  GetRefreshExternalCollectionProgress: lookup(
    "milvus.GetRefreshExternalCollectionProgressRequest",
    "milvus.GetRefreshExternalCollectionProgressResponse",
    anyone,
  ),
  ListRefreshExternalCollectionJobs: lookup(
    "milvus.ListRefreshExternalCollectionJobsRequest",
    "milvus.ListRefreshExternalCollectionJobsResponse",
    anyone,
  ),
} as const satisfies Record<string, object>;

export type RpcName = keyof typeof RPC_SPECS;
export type RequestOf<Name extends RpcName> = MessageTypes[(typeof RPC_SPECS)[Name]["request"]];
export type ResponseOf<Name extends RpcName> = MessageTypes[(typeof RPC_SPECS)[Name]["response"]];
