import { describe, expect, it } from 'vitest';
import { createHistogram } from '../src/boot/histogram.ts';
import { createMetricsText } from '../src/http/metrics.ts';
import { createMeters } from '../src/meters.ts';
import { readMetrics } from './support/prometheus-text.ts';

const at = 1_800_000_000_000;

async function textOf(meters: ReturnType<typeof createMeters>, processMetrics = false) {
  return readMetrics(await createMetricsText(processMetrics).read(meters.metrics()));
}

const sampleOf = (family: Awaited<ReturnType<typeof textOf>>, name: string, labels: Record<string, string>) =>
  [...family.values()]
    .flatMap(({ samples }) => samples)
    .find(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )?.value;

describe('meters', () => {
  it('count HTTP requests by what was asked for and outcome, and time each', async () => {
    const meters = createMeters();
    const about = { at, summary: 'x', ms: 3 };
    meters.observe({ ...about, kind: 'http.done', bytes: 100, detail: { origin: 'template boot.ipxe.hbs' } });
    meters.observe({ ...about, kind: 'http.done', bytes: 100, detail: { origin: 'template other.hbs' } });
    meters.observe({ ...about, kind: 'http.aborted', bytes: 7, detail: { origin: 'image debian/linux' } });
    meters.observe({ ...about, kind: 'http.absent' });
    const text = await textOf(meters);
    const requests = 'hobnail_http_requests_total';
    expect(sampleOf(text, requests, { kind: 'template', outcome: 'done' })).toBe(2);
    expect(sampleOf(text, requests, { kind: 'image', outcome: 'aborted' })).toBe(1);
    expect(sampleOf(text, requests, { kind: 'other', outcome: 'absent' })).toBe(1);
    const bucket = (le: string) =>
      sampleOf(text, 'hobnail_http_answer_seconds_bucket', { kind: 'template', outcome: 'done', le });
    expect([bucket('0.0025'), bucket('0.005'), bucket('+Inf')]).toEqual([0, 2, 2]);
    expect(sampleOf(text, 'hobnail_http_answer_seconds_sum', { kind: 'template' })).toBeCloseTo(0.006);
    expect(sampleOf(text, 'hobnail_transferred_bytes_total', { transport: 'http', direction: 'sent' })).toBe(207);
  });

  it('time DHCP answers, TFTP transfers both ways, rendering and the API in seconds', async () => {
    const meters = createMeters();
    meters.observe({ at, kind: 'dhcp.offer', summary: 'x', ms: 0.3 });
    meters.observe({ at, kind: 'dhcp.ignored', summary: 'x', ms: 0.3 });
    meters.observe({ at, kind: 'tftp.done', summary: 'x', ms: 1500, bytes: 9, detail: { direction: 'read' } });
    meters.observe({ at, kind: 'tftp.done', summary: 'x', ms: 1500, bytes: 5, detail: { direction: 'write' } });
    meters.observe({ at, kind: 'deployment.moved', summary: 'x', detail: { state: 'failed' } });
    meters.rendered(0.4, 'done');
    meters.answered('GET', 200, 12);
    const text = await textOf(meters);
    expect(sampleOf(text, 'hobnail_dhcp_reply_seconds_bucket', { message: 'offer', le: '0.0005' })).toBe(1);
    expect(sampleOf(text, 'hobnail_dhcp_reply_seconds_count', {})).toBe(1);
    expect(sampleOf(text, 'hobnail_tftp_transfer_seconds_sum', { direction: 'sent', outcome: 'done' })).toBe(1.5);
    expect(sampleOf(text, 'hobnail_transferred_bytes_total', { transport: 'tftp', direction: 'received' })).toBe(5);
    expect(sampleOf(text, 'hobnail_render_seconds_count', { outcome: 'done' })).toBe(1);
    expect(sampleOf(text, 'hobnail_api_answer_seconds_sum', { method: 'GET', status: '200' })).toBe(0.012);
    expect(sampleOf(text, 'hobnail_deployment_moves_total', { state: 'failed' })).toBe(1);
  });

  it('write labels with quotes, backslashes and line ends so that they come back', async () => {
    const nasty = 'a"b\\c\nd';
    const metric = { name: 'x_total', help: 'x', kind: 'counter', samples: [{ labels: { nasty }, value: 1 }] } as const;
    const text = readMetrics(await createMetricsText(false).read([metric]));
    expect(text.get('x_total')?.samples[0]?.labels.nasty).toBe('a\\"b\\\\c\\nd');
  });

  it('are good text together with the metrics of the process, also before anything happened', async () => {
    const text = await textOf(createMeters(), true);
    expect(text.get('process_cpu_seconds_total')?.type).toBe('counter');
    expect(text.get('hobnail_dhcp_reply_seconds')?.type).toBe('histogram');
  });
});

describe('a histogram', () => {
  it('counts a value at a bound below it, and one above all bounds in the last', () => {
    const histogram = createHistogram([1, 2]);
    for (const value of [1, 1.5, 2, 3]) histogram.observe(value);
    expect(histogram.read()).toEqual({ bounds: [1, 2], counts: [1, 2, 1], sum: 7.5 });
  });
});

describe('the strict reader', () => {
  it.each([
    ['a counter without _total', '# HELP x y\n# TYPE x counter\nx 1\n'],
    ['a sample twice', '# HELP x y\n# TYPE x gauge\nx 1\nx 2\n'],
    [
      'buckets in disorder',
      '# HELP x y\n# TYPE x histogram\nx_bucket{le="1"} 2\nx_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n',
    ],
    ['a label that is not quoted well', '# HELP x y\n# TYPE x gauge\nx{a="b"c"} 1\n'],
    ['a sample of another metric', '# HELP x y\n# TYPE x gauge\ny 1\n'],
  ])('refuses %s', (_, text) => {
    expect(() => readMetrics(text)).toThrow();
  });
});
