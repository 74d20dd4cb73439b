// Messages of the Milvus protocol, generated from @zilliz/milvus2-sdk-node's definitions by
// "npm run generate". Do not edit.
import type { PackedBytes } from "./packed-bytes.ts";

/** Every message by its full name below milvus.proto. */
export interface MessageTypes {
  "common.Address": Address;
  "common.ClientInfo": ClientInfo;
  "common.ConnectionParam": ConnectionParam;
  "common.CrossClusterTopology": CrossClusterTopology;
  "common.HighlightData": HighlightData;
  "common.HighlightResult": HighlightResult;
  "common.Highlighter": Highlighter;
  "common.ImmutableMessage": ImmutableMessage;
  "common.KeyDataPair": KeyDataPair;
  "common.KeyValuePair": KeyValuePair;
  "common.MessageID": MessageID;
  "common.MetricAggSpec": MetricAggSpec;
  "common.MilvusCluster": MilvusCluster;
  "common.MsgBase": MsgBase;
  "common.NodeInfo": NodeInfo;
  "common.OrderSpec": OrderSpec;
  "common.PlaceholderGroup": PlaceholderGroup;
  "common.PlaceholderValue": PlaceholderValue;
  "common.ReplicateCheckpoint": ReplicateCheckpoint;
  "common.ReplicateConfiguration": ReplicateConfiguration;
  "common.ReplicateInfo": ReplicateInfo;
  "common.SearchAggregationSpec": SearchAggregationSpec;
  "common.ServerInfo": ServerInfo;
  "common.SortSpec": SortSpec;
  "common.Status": Status;
  "common.TopHitsSpec": TopHitsSpec;
  "feder.DescribeSegmentIndexDataRequest": DescribeSegmentIndexDataRequest;
  "feder.DescribeSegmentIndexDataResponse": DescribeSegmentIndexDataResponse;
  "feder.ListIndexedSegmentRequest": ListIndexedSegmentRequest;
  "feder.ListIndexedSegmentResponse": ListIndexedSegmentResponse;
  "feder.SegmentIndexData": SegmentIndexData;
  "milvus.AddCollectionFieldRequest": AddCollectionFieldRequest;
  "milvus.AddCollectionFunctionRequest": AddCollectionFunctionRequest;
  "milvus.AddCollectionStructFieldRequest": AddCollectionStructFieldRequest;
  "milvus.AddFileResourceRequest": AddFileResourceRequest;
  "milvus.AddUserTagsRequest": AddUserTagsRequest;
  "milvus.AllocTimestampRequest": AllocTimestampRequest;
  "milvus.AllocTimestampResponse": AllocTimestampResponse;
  "milvus.AlterAliasRequest": AlterAliasRequest;
  "milvus.AlterCollectionFieldRequest": AlterCollectionFieldRequest;
  "milvus.AlterCollectionFunctionRequest": AlterCollectionFunctionRequest;
  "milvus.AlterCollectionRequest": AlterCollectionRequest;
  "milvus.AlterCollectionSchemaRequest": AlterCollectionSchemaRequest;
  "milvus.AlterCollectionSchemaRequest.Action": AlterCollectionSchemaRequestAction;
  "milvus.AlterCollectionSchemaRequest.AddRequest": AlterCollectionSchemaRequestAddRequest;
  "milvus.AlterCollectionSchemaRequest.DropRequest": AlterCollectionSchemaRequestDropRequest;
  "milvus.AlterCollectionSchemaRequest.FieldInfo": AlterCollectionSchemaRequestFieldInfo;
  "milvus.AlterCollectionSchemaResponse": AlterCollectionSchemaResponse;
  "milvus.AlterDatabaseRequest": AlterDatabaseRequest;
  "milvus.AlterIndexRequest": AlterIndexRequest;
  "milvus.AlterRoleRequest": AlterRoleRequest;
  "milvus.AnalyzerResult": AnalyzerResult;
  "milvus.AnalyzerToken": AnalyzerToken;
  "milvus.BackupRBACMetaRequest": BackupRBACMetaRequest;
  "milvus.BackupRBACMetaResponse": BackupRBACMetaResponse;
  "milvus.BatchDescribeCollectionRequest": BatchDescribeCollectionRequest;
  "milvus.BatchDescribeCollectionResponse": BatchDescribeCollectionResponse;
  "milvus.BatchUpdateManifestItem": BatchUpdateManifestItem;
  "milvus.BatchUpdateManifestRequest": BatchUpdateManifestRequest;
  "milvus.BoolResponse": BoolResponse;
  "milvus.CalcDistanceRequest": CalcDistanceRequest;
  "milvus.CalcDistanceResults": CalcDistanceResults;
  "milvus.CheckHealthRequest": CheckHealthRequest;
  "milvus.CheckHealthResponse": CheckHealthResponse;
  "milvus.ClusterInfo": ClusterInfo;
  "milvus.CompactionMergeInfo": CompactionMergeInfo;
  "milvus.ComponentInfo": ComponentInfo;
  "milvus.ComponentStates": ComponentStates;
  "milvus.ComputePhraseMatchSlopRequest": ComputePhraseMatchSlopRequest;
  "milvus.ComputePhraseMatchSlopResponse": ComputePhraseMatchSlopResponse;
  "milvus.ConnectRequest": ConnectRequest;
  "milvus.ConnectResponse": ConnectResponse;
  "milvus.CreateAliasRequest": CreateAliasRequest;
  "milvus.CreateCollectionRequest": CreateCollectionRequest;
  "milvus.CreateCredentialRequest": CreateCredentialRequest;
  "milvus.CreateDatabaseRequest": CreateDatabaseRequest;
  "milvus.CreateIndexRequest": CreateIndexRequest;
  "milvus.CreateNamespaceRequest": CreateNamespaceRequest;
  "milvus.CreateNamespaceResponse": CreateNamespaceResponse;
  "milvus.CreatePartitionRequest": CreatePartitionRequest;
  "milvus.CreatePrivilegeGroupRequest": CreatePrivilegeGroupRequest;
  "milvus.CreateResourceGroupRequest": CreateResourceGroupRequest;
  "milvus.CreateRoleRequest": CreateRoleRequest;
  "milvus.CreateRowPolicyRequest": CreateRowPolicyRequest;
  "milvus.CreateSnapshotRequest": CreateSnapshotRequest;
  "milvus.DeleteCredentialRequest": DeleteCredentialRequest;
  "milvus.DeleteRequest": DeleteRequest;
  "milvus.DeleteUserTagsRequest": DeleteUserTagsRequest;
  "milvus.DescribeAliasRequest": DescribeAliasRequest;
  "milvus.DescribeAliasResponse": DescribeAliasResponse;
  "milvus.DescribeCollectionRequest": DescribeCollectionRequest;
  "milvus.DescribeCollectionResponse": DescribeCollectionResponse;
  "milvus.DescribeDatabaseRequest": DescribeDatabaseRequest;
  "milvus.DescribeDatabaseResponse": DescribeDatabaseResponse;
  "milvus.DescribeIndexRequest": DescribeIndexRequest;
  "milvus.DescribeIndexResponse": DescribeIndexResponse;
  "milvus.DescribeNamespaceRequest": DescribeNamespaceRequest;
  "milvus.DescribeNamespaceResponse": DescribeNamespaceResponse;
  "milvus.DescribePrewarmTaskRequest": DescribePrewarmTaskRequest;
  "milvus.DescribePrewarmTaskResponse": DescribePrewarmTaskResponse;
  "milvus.DescribeResourceGroupRequest": DescribeResourceGroupRequest;
  "milvus.DescribeResourceGroupResponse": DescribeResourceGroupResponse;
  "milvus.DescribeSnapshotRequest": DescribeSnapshotRequest;
  "milvus.DescribeSnapshotResponse": DescribeSnapshotResponse;
  "milvus.DropAliasRequest": DropAliasRequest;
  "milvus.DropCollectionFunctionRequest": DropCollectionFunctionRequest;
  "milvus.DropCollectionRequest": DropCollectionRequest;
  "milvus.DropDatabaseRequest": DropDatabaseRequest;
  "milvus.DropIndexRequest": DropIndexRequest;
  "milvus.DropNamespaceRequest": DropNamespaceRequest;
  "milvus.DropNamespaceResponse": DropNamespaceResponse;
  "milvus.DropPartitionRequest": DropPartitionRequest;
  "milvus.DropPrivilegeGroupRequest": DropPrivilegeGroupRequest;
  "milvus.DropResourceGroupRequest": DropResourceGroupRequest;
  "milvus.DropRoleRequest": DropRoleRequest;
  "milvus.DropRowPolicyRequest": DropRowPolicyRequest;
  "milvus.DropSnapshotRequest": DropSnapshotRequest;
  "milvus.DummyRequest": DummyRequest;
  "milvus.DummyResponse": DummyResponse;
  "milvus.DumpMessagesRequest": DumpMessagesRequest;
  "milvus.DumpMessagesResponse": DumpMessagesResponse;
  "milvus.ElementIndices": ElementIndices;
  "milvus.ExportSnapshotRequest": ExportSnapshotRequest;
  "milvus.ExportSnapshotResponse": ExportSnapshotResponse;
  "milvus.FileResourceInfo": FileResourceInfo;
  "milvus.FlushAllRequest": FlushAllRequest;
  "milvus.FlushAllResponse": FlushAllResponse;
  "milvus.FlushAllResult": FlushAllResult;
  "milvus.FlushAllState": FlushAllState;
  "milvus.FlushAllTarget": FlushAllTarget;
  "milvus.FlushCollectionResult": FlushCollectionResult;
  "milvus.FlushRequest": FlushRequest;
  "milvus.FlushResponse": FlushResponse;
  "milvus.GetCollectionStatisticsRequest": GetCollectionStatisticsRequest;
  "milvus.GetCollectionStatisticsResponse": GetCollectionStatisticsResponse;
  "milvus.GetCompactionPlansRequest": GetCompactionPlansRequest;
  "milvus.GetCompactionPlansResponse": GetCompactionPlansResponse;
  "milvus.GetCompactionStateRequest": GetCompactionStateRequest;
  "milvus.GetCompactionStateResponse": GetCompactionStateResponse;
  "milvus.GetComponentStatesRequest": GetComponentStatesRequest;
  "milvus.GetFlushAllStateRequest": GetFlushAllStateRequest;
  "milvus.GetFlushAllStateResponse": GetFlushAllStateResponse;
  "milvus.GetFlushStateRequest": GetFlushStateRequest;
  "milvus.GetFlushStateResponse": GetFlushStateResponse;
  "milvus.GetImportStateRequest": GetImportStateRequest;
  "milvus.GetImportStateResponse": GetImportStateResponse;
  "milvus.GetIndexBuildProgressRequest": GetIndexBuildProgressRequest;
  "milvus.GetIndexBuildProgressResponse": GetIndexBuildProgressResponse;
  "milvus.GetIndexStateRequest": GetIndexStateRequest;
  "milvus.GetIndexStateResponse": GetIndexStateResponse;
  "milvus.GetIndexStatisticsRequest": GetIndexStatisticsRequest;
  "milvus.GetIndexStatisticsResponse": GetIndexStatisticsResponse;
  "milvus.GetLoadStateRequest": GetLoadStateRequest;
  "milvus.GetLoadStateResponse": GetLoadStateResponse;
  "milvus.GetLoadingProgressRequest": GetLoadingProgressRequest;
  "milvus.GetLoadingProgressResponse": GetLoadingProgressResponse;
  "milvus.GetMetricsRequest": GetMetricsRequest;
  "milvus.GetMetricsResponse": GetMetricsResponse;
  "milvus.GetNamespaceStatsRequest": GetNamespaceStatsRequest;
  "milvus.GetNamespaceStatsResponse": GetNamespaceStatsResponse;
  "milvus.GetPartitionStatisticsRequest": GetPartitionStatisticsRequest;
  "milvus.GetPartitionStatisticsResponse": GetPartitionStatisticsResponse;
  "milvus.GetPersistentSegmentInfoRequest": GetPersistentSegmentInfoRequest;
  "milvus.GetPersistentSegmentInfoResponse": GetPersistentSegmentInfoResponse;
  "milvus.GetQuerySegmentInfoRequest": GetQuerySegmentInfoRequest;
  "milvus.GetQuerySegmentInfoResponse": GetQuerySegmentInfoResponse;
  "milvus.GetRefreshExternalCollectionProgressRequest": GetRefreshExternalCollectionProgressRequest;
  "milvus.GetRefreshExternalCollectionProgressResponse": GetRefreshExternalCollectionProgressResponse;
  "milvus.GetReplicasRequest": GetReplicasRequest;
  "milvus.GetReplicasResponse": GetReplicasResponse;
  "milvus.GetReplicateConfigurationRequest": GetReplicateConfigurationRequest;
  "milvus.GetReplicateConfigurationResponse": GetReplicateConfigurationResponse;
  "milvus.GetReplicateInfoRequest": GetReplicateInfoRequest;
  "milvus.GetReplicateInfoResponse": GetReplicateInfoResponse;
  "milvus.GetRestoreSnapshotStateRequest": GetRestoreSnapshotStateRequest;
  "milvus.GetRestoreSnapshotStateResponse": GetRestoreSnapshotStateResponse;
  "milvus.GetUserTagsRequest": GetUserTagsRequest;
  "milvus.GetUserTagsResponse": GetUserTagsResponse;
  "milvus.GetVersionRequest": GetVersionRequest;
  "milvus.GetVersionResponse": GetVersionResponse;
  "milvus.GrantEntity": GrantEntity;
  "milvus.GrantorEntity": GrantorEntity;
  "milvus.HasCollectionRequest": HasCollectionRequest;
  "milvus.HasNamespaceRequest": HasNamespaceRequest;
  "milvus.HasNamespaceResponse": HasNamespaceResponse;
  "milvus.HasPartitionRequest": HasPartitionRequest;
  "milvus.HybridSearchRequest": HybridSearchRequest;
  "milvus.ImportRequest": ImportRequest;
  "milvus.ImportResponse": ImportResponse;
  "milvus.IndexDescription": IndexDescription;
  "milvus.InsertRequest": InsertRequest;
  "milvus.ListAliasesRequest": ListAliasesRequest;
  "milvus.ListAliasesResponse": ListAliasesResponse;
  "milvus.ListCredUsersRequest": ListCredUsersRequest;
  "milvus.ListCredUsersResponse": ListCredUsersResponse;
  "milvus.ListDatabasesRequest": ListDatabasesRequest;
  "milvus.ListDatabasesResponse": ListDatabasesResponse;
  "milvus.ListFileResourcesRequest": ListFileResourcesRequest;
  "milvus.ListFileResourcesResponse": ListFileResourcesResponse;
  "milvus.ListImportTasksRequest": ListImportTasksRequest;
  "milvus.ListImportTasksResponse": ListImportTasksResponse;
  "milvus.ListNamespacesRequest": ListNamespacesRequest;
  "milvus.ListNamespacesResponse": ListNamespacesResponse;
  "milvus.ListPrivilegeGroupsRequest": ListPrivilegeGroupsRequest;
  "milvus.ListPrivilegeGroupsResponse": ListPrivilegeGroupsResponse;
  "milvus.ListRefreshExternalCollectionJobsRequest": ListRefreshExternalCollectionJobsRequest;
  "milvus.ListRefreshExternalCollectionJobsResponse": ListRefreshExternalCollectionJobsResponse;
  "milvus.ListResourceGroupsRequest": ListResourceGroupsRequest;
  "milvus.ListResourceGroupsResponse": ListResourceGroupsResponse;
  "milvus.ListRestoreSnapshotJobsRequest": ListRestoreSnapshotJobsRequest;
  "milvus.ListRestoreSnapshotJobsResponse": ListRestoreSnapshotJobsResponse;
  "milvus.ListRowPoliciesRequest": ListRowPoliciesRequest;
  "milvus.ListRowPoliciesResponse": ListRowPoliciesResponse;
  "milvus.ListSnapshotsRequest": ListSnapshotsRequest;
  "milvus.ListSnapshotsResponse": ListSnapshotsResponse;
  "milvus.ListUsersWithTagRequest": ListUsersWithTagRequest;
  "milvus.ListUsersWithTagResponse": ListUsersWithTagResponse;
  "milvus.LoadBalanceRequest": LoadBalanceRequest;
  "milvus.LoadCollectionRequest": LoadCollectionRequest;
  "milvus.LoadPartitionsRequest": LoadPartitionsRequest;
  "milvus.ManualCompactionRequest": ManualCompactionRequest;
  "milvus.ManualCompactionResponse": ManualCompactionResponse;
  "milvus.MutationResult": MutationResult;
  "milvus.NamespaceInfo": NamespaceInfo;
  "milvus.NamespaceStats": NamespaceStats;
  "milvus.ObjectEntity": ObjectEntity;
  "milvus.OperatePrivilegeGroupRequest": OperatePrivilegeGroupRequest;
  "milvus.OperatePrivilegeRequest": OperatePrivilegeRequest;
  "milvus.OperatePrivilegeV2Request": OperatePrivilegeV2Request;
  "milvus.OperateUserRoleRequest": OperateUserRoleRequest;
  "milvus.PersistentSegmentInfo": PersistentSegmentInfo;
  "milvus.PinSnapshotDataRequest": PinSnapshotDataRequest;
  "milvus.PinSnapshotDataResponse": PinSnapshotDataResponse;
  "milvus.PrewarmRequest": PrewarmRequest;
  "milvus.PrewarmResponse": PrewarmResponse;
  "milvus.PrivilegeEntity": PrivilegeEntity;
  "milvus.PrivilegeGroupInfo": PrivilegeGroupInfo;
  "milvus.QueryRequest": QueryRequest;
  "milvus.QueryResults": QueryResults;
  "milvus.QuerySegmentInfo": QuerySegmentInfo;
  "milvus.RBACMeta": RBACMeta;
  "milvus.RefreshExternalCollectionJobInfo": RefreshExternalCollectionJobInfo;
  "milvus.RefreshExternalCollectionRequest": RefreshExternalCollectionRequest;
  "milvus.RefreshExternalCollectionResponse": RefreshExternalCollectionResponse;
  "milvus.RegisterLinkRequest": RegisterLinkRequest;
  "milvus.RegisterLinkResponse": RegisterLinkResponse;
  "milvus.ReleaseCollectionRequest": ReleaseCollectionRequest;
  "milvus.ReleasePartitionsRequest": ReleasePartitionsRequest;
  "milvus.RemoveFileResourceRequest": RemoveFileResourceRequest;
  "milvus.RenameCollectionRequest": RenameCollectionRequest;
  "milvus.ReplicaInfo": ReplicaInfo;
  "milvus.ReplicateConfirmedMessageInfo": ReplicateConfirmedMessageInfo;
  "milvus.ReplicateMessage": ReplicateMessage;
  "milvus.ReplicateMessageRequest": ReplicateMessageRequest;
  "milvus.ReplicateMessageResponse": ReplicateMessageResponse;
  "milvus.ReplicateRequest": ReplicateRequest;
  "milvus.ReplicateResponse": ReplicateResponse;
  "milvus.ResourceGroup": ResourceGroup;
  "milvus.RestoreExternalSnapshotRequest": RestoreExternalSnapshotRequest;
  "milvus.RestoreExternalSnapshotResponse": RestoreExternalSnapshotResponse;
  "milvus.RestoreRBACMetaRequest": RestoreRBACMetaRequest;
  "milvus.RestoreSnapshotInfo": RestoreSnapshotInfo;
  "milvus.RestoreSnapshotRequest": RestoreSnapshotRequest;
  "milvus.RestoreSnapshotResponse": RestoreSnapshotResponse;
  "milvus.RoleEntity": RoleEntity;
  "milvus.RoleResult": RoleResult;
  "milvus.RowPolicy": RowPolicy;
  "milvus.RunAnalyzerRequest": RunAnalyzerRequest;
  "milvus.RunAnalyzerResponse": RunAnalyzerResponse;
  "milvus.SearchRequest": SearchRequest;
  "milvus.SearchResults": SearchResults;
  "milvus.SelectGrantRequest": SelectGrantRequest;
  "milvus.SelectGrantResponse": SelectGrantResponse;
  "milvus.SelectRoleRequest": SelectRoleRequest;
  "milvus.SelectRoleResponse": SelectRoleResponse;
  "milvus.SelectUserRequest": SelectUserRequest;
  "milvus.SelectUserResponse": SelectUserResponse;
  "milvus.ShardReplica": ShardReplica;
  "milvus.ShowCollectionsRequest": ShowCollectionsRequest;
  "milvus.ShowCollectionsResponse": ShowCollectionsResponse;
  "milvus.ShowPartitionsRequest": ShowPartitionsRequest;
  "milvus.ShowPartitionsResponse": ShowPartitionsResponse;
  "milvus.SubSearchRequest": SubSearchRequest;
  "milvus.TransferNodeRequest": TransferNodeRequest;
  "milvus.TransferReplicaRequest": TransferReplicaRequest;
  "milvus.TruncateCollectionRequest": TruncateCollectionRequest;
  "milvus.TruncateCollectionResponse": TruncateCollectionResponse;
  "milvus.UnpinSnapshotDataRequest": UnpinSnapshotDataRequest;
  "milvus.UpdateCredentialRequest": UpdateCredentialRequest;
  "milvus.UpdateReplicateConfigurationRequest": UpdateReplicateConfigurationRequest;
  "milvus.UpdateResourceGroupsRequest": UpdateResourceGroupsRequest;
  "milvus.UpsertRequest": UpsertRequest;
  "milvus.UserEntity": UserEntity;
  "milvus.UserInfo": UserInfo;
  "milvus.UserResult": UserResult;
  "milvus.VectorIDs": VectorIDs;
  "milvus.VectorsArray": VectorsArray;
  "msg.MsgPosition": MsgPosition;
  "rg.ResourceGroupConfig": ResourceGroupConfig;
  "rg.ResourceGroupLimit": ResourceGroupLimit;
  "rg.ResourceGroupNodeFilter": ResourceGroupNodeFilter;
  "rg.ResourceGroupTransfer": ResourceGroupTransfer;
  "schema.AggBucket": AggBucket;
  "schema.AggHit": AggHit;
  "schema.AggHitField": AggHitField;
  "schema.ArrayArray": ArrayArray;
  "schema.BoolArray": BoolArray;
  "schema.BucketKeyEntry": BucketKeyEntry;
  "schema.BytesArray": BytesArray;
  "schema.CollectionSchema": CollectionSchema;
  "schema.DateArray": DateArray;
  "schema.DoubleArray": DoubleArray;
  "schema.FieldData": FieldData;
  "schema.FieldPartialUpdateOp": FieldPartialUpdateOp;
  "schema.FieldSchema": FieldSchema;
  "schema.FloatArray": FloatArray;
  "schema.FunctionChain": FunctionChain;
  "schema.FunctionChainColumnArg": FunctionChainColumnArg;
  "schema.FunctionChainExpr": FunctionChainExpr;
  "schema.FunctionChainExprArg": FunctionChainExprArg;
  "schema.FunctionChainOp": FunctionChainOp;
  "schema.FunctionParamArray": FunctionParamArray;
  "schema.FunctionParamObject": FunctionParamObject;
  "schema.FunctionParamValue": FunctionParamValue;
  "schema.FunctionSchema": FunctionSchema;
  "schema.FunctionScore": FunctionScore;
  "schema.GeometryArray": GeometryArray;
  "schema.GeometryWktArray": GeometryWktArray;
  "schema.IDs": IDs;
  "schema.IntArray": IntArray;
  "schema.JSONArray": JSONArray;
  "schema.LongArray": LongArray;
  "schema.MetricValue": MetricValue;
  "schema.MolArray": MolArray;
  "schema.MolSmilesArray": MolSmilesArray;
  "schema.ScalarField": ScalarField;
  "schema.SearchIteratorV2Results": SearchIteratorV2Results;
  "schema.SearchResultData": SearchResultData;
  "schema.SparseFloatArray": SparseFloatArray;
  "schema.StringArray": StringArray;
  "schema.StructArrayField": StructArrayField;
  "schema.StructArrayFieldSchema": StructArrayFieldSchema;
  "schema.TemplateArrayValue": TemplateArrayValue;
  "schema.TemplateArrayValueArray": TemplateArrayValueArray;
  "schema.TemplateValue": TemplateValue;
  "schema.TimeArray": TimeArray;
  "schema.TimestamptzArray": TimestamptzArray;
  "schema.ValueField": ValueField;
  "schema.VectorArray": VectorArray;
  "schema.VectorField": VectorField;
}

