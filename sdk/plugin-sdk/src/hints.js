/**
 * What to do about each code, in the words of the Rust crates where they have the same.
 *
 * @type {Record<string, string>}
 */
export const HINTS = {
  bad_argument: "Check the order and the types of the arguments.",
  platform_crypto: "Serve the page over https (or from localhost); in Node, use version 20.19 or newer.",

  json_invalid: "Give plain values: text, finite numbers, true, false, null, lists and objects of them.",

  blob_corrupt: "Fetch the blob again; if it stays, it was sealed with another key.",
  blob_format: "Check that this is the sealed blob, whole.",
  blob_too_large: "Files of this cipher have at most 64 MiB.",

  envelope_curve: "Use a key of the envelope's curve.",
  envelope_key_holder: "Check that the wallet is connected and unlocked, and try again.",
  envelope_malformed: "Fetch the envelope again.",
  envelope_not_for_us: "Check that key and file belong to this envelope.",
  envelope_public_key: "Send the public key again; if it came in an envelope, fetch that again.",
  envelope_secret_key:
    "Private keys have 32 bytes (p384: 48); on secp256k1, p256 and p384 they are above zero and below the order.",
  envelope_unknown_curve: "Name one of ed25519, p256, p384, secp256k1 and x25519, in lower case.",

  eme_cipher_suite: "Ask the publisher for an envelope of this marketplace.",
  eme_field: "Fetch the envelope again.",
  eme_info: "Ask the publisher for an envelope of this marketplace.",
  eme_malformed: "Fetch the envelope again.",
  eme_not_eme: "Give the bytes of an $EME FlatBuffer, with or without size prefix.",
  eme_too_large: "Send the records in several parts.",
  eme_unused_field: "Ask the publisher for an envelope of this marketplace.",

  domain_invalid: "Give a host name such as `example.com`, `localhost`, `127.0.0.1` or `[::1]`.",
  domain_ipv4: "Write the address as in `127.0.0.1`.",
  domain_is_url: "Give the host name alone, without scheme, path or user.",
  domain_not_for_us: "Check domain, secret, plugin and epoch.",
  domain_plugin_id: "Give the plugin's id, such as `com.publisher.my-plugin`.",
  domain_port: "Leave the port out: a domain key is for all ports of its host.",
  domain_secret_empty: "Give the publisher's domain secret.",
  domain_secret_short: "Make a secret of 32 random bytes, for example with `openssl rand 32`.",
  domain_trailing_dot: "Leave the last dot out.",
  domain_wildcard: "Name every domain: each has a key of its own.",

  bundle_malformed: "Fetch the bundle again; if it stays, report it to the publisher.",
  bundle_mixed_domains: "Make a new bundle for the new epoch.",
  bundle_no_data: "Fetch the blob under the bundle's CID and give it along.",
  bundle_no_domains: "Open it with a buyer's key, or ask the publisher to add the domain.",
  bundle_no_envelope: "Use the key it was bought with, or add the envelope from the purchase.",
  bundle_not_for_us:
    "Use the key it was bought with (check the wallet and its index), or add the envelope from the purchase.",
  bundle_wrong_hash: "Do not use it; report it to the publisher.",

  release_bad_signature: "Do not use it; fetch it again, and report it to the publisher if it stays.",
  release_incomplete: "Fetch the bundle again; if it stays, report it to the publisher.",
  release_malformed: "Fetch the release again; if it stays, report it to the publisher.",
  release_number: "Write whole numbers beyond 2^53 as text.",
  release_unsigned: "Ask the publisher for a signed release, or allow unsigned ones on purpose.",
  release_wrong_publisher: "Check from whom it was bought; do not use it if you expected another.",

  plk_activations: "End the use on another device, or buy a licence for more.",
  plk_bad_signature: "Do not use it; check whose key the licence should be signed with.",
  plk_expired: "Renew the licence; check the clock if it should still be valid.",
  plk_field: "Ask the issuer for the licence again.",
  plk_from_the_future: "Wait until then, or check the clock.",
  plk_malformed: "Ask the issuer for the licence again.",
  plk_no_domain_slot: "Check domain and epoch, or open it with the licensee's key.",
  plk_no_envelope: "Ask the publisher for an envelope for the licence's key.",
  plk_not_plk: "Give the licence as JSON or as a $PLK FlatBuffer.",
  plk_not_yet_valid: "Wait until then, or check the clock.",
  plk_too_large: "List fewer domains.",
  plk_unsigned: "Ask the issuer for the licence again.",
  plk_wrong_domain: "Use the plugin on a domain of the licence, or ask the issuer to add this one.",
  plk_wrong_issuer: "Do not use it; check whose key the licence should be signed with.",
  plk_wrong_key: "Give the private key that belongs to LICENSEE_PUBKEY.",
  plk_wrong_plugin: "Use the plugin and version the licence names.",
  plk_wrong_version: "Use the plugin and version the licence names.",

  mnemonic_checksum: "Look for two words that changed places, or a word that looks like another.",
  mnemonic_count: "Look for a word that is missing or there twice; all of them stand on one line.",
  mnemonic_unknown_word: "Compare those words with what you wrote down.",

  passkey_cancelled: "Try again, and confirm with the passkey.",
  passkey_no_prf: "Use another passkey (a phone, a recent security key, a password manager), or a wallet of words.",
  passkey_unavailable: "Serve the page over https in a browser with passkeys, or use a wallet of words.",

  key_proof_elsewhere: "Check the store's address and who is signed in; a store that is reached by another name says so in its `public_url`.",

  signer_not_repeatable: "Take another account, or another place for the key: a passkey, this browser, a recovery phrase.",
  signer_unusable: "Take an account with a key of its own (no contract or multi-party account), or another place for the key.",

  wallet_busy: "Open the wallet and answer it, then try again.",
  wallet_cannot: "Use another wallet.",
  wallet_closed: "Open the wallet again.",
  wallet_failed: "Look into the wallet, and try again.",
  wallet_index: "Take an index below 2147483648.",
  wallet_locked: "Unlock the wallet, and let it show this account to the page.",
  wallet_no_chain: "Add the chain in the wallet, and try again.",
  wallet_no_curve: "Take another curve: p256 is everywhere.",
  wallet_no_key: "Take the next index.",
  wallet_not_found: "Check that it is the wallet it was bought with, or scan further with a larger gap.",
  wallet_rejected: "Nothing was sent. Try again when you want to.",
  wallet_seed: "Make a new wallet.",
  wallet_storage: "Allow the page to keep data, leave private browsing, or use a wallet of words.",
};
