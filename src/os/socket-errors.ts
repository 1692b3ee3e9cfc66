/** Errnos of sockets as the catalogue's errors, with what the operator must change. */

import { AppError, messageOf } from '../errors.ts';
import { findPortHolder } from './port-holder.ts';

export interface SocketPlace {
  readonly port: number;
  readonly address: string;
  readonly interface?: string;
}

/** An errno met while opening; anything unknown is returned as it is. */
export function openFailure(error: unknown, place: SocketPlace, findHolder = findPortHolder): Error {
  const where = describePlace(place);
  switch (codeOf(error)) {
    case 'EADDRINUSE': {
      const holder = findHolder(place.port) ?? 'another program';
      const advice = `Stop it, or leave ${place.interface ?? place.address} out of the interfaces Hobnail serves.`;
      return new AppError('port-in-use', `${where} is in use by ${holder}. ${advice}`, { cause: error });
    }
    case 'EACCES':
    case 'EPERM':
      return new AppError('port-denied', `No permission to open ${where}. ${rightsAdvice()}`, { cause: error });
    default:
      return goneFailure(error, place) ?? asError(error);
  }
}

/**
 * An errno met while sending or receiving on an open socket. `peer` is whom a unicast was for: that there is no way to an
 * address which a stranger chose says nothing of the interface.
 */
export function trafficFailure(error: unknown, place: SocketPlace, peer?: string): Error {
  const where = describePlace(place);
  if (peer !== undefined && codeOf(error) === 'ENETUNREACH') {
    return new Error(`There is no route to ${peer} from ${where}.`, { cause: error });
  }
  // An open socket is refused a send by packet filters only, so the advice about capabilities would mislead.
  if (codeOf(error) === 'EPERM' || codeOf(error) === 'EACCES') {
    const advice = `Allow outgoing UDP from port ${place.port} there.`;
    return new AppError('port-denied', `This machine's firewall dropped an answer from ${where}. ${advice}`, {
      cause: error,
    });
  }
  return goneFailure(error, place) ?? asError(error);
}

/** The lines that give the rights, for systemd, containers and a plain start. */
export function rightsAdvice(node = process.execPath): string {
  return [
    'Ports below 1024 need CAP_NET_BIND_SERVICE, answers to machines without an address CAP_NET_RAW. Do one of:',
    `plain start: sudo setcap cap_net_bind_service,cap_net_raw+ep ${node};`,
    'systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW;',
    'docker-compose: cap_add: [NET_BIND_SERVICE, NET_RAW].',
  ].join(' ');
}

/** Errnos which mean that the interface or its address has gone. */
const GONE: ReadonlyMap<string, string> = new Map([
  ['ENODEV', 'does not exist'],
  ['ENXIO', 'does not exist'],
  ['EADDRNOTAVAIL', 'does not have that address'],
  ['ENETDOWN', 'is down'],
  ['ENETUNREACH', 'has lost its address or is down'],
]);

function goneFailure(error: unknown, place: SocketPlace): AppError | undefined {
  const fault = GONE.get(codeOf(error) ?? '');
  if (!fault) return undefined;
  const subject = place.interface ? `The interface ${place.interface}` : 'This machine';
  const what = place.interface || fault === 'does not have that address' ? fault : 'cannot reach the network';
  const advice = 'Hobnail goes on when it is back; compare `ip address` with the interfaces in the settings.';
  return new AppError('interface-missing', `${subject} ${what} (${describePlace(place)}). ${advice}`, { cause: error });
}

function describePlace(place: SocketPlace): string {
  return `UDP port ${place.port} on ${place.interface ? `${place.interface}, ${place.address}` : place.address}`;
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