export interface Address {
  readonly ip: string;
  readonly port: bigint;
}

export interface ClientInfo {
  readonly sdkType: string;
  readonly sdkVersion: string;
  readonly localTime: string;
  readonly user: string;
  readonly host: string;
  readonly reserved: ReadonlyMap<string, string>;
}

export interface ConnectionParam {
  readonly uri: string;
  readonly token: string;
}

export interface CrossClusterTopology {
  readonly sourceClusterId: string;
  readonly targetClusterId: string;
}

export interface HighlightData {
  readonly fragments: readonly string[];
  readonly scores: readonly number[];
}

export interface HighlightResult {
  readonly fieldName: string;
  readonly datas: readonly HighlightData[];
}

export interface Highlighter {
  readonly type: number;
  readonly params: readonly KeyValuePair[];
}

export interface ImmutableMessage {
  readonly id: MessageID | undefined;
  readonly payload: Uint8Array;
  readonly properties: ReadonlyMap<string, string>;
}

export interface KeyDataPair {
  readonly key: string;
  readonly data: Uint8Array;
}

export interface KeyValuePair {
  readonly key: string;
  readonly value: string;
}

export interface MessageID {
  readonly id: string;
  readonly WALName: number;
}

export interface MetricAggSpec {
  readonly op: string;
  readonly fieldName: string;
}

