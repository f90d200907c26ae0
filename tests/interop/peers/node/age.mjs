// npm's age-encryption, the JavaScript age by age's author.
import { armor, Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { fromHex, hex } from './bytes.mjs';

export async function recipient({ identity }) {
  return { recipient: await identityToRecipient(identity) };
}

export async function encrypt({ recipient, plain }) {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return { file: hex(await encrypter.encrypt(fromHex(plain))) };
}

export async function decrypt({ identity, file }) {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return { plain: hex(await decrypter.decrypt(fromHex(file))) };
}

export async function encryptWithPassphrase({ passphrase, plain }) {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(12);
  return { file: hex(await encrypter.encrypt(fromHex(plain))) };
}

export async function decryptWithPassphrase({ passphrase, file }) {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  const text = Buffer.from(file, 'hex').toString();
  const binary = text.startsWith('-----BEGIN AGE') ? armor.decode(text) : fromHex(file);
  return { plain: hex(await decrypter.decrypt(binary)) };
}
