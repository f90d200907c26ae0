// All pages, room by room.

import { routes as account } from "../account/routes";
import { routes as buyer } from "../buyer/routes";
import { routes as operator } from "../operator/routes";
import { routes as printers } from "../printers/routes";
import { routes as seller } from "../seller/routes";
import type { Route } from "./router.svelte";

export const routes: Route[] = [...buyer, ...printers, ...seller, ...account, ...operator];
