#!/usr/bin/env node
// The compiler of the contracts, for forge.
import solc from "solc";
import { asSolc } from "./as-solc.mjs";

asSolc(solc);
