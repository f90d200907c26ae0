// The loader on a page of somebody's own; the test calls it.

import { loadMarketplacePlugin } from "@sealpost/marketplace-loader";

/** What a bundle does here: the layers of a G-code file, or the code and words it is refused with. */
globalThis.layers = async ({ bundle, options, gcode }) => {
  try {
    const plugin = await loadMarketplacePlugin(bundle, null, options);
    const { layers } = plugin.call("stats", new TextEncoder().encode(gcode));
    plugin.dispose();
    return { layers: layers.count };
  } catch ({ code, message, hint }) {
    return { code, message, hint };
  }
};
globalThis.ready = true;