export interface MilvusCluster {
  readonly clusterId: string;
  readonly connectionParam: ConnectionParam | undefined;
  readonly pchannels: readonly string[];
}

export interface MsgBase {
  readonly msgType: number;
  readonly msgID: bigint;
  readonly timestamp: bigint;
  readonly sourceID: bigint;
  readonly targetID: bigint;
  readonly properties: ReadonlyMap<string, string>;
  readonly replicateInfo: ReplicateInfo | undefined;
}

export interface NodeInfo {
  readonly nodeId: bigint;
  readonly address: string;
  readonly hostname: string;
}

export interface OrderSpec {
  readonly key: string;
  readonly direction: string;
  readonly nullFirst: boolean;
}

export interface PlaceholderGroup {
  readonly placeholders: readonly PlaceholderValue[];
}

export interface PlaceholderValue {
  readonly tag: string;
  readonly type: number;
  readonly values: PackedBytes;
  readonly elementLevel: boolean;
}

export interface ReplicateCheckpoint {
  readonly clusterId: string;
  readonly pchannel: string;
  readonly messageId: MessageID | undefined;
  readonly timeTick: bigint;
}

export interface ReplicateConfiguration {
  readonly clusters: readonly MilvusCluster[];
  readonly crossClusterTopology: readonly CrossClusterTopology[];
}

export interface ReplicateInfo {
  readonly isReplicate: boolean;
  readonly msgTimestamp: bigint;
  readonly replicateID: string;
}

export interface SearchAggregationSpec {
  readonly fields: readonly string[];
  readonly size: bigint;
  readonly metrics: ReadonlyMap<string, MetricAggSpec>;
  readonly order: readonly OrderSpec[];
  readonly topHits: TopHitsSpec | undefined;
  readonly subAggregation: SearchAggregationSpec | undefined;
  readonly searchSize: bigint;
}

export interface ServerInfo {
  readonly buildTags: string;
  readonly buildTime: string;
  readonly gitCommit: string;
  readonly goVersion: string;
  readonly deployMode: string;
  readonly reserved: ReadonlyMap<string, string>;
}

export interface SortSpec {
  readonly fieldName: string;
  readonly direction: string;
  readonly nullFirst: boolean;
}

export interface Status {
  readonly errorCode: number;
  readonly reason: string;
  readonly code: number;
  readonly retriable: boolean;
  readonly detail: string;
  readonly extraInfo: ReadonlyMap<string, string>;
}

export interface TopHitsSpec {
  readonly size: bigint;
  readonly sort: readonly SortSpec[];
}

export interface DescribeSegmentIndexDataRequest {
  readonly base: MsgBase | undefined;
  readonly collectionName: string;
  readonly indexName: string;
  readonly segmentsIDs: readonly bigint[];
}

export interface DescribeSegmentIndexDataResponse {
  readonly status: Status | undefined;
  readonly indexData: ReadonlyMap<bigint, SegmentIndexData>;
  readonly indexParams: readonly KeyValuePair[];
}

export interface ListIndexedSegmentRequest {
  readonly base: MsgBase | undefined;
  readonly collectionName: string;
  readonly indexName: string;
}

export interface ListIndexedSegmentResponse {
  readonly status: Status | undefined;
  readonly segmentIDs: readonly bigint[];
}

export interface SegmentIndexData {
  readonly segmentID: bigint;
  readonly indexData: string;
}

export interface AddCollectionFieldRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly schema: Uint8Array;
}

export interface AddCollectionFunctionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly functionSchema: FunctionSchema | undefined;
}

export interface AddCollectionStructFieldRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly structArrayFieldSchema: StructArrayFieldSchema | undefined;
}

export interface AddFileResourceRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
  readonly path: string;
}

export interface AddUserTagsRequest {
  readonly base: MsgBase | undefined;
  readonly userName: string;
  readonly tags: ReadonlyMap<string, string>;
}

export interface AllocTimestampRequest {
  readonly base: MsgBase | undefined;
}

export interface AllocTimestampResponse {
  readonly status: Status | undefined;
  readonly timestamp: bigint;
}

export interface AlterAliasRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly alias: string;
}

export interface AlterCollectionFieldRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldName: string;
  readonly properties: readonly KeyValuePair[];
  readonly deleteKeys: readonly string[];
}

export interface AlterCollectionFunctionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly functionName: string;
  readonly functionSchema: FunctionSchema | undefined;
}

export interface AlterCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly properties: readonly KeyValuePair[];
  readonly deleteKeys: readonly string[];
}

export interface AlterCollectionSchemaRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly action: AlterCollectionSchemaRequestAction | undefined;
}

