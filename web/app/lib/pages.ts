// Lists that come by the page.

/** Some rows, and what asks for those behind them. */
export interface Page<T> {
  rows: T[];
  next: string | undefined;
}

/** Reads a list from its beginning till it is at least as long as what a person sees of it, so that news throws nothing away. */
export async function again<T>(read: (after?: string) => Promise<Page<T>>, shown: number): Promise<Page<T>> {
  let found = await read();
  while (found.next && found.rows.length < shown) {
    const { rows, next } = await read(found.next);
    found = { rows: [...found.rows, ...rows], next };
  }
  return found;
}
