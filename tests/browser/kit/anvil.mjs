// A chain of the test's own: an EVM node with the marketplace's contract and a token on it.

import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";

import { ROOT } from "./parts.mjs";
import { start } from "./service.mjs";

const PACKAGE = "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
const ANVIL = process.env.SEALPOST_TEST_ANVIL ?? path.join(ROOT, PACKAGE);

export const CHAIN_ID = 31337;
/** Which of the node's accounts are whose. */
const [OWNER, TREASURY, PUBLISHER, BUYER, ANOTHER] = [0, 1, 2, 3, 4];

/** Starts it; a block is made for each transaction, and by `mine`. */
export async function startChain() {
  if (!existsSync(ANVIL)) throw new Error(`${ANVIL} is missing: run the suite by \`cargo xtask test browser\``);
  const args = ["--port", "0", "--chain-id", String(CHAIN_ID), "--accounts", "10"];
  const service = await start(ANVIL, args, "Listening on ");
  const url = `http://${/[\d.]+:\d+/.exec(service.line)[0]}`;
  const rpc = askNode(url);
  const accounts = await rpc("eth_accounts");
  const send = async (transaction) => {
    const hash = await rpc("eth_sendTransaction", { gas: "0x6acfc0", ...transaction });
    // Its block is made right after it was answered.
    let receipt;
    for (let times = 0; !receipt && times < 200; times++) {
      receipt = await rpc("eth_getTransactionReceipt", hash);
      if (!receipt) await new Promise((resolve) => setTimeout(resolve, 25));
    }
    if (receipt?.status !== "0x1") throw new Error(`${hash} failed: ${JSON.stringify(transaction).slice(0, 300)}`);
    return receipt;
  };
  const deploy = async (artifact, ...words) => {
    const { bytecode } = JSON.parse(await readFile(path.join(ROOT, "contracts/artifact", `${artifact}.json`), "utf8"));
    return (await send({ from: accounts[OWNER], data: bytecode + words.join("") })).contractAddress;
  };
  return {
    url,
    rpc,
    send,
    owner: accounts[OWNER],
    treasury: accounts[TREASURY],
    publisher: accounts[PUBLISHER],
    buyer: accounts[BUYER],
    another: accounts[ANOTHER],
    contract: await deploy("OrbProMarketplace", word(accounts[OWNER]), word(accounts[TREASURY]), word(1500)),
    usdc: await deploy("test/Usdc"),
    /** Makes blocks. */
    mine: (count) => rpc("anvil_mine", `0x${count.toString(16)}`),
    /** Whether transactions wait for `mine`. */
    pause: (paused) => rpc("evm_setAutomine", !paused),
    coins: async (account) => BigInt(await rpc("eth_getBalance", account, "latest")),
    stop: () => service.stop(),
  };
}

/** Asks a node by JSON-RPC. */
export function askNode(url) {
  return async (method, ...params) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const { result, error } = await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
    if (error) throw Object.assign(new Error(`${method}: ${error.message}`), { code: error.code, data: error.data });
    return result;
  };
}

/** Gives somebody tokens, as many as the token's contract makes. */
export async function mint(chain, to, amount) {
  await chain.send({ from: chain.owner, to: chain.usdc, data: `0x40c10f19${word(to)}${word(amount)}` });
}

export async function tokens(chain, account) {
  return BigInt(await chain.rpc("eth_call", { to: chain.usdc, data: `0x70a08231${word(account)}` }, "latest"));
}

/** The coin that the contract holds for an account. */
export async function held(chain, account) {
  const answer = await chain.rpc("eth_call", { to: chain.contract, data: `0xf7888aec${word(account)}${word(0)}` }, "latest");
  return BigInt(answer.slice(0, 66));
}

/** A number or an address as contracts read it. */
const word = (value) => BigInt(value).toString(16).padStart(64, "0");