export interface AlterCollectionSchemaRequestAction {
  readonly addRequest: AlterCollectionSchemaRequestAddRequest | undefined;
  readonly dropRequest: AlterCollectionSchemaRequestDropRequest | undefined;
}

export interface AlterCollectionSchemaRequestAddRequest {
  readonly fieldInfos: readonly AlterCollectionSchemaRequestFieldInfo[];
  readonly funcSchema: readonly FunctionSchema[];
  readonly doPhysicalBackfill: boolean;
}

export interface AlterCollectionSchemaRequestDropRequest {
  readonly fieldName: string | undefined;
  readonly fieldId: bigint | undefined;
  readonly functionName: string | undefined;
  readonly dropFunctionOutputFields: boolean;
}

export interface AlterCollectionSchemaRequestFieldInfo {
  readonly fieldSchema: FieldSchema | undefined;
  readonly indexName: string;
  readonly extraParams: readonly KeyValuePair[];
}

export interface AlterCollectionSchemaResponse {
  readonly alterStatus: Status | undefined;
}

export interface AlterDatabaseRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly dbId: string;
  readonly properties: readonly KeyValuePair[];
  readonly deleteKeys: readonly string[];
}

export interface AlterIndexRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly indexName: string;
  readonly extraParams: readonly KeyValuePair[];
  readonly deleteKeys: readonly string[];
}

export interface AlterRoleRequest {
  readonly base: MsgBase | undefined;
  readonly roleName: string;
  readonly description: string;
}

export interface AnalyzerResult {
  readonly tokens: readonly AnalyzerToken[];
}

export interface AnalyzerToken {
  readonly token: string;
  readonly startOffset: bigint;
  readonly endOffset: bigint;
  readonly position: bigint;
  readonly positionLength: bigint;
  readonly hash: number;
}

export interface BackupRBACMetaRequest {
  readonly base: MsgBase | undefined;
}

export interface BackupRBACMetaResponse {
  readonly status: Status | undefined;
  readonly RBACMeta: RBACMeta | undefined;
}

export interface BatchDescribeCollectionRequest {
  readonly dbName: string;
  readonly collectionName: readonly string[];
  readonly collectionID: readonly bigint[];
}

export interface BatchDescribeCollectionResponse {
  readonly status: Status | undefined;
  readonly responses: readonly DescribeCollectionResponse[];
}

export interface BatchUpdateManifestItem {
  readonly segmentId: bigint;
  readonly manifestVersion: bigint;
}

export interface BatchUpdateManifestRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldNames: readonly string[];
  readonly items: readonly BatchUpdateManifestItem[];
}

export interface BoolResponse {
  readonly status: Status | undefined;
  readonly value: boolean;
}

export interface CalcDistanceRequest {
  readonly base: MsgBase | undefined;
  readonly opLeft: VectorsArray | undefined;
  readonly opRight: VectorsArray | undefined;
  readonly params: readonly KeyValuePair[];
}

export interface CalcDistanceResults {
  readonly status: Status | undefined;
  readonly intDist: IntArray | undefined;
  readonly floatDist: FloatArray | undefined;
}

export type CheckHealthRequest = Readonly<Record<never, never>>;

export interface CheckHealthResponse {
  readonly status: Status | undefined;
  readonly isHealthy: boolean;
  readonly reasons: readonly string[];
  readonly quotaStates: readonly number[];
}

export interface ClusterInfo {
  readonly clusterId: string;
  readonly cchannel: string;
  readonly pchannels: readonly string[];
}

export interface CompactionMergeInfo {
  readonly sources: readonly bigint[];
  readonly target: bigint;
}

export interface ComponentInfo {
  readonly nodeID: bigint;
  readonly role: string;
  readonly stateCode: number;
  readonly extraInfo: readonly KeyValuePair[];
}

export interface ComponentStates {
  readonly state: ComponentInfo | undefined;
  readonly subcomponentStates: readonly ComponentInfo[];
  readonly status: Status | undefined;
}

export interface ComputePhraseMatchSlopRequest {
  readonly base: MsgBase | undefined;
  readonly analyzerParams: string;
  readonly queryText: string;
  readonly dataTexts: readonly string[];
}

export interface ComputePhraseMatchSlopResponse {
  readonly status: Status | undefined;
  readonly isMatch: readonly boolean[];
  readonly slops: readonly bigint[];
}

export interface ConnectRequest {
  readonly base: MsgBase | undefined;
  readonly clientInfo: ClientInfo | undefined;
}

export interface ConnectResponse {
  readonly status: Status | undefined;
  readonly serverInfo: ServerInfo | undefined;
  readonly identifier: bigint;
}

export interface CreateAliasRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly alias: string;
}

export interface CreateCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly schema: Uint8Array;
  readonly shardsNum: number;
  readonly consistencyLevel: number;
  readonly properties: readonly KeyValuePair[];
  readonly numPartitions: bigint;
}

export interface CreateCredentialRequest {
  readonly base: MsgBase | undefined;
  readonly username: string;
  readonly password: string;
  readonly createdUtcTimestamps: bigint;
  readonly modifiedUtcTimestamps: bigint;
  readonly description: string | undefined;
}

export interface CreateDatabaseRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly properties: readonly KeyValuePair[];
}

export interface CreateIndexRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldName: string;
  readonly extraParams: readonly KeyValuePair[];
  readonly indexName: string;
}

export interface CreateNamespaceRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly namespaceName: string;
}

export interface CreateNamespaceResponse {
  readonly status: Status | undefined;
  readonly namespace: NamespaceInfo | undefined;
}

export interface CreatePartitionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
}

export interface CreatePrivilegeGroupRequest {
  readonly base: MsgBase | undefined;
  readonly groupName: string;
}

export interface CreateResourceGroupRequest {
  readonly base: MsgBase | undefined;
  readonly resourceGroup: string;
  readonly config: ResourceGroupConfig | undefined;
}

export interface CreateRoleRequest {
  readonly base: MsgBase | undefined;
  readonly entity: RoleEntity | undefined;
}

export interface CreateRowPolicyRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly policyName: string;
  readonly actions: readonly number[];
  readonly roles: readonly string[];
  readonly usingExpr: string;
  readonly checkExpr: string;
  readonly description: string;
}

export interface CreateSnapshotRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
  readonly description: string;
  readonly dbName: string;
  readonly collectionName: string;
  readonly compactionProtectionSeconds: bigint;
}

export interface DeleteCredentialRequest {
  readonly base: MsgBase | undefined;
  readonly username: string;
}

export interface DeleteRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
  readonly expr: string;
  readonly hashKeys: Uint32Array;
  readonly consistencyLevel: number;
  readonly exprTemplateValues: ReadonlyMap<string, TemplateValue>;
  readonly namespace: string | undefined;
}

export interface DeleteUserTagsRequest {
  readonly base: MsgBase | undefined;
  readonly userName: string;
  readonly tagKeys: readonly string[];
}

export interface DescribeAliasRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly alias: string;
}

export interface DescribeAliasResponse {
  readonly status: Status | undefined;
  readonly dbName: string;
  readonly alias: string;
  readonly collection: string;
}

export interface DescribeCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly timeStamp: bigint;
}

export interface DescribeCollectionResponse {
  readonly status: Status | undefined;
  readonly schema: CollectionSchema | undefined;
  readonly collectionID: bigint;
  readonly virtualChannelNames: readonly string[];
  readonly physicalChannelNames: readonly string[];
  readonly createdTimestamp: bigint;
  readonly createdUtcTimestamp: bigint;
  readonly shardsNum: number;
  readonly aliases: readonly string[];
  readonly startPositions: readonly KeyDataPair[];
  readonly consistencyLevel: number;
  readonly collectionName: string;
  readonly properties: readonly KeyValuePair[];
  readonly dbName: string;
  readonly numPartitions: bigint;
  readonly dbId: bigint;
  readonly requestTime: bigint;
  readonly updateTimestamp: bigint;
  readonly updateTimestampStr: string;
}

export interface DescribeDatabaseRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
}

export interface DescribeDatabaseResponse {
  readonly status: Status | undefined;
  readonly dbName: string;
  readonly dbID: bigint;
  readonly createdTimestamp: bigint;
  readonly properties: readonly KeyValuePair[];
}

export interface DescribeIndexRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldName: string;
  readonly indexName: string;
  readonly timestamp: bigint;
}

export interface DescribeIndexResponse {
  readonly status: Status | undefined;
  readonly indexDescriptions: readonly IndexDescription[];
}

export interface DescribeNamespaceRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly namespaceName: string;
}

export interface DescribeNamespaceResponse {
  readonly status: Status | undefined;
  readonly namespace: NamespaceInfo | undefined;
}

export interface DescribePrewarmTaskRequest {
  readonly base: MsgBase | undefined;
  readonly taskID: string;
}

export interface DescribePrewarmTaskResponse {
  readonly status: Status | undefined;
  readonly taskID: string;
  readonly state: number;
  readonly progress: number;
  readonly errorMessage: string;
}

export interface DescribeResourceGroupRequest {
  readonly base: MsgBase | undefined;
  readonly resourceGroup: string;
}

export interface DescribeResourceGroupResponse {
  readonly status: Status | undefined;
  readonly resourceGroup: ResourceGroup | undefined;
}

export interface DescribeSnapshotRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface DescribeSnapshotResponse {
  readonly status: Status | undefined;
  readonly name: string;
  readonly description: string;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  readonly createTs: bigint;
  readonly s3Location: string;
}

export interface DropAliasRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly alias: string;
}

export interface DropCollectionFunctionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly functionName: string;
}

export interface DropCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface DropDatabaseRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
}

export interface DropIndexRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldName: string;
  readonly indexName: string;
}

export interface DropNamespaceRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly namespaceName: string;
}

export interface DropNamespaceResponse {
  readonly status: Status | undefined;
  readonly namespace: NamespaceInfo | undefined;
}

export interface DropPartitionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
}

export interface DropPrivilegeGroupRequest {
  readonly base: MsgBase | undefined;
  readonly groupName: string;
}

export interface DropResourceGroupRequest {
  readonly base: MsgBase | undefined;
  readonly resourceGroup: string;
}

