/** What a person asked the page to do: whether it is under way, and what it failed by. */
export class Attempt {
  busy = $state(false);
  error = $state.raw<unknown>();

  /** Does `work`, and nothing while something else is under way; gives nothing where it failed, which `error` tells. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    this.error = undefined;
    try {
      return await work();
    } catch (reason) {
      this.error = reason;
      return undefined;
    } finally {
      this.busy = false;
    }
  }
}
