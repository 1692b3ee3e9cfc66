/** Rules about a request before it is served: who may be answered, when two are one, and names with rubbish behind them. */
import type { OpenPath, ReadOutcome, Requester } from '../boot/content.ts';
import type { OpenUpload, UploadOutcome } from '../boot/upload.ts';
import { declaredSize } from './negotiate.ts';
import type { RequestPacket } from './packet.ts';

/** Where a datagram came from. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** Whether a reply to this source can reach one machine: no port 0, no broadcast, multicast or unspecified address. */
export function canAnswer(peer: Peer): boolean {
  const { address, port } = peer;
  if (port === 0 || address === '0.0.0.0' || address === '::' || address === '255.255.255.255') return false;
  return !/^(?:22[4-9]|23[0-9])\./.test(address) && !/^ff/i.test(address);
}

/** IPv4 addresses as IPv4, also where a dual-stack socket writes `::ffff:10.77.0.9`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

/** Two requests of one client with equal signatures are one request sent twice. */
export function signatureOf(request: RequestPacket): string {
  return JSON.stringify([request.kind, request.mode, request.path, ...request.options]);
}

/**
 * Opens `path`, and when nothing is there, the same without bytes of 0x80 and above or control characters at its end:
 * firmware that copies DHCP option 67 without a NUL sends what lay behind it in memory.
 * @returns the outcome and the path it is for
 * @throws AppError as `open` does
 */
export async function openTolerantly(
  open: OpenPath,
  path: string,
  requester: Requester,
): Promise<{ readonly outcome: ReadOutcome; readonly path: string }> {
  const outcome = await open(path, requester);
  if (outcome.kind === 'content') return { outcome, path };
  const stripped = withoutRubbish(path);
  if (stripped === path || stripped === '') return { outcome, path };
  const second = await open(stripped, requester);
  return second.kind === 'content' ? { outcome: second, path: stripped } : { outcome, path };
}

/** Cut from the end, letter by letter: a pattern would try again from every letter of a name made for that. */
function withoutRubbish(path: string): string {
  let end = path.length;
  while (end > 0 && !isPrintableAscii(path.charCodeAt(end - 1))) end--;
  return path.slice(0, end);
}

function isPrintableAscii(code: number): boolean {
  return code >= 0x20 && code <= 0x7e;
}

/**
 * Opens the path of a WRQ, as it is written: rubbish behind a name is no reason to guess where bytes should go.
 * @throws AppError as `open` does
 */
export async function openForWriting(
  open: OpenUpload | undefined,
  request: RequestPacket,
  requester: Requester,
): Promise<UploadOutcome> {
  if (!open) return { kind: 'refused', reason: 'uploads are not accepted' };
  // In netascii the size announced is that of the translation, which is up to twice as long.
  const size = request.mode === 'octet' ? declaredSize(request.options) : undefined;
  return open(request.path, requester, { ...(size !== undefined && { declaredSize: size }) });
}