export interface DropRoleRequest {
  readonly base: MsgBase | undefined;
  readonly roleName: string;
  readonly forceDrop: boolean;
}

export interface DropRowPolicyRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly policyName: string;
}

export interface DropSnapshotRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface DummyRequest {
  readonly requestType: string;
}

export interface DummyResponse {
  readonly response: string;
}

export interface DumpMessagesRequest {
  readonly pchannel: string;
  readonly startMessageId: MessageID | undefined;
  readonly startTimetick: bigint;
  readonly endTimetick: bigint;
  readonly includeStartMessage: boolean;
}

export interface DumpMessagesResponse {
  readonly status: Status | undefined;
  readonly message: ImmutableMessage | undefined;
}

export interface ElementIndices {
  readonly indices: LongArray | undefined;
}

export interface ExportSnapshotRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
  readonly dbName: string;
  readonly collectionName: string;
  readonly targetS3Path: string;
  readonly externalSpec: string;
}

export interface ExportSnapshotResponse {
  readonly status: Status | undefined;
  readonly snapshotMetadataUri: string;
}

export interface FileResourceInfo {
  readonly id: bigint;
  readonly name: string;
  readonly path: string;
}

export interface FlushAllRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly flushTargets: readonly FlushAllTarget[];
}

export interface FlushAllResponse {
  readonly status: Status | undefined;
  readonly flushAllTs: bigint;
  readonly flushResults: readonly FlushAllResult[];
  readonly flushAllMsgs: ReadonlyMap<string, ImmutableMessage>;
  readonly clusterInfo: ClusterInfo | undefined;
}

export interface FlushAllResult {
  readonly dbName: string;
  readonly collectionResults: readonly FlushCollectionResult[];
}

export interface FlushAllState {
  readonly dbName: string;
  readonly collectionFlushStates: ReadonlyMap<string, boolean>;
}

export interface FlushAllTarget {
  readonly dbName: string;
  readonly collectionNames: readonly string[];
}

export interface FlushCollectionResult {
  readonly collectionName: string;
  readonly segmentIds: LongArray | undefined;
  readonly flushSegmentIds: LongArray | undefined;
  readonly sealTime: bigint;
  readonly flushTs: bigint;
  readonly channelCps: ReadonlyMap<string, MsgPosition>;
}

export interface FlushRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionNames: readonly string[];
}

export interface FlushResponse {
  readonly status: Status | undefined;
  readonly dbName: string;
  readonly collSegIDs: ReadonlyMap<string, LongArray>;
  readonly flushCollSegIDs: ReadonlyMap<string, LongArray>;
  readonly collSealTimes: ReadonlyMap<string, bigint>;
  readonly collFlushTs: ReadonlyMap<string, bigint>;
  readonly channelCps: ReadonlyMap<string, MsgPosition>;
}

export interface GetCollectionStatisticsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface GetCollectionStatisticsResponse {
  readonly status: Status | undefined;
  readonly stats: readonly KeyValuePair[];
}

export interface GetCompactionPlansRequest {
  readonly compactionID: bigint;
}

export interface GetCompactionPlansResponse {
  readonly status: Status | undefined;
  readonly state: number;
  readonly mergeInfos: readonly CompactionMergeInfo[];
}

export interface GetCompactionStateRequest {
  readonly compactionID: bigint;
}

export interface GetCompactionStateResponse {
  readonly status: Status | undefined;
  readonly state: number;
  readonly executingPlanNo: bigint;
  readonly timeoutPlanNo: bigint;
  readonly completedPlanNo: bigint;
  readonly failedPlanNo: bigint;
}

export type GetComponentStatesRequest = Readonly<Record<never, never>>;

export interface GetFlushAllStateRequest {
  readonly base: MsgBase | undefined;
  readonly flushAllTs: bigint;
  readonly dbName: string;
  readonly flushTargets: readonly FlushAllTarget[];
  readonly flushAllTss: ReadonlyMap<string, bigint>;
}

export interface GetFlushAllStateResponse {
  readonly status: Status | undefined;
  readonly flushed: boolean;
  readonly flushStates: readonly FlushAllState[];
}

export interface GetFlushStateRequest {
  readonly segmentIDs: readonly bigint[];
  readonly flushTs: bigint;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface GetFlushStateResponse {
  readonly status: Status | undefined;
  readonly flushed: boolean;
}

export interface GetImportStateRequest {
  readonly task: bigint;
}

export interface GetImportStateResponse {
  readonly status: Status | undefined;
  readonly state: number;
  readonly rowCount: bigint;
  readonly idList: readonly bigint[];
  readonly infos: readonly KeyValuePair[];
  readonly id: bigint;
  readonly collectionId: bigint;
  readonly segmentIds: readonly bigint[];
  readonly createTs: bigint;
}

export interface GetIndexBuildProgressRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldName: string;
  readonly indexName: string;
}

export interface GetIndexBuildProgressResponse {
  readonly status: Status | undefined;
  readonly indexedRows: bigint;
  readonly totalRows: bigint;
}

export interface GetIndexStateRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldName: string;
  readonly indexName: string;
}

export interface GetIndexStateResponse {
  readonly status: Status | undefined;
  readonly state: number;
  readonly failReason: string;
}

export interface GetIndexStatisticsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly indexName: string;
  readonly timestamp: bigint;
}

export interface GetIndexStatisticsResponse {
  readonly status: Status | undefined;
  readonly indexDescriptions: readonly IndexDescription[];
}

export interface GetLoadStateRequest {
  readonly base: MsgBase | undefined;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  readonly dbName: string;
}

export interface GetLoadStateResponse {
  readonly status: Status | undefined;
  readonly state: number;
}

export interface GetLoadingProgressRequest {
  readonly base: MsgBase | undefined;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  readonly dbName: string;
}

export interface GetLoadingProgressResponse {
  readonly status: Status | undefined;
  readonly progress: bigint;
  readonly refreshProgress: bigint;
}

export interface GetMetricsRequest {
  readonly base: MsgBase | undefined;
  readonly request: string;
}

export interface GetMetricsResponse {
  readonly status: Status | undefined;
  readonly response: string;
  readonly componentName: string;
}

export interface GetNamespaceStatsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly namespaceName: string;
  readonly exact: boolean;
}

export interface GetNamespaceStatsResponse {
  readonly status: Status | undefined;
  readonly namespaceName: string;
  readonly stats: NamespaceStats | undefined;
}

export interface GetPartitionStatisticsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
}

export interface GetPartitionStatisticsResponse {
  readonly status: Status | undefined;
  readonly stats: readonly KeyValuePair[];
}

export interface GetPersistentSegmentInfoRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface GetPersistentSegmentInfoResponse {
  readonly status: Status | undefined;
  readonly infos: readonly PersistentSegmentInfo[];
}

export interface GetQuerySegmentInfoRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface GetQuerySegmentInfoResponse {
  readonly status: Status | undefined;
  readonly infos: readonly QuerySegmentInfo[];
}

export interface GetRefreshExternalCollectionProgressRequest {
  readonly base: MsgBase | undefined;
  readonly jobId: bigint;
}

export interface GetRefreshExternalCollectionProgressResponse {
  readonly status: Status | undefined;
  readonly jobInfo: RefreshExternalCollectionJobInfo | undefined;
}

export interface GetReplicasRequest {
  readonly base: MsgBase | undefined;
  readonly collectionID: bigint;
  readonly withShardNodes: boolean;
  readonly collectionName: string;
  readonly dbName: string;
}

export interface GetReplicasResponse {
  readonly status: Status | undefined;
  readonly replicas: readonly ReplicaInfo[];
}

export type GetReplicateConfigurationRequest = Readonly<Record<never, never>>;

export interface GetReplicateConfigurationResponse {
  readonly status: Status | undefined;
  readonly configuration: ReplicateConfiguration | undefined;
}

export interface GetReplicateInfoRequest {
  readonly sourceClusterId: string;
  readonly targetPchannel: string;
}

export interface GetReplicateInfoResponse {
  readonly checkpoint: ReplicateCheckpoint | undefined;
  readonly salvageCheckpoint: ReplicateCheckpoint | undefined;
}

export interface GetRestoreSnapshotStateRequest {
  readonly base: MsgBase | undefined;
  readonly jobId: bigint;
}

export interface GetRestoreSnapshotStateResponse {
  readonly status: Status | undefined;
  readonly info: RestoreSnapshotInfo | undefined;
}

export interface GetUserTagsRequest {
  readonly base: MsgBase | undefined;
  readonly userName: string;
}

export interface GetUserTagsResponse {
  readonly status: Status | undefined;
  readonly tags: ReadonlyMap<string, string>;
}

export type GetVersionRequest = Readonly<Record<never, never>>;

export interface GetVersionResponse {
  readonly status: Status | undefined;
  readonly version: string;
}

export interface GrantEntity {
  readonly role: RoleEntity | undefined;
  readonly object: ObjectEntity | undefined;
  readonly objectName: string;
  readonly grantor: GrantorEntity | undefined;
  readonly dbName: string;
}

export interface GrantorEntity {
  readonly user: UserEntity | undefined;
  readonly privilege: PrivilegeEntity | undefined;
}

export interface HasCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly timeStamp: bigint;
}

export interface HasNamespaceRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly namespaceName: string;
}

export interface HasNamespaceResponse {
  readonly status: Status | undefined;
  readonly value: boolean;
}

export interface HasPartitionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
}

export interface HybridSearchRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  readonly requests: readonly SearchRequest[];
  readonly rankParams: readonly KeyValuePair[];
  readonly travelTimestamp: bigint;
  readonly guaranteeTimestamp: bigint;
  readonly notReturnAllMeta: boolean;
  readonly outputFields: readonly string[];
  readonly consistencyLevel: number;
  readonly useDefaultConsistency: boolean;
  readonly functionScore: FunctionScore | undefined;
  readonly namespace: string | undefined;
  readonly functionChains: readonly FunctionChain[];
}

export interface ImportRequest {
  readonly collectionName: string;
  readonly partitionName: string;
  readonly channelNames: readonly string[];
  readonly rowBased: boolean;
  readonly files: readonly string[];
  readonly options: readonly KeyValuePair[];
  readonly dbName: string;
  readonly clusteringInfo: Uint8Array;
}

