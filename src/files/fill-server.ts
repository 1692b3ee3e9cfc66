/** Our address written into an image that keeps a place for it: a GRUB that has to know where it came from. */

/** Begins the place; `#` up to `END` are room for the address. */
const PLACE_BEGIN = "set root='@HOBNAIL";
const PLACE_END = "@'";
/** Bytes of the whole place: the longest address, of IPv6 with a port, fits. */
const PLACE_BYTES = 96;

/** The place as it stands in an image that was not filled yet: a command of a GRUB script, one byte a character. */
export const SERVER_PLACE = `${PLACE_BEGIN}${'#'.repeat(PLACE_BYTES - PLACE_BEGIN.length - PLACE_END.length)}${PLACE_END}`;

/**
 * A copy with every place filled, as GRUB names a server: `set root='http,10.77.0.1:8080'`, and blanks up to the same length.
 * Undefined when the image has no place.
 * @param httpBase `http://10.77.0.1:8080`
 */
export function fillServer(image: Uint8Array, httpBase: string): Uint8Array | undefined {
  const bytes = Buffer.from(image);
  const text = `set root='http,${httpBase.replace(/^http:\/\//, '')}'`.padEnd(PLACE_BYTES);
  if (text.length > PLACE_BYTES) return undefined;
  let filled = false;
  for (let at = bytes.indexOf(SERVER_PLACE, 0, 'latin1'); at >= 0; at = bytes.indexOf(SERVER_PLACE, at + 1, 'latin1')) {
    bytes.write(text, at, 'latin1');
    filled = true;
  }
  return filled ? bytes : undefined;
}
