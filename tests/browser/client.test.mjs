// The client's tests against a real store, which the packages' own suite leaves out for want of one.

import { SEALPOST } from "./kit/parts.mjs";

process.env.SEALPOST_BIN ??= SEALPOST;
await import("../../sdk/marketplace-client/test/store.test.js");
