/** Octets → netascii (RFC 764 by way of RFC 1350): LF travels as CR LF, CR as CR NUL. */

const CR = 13;
const LF = 10;
const NUL = 0;

/**
 * Translates any piece of a file. Each octet translates by itself, so pieces may be cut anywhere; blocks are then counted
 * in translated bytes, and a pair may lie across two of them.
 */
export function encodeNetascii(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  const translated = new Uint8Array(netasciiLength(octets));
  let at = 0;
  for (const octet of octets) {
    if (octet === LF) translated[at++] = CR;
    translated[at++] = octet;
    if (octet === CR) translated[at++] = NUL;
  }
  return translated;
}

function netasciiLength(octets: Uint8Array): number {
  let length = octets.length;
  for (const octet of octets) if (octet === LF || octet === CR) length++;
  return length;
}