export interface ImportResponse {
  readonly status: Status | undefined;
  readonly tasks: readonly bigint[];
}

export interface IndexDescription {
  readonly indexName: string;
  readonly indexID: bigint;
  readonly params: readonly KeyValuePair[];
  readonly fieldName: string;
  readonly indexedRows: bigint;
  readonly totalRows: bigint;
  readonly state: number;
  readonly indexStateFailReason: string;
  readonly pendingIndexRows: bigint;
  readonly minIndexVersion: number;
  readonly maxIndexVersion: number;
}

export interface InsertRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
  readonly fieldsData: readonly FieldData[];
  readonly hashKeys: Uint32Array;
  readonly numRows: number;
  readonly schemaTimestamp: bigint;
  readonly namespace: string | undefined;
}

export interface ListAliasesRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface ListAliasesResponse {
  readonly status: Status | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly aliases: readonly string[];
}

export interface ListCredUsersRequest {
  readonly base: MsgBase | undefined;
}

export interface ListCredUsersResponse {
  readonly status: Status | undefined;
  readonly usernames: readonly string[];
}

export interface ListDatabasesRequest {
  readonly base: MsgBase | undefined;
}

export interface ListDatabasesResponse {
  readonly status: Status | undefined;
  readonly dbNames: readonly string[];
  readonly createdTimestamp: readonly bigint[];
  readonly dbIds: readonly bigint[];
}

export interface ListFileResourcesRequest {
  readonly base: MsgBase | undefined;
}

export interface ListFileResourcesResponse {
  readonly status: Status | undefined;
  readonly resources: readonly FileResourceInfo[];
}

export interface ListImportTasksRequest {
  readonly collectionName: string;
  readonly limit: bigint;
  readonly dbName: string;
}

export interface ListImportTasksResponse {
  readonly status: Status | undefined;
  readonly tasks: readonly GetImportStateResponse[];
}

export interface ListNamespacesRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly prefix: string;
  readonly pageSize: bigint;
  readonly pageToken: string;
}

export interface ListNamespacesResponse {
  readonly status: Status | undefined;
  readonly namespaces: readonly NamespaceInfo[];
  readonly nextPageToken: string;
}

export interface ListPrivilegeGroupsRequest {
  readonly base: MsgBase | undefined;
}

export interface ListPrivilegeGroupsResponse {
  readonly status: Status | undefined;
  readonly privilegeGroups: readonly PrivilegeGroupInfo[];
}

export interface ListRefreshExternalCollectionJobsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface ListRefreshExternalCollectionJobsResponse {
  readonly status: Status | undefined;
  readonly jobs: readonly RefreshExternalCollectionJobInfo[];
}

export interface ListResourceGroupsRequest {
  readonly base: MsgBase | undefined;
}

export interface ListResourceGroupsResponse {
  readonly status: Status | undefined;
  readonly resourceGroups: readonly string[];
}

export interface ListRestoreSnapshotJobsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface ListRestoreSnapshotJobsResponse {
  readonly status: Status | undefined;
  readonly jobs: readonly RestoreSnapshotInfo[];
}

export interface ListRowPoliciesRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface ListRowPoliciesResponse {
  readonly status: Status | undefined;
  readonly policies: readonly RowPolicy[];
  readonly dbName: string;
  readonly collectionName: string;
}

export interface ListSnapshotsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface ListSnapshotsResponse {
  readonly status: Status | undefined;
  readonly snapshots: readonly string[];
}

export interface ListUsersWithTagRequest {
  readonly base: MsgBase | undefined;
  readonly tagKey: string;
  readonly tagValue: string;
}

export interface ListUsersWithTagResponse {
  readonly status: Status | undefined;
  readonly userNames: readonly string[];
}

export interface LoadBalanceRequest {
  readonly base: MsgBase | undefined;
  readonly srcNodeID: bigint;
  readonly dstNodeIDs: readonly bigint[];
  readonly sealedSegmentIDs: readonly bigint[];
  readonly collectionName: string;
  readonly dbName: string;
}

export interface LoadCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly replicaNumber: number;
  readonly resourceGroups: readonly string[];
  readonly refresh: boolean;
  readonly loadFields: readonly string[];
  readonly skipLoadDynamicField: boolean;
  readonly loadParams: ReadonlyMap<string, string>;
}

export interface LoadPartitionsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  readonly replicaNumber: number;
  readonly resourceGroups: readonly string[];
  readonly refresh: boolean;
  readonly loadFields: readonly string[];
  readonly skipLoadDynamicField: boolean;
  readonly loadParams: ReadonlyMap<string, string>;
}

export interface ManualCompactionRequest {
  readonly collectionID: bigint;
  readonly timetravel: bigint;
  readonly majorCompaction: boolean;
  readonly collectionName: string;
  readonly dbName: string;
  readonly partitionId: bigint;
  readonly channel: string;
  readonly segmentIds: readonly bigint[];
  readonly l0Compaction: boolean;
  readonly targetSize: bigint;
}

export interface ManualCompactionResponse {
  readonly status: Status | undefined;
  readonly compactionID: bigint;
  readonly compactionPlanCount: number;
}

export interface MutationResult {
  readonly status: Status | undefined;
  readonly IDs: IDs | undefined;
  readonly succIndex: Uint32Array;
  readonly errIndex: Uint32Array;
  readonly acknowledged: boolean;
  readonly insertCnt: bigint;
  readonly deleteCnt: bigint;
  readonly upsertCnt: bigint;
  readonly timestamp: bigint;
}

export interface NamespaceInfo {
  readonly collectionName: string;
  readonly namespaceName: string;
  readonly createdTimestamp: bigint;
  readonly createdUtcTimestamp: bigint;
  readonly state: string;
  readonly stats: NamespaceStats | undefined;
}

export interface NamespaceStats {
  readonly stats: readonly KeyValuePair[];
  readonly approxEntityCount: bigint;
  readonly entityCount: bigint;
  readonly entityCountType: string;
  readonly logicalBytes: bigint;
  readonly lastWriteTimestamp: bigint;
  readonly lastWriteUtcTimestamp: bigint;
}

export interface ObjectEntity {
  readonly name: string;
}

export interface OperatePrivilegeGroupRequest {
  readonly base: MsgBase | undefined;
  readonly groupName: string;
  readonly privileges: readonly PrivilegeEntity[];
  readonly type: number;
}

export interface OperatePrivilegeRequest {
  readonly base: MsgBase | undefined;
  readonly entity: GrantEntity | undefined;
  readonly type: number;
  readonly version: string;
}

export interface OperatePrivilegeV2Request {
  readonly base: MsgBase | undefined;
  readonly role: RoleEntity | undefined;
  readonly grantor: GrantorEntity | undefined;
  readonly type: number;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface OperateUserRoleRequest {
  readonly base: MsgBase | undefined;
  readonly username: string;
  readonly roleName: string;
  readonly type: number;
}

export interface PersistentSegmentInfo {
  readonly segmentID: bigint;
  readonly collectionID: bigint;
  readonly partitionID: bigint;
  readonly numRows: bigint;
  readonly state: number;
  readonly level: number;
  readonly isSorted: boolean;
  readonly storageVersion: bigint;
}

export interface PinSnapshotDataRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
  readonly dbName: string;
  readonly collectionName: string;
  readonly ttlSeconds: bigint;
}

export interface PinSnapshotDataResponse {
  readonly status: Status | undefined;
  readonly pinId: bigint;
}

export interface PrewarmRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly namespace: string | undefined;
  readonly replicaNumber: number;
  readonly resourceGroups: readonly string[];
  readonly loadFields: readonly string[];
  readonly skipLoadDynamicField: boolean;
  readonly loadParams: ReadonlyMap<string, string>;
  readonly ttlSeconds: bigint;
  readonly priority: string;
}

export interface PrewarmResponse {
  readonly status: Status | undefined;
  readonly taskID: string;
  readonly namespace: string | undefined;
}

export interface PrivilegeEntity {
  readonly name: string;
}

export interface PrivilegeGroupInfo {
  readonly groupName: string;
  readonly privileges: readonly PrivilegeEntity[];
}

export interface QueryRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly expr: string;
  readonly outputFields: readonly string[];
  readonly partitionNames: readonly string[];
  readonly travelTimestamp: bigint;
  readonly guaranteeTimestamp: bigint;
  readonly queryParams: readonly KeyValuePair[];
  readonly notReturnAllMeta: boolean;
  readonly consistencyLevel: number;
  readonly useDefaultConsistency: boolean;
  readonly exprTemplateValues: ReadonlyMap<string, TemplateValue>;
  readonly namespace: string | undefined;
}

export interface QueryResults {
  readonly status: Status | undefined;
  readonly fieldsData: readonly FieldData[];
  readonly collectionName: string;
  readonly outputFields: readonly string[];
  readonly sessionTs: bigint;
  readonly primaryFieldName: string;
  readonly elementIndices: readonly ElementIndices[];
}

export interface QuerySegmentInfo {
  readonly segmentID: bigint;
  readonly collectionID: bigint;
  readonly partitionID: bigint;
  readonly memSize: bigint;
  readonly numRows: bigint;
  readonly indexName: string;
  readonly indexID: bigint;
  readonly nodeID: bigint;
  readonly state: number;
  readonly nodeIds: readonly bigint[];
  readonly level: number;
  readonly isSorted: boolean;
  readonly storageVersion: bigint;
}

export interface RBACMeta {
  readonly users: readonly UserInfo[];
  readonly roles: readonly RoleEntity[];
  readonly grants: readonly GrantEntity[];
  readonly privilegeGroups: readonly PrivilegeGroupInfo[];
}

export interface RefreshExternalCollectionJobInfo {
  readonly jobId: bigint;
  readonly collectionName: string;
  readonly state: number;
  readonly progress: bigint;
  readonly reason: string;
  readonly externalSource: string;
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly externalSpec: string;
}

export interface RefreshExternalCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly externalSource: string;
  readonly externalSpec: string;
}

export interface RefreshExternalCollectionResponse {
  readonly status: Status | undefined;
  readonly jobId: bigint;
}

export type RegisterLinkRequest = Readonly<Record<never, never>>;

export interface RegisterLinkResponse {
  readonly address: Address | undefined;
  readonly status: Status | undefined;
}

