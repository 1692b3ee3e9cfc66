/** What `serve` prints when it is up: where to look, what is served, what could not be done and how to mend it. */
import { styleText } from 'node:util';
import { formatProblem } from '../errors.ts';
import type { AppView } from '../operator.ts';

export interface BannerFacts {
  /** Where the settings came from. */
  readonly settings: string;
  readonly firstToken: string | undefined;
}

export function formatBanner(view: AppView, facts: BannerFacts): string {
  const rows: [string, string][] = [
    ...dhcpRows(view),
    ...(view.tftp
      ? ([
          ['TFTP', listenersText(view.tftp.listeners)],
          ['', `door: ${view.tftp.door.kind} (${view.tftp.door.reason})`],
        ] satisfies [string, string][])
      : []),
    ...(view.http ? ([['HTTP boot', listenersText(view.http.listeners)]] satisfies [string, string][]) : []),
    ...(view.api
      ? ([['Page and API', `${view.api.url}  (API described at ${view.api.url}docs)`]] satisfies [string, string][])
      : []),
    ...(facts.firstToken
      ? ([['Login', `${facts.firstToken}  (shown once; "hobnail token add NAME" makes another)`]] satisfies [
          string,
          string,
        ][])
      : []),
    ['Hosts', hostsText(view)],
    ['Settings', facts.settings],
  ];
  const lines = rows.map(([label, text]) => `  ${styleText('bold', label.padEnd(13))} ${text}`);
  return ['', `${styleText('bold', `Hobnail ${view.version}`)} is up.`, '', ...lines, ...shortfallLines(view), ''].join(
    '\n',
  );
}

function dhcpRows(view: AppView): [string, string][] {
  const { dhcp } = view;
  if (!dhcp) return [['DHCP', 'off']];
  const rows = view.networks.map(({ network, interface: name, address }): [string, string] => {
    const open = dhcp.listeners.filter((one) => one.interface === name && one.socket);
    const ports = open.map(({ port }) => port).join(' and ');
    return ['DHCP', `${name} (${address}): ${MODE_TEXT[network.mode]}; ${ports ? `port ${ports}` : 'no port open'}`];
  });
  const sockets = `sockets: ${dhcp.maker} (${dhcp.because})`;
  return rows.length > 0
    ? [...rows, ['', sockets]]
    : [
        ['DHCP', 'no network is served'],
        ['', sockets],
      ];
}

const MODE_TEXT = {
  server: 'server, gives addresses',
  responder: 'responder, gives the addresses of its hosts and hears nobody else',
  proxy: 'proxy, boot answers only, never an address',
  observe: 'observe, answers nothing',
  off: 'off',
} as const;

function listenersText(listeners: readonly { address: string; port: number; problem?: string }[]): string {
  const open = listeners.filter(({ problem }) => problem === undefined);
  return open.length === 0 ? 'nowhere' : open.map(({ address, port }) => `${address}:${port}`).join(', ');
}

function hostsText({ catalog, networks }: AppView): string {
  const unknown = [...new Set(networks.map(({ network }) => network.unknown))].join(', ') || 'menu';
  return `${plural(catalog.hosts.size, 'host')}, ${plural(catalog.profiles.size, 'profile')}; unknown machines get: ${unknown}`;
}

function shortfallLines(view: AppView): string[] {
  const items = [
    ...view.shortfalls.map(({ what, fix }) => `${what}.\n      → ${fix}`),
    ...view.notes,
    ...view.problems.map(formatProblem),
  ];
  if (items.length === 0) return [];
  return ['', `  ${styleText('yellow', 'Not everything could be done:')}`, ...items.map((item) => `    - ${item}`)];
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
