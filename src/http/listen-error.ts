/** Why a listener could not be opened, as an error that tells the operator what to change. */
import { AppError, messageOf } from '../errors.ts';

/** `port-in-use`, `port-denied`, `interface-missing`, or `internal` for what the kernel should never say here. */
export function listenError(cause: unknown, address: string, port: number): AppError {
  const place = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return new AppError(
        'port-in-use',
        `Another program listens on TCP ${place}. "ss -ltnp sport = :${port}" names it; stop it, or set another port.`,
        { cause },
      );
    case 'EACCES':
    case 'EPERM':
      return new AppError(
        'port-denied',
        `No permission to listen on TCP ${place}. Ports below 1024 need root or CAP_NET_BIND_SERVICE; or set a port above 1023.`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new AppError(
        'interface-missing',
        `No interface has the address ${address}. "ip address" lists those there are.`,
        {
          cause,
        },
      );
    default:
      return new AppError('internal', `TCP ${place} cannot be listened on: ${messageOf(cause)}.`, { cause });
  }
}
