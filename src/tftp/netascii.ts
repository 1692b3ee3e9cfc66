/** Octets ⇄ netascii (RFC 764 by way of RFC 1350): LF travels as CR LF, CR as CR NUL. */

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

export interface NetasciiDecoder {
  /** The octets of the next piece; a CR at its end waits for the piece after it. */
  decode(translated: Uint8Array): Uint8Array<ArrayBuffer>;
  /** What still waits at the end: a CR alone, or nothing. */
  end(): Uint8Array<ArrayBuffer>;
}

/** Translates back piece by piece. A CR before anything but LF and NUL is no pair: both octets stay as they are. */
export function createNetasciiDecoder(): NetasciiDecoder {
  let waiting = false;
  return {
    decode(translated) {
      const octets = new Uint8Array(translated.length + 1);
      let length = 0;
      for (const octet of translated) {
        if (waiting) {
          waiting = false;
          if (octet === LF || octet === NUL) {
            octets[length++] = octet === LF ? LF : CR;
            continue;
          }
          octets[length++] = CR;
        }
        if (octet === CR) waiting = true;
        else octets[length++] = octet;
      }
      return octets.subarray(0, length);
    },
    end: () => (waiting ? Uint8Array.of(CR) : new Uint8Array(0)),
  };
}