export interface ReleaseCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface ReleasePartitionsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
}

export interface RemoveFileResourceRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
}

export interface RenameCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly oldName: string;
  readonly newName: string;
  readonly newDBName: string;
}

export interface ReplicaInfo {
  readonly replicaID: bigint;
  readonly collectionID: bigint;
  readonly partitionIds: readonly bigint[];
  readonly shardReplicas: readonly ShardReplica[];
  readonly nodeIds: readonly bigint[];
  readonly resourceGroupName: string;
  readonly numOutboundNode: ReadonlyMap<string, number>;
}

export interface ReplicateConfirmedMessageInfo {
  readonly confirmedTimeTick: bigint;
}

export interface ReplicateMessage {
  readonly sourceClusterId: string;
  readonly message: ImmutableMessage | undefined;
}

export interface ReplicateMessageRequest {
  readonly base: MsgBase | undefined;
  readonly channelName: string;
  readonly BeginTs: bigint;
  readonly EndTs: bigint;
  readonly Msgs: readonly Uint8Array[];
  readonly StartPositions: readonly MsgPosition[];
  readonly EndPositions: readonly MsgPosition[];
}

export interface ReplicateMessageResponse {
  readonly status: Status | undefined;
  readonly position: string;
}

export interface ReplicateRequest {
  readonly replicateMessage: ReplicateMessage | undefined;
}

export interface ReplicateResponse {
  readonly replicateConfirmedMessageInfo: ReplicateConfirmedMessageInfo | undefined;
}

export interface ResourceGroup {
  readonly name: string;
  readonly capacity: number;
  readonly numAvailableNode: number;
  readonly numLoadedReplica: ReadonlyMap<string, number>;
  readonly numOutgoingNode: ReadonlyMap<string, number>;
  readonly numIncomingNode: ReadonlyMap<string, number>;
  readonly config: ResourceGroupConfig | undefined;
  readonly nodes: readonly NodeInfo[];
}

export interface RestoreExternalSnapshotRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly targetCollectionName: string;
  readonly snapshotMetadataUri: string;
  readonly externalSpec: string;
}

export interface RestoreExternalSnapshotResponse {
  readonly status: Status | undefined;
  readonly jobId: bigint;
}

export interface RestoreRBACMetaRequest {
  readonly base: MsgBase | undefined;
  readonly RBACMeta: RBACMeta | undefined;
}

export interface RestoreSnapshotInfo {
  readonly jobId: bigint;
  readonly snapshotName: string;
  readonly dbName: string;
  readonly collectionName: string;
  readonly state: number;
  readonly progress: number;
  readonly reason: string;
  readonly startTime: bigint;
  readonly timeCost: bigint;
}

export interface RestoreSnapshotRequest {
  readonly base: MsgBase | undefined;
  readonly name: string;
  readonly dbName: string;
  readonly collectionName: string;
  readonly rewriteData: boolean;
  readonly targetDbName: string;
  readonly targetCollectionName: string;
}

export interface RestoreSnapshotResponse {
  readonly status: Status | undefined;
  readonly jobId: bigint;
}

export interface RoleEntity {
  readonly name: string;
  readonly description: string;
}

export interface RoleResult {
  readonly role: RoleEntity | undefined;
  readonly users: readonly UserEntity[];
}

export interface RowPolicy {
  readonly policyName: string;
  readonly actions: readonly number[];
  readonly roles: readonly string[];
  readonly usingExpr: string;
  readonly checkExpr: string;
  readonly description: string;
  readonly createdAt: bigint;
}

export interface RunAnalyzerRequest {
  readonly base: MsgBase | undefined;
  readonly analyzerParams: string;
  readonly placeholder: readonly Uint8Array[];
  readonly withDetail: boolean;
  readonly withHash: boolean;
  readonly dbName: string;
  readonly collectionName: string;
  readonly fieldName: string;
  readonly analyzerNames: readonly string[];
}

export interface RunAnalyzerResponse {
  readonly status: Status | undefined;
  readonly results: readonly AnalyzerResult[];
}

export interface SearchRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  readonly dsl: string;
  readonly placeholderGroup: Uint8Array | undefined;
  readonly dslType: number;
  readonly outputFields: readonly string[];
  readonly searchParams: readonly KeyValuePair[];
  readonly travelTimestamp: bigint;
  readonly guaranteeTimestamp: bigint;
  readonly nq: bigint;
  readonly notReturnAllMeta: boolean;
  readonly consistencyLevel: number;
  readonly useDefaultConsistency: boolean;
  readonly searchByPrimaryKeys: boolean;
  readonly subReqs: readonly SubSearchRequest[];
  readonly exprTemplateValues: ReadonlyMap<string, TemplateValue>;
  readonly functionScore: FunctionScore | undefined;
  readonly namespace: string | undefined;
  readonly highlighter: Highlighter | undefined;
  readonly ids: IDs | undefined;
  readonly searchAggregation: SearchAggregationSpec | undefined;
  readonly functionChains: readonly FunctionChain[];
}

export interface SearchResults {
  readonly status: Status | undefined;
  readonly results: SearchResultData | undefined;
  readonly collectionName: string;
  readonly sessionTs: bigint;
}

export interface SelectGrantRequest {
  readonly base: MsgBase | undefined;
  readonly entity: GrantEntity | undefined;
}

export interface SelectGrantResponse {
  readonly status: Status | undefined;
  readonly entities: readonly GrantEntity[];
}

export interface SelectRoleRequest {
  readonly base: MsgBase | undefined;
  readonly role: RoleEntity | undefined;
  readonly includeUserInfo: boolean;
}

export interface SelectRoleResponse {
  readonly status: Status | undefined;
  readonly results: readonly RoleResult[];
}

export interface SelectUserRequest {
  readonly base: MsgBase | undefined;
  readonly user: UserEntity | undefined;
  readonly includeRoleInfo: boolean;
}

export interface SelectUserResponse {
  readonly status: Status | undefined;
  readonly results: readonly UserResult[];
}

export interface ShardReplica {
  readonly leaderID: bigint;
  readonly leaderAddr: string;
  readonly dmChannelName: string;
  readonly nodeIds: readonly bigint[];
}

export interface ShowCollectionsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly timeStamp: bigint;
  readonly type: number;
  readonly collectionNames: readonly string[];
}

export interface ShowCollectionsResponse {
  readonly status: Status | undefined;
  readonly collectionNames: readonly string[];
  readonly collectionIds: readonly bigint[];
  readonly createdTimestamps: readonly bigint[];
  readonly createdUtcTimestamps: readonly bigint[];
  readonly inMemoryPercentages: readonly bigint[];
  readonly queryServiceAvailable: readonly boolean[];
  readonly shardsNum: readonly number[];
}

export interface ShowPartitionsRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly collectionID: bigint;
  readonly partitionNames: readonly string[];
  readonly type: number;
}

export interface ShowPartitionsResponse {
  readonly status: Status | undefined;
  readonly partitionNames: readonly string[];
  readonly partitionIDs: readonly bigint[];
  readonly createdTimestamps: readonly bigint[];
  readonly createdUtcTimestamps: readonly bigint[];
  readonly inMemoryPercentages: readonly bigint[];
}

export interface SubSearchRequest {
  readonly dsl: string;
  readonly placeholderGroup: Uint8Array;
  readonly dslType: number;
  readonly searchParams: readonly KeyValuePair[];
  readonly nq: bigint;
  readonly exprTemplateValues: ReadonlyMap<string, TemplateValue>;
  readonly namespace: string | undefined;
}

export interface TransferNodeRequest {
  readonly base: MsgBase | undefined;
  readonly sourceResourceGroup: string;
  readonly targetResourceGroup: string;
  readonly numNode: number;
}

export interface TransferReplicaRequest {
  readonly base: MsgBase | undefined;
  readonly sourceResourceGroup: string;
  readonly targetResourceGroup: string;
  readonly collectionName: string;
  readonly numReplica: bigint;
  readonly dbName: string;
}

export interface TruncateCollectionRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
}

export interface TruncateCollectionResponse {
  readonly status: Status | undefined;
}

export interface UnpinSnapshotDataRequest {
  readonly base: MsgBase | undefined;
  readonly pinId: bigint;
}

export interface UpdateCredentialRequest {
  readonly base: MsgBase | undefined;
  readonly username: string;
  readonly oldPassword: string;
  readonly newPassword: string;
  readonly createdUtcTimestamps: bigint;
  readonly modifiedUtcTimestamps: bigint;
  readonly description: string | undefined;
}

export interface UpdateReplicateConfigurationRequest {
  readonly replicateConfiguration: ReplicateConfiguration | undefined;
  readonly forcePromote: boolean;
}

export interface UpdateResourceGroupsRequest {
  readonly base: MsgBase | undefined;
  readonly resourceGroups: ReadonlyMap<string, ResourceGroupConfig>;
}

export interface UpsertRequest {
  readonly base: MsgBase | undefined;
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
  readonly fieldsData: readonly FieldData[];
  readonly hashKeys: Uint32Array;
  readonly numRows: number;
  readonly schemaTimestamp: bigint;
  readonly partialUpdate: boolean;
  readonly namespace: string | undefined;
  readonly fieldOps: readonly FieldPartialUpdateOp[];
}

export interface UserEntity {
  readonly name: string;
}

export interface UserInfo {
  readonly user: string;
  readonly password: string;
  readonly roles: readonly RoleEntity[];
}

export interface UserResult {
  readonly user: UserEntity | undefined;
  readonly roles: readonly RoleEntity[];
  readonly description: string;
}

export interface VectorIDs {
  readonly collectionName: string;
  readonly fieldName: string;
  readonly idArray: IDs | undefined;
  readonly partitionNames: readonly string[];
}

export interface VectorsArray {
  readonly idArray: VectorIDs | undefined;
  readonly dataArray: VectorField | undefined;
}

export interface MsgPosition {
  readonly channelName: string;
  readonly msgID: Uint8Array;
  readonly msgGroup: string;
  readonly timestamp: bigint;
  readonly WALName: number;
}

export interface ResourceGroupConfig {
  readonly requests: ResourceGroupLimit | undefined;
  readonly limits: ResourceGroupLimit | undefined;
  readonly transferFrom: readonly ResourceGroupTransfer[];
  readonly transferTo: readonly ResourceGroupTransfer[];
  readonly nodeFilter: ResourceGroupNodeFilter | undefined;
}

