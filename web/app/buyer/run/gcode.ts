// Plugins that read G-code: `stats(bytes) -> json` and `preview(bytes, i32, i32) -> bytes` as the example plugin has them.

import type { Manifest } from "../../lib/types";

/** What `stats` answers, as far as it is shown. Millimetres, seconds, grams, degrees Celsius. */
export interface Stats {
  slicer?: string | null;
  time?: { stated_s?: number | null; estimated_s?: number };
  layers?: { count: number; height_mm?: number | null };
  bounds?: { size: [number, number, number] } | null;
  moves?: { print: number; travel: number; retractions: number };
  filament?: { tool: number; material?: string | null; colour?: string | null; length_mm: number; weight_g?: number | null }[];
  filament_mm?: number;
  filament_g?: number | null;
  filament_stated_g?: number | null;
  features?: { name: string; time_s: number; filament_mm: number }[];
  temperatures?: { nozzle_c?: number | null; bed_c?: number | null; chamber_c?: number | null };
}

/** Whether a plugin offers what the G-code view calls. */
export function readsGcode({ functions }: Manifest): boolean {
  const has = (name: string, params: string, result: string) =>
    functions?.[name]?.params?.join() === params && functions[name].result === result;
  return has("stats", "bytes", "json") && has("preview", "bytes,i32,i32", "bytes");
}
