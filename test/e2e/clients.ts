/** Real DHCP and TFTP clients on stations of a lab LAN. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon } from '../../src/lab/command.ts';
import type { Lan, Station } from '../../src/lab/lan.ts';
import { type Ended, execOn, SERVER } from './serve.ts';

/** What a client's script was told, in order: `event` is udhcpc's word or dhclient's reason, in lower case. */
export type Told = Readonly<Record<string, string>> & { readonly event: string };

export interface DhcpStation {
  readonly station: Station;
  /** One udhcpc run that ends with its lease, or after five tries. */
  udhcpc(...args: readonly string[]): Promise<{ readonly ended: Ended; readonly lease: Told | undefined }>;
  /** Leaves a client running in the foreground; it ends with the LAN. */
  start(client: 'udhcpc' | 'dhclient', ...args: readonly string[]): Daemon;
  /** `dhclient -r` and the like, beside the one that runs. */
  dhclient(...args: readonly string[]): Promise<Ended>;
  /** Everything scripts were told, oldest first. */
  told(): Promise<readonly Told[]>;
  /** Resolves with the next `event` of those not given before. */
  next(event: string): Promise<Told>;
}

const WAIT_MS = 15_000;

/** Both clients call it: udhcpc with its event as argument, dhclient with it in `reason`. */
const SCRIPT = (out: string) => `#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
case "\${1:-$reason}" in
  bound|renew) busybox ip addr replace $ip/$mask dev $interface ;;
  BOUND|RENEW|REBOOT) busybox ip addr replace $new_ip_address/24 dev $interface ;;
  deconfig|RELEASE|EXPIRE|FAIL) busybox ip addr flush dev $interface ;;
esac
{ echo "event=\${1:-$reason}"; busybox env; echo .; } >> ${out}
`;

