// What the page and the worker that seals for it say to each other.

/** A failure that travels: errors lose their members on the way. */
export interface Told {
  code: string;
  message: string;
  hint: string;
}

export type Task =
  /** `reader`: where the module that reads G-code lies. */
  | { do: "read"; file: File; reader: string }
  /** `spool`: name of the sealed copy. */
  | { do: "seal"; file: File; spool: string; vault: { curve: string; public_key: string } };

export type News<T> = { progress: number } | { done: T } | { failed: Told };

/** What a slicer and the file itself say, as crates/gcode reads it. */
export interface GcodeReading {
  refusal?: { code: string; sentence: string; hint: string };
  commands: number;
  summary: {
    slicer?: string | null;
    slicer_version?: string | null;
    estimated_time_s?: number | null;
    layers?: number | null;
    layer_height_mm?: number | null;
    object_height_mm?: number | null;
    filament_used_mm?: number | null;
    filament_used_g?: number | null;
    filament_type?: string | null;
    nozzle_diameter_mm?: number | null;
    extruder_temp_c?: number | null;
    bed_temp_c?: number | null;
    printer_model?: string | null;
    printer_profile?: string | null;
    bed_mm?: [number, number] | null;
    extent_mm?: { min: [number, number, number]; max: [number, number, number] } | null;
  };
  picture?: { media_type: string; data: string };
}

export interface SealedFile {
  blob: Blob;
  sealed: { cipher: "age"; envelope: unknown; plain_sha256: string; plain_size: number };
}
