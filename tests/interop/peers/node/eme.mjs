// spacedatastandards.org: EME records one after the other, and as one collection.
import { Builder, ByteBuffer } from 'flatbuffers';
import { readFB, standards, writeFB } from 'spacedatastandards.org';
import { fromHex, hex } from './bytes.mjs';

const { EMECOLLECTION, EMECOLLECTIONT, EMET } = standards.EME;

export function write({ records }) {
  return { bytes: hex(writeFB(records.map(toRecord))) };
}

export function read({ bytes }) {
  return { records: readFB(fromHex(bytes)).map(fromRecord) };
}

export function writeCollection({ records, sizePrefixed }) {
  const builder = new Builder();
  const root = new EMECOLLECTIONT(records.map(toRecord)).pack(builder);
  if (sizePrefixed) builder.finishSizePrefixed(root, '$EME');
  else builder.finish(root, '$EME');
  return { bytes: hex(builder.asUint8Array()) };
}

export function readCollection({ bytes, sizePrefixed }) {
  const buffer = new ByteBuffer(fromHex(bytes));
  const root = sizePrefixed
    ? EMECOLLECTION.getSizePrefixedRootAsEMECOLLECTION(buffer)
    : EMECOLLECTION.getRootAsEMECOLLECTION(buffer);
  return { records: root.unpack().RECORDS.map(fromRecord) };
}

function toRecord({ ENCRYPTED_BLOB, ...texts }) {
  return Object.assign(new EMET([...fromHex(ENCRYPTED_BLOB)]), texts);
}

function fromRecord({ ENCRYPTED_BLOB, ...texts }) {
  return { ENCRYPTED_BLOB: hex(Uint8Array.from(ENCRYPTED_BLOB)), ...texts };
}
