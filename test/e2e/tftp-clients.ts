/** Every way the usual TFTP clients can be told to read and to write: modes, and the options each has. */

export interface InteropClient {
  readonly name: string;
  /** The command that fetches `path` into the file `local`. */
  get(path: string, local: string, server: string): readonly string[];
  /** Set when it asks for netascii: whether it turns the text back, or keeps it as it travels. */
  readonly netascii?: 'translated' | 'raw';
  /** What it reads over a bad wire, when not the large file: with tiny blocks that would take minutes. */
  readonly lossy?: string;
}

const urlHost = (server: string) => (server.includes(':') ? `[${server.replace('%', '%25')}]` : server);

const curl =
  (...options: readonly string[]) =>
  (path: string, local: string, server: string) => [
    'curl',
    '-sS',
    ...options,
    '-o',
    local,
    `tftp://${urlHost(server)}/${path}`,
  ];

const hpa =
  (...options: readonly string[]) =>
  (path: string, local: string, server: string) => ['tftp', ...options, server, '-c', 'get', path, local];

const atftp =
  (...options: readonly string[]) =>
  (path: string, local: string, server: string) => [
    ...['atftp', ...options.flatMap((option) => ['--option', option])],
    ...['-g', '-r', path, '-l', local, server],
  ];

const busybox =
  (...options: readonly string[]) =>
  (path: string, local: string, server: string) => [
    'busybox',
    'tftp',
    '-g',
    ...options,
    '-r',
    path,
    '-l',
    local,
    server,
  ];

export const INTEROP_CLIENTS: readonly InteropClient[] = [
  { name: 'curl', get: curl() },
  { name: 'curl without options', get: curl('--tftp-no-options') },
  { name: 'curl, blksize 8', lossy: 'interop/text', get: curl('--tftp-blksize', '8') },
  { name: 'curl, blksize 1428', get: curl('--tftp-blksize', '1428') },
  { name: 'curl, blksize 65464', get: curl('--tftp-blksize', '65464') },
  {
    name: 'curl in netascii',
    netascii: 'raw',
    get: (path, local, server) => curl()(`${path};mode=netascii`, local, server),
  },
  { name: 'tftp-hpa', get: hpa('-m', 'octet') },
  { name: 'tftp-hpa in netascii', netascii: 'translated', get: hpa('-m', 'netascii') },
  { name: 'atftp', get: atftp() },
  { name: 'atftp, blksize 8', lossy: 'interop/text', get: atftp('blksize 8') },
  { name: 'atftp, blksize 1428, tsize, timeout', get: atftp('blksize 1428', 'tsize 0', 'timeout 5') },
  { name: 'atftp, windowsize 4', get: atftp('windowsize 4') },
  { name: 'atftp, blksize 1428, windowsize 16', get: atftp('blksize 1428', 'windowsize 16') },
  { name: 'atftp, blksize 1428, windowsize 64', get: atftp('blksize 1428', 'windowsize 64') },
  { name: 'atftp in netascii', netascii: 'translated', get: atftp('mode netascii') },
  { name: 'busybox', get: busybox() },
  { name: 'busybox, blksize 1428', get: busybox('-b', '1428') },
  { name: 'busybox, blksize 65464', get: busybox('-b', '65464') },
];

export const INTEROP_CLIENTS_OF_IPV6: readonly InteropClient[] = [
  { name: 'curl over IPv6, blksize 8192', get: curl('--tftp-blksize', '8192') },
  { name: 'tftp-hpa over IPv6', get: hpa('-6', '-m', 'octet') },
];

/** A way to write. */
export interface WritingClient {
  readonly name: string;
  /** The command that writes the file `local` as `path`. */
  put(local: string, path: string, server: string): readonly string[];
  /** It translates to netascii on the way. */
  readonly netascii?: boolean;
}

const curlPut =
  (...options: readonly string[]) =>
  (local: string, path: string, server: string) => [
    ...['curl', '-sS', ...options],
    ...['-T', local, `tftp://${urlHost(server)}/${path}`],
  ];

const hpaPut = (mode: string) => (local: string, path: string, server: string) => [
  ...['tftp', '-m', mode, server],
  ...['-c', 'put', local, path],
];

const atftpPut =
  (...options: readonly string[]) =>
  (local: string, path: string, server: string) => [
    ...['atftp', ...options.flatMap((option) => ['--option', option])],
    ...['-p', '-l', local, '-r', path, server],
  ];

const busyboxPut =
  (...options: readonly string[]) =>
  (local: string, path: string, server: string) => [
    ...['busybox', 'tftp', '-p', ...options],
    ...['-l', local, '-r', path, server],
  ];

export const WRITING_CLIENTS: readonly WritingClient[] = [
  { name: 'curl', put: curlPut('--tftp-blksize', '1428') },
  { name: 'curl without options', put: curlPut('--tftp-no-options') },
  { name: 'tftp-hpa', put: hpaPut('octet') },
  { name: 'tftp-hpa in netascii', netascii: true, put: hpaPut('netascii') },
  { name: 'atftp', put: atftpPut() },
  { name: 'atftp, blksize 1428, tsize', put: atftpPut('blksize 1428', 'tsize 0') },
  { name: 'atftp, blksize 1428, windowsize 8', put: atftpPut('blksize 1428', 'windowsize 8') },
  { name: 'atftp in netascii', netascii: true, put: atftpPut('mode netascii') },
  { name: 'busybox', put: busyboxPut() },
  { name: 'busybox, blksize 1428', put: busyboxPut('-b', '1428') },
];
