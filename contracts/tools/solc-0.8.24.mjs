#!/usr/bin/env node
// The compiler that Seaport is released with, for forge.
import solc from "solc-0.8.24";
import { asSolc } from "./as-solc.mjs";

asSolc(solc);
