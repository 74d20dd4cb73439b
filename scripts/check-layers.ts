/**
 * Checks who imports whom (layers.json): layers, packages, what reaches outside of the process, cycles, barrels. It resolves the real
 * files itself and fails when it saw too few of them, so that it cannot pass by seeing nothing.
 *
 *     node scripts/with-setup.mjs scripts/check-layers.ts
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { moduleFacts, type ImportFact, type ModuleFacts } from "./layers/module-facts.ts";

export interface LayerRules {
  readonly filesMin: number;
  readonly layers: Readonly<Record<string, readonly string[]>>;
  readonly interfacesOnly: readonly string[];
  readonly world: {
    readonly allowedIn: readonly string[];
    readonly globals: readonly string[];
    readonly exceptions: Readonly<Record<string, readonly string[]>>;
  };
  readonly unordered: {
    readonly allowedIn: readonly string[];
    readonly imports: Readonly<Record<string, readonly string[]>>;
  };
  readonly packages: Readonly<Record<string, string | readonly string[]>>;
}

export interface Violation {
  readonly rule:
    | "layer"
    | "package"
    | "world"
    | "unordered"
    | "cycle"
    | "barrel"
    | "missing"
    | "computed"
    | "test"
    | "interfaces"
    | "floor";
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

interface Module {
  /** Relative to the repository, with slashes. */
  readonly file: string;
  readonly layer: string;
  readonly isTest: boolean;
  readonly facts: ModuleFacts;
}

/** @returns every violation, and how many files were looked at */
export function checkLayers(root: string, rules: LayerRules): { violations: Violation[]; files: number } {
  const modules = new Map<string, Module>();
  for (const file of sourceFiles(root, "src")) {
    const facts = moduleFacts(readFileSync(path.join(root, file), "utf8"), rules.world.globals);
    modules.set(file, { file, layer: layerOf(file), isTest: isTestFile(file), facts });
  }
  const violations: Violation[] = [];
  if (modules.size < rules.filesMin) {
    const message = `saw only ${modules.size} files, expected at least ${rules.filesMin}`;
    violations.push({ rule: "floor", file: "src", line: 0, message });
  }
  for (const module of modules.values()) violations.push(...checkModule(root, module, modules, rules));
  violations.push(...cycles(modules), ...sharedPackages(modules, rules));
  return { violations, files: modules.size };
}

