import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { Init } from "../../../wire/codec.ts";
import type { GrantEntity } from "../../../wire/messages.gen.ts";
import { checkPrincipalName } from "../check/names.ts";
import type { ServedHandlers } from "../served-handlers.ts";

/** What every Milvus has before anybody is added; while authorization is off there is no one else. */
const ROOT_USER = "root";
const ROLES: readonly string[] = ["admin", "public"];

/** What the role `public` may do from the beginning. */
const PUBLIC_GRANTS: readonly { readonly objectType: string; readonly privilege: string }[] = [
  { objectType: "Global", privilege: "DescribeCollection" },
  { objectType: "Global", privilege: "ListAliases" },
  { objectType: "Collection", privilege: "IndexDetail" },
];

/** Listings of users, roles and grants answer with the built-in ones (changes are not served). */
export const rbacHandlers = {
  SelectRole(call, request) {
    const wanted = request.role?.name;
    if (wanted !== undefined) checkPrincipalName(wanted, "role name", call.deps.limits);
    const roles = ROLES.filter((role) => wanted === undefined || role === wanted);
    return Promise.resolve({ results: roles.map((name) => ({ role: { name }, users: [] })) });
  },

  SelectUser(call, request) {
    const wanted = request.user?.name;
    if (wanted !== undefined) checkPrincipalName(wanted, "username", call.deps.limits);
    const users = wanted === undefined || wanted === ROOT_USER ? [ROOT_USER] : [];
    return Promise.resolve({ results: users.map((name) => ({ user: { name }, roles: [] })) });
  },

  ListCredUsers() {
    return Promise.resolve({ usernames: [ROOT_USER] });
  },

  SelectGrant(call, request) {
    const { entity } = request;
    if (entity === undefined) return Promise.reject(parameterInvalid("the entity in the request is nil"));
    const role = entity.role?.name;
    if (role === undefined)
      return Promise.reject(parameterInvalid("the role entity in the grant entity is nil"));
    checkPrincipalName(role, "role name", call.deps.limits);
    const objectType = entity.object?.name ?? "";
    const grants = role === "public" ? PUBLIC_GRANTS : [];
    return Promise.resolve({
      entities: grants
        .filter((grant) => objectType === "" || grant.objectType === objectType)
        .map((grant) => toEntity(role, grant)),
    });
  },

  ListPrivilegeGroups() {
    return Promise.resolve({ privilegeGroups: [] });
  },
} satisfies ServedHandlers;

function toEntity(
  role: string,
  grant: { readonly objectType: string; readonly privilege: string },
): Init<GrantEntity> {
  return {
    role: { name: role },
    object: { name: grant.objectType },
    objectName: "*",
    dbName: "default",
    grantor: { user: { name: ROOT_USER }, privilege: { name: grant.privilege } },
  };
}
