import { SealpostError } from "@sealpost/plugin-sdk";
import { Attempt } from "../lib/attempt.svelte";

/** Something that a wallet is asked for: a person's own no there is no failure. */
export class Asking extends Attempt {
  /** How far it is, and what came of it. */
  said = $state("");
  readonly #refused: string;

  /** `refused` is said when the person says no in the wallet. */
  constructor(refused = "You said no in the wallet: nothing happened.") {
    super();
    this.#refused = refused;
  }

  /** Does `work`, which gives back what is said in the end. */
  ask(work: () => Promise<string>): Promise<void> {
    return this.run(async () => {
      this.said = "";
      try {
        this.said = await work();
      } catch (reason) {
        const isRefusal = reason instanceof SealpostError && reason.code === "wallet_rejected";
        this.said = isRefusal ? this.#refused : "";
        if (!isRefusal) throw reason;
      }
    });
  }
}