export interface ResourceGroupLimit {
  readonly nodeNum: number;
}

export interface ResourceGroupNodeFilter {
  readonly nodeLabels: readonly KeyValuePair[];
}

export interface ResourceGroupTransfer {
  readonly resourceGroup: string;
}

export interface AggBucket {
  readonly key: readonly BucketKeyEntry[];
  readonly count: bigint;
  readonly metrics: ReadonlyMap<string, MetricValue>;
  readonly hits: readonly AggHit[];
  readonly subGroups: readonly AggBucket[];
}

export interface AggHit {
  readonly intPk: bigint | undefined;
  readonly strPk: string | undefined;
  readonly score: number;
  readonly fields: readonly AggHitField[];
}

export interface AggHitField {
  readonly fieldId: bigint;
  readonly fieldName: string;
  readonly intVal: bigint | undefined;
  readonly boolVal: boolean | undefined;
  readonly floatVal: number | undefined;
  readonly doubleVal: number | undefined;
  readonly stringVal: string | undefined;
  readonly bytesVal: Uint8Array | undefined;
}

export interface ArrayArray {
  readonly data: PackedBytes;
  readonly elementType: number;
}

export interface BoolArray {
  readonly data: Uint8Array;
}

export interface BucketKeyEntry {
  readonly fieldId: bigint;
  readonly fieldName: string;
  readonly intVal: bigint | undefined;
  readonly stringVal: string | undefined;
  readonly boolVal: boolean | undefined;
}

export interface BytesArray {
  readonly data: PackedBytes;
}

export interface CollectionSchema {
  readonly name: string;
  readonly description: string;
  readonly autoID: boolean;
  readonly fields: readonly FieldSchema[];
  readonly enableDynamicField: boolean;
  readonly properties: readonly KeyValuePair[];
  readonly functions: readonly FunctionSchema[];
  readonly dbName: string;
  readonly structArrayFields: readonly StructArrayFieldSchema[];
  readonly version: number;
  readonly externalSource: string;
  readonly externalSpec: string;
  readonly doPhysicalBackfill: boolean;
  readonly fileResourceIds: readonly bigint[];
  readonly enableNamespace: boolean;
}

export interface DateArray {
  readonly data: Int32Array;
}

export interface DoubleArray {
  readonly data: Float64Array;
}

export interface FieldData {
  readonly type: number;
  readonly fieldName: string;
  readonly scalars: ScalarField | undefined;
  readonly vectors: VectorField | undefined;
  readonly fieldId: bigint;
  readonly isDynamic: boolean;
  readonly validData: Uint8Array;
  readonly structArrays: StructArrayField | undefined;
}

export interface FieldPartialUpdateOp {
  readonly fieldName: string;
  readonly op: number;
}

export interface FieldSchema {
  readonly fieldID: bigint;
  readonly name: string;
  readonly isPrimaryKey: boolean;
  readonly description: string;
  readonly dataType: number;
  readonly typeParams: readonly KeyValuePair[];
  readonly indexParams: readonly KeyValuePair[];
  readonly autoID: boolean;
  readonly state: number;
  readonly elementType: number;
  readonly defaultValue: ValueField | undefined;
  readonly isDynamic: boolean;
  readonly isPartitionKey: boolean;
  readonly isClusteringKey: boolean;
  readonly nullable: boolean;
  readonly isFunctionOutput: boolean;
  readonly externalField: string;
}

export interface FloatArray {
  readonly data: Float32Array;
}

export interface FunctionChain {
  readonly name: string;
  readonly stage: number;
  readonly ops: readonly FunctionChainOp[];
}

export interface FunctionChainColumnArg {
  readonly name: string;
}

export interface FunctionChainExpr {
  readonly name: string;
  readonly args: readonly FunctionChainExprArg[];
  readonly params: ReadonlyMap<string, FunctionParamValue>;
}

export interface FunctionChainExprArg {
  readonly column: FunctionChainColumnArg | undefined;
  readonly literal: FunctionParamValue | undefined;
}

export interface FunctionChainOp {
  readonly op: string;
  readonly expr: FunctionChainExpr | undefined;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly params: ReadonlyMap<string, FunctionParamValue>;
}

export interface FunctionParamArray {
  readonly values: readonly FunctionParamValue[];
}

export interface FunctionParamObject {
  readonly fields: ReadonlyMap<string, FunctionParamValue>;
}

export interface FunctionParamValue {
  readonly boolValue: boolean | undefined;
  readonly int64Value: bigint | undefined;
  readonly doubleValue: number | undefined;
  readonly stringValue: string | undefined;
  readonly arrayValue: FunctionParamArray | undefined;
  readonly objectValue: FunctionParamObject | undefined;
  readonly bytesValue: Uint8Array | undefined;
}

export interface FunctionSchema {
  readonly name: string;
  readonly id: bigint;
  readonly description: string;
  readonly type: number;
  readonly inputFieldNames: readonly string[];
  readonly inputFieldIds: readonly bigint[];
  readonly outputFieldNames: readonly string[];
  readonly outputFieldIds: readonly bigint[];
  readonly params: readonly KeyValuePair[];
}

export interface FunctionScore {
  readonly functions: readonly FunctionSchema[];
  readonly params: readonly KeyValuePair[];
}

export interface GeometryArray {
  readonly data: PackedBytes;
}

export interface GeometryWktArray {
  readonly data: PackedBytes;
}

export interface IDs {
  readonly intId: LongArray | undefined;
  readonly strId: StringArray | undefined;
}

export interface IntArray {
  readonly data: Int32Array;
}

export interface JSONArray {
  readonly data: PackedBytes;
}

export interface LongArray {
  readonly data: BigInt64Array;
}

export interface MetricValue {
  readonly intVal: bigint | undefined;
  readonly doubleVal: number | undefined;
  readonly stringVal: string | undefined;
  readonly boolVal: boolean | undefined;
}

export interface MolArray {
  readonly data: PackedBytes;
}

export interface MolSmilesArray {
  readonly data: PackedBytes;
}

export interface ScalarField {
  readonly boolData: BoolArray | undefined;
  readonly intData: IntArray | undefined;
  readonly longData: LongArray | undefined;
  readonly floatData: FloatArray | undefined;
  readonly doubleData: DoubleArray | undefined;
  readonly stringData: StringArray | undefined;
  readonly bytesData: BytesArray | undefined;
  readonly arrayData: ArrayArray | undefined;
  readonly jsonData: JSONArray | undefined;
  readonly geometryData: GeometryArray | undefined;
  readonly timestamptzData: TimestamptzArray | undefined;
  readonly geometryWktData: GeometryWktArray | undefined;
  readonly molData: MolArray | undefined;
  readonly molSmilesData: MolSmilesArray | undefined;
  readonly dateData: DateArray | undefined;
  readonly timeData: TimeArray | undefined;
}

export interface SearchIteratorV2Results {
  readonly token: string;
  readonly lastBound: number;
}

export interface SearchResultData {
  readonly numQueries: bigint;
  readonly topK: bigint;
  readonly fieldsData: readonly FieldData[];
  readonly scores: Float32Array;
  readonly ids: IDs | undefined;
  readonly topks: BigInt64Array;
  readonly outputFields: readonly string[];
  readonly groupByFieldValue: FieldData | undefined;
  readonly allSearchCount: bigint;
  readonly distances: Float32Array;
  readonly searchIteratorV2Results: SearchIteratorV2Results | undefined;
  readonly recalls: Float32Array;
  readonly primaryFieldName: string;
  readonly highlightResults: readonly HighlightResult[];
  readonly elementIndices: LongArray | undefined;
  readonly groupByFieldValues: readonly FieldData[];
  readonly aggBuckets: readonly AggBucket[];
  readonly aggTopks: BigInt64Array;
}

export interface SparseFloatArray {
  readonly contents: PackedBytes;
  readonly dim: bigint;
}

export interface StringArray {
  readonly data: PackedBytes;
}

export interface StructArrayField {
  readonly fields: readonly FieldData[];
}

export interface StructArrayFieldSchema {
  readonly fieldID: bigint;
  readonly name: string;
  readonly description: string;
  readonly fields: readonly FieldSchema[];
  readonly typeParams: readonly KeyValuePair[];
  readonly nullable: boolean;
}

export interface TemplateArrayValue {
  readonly boolData: BoolArray | undefined;
  readonly longData: LongArray | undefined;
  readonly doubleData: DoubleArray | undefined;
  readonly stringData: StringArray | undefined;
  readonly arrayData: TemplateArrayValueArray | undefined;
  readonly jsonData: JSONArray | undefined;
}

export interface TemplateArrayValueArray {
  readonly data: readonly TemplateArrayValue[];
}

export interface TemplateValue {
  readonly boolVal: boolean | undefined;
  readonly int64Val: bigint | undefined;
  readonly floatVal: number | undefined;
  readonly stringVal: string | undefined;
  readonly arrayVal: TemplateArrayValue | undefined;
  readonly bytesVal: Uint8Array | undefined;
}

export interface TimeArray {
  readonly data: BigInt64Array;
}

export interface TimestamptzArray {
  readonly data: BigInt64Array;
}

export interface ValueField {
  readonly boolData: boolean | undefined;
  readonly intData: number | undefined;
  readonly longData: bigint | undefined;
  readonly floatData: number | undefined;
  readonly doubleData: number | undefined;
  readonly stringData: string | undefined;
  readonly bytesData: Uint8Array | undefined;
  readonly timestamptzData: bigint | undefined;
  readonly dateData: number | undefined;
  readonly timeData: bigint | undefined;
}

export interface VectorArray {
  readonly dim: bigint;
  readonly data: readonly VectorField[];
  readonly elementType: number;
}

export interface VectorField {
  readonly dim: bigint;
  readonly floatVector: FloatArray | undefined;
  readonly binaryVector: Uint8Array | undefined;
  readonly float16Vector: Uint8Array | undefined;
  readonly bfloat16Vector: Uint8Array | undefined;
  readonly sparseFloatVector: SparseFloatArray | undefined;
  readonly int8Vector: Uint8Array | undefined;
  readonly vectorArray: VectorArray | undefined;
}
