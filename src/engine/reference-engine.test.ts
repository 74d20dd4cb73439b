import { engineContract } from "../../tests/contract/engine-contract.ts";
import { ReferenceEngine } from "./reference-engine.ts";

engineContract("reference engine", () => new ReferenceEngine());
