/** What a client makes of netascii: CR LF → LF, CR NUL → CR. */
export function decodeNetascii(translated: Uint8Array): Uint8Array {
  const octets: number[] = [];
  for (let at = 0; at < translated.length; at++) {
    const octet = translated[at] ?? 0;
    const behind = translated[at + 1];
    if (octet === 13 && behind === 10) octets.push(10);
    else octets.push(octet);
    if (octet === 13 && (behind === 10 || behind === 0)) at++;
  }
  return Uint8Array.from(octets);
}
