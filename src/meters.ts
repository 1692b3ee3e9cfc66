/** What is counted and timed of every machine's request, from the same events that the log and the page are made of. */
import type { BootEvent } from './boot/event.ts';
import { createHistogram, type Histogram } from './boot/histogram.ts';
import type { Metric } from './http/api-deps.ts';

export interface Meters {
  observe(event: BootEvent): void;
  /** A template was rendered for a machine, or could not be. @param ms how long it took */
  rendered(ms: number, outcome: 'done' | 'failed'): void;
  /** The operator API answered. @param status of HTTP */
  answered(method: string, status: number, ms: number): void;
  metrics(): readonly Metric[];
}

type Labels = Readonly<Record<string, string>>;

/** Seconds. A reply takes tens of microseconds; one that waits for the disk or asks the wire first takes longer. */
const REPLY_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const RENDER_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 2];
/** A configuration in a millisecond, an initrd over a slow line in minutes. */
const TRANSFER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

export function createMeters(): Meters {
  const dhcp = createTimes(['message'], REPLY_SECONDS);
  const tftp = createTimes(['direction', 'outcome'], TRANSFER_SECONDS);
  const http = createTimes(['kind', 'outcome'], TRANSFER_SECONDS);
  const render = createTimes(['outcome'], RENDER_SECONDS);
  const api = createTimes(['method', 'status'], TRANSFER_SECONDS);
  const bytes = createSums(['transport', 'direction']);
  const moves = createSums(['state']);

  const observeTransfer = ({ kind, detail, ms = 0, bytes: size = 0 }: BootEvent) => {
    const outcome = kind.slice(kind.indexOf('.') + 1);
    if (kind.startsWith('tftp.')) {
      const direction = detail?.direction === 'write' ? 'received' : 'sent';
      tftp.observe([direction, outcome], ms);
      if (size > 0) bytes.add(['tftp', direction], size);
    } else {
      http.observe([contentKind(detail), outcome], ms);
      if (size > 0) bytes.add(['http', 'sent'], size);
    }
  };

  return {
    observe(event) {
      switch (event.kind) {
        case 'dhcp.offer':
        case 'dhcp.ack':
        case 'dhcp.nak':
          return dhcp.observe([event.kind.slice('dhcp.'.length)], event.ms ?? 0);
        case 'tftp.done':
        case 'tftp.probe':
        case 'tftp.absent':
        case 'tftp.refused':
        case 'tftp.aborted':
        case 'tftp.failed':
        case 'http.done':
        case 'http.absent':
        case 'http.refused':
        case 'http.aborted':
        case 'http.failed':
          return observeTransfer(event);
        case 'deployment.moved':
          return moves.add([String(event.detail?.state)], 1);
        default:
      }
    },
    rendered: (ms, outcome) => render.observe([outcome], ms),
    answered: (method, status, ms) => api.observe([method, String(status)], ms),
    metrics: () => [
      dhcp.metric('hobnail_dhcp_reply_seconds', 'From a DHCP request on the wire until its answer left'),
      tftp.metric('hobnail_tftp_transfer_seconds', 'From a TFTP request until its transfer ended, by outcome'),
      http.counts('hobnail_http_requests_total', 'HTTP requests of machines, by what was asked for and outcome'),
      http.metric('hobnail_http_answer_seconds', 'From an HTTP request of a machine until its answer was handed over'),
      render.metric('hobnail_render_seconds', 'Rendering one template for one machine'),
      api.metric('hobnail_api_answer_seconds', 'From a request to the operator API until its answer, streams left out'),
      bytes.metric('hobnail_transferred_bytes_total', 'Bytes of files machines fetched and wrote'),
      moves.metric('hobnail_deployment_moves_total', 'Deployments that entered a state'),
    ],
  };
}

/** `template`, `image`, `upload`, `report`; `other` where nothing was found. */
function contentKind(detail: BootEvent['detail']): string {
  const [kind = ''] = String(detail?.origin ?? '').split(' ', 1);
  return kind === '' ? 'other' : kind;
}

/** Times by labels; they come in milliseconds and are told in seconds. */
function createTimes(names: readonly string[], bounds: readonly number[]) {
  const rows = new Map<string, { readonly labels: Labels; readonly histogram: Histogram }>();
  const readings = () => [...rows.values()].map(({ labels, histogram }) => ({ labels, ...histogram.read() }));
  return {
    observe(values: readonly string[], ms: number): void {
      const key = values.join('\0');
      let row = rows.get(key);
      if (!row) {
        row = { labels: labelsOf(names, values), histogram: createHistogram(bounds) };
        rows.set(key, row);
      }
      row.histogram.observe(Math.max(0, ms) / 1000);
    },
    metric: (name: string, help: string): Metric => ({ name, help, kind: 'histogram', samples: readings() }),
    counts: (name: string, help: string): Metric => ({
      name,
      help,
      kind: 'counter',
      samples: readings().map(({ labels, counts }) => ({ labels, value: counts.reduce((sum, one) => sum + one, 0) })),
    }),
  };
}

function createSums(names: readonly string[]) {
  const rows = new Map<string, { readonly labels: Labels; value: number }>();
  return {
    add(values: readonly string[], amount: number): void {
      const key = values.join('\0');
      const row = rows.get(key);
      if (row) row.value += amount;
      else rows.set(key, { labels: labelsOf(names, values), value: amount });
    },
    metric: (name: string, help: string): Metric => ({
      name,
      help,
      kind: 'counter',
      samples: [...rows.values()].map((row) => ({ ...row })),
    }),
  };
}

function labelsOf(names: readonly string[], values: readonly string[]): Labels {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}
