// Passkeys that sign in: the browser asks the authenticator, the store checks its answer.

import { SealpostError } from "@sealpost/plugin-sdk";

/** Passkeys belong to a name, which an address in digits is not. */
export function passkeysWork(): boolean {
  const isAddress = /^[\d.]+$|:/.test(location.hostname.replace(/^\[|\]$/g, ""));
  return isSecureContext && typeof PublicKeyCredential !== "undefined" && !isAddress;
}

/** Whether passkeys can be offered among what the browser fills in. */
export async function canFillIn(): Promise<boolean> {
  if (!passkeysWork() || typeof PublicKeyCredential.isConditionalMediationAvailable !== "function") return false;
  return PublicKeyCredential.isConditionalMediationAvailable();
}

/** Makes a passkey by what the store asked for. */
export async function create(options: any): Promise<unknown> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  };
  const made = await asked(() => navigator.credentials.create({ publicKey }), "create");
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    ...common(made),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

/** Shows a passkey; with `signal` as one of those that the browser fills in, for as long as it is not aborted. */
export async function show(options: any, signal?: AbortSignal): Promise<unknown> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: described(options.allowCredentials),
  };
  const mediation = signal ? { mediation: "conditional" as const, signal } : {};
  const shown = await asked(() => navigator.credentials.get({ publicKey, ...mediation }), "get");
  const response = shown.response as AuthenticatorAssertionResponse;
  return {
    ...common(shown),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    },
  };
}

function common(credential: PublicKeyCredential) {
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    // What is derived from a passkey stays here, and nothing of it was asked for.
    clientExtensionResults: {},
  };
}

async function asked(question: () => Promise<Credential | null>, doing: "create" | "get"): Promise<PublicKeyCredential> {
  try {
    const credential = await question();
    if (credential) return credential as PublicKeyCredential;
  } catch (cause) {
    const name = (cause as Error).name;
    if (name === "AbortError") throw cause;
    if (name === "InvalidStateError" && doing === "create") {
      throw new SealpostError("passkey_known", "this device has a passkey for your account already", {
        hint: "sign in with it, or use another device",
        cause,
      });
    }
    throw new SealpostError("passkey_cancelled", "no passkey was given", {
      hint: "it was cancelled, took too long, or this device has none: try again, or sign in another way",
      cause,
    });
  }
  throw new SealpostError("passkey_cancelled", "no passkey was given", { hint: "try again, or sign in another way" });
}

function described(list: { id: string; transports?: string[] }[] | undefined) {
  return (list ?? []).map(({ id, transports }) => ({
    type: "public-key" as const,
    id: bytes(id),
    ...(transports?.length && { transports: transports as AuthenticatorTransport[] }),
  }));
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