/** A computer with that MAC and no address; its clients' files are in `directory`. */
export async function attachDhcpStation(lan: Lan, name: string, mac: string, directory: string): Promise<DhcpStation> {
  const station = await lan.attach(name);
  await station.run('ip', ['link', 'set', 'lan0', 'address', mac]);
  const place = (suffix: string) => join(directory, `${name}.${suffix}`);
  const out = place('told');
  await writeFile(place('sh'), SCRIPT(out));
  await chmod(place('sh'), 0o755);
  await writeFile(place('conf'), DHCLIENT_CONF);
  const udhcpc = ['udhcpc', '-i', 'lan0', '-f', '-s', place('sh')];
  const files = ['-sf', place('sh'), '-cf', place('conf'), '-lf', place('leases'), '-pf', place('pid')];
  let given = 0;

  const told = async (): Promise<readonly Told[]> => parseTold(await readFile(out, 'utf8').catch(() => ''));
  return {
    station,
    async udhcpc(...args) {
      const before = (await told()).length;
      const ended = await execOn(station, [...udhcpc, '-n', '-q', '-t', '5', '-T', '1', ...args]);
      const lease = (await told()).slice(before).find(({ event }) => event === 'bound');
      given = (await told()).length;
      return { ended, lease };
    },
    start(client, ...args) {
      const command = client === 'udhcpc' ? [...udhcpc, ...args] : ['dhclient', '-d', ...files, ...args, 'lan0'];
      const [program = '', ...rest] = command;
      return station.start(program, rest, { logPath: place(`${client}.log`) });
    },
    dhclient: (...args) => execOn(station, ['dhclient', ...files, ...args, 'lan0']),
    told,
    async next(event) {
      const deadline = performance.now() + WAIT_MS;
      for (;;) {
        const all = await told();
        const at = all.findIndex((one, index) => index >= given && one.event === event);
        const found = all[at];
        if (found) {
          given = at + 1;
          return found;
        }
        if (performance.now() > deadline) {
          const events = all.map((one) => one.event).join(', ');
          throw new Error(`${name}: no "${event}" within ${WAIT_MS} ms; its script was told: ${events || 'nothing'}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

const DHCLIENT_CONF = `option voip-tftp-server code 150 = array of ip-address;
request subnet-mask, routers, domain-name-servers, host-name, tftp-server-name, voip-tftp-server;
timeout 10;
`;

function parseTold(text: string): readonly Told[] {
  return text
    .split('\n.\n')
    .slice(0, -1)
    .map((block) => {
      const pairs = block.split('\n').flatMap((line): [string, string][] => {
        const at = line.indexOf('=');
        return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
      });
      const fields = Object.fromEntries(pairs);
      return { ...fields, event: String(fields.event).toLowerCase() };
    });
}

/** A TFTP client as command lines. */
export interface TftpClient {
  readonly name: string;
  get(path: string, local: string): readonly string[];
  /** What it says of an error packet with that code. */
  readonly says: { readonly absent: RegExp; readonly refused: RegExp };
}

// curl tells the two apart by its exit status only, atftp shows the server's own words.
const CURL = { absent: /^curl: \(68\)/, refused: /^curl: \(69\)/ };
const HPA = { absent: /Error code 1: /, refused: /Error code 2: / };
const ATFTP = { absent: /from server <file not found>/i, refused: /from server <access refused>/i };
const BUSYBOX = { absent: /server error: \(1\)/, refused: /server error: \(2\)/ };

export const TFTP_CLIENTS: readonly TftpClient[] = [
  {
    name: 'curl',
    get: (path, local) => ['curl', '-sS', '--path-as-is', '-o', local, `tftp://${SERVER}/${path}`],
    says: CURL,
  },
  {
    name: 'curl with blksize 1428',
    get: (path, local) => [
      ...['curl', '-sS', '--path-as-is', '--tftp-blksize', '1428'],
      ...['-o', local, `tftp://${SERVER}/${path}`],
    ],
    says: CURL,
  },
  {
    name: 'tftp-hpa',
    get: (path, local) => ['tftp', '-m', 'binary', SERVER, '-c', 'get', path, local],
    says: HPA,
  },
  { name: 'atftp', get: (path, local) => ['atftp', '-g', '-r', path, '-l', local, SERVER], says: ATFTP },
  {
    name: 'atftp with blksize 1428 and windowsize 16',
    get: (path, local) => [
      ...['atftp', '--option', 'blksize 1428', '--option', 'windowsize 16'],
      ...['-g', '-r', path, '-l', local, SERVER],
    ],
    says: ATFTP,
  },
  {
    name: 'busybox',
    get: (path, local) => ['busybox', 'tftp', '-g', '-r', path, '-l', local, SERVER],
    says: BUSYBOX,
  },
  {
    name: 'busybox with blksize 1428',
    get: (path, local) => ['busybox', 'tftp', '-g', '-b', '1428', '-r', path, '-l', local, SERVER],
    says: BUSYBOX,
  },
];

/** The command lines that send a file to the server, and what the client says when it is not taken. */
export const TFTP_UPLOADS: readonly {
  readonly name: string;
  put(local: string, path: string): readonly string[];
  readonly refused: RegExp;
}[] = [
  {
    name: 'curl',
    put: (local, path) => ['curl', '-sS', '-T', local, `tftp://${SERVER}/${path}`],
    refused: CURL.refused,
  },
  {
    name: 'tftp-hpa',
    put: (local, path) => ['tftp', '-m', 'binary', SERVER, '-c', 'put', local, path],
    refused: HPA.refused,
  },
  {
    name: 'atftp',
    put: (local, path) => ['atftp', '-p', '-l', local, '-r', path, SERVER],
    refused: /from server <uploads are not accepted>/,
  },
  {
    name: 'busybox',
    put: (local, path) => ['busybox', 'tftp', '-p', '-l', local, '-r', path, SERVER],
    refused: BUSYBOX.refused,
  },
];
