// What a G-code file was made for, in words. Whatever it does not say is left out, and nothing is guessed.

import { number } from "./words";
import type { Preview } from "./types";

/** Millimetres and degrees Celsius. */
export interface Machine {
  printer?: string | null;
  bed?: readonly [number, number] | null;
  nozzle?: number | null;
  layer?: number | null;
  nozzleHeat?: number | null;
  bedHeat?: number | null;
  /** Where it extrudes: X, Y, Z. */
  extent?: Box | null;
}

export interface Box {
  min: readonly [number, number, number];
  max: readonly [number, number, number];
}

/** Lines for priming begin a little beyond the bed; what lies further out has its zero in the middle of the bed. */
const BESIDE = 15;

/** As the store tells it of a release. */
export function machineOf(preview: Preview | null | undefined): Machine {
  const { printer, bed_mm, nozzle_mm_x1000, layer_height_mm_x1000, nozzle_temp_c, bed_temp_c, extent } = preview ?? {};
  const places = ([x, y, z]: readonly [number, number, number]) => [x / 100, y / 100, z / 100] as const;
  return {
    printer,
    bed: bed_mm,
    nozzle: nozzle_mm_x1000 && nozzle_mm_x1000 / 1000,
    layer: layer_height_mm_x1000 && layer_height_mm_x1000 / 1000,
    nozzleHeat: nozzle_temp_c,
    bedHeat: bed_temp_c,
    extent: extent && { min: places(extent.min_mm_x100), max: places(extent.max_mm_x100) },
  };
}

/** How far a printer has to reach: G-code stays where it was put, so it counts from the printer's zero. */
export function needs({ min, max }: Box): string {
  const middle = min[0] < -BESIDE || min[1] < -BESIDE;
  const side = (axis: 0 | 1) => (middle ? 2 * Math.max(-min[axis], max[axis]) : max[axis]);
  const sizes = [side(0), side(1), max[2]].map((each) => number(Math.max(1, Math.ceil(each - 0.005))));
  return `at least ${sizes.join(" × ")} mm${middle ? ", with zero in the middle" : ""}`;
}

/** Such as `nozzle 215 °C, bed 60 °C`. */
export function heats({ nozzleHeat, bedHeat }: Machine): string {
  const told = [nozzleHeat && `nozzle ${number(nozzleHeat)} °C`, bedHeat && `bed ${number(bedHeat)} °C`];
  return told.filter(Boolean).join(", ");
}