function sourceFiles(root: string, folder: string): string[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name.split(path.sep).join("/")}`)
    .sort();
}

/** Tests, fuzzers, benches and what only they use (`x.testing.ts`, `testing.ts`, folders called `testing`). */
function isTestFile(file: string): boolean {
  return /(\.(test|testing|fuzz|bench)|\/testing)\.ts$/.test(file) || file.includes("/testing/");
}

/** `src/roles/proxy/x.ts` -> `roles/proxy`, `src/core/tso/x.ts` -> `core`. */
function layerOf(file: string): string {
  const [, first = "", second = ""] = file.split("/");
  return first === "roles" && second !== "" && !second.endsWith(".ts") ? `roles/${second}` : first;
}

function checkModule(
  root: string,
  module: Module,
  modules: ReadonlyMap<string, Module>,
  rules: LayerRules,
): Violation[] {
  const { file, layer, facts, isTest } = module;
  const found: Violation[] = [];
  const report = (rule: Violation["rule"], line: number, message: string) =>
    found.push({ rule, file, line, message });
  if (rules.layers[layer] === undefined && rules.layers[wildcard(layer)] === undefined) {
    report("layer", 1, `${layer} is not a layer of layers.json`);
  }
  if (facts.isBarrel || path.basename(file) === "index.ts")
    report("barrel", 1, "only hands on what other modules export");
  if (rules.interfacesOnly.includes(layer) && !isTest && facts.declaresCode) {
    report("interfaces", 1, `${layer} holds interfaces and constants only`);
  }
  for (const fact of facts.imports) {
    const problem = checkImport(root, module, fact, modules, rules);
    if (problem !== undefined) report(problem.rule, fact.line, problem.message);
  }
  if (isTest) return found;
  const outside = rules.world.allowedIn.includes(layer);
  const exceptions = rules.world.exceptions[layer] ?? [];
  for (const { name, line } of outside ? [] : facts.globals) {
    if (!exceptions.includes(name)) report("world", line, `${layer} must not use ${name}`);
  }
  for (const line of outside ? [] : facts.computedImports)
    report("computed", line, "imports a module whose name is computed");
  return found;
}

function checkImport(
  root: string,
  { file, layer, isTest }: Module,
  { specifier, names }: ImportFact,
  modules: ReadonlyMap<string, Module>,
  rules: LayerRules,
): Pick<Violation, "rule" | "message"> | undefined {
  if (specifier.startsWith("node:") || isBuiltin(specifier)) {
    if (isTest) return undefined;
    if (!rules.world.allowedIn.includes(layer))
      return { rule: "world", message: `${layer} must not import ${specifier}` };
    const unordered = unorderedNames(specifier, names, rules, layer);
    if (unordered.length === 0) return undefined;
    return {
      rule: "unordered",
      message: `${layer} must not import ${unordered.join(", ")} from ${specifier}`,
    };
  }
  if (!specifier.startsWith(".")) return isTest ? undefined : checkPackage(file, layer, specifier, rules);
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  if (!existsSync(path.join(root, target)))
    return { rule: "missing", message: `${specifier} does not exist` };
  if (!target.startsWith("src/")) {
    return isTest ? undefined : { rule: "layer", message: `${specifier} lies outside of src` };
  }
  const imported = modules.get(target);
  if (imported === undefined || isTest) return undefined;
  if (imported.isTest) return { rule: "test", message: `${target} is for tests only` };
  if (mayImport(layer, imported, rules)) return undefined;
  return { rule: "layer", message: `${layer} must not import ${imported.layer} (${specifier})` };
}

function isBuiltin(specifier: string): boolean {
  return [
    "fs",
    "path",
    "os",
    "crypto",
    "http",
    "http2",
    "net",
    "util",
    "events",
    "stream",
    "worker_threads",
  ].includes(specifier);
}

function mayImport(layer: string, imported: Module, rules: LayerRules): boolean {
  if (imported.layer === layer) return true;
  const allowed = rules.layers[layer] ?? rules.layers[wildcard(layer)] ?? [];
  const inFolder = (folder: string) => imported.file.startsWith(`src/${folder}/`);
  if (allowed.some((rule) => rule.startsWith("!") && inFolder(rule.slice(1)))) return false;
  return allowed.includes("*") || allowed.includes(imported.layer);
}

function wildcard(layer: string): string {
  return layer.replace(/\/.*/, "/*");
}

function unorderedNames(
  specifier: string,
  names: readonly string[],
  rules: LayerRules,
  layer: string,
): string[] {
  const patterns = rules.unordered.imports[specifier];
  if (patterns === undefined || rules.unordered.allowedIn.includes(layer)) return [];
  const matches = (pattern: string, name: string) =>
    pattern === name || pattern === "*" || (pattern.startsWith("*") && name.endsWith(pattern.slice(1)));
  return names.filter((name) => {
    if (name === "*") return true;
    if (patterns.some((pattern) => pattern.startsWith("!") && matches(pattern.slice(1), name))) return false;
    return patterns.some((pattern) => matches(pattern, name));
  });
}

function packageRule(specifier: string, rules: LayerRules): readonly string[] | undefined {
  for (const [name, files] of Object.entries(rules.packages)) {
    if (typeof files === "string") continue;
    if (name === specifier || (name.endsWith("/*") && `${specifier}/`.startsWith(name.slice(0, -1))))
      return files;
  }
  return undefined;
}

function checkPackage(
  file: string,
  layer: string,
  specifier: string,
  rules: LayerRules,
): Pick<Violation, "rule" | "message"> | undefined {
  const allowed = packageRule(specifier, rules);
  if (allowed === undefined) {
    if (layer === "adapters") return undefined;
    return { rule: "package", message: `${layer} must not import the package ${specifier}` };
  }
  if (allowed.some((place) => file === place || (place.endsWith("/") && file.startsWith(place))))
    return undefined;
  return { rule: "package", message: `${specifier} may be imported by ${allowed.join(", ")} only` };
}

/** A vendor's package lives behind one file. */
function sharedPackages(modules: ReadonlyMap<string, Module>, rules: LayerRules): Violation[] {
  const users = new Map<string, { file: string; line: number }[]>();
  for (const { file, isTest, layer, facts } of modules.values()) {
    if (isTest || layer !== "adapters") continue;
    for (const { specifier, line } of facts.imports) {
      if (/^(\.|node:)/.test(specifier) || packageRule(specifier, rules) !== undefined) continue;
      const list = users.get(specifier) ?? [];
      if (!list.some((user) => user.file === file)) list.push({ file, line });
      users.set(specifier, list);
    }
  }
  return [...users].flatMap(([specifier, list]) =>
    list.slice(1).map(({ file, line }): Violation => {
      const message = `${specifier} is imported by ${list[0]?.file} already; a vendor's package lives behind one file`;
      return { rule: "package", file, line, message };
    }),
  );
}

/** Each strongly connected group of more than one module (Tarjan 1972), reported once. */
function cycles(modules: ReadonlyMap<string, Module>): Violation[] {
  const targets = (module: Module) =>
    module.facts.imports
      .filter(({ specifier, kind }) => specifier.startsWith(".") && kind !== "worker")
      .map(({ specifier }) =>
        path.posix.normalize(path.posix.join(path.posix.dirname(module.file), specifier)),
      )
      .filter((target) => modules.has(target));
  const order = new Map<string, { index: number; low: number; onStack: boolean }>();
  const stack: string[] = [];
  const groups: string[][] = [];
  const visit = (file: string): { index: number; low: number; onStack: boolean } => {
    const state = { index: order.size, low: order.size, onStack: true };
    order.set(file, state);
    stack.push(file);
    const module = modules.get(file);
    for (const target of module === undefined ? [] : targets(module)) {
      const known = order.get(target);
      if (known === undefined) state.low = Math.min(state.low, visit(target).low);
      else if (known.onStack) state.low = Math.min(state.low, known.index);
      if (target === file) groups.push([file]);
    }
    if (state.low === state.index) {
      const group = stack.splice(stack.indexOf(file));
      for (const member of group) {
        const memberState = order.get(member);
        if (memberState !== undefined) memberState.onStack = false;
      }
      if (group.length > 1) groups.push(group.sort());
    }
    return state;
  };
  for (const file of modules.keys()) if (!order.has(file)) visit(file);
  return groups.map((group) => ({
    rule: "cycle",
    file: group[0] ?? "",
    line: 1,
    message: `modules import each other: ${group.join(", ")}`,
  }));
}

export function readRules(root: string): LayerRules {
  return JSON.parse(readFileSync(path.join(root, "layers.json"), "utf8")) as LayerRules;
}

export function main(): number {
  const root = path.resolve(import.meta.dirname, "..");
  const { violations, files } = checkLayers(root, readRules(root));
  for (const { rule, file, line, message } of violations)
    console.error(`${file}:${line}: [${rule}] ${message}`);
  console.log(`layers: ${files} files, ${violations.length} violations`);
  return violations.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main();
