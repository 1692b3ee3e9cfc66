/** Counters and times in Prometheus' text format. */
import { collectDefaultMetrics, type Metric as PromMetric, Registry } from 'prom-client';
import type { HistogramReading } from '../boot/histogram.ts';
import type { Labels, Metric } from './api-deps.ts';

export interface MetricsText {
  readonly contentType: string;
  read(metrics: readonly Metric[]): Promise<string>;
}

/** Gauges of the library that call themselves counters; each is there by type under a proper name as well. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** @param processMetrics also memory, CPU, event loop delay and garbage collection of the process */
export function createMetricsText(processMetrics: boolean): MetricsText {
  const own = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: own });
  for (const name of MISNAMED) own.removeSingleMetric(name);
  return {
    contentType: own.contentType,
    async read(metrics) {
      // Built anew on each scrape: the counting is done where things happen, without a library.
      const scrape = new Registry();
      for (const metric of metrics) {
        const { name, help, kind: type } = metric;
        const values = valuesOf(metric);
        // All that the registry asks of a metric when it writes it.
        scrape.registerMetric({ name, get: async () => ({ name, help, type, values }) } as unknown as PromMetric);
      }
      return [await scrape.metrics(), await own.metrics()].filter((text) => text.trim() !== '').join('\n');
    },
  };
}

/** One line of the text. */
interface Line {
  readonly metricName: string;
  readonly labels: Labels;
  readonly value: number;
}

function valuesOf(metric: Metric): readonly Line[] {
  const { name: metricName } = metric;
  if (metric.kind !== 'histogram') {
    return metric.samples.map(({ labels = {}, value }) => ({ metricName, labels, value }));
  }
  return metric.samples.flatMap((sample) => histogramLines(metricName, sample));
}

/** Buckets are cumulative in the text. */
function histogramLines(
  name: string,
  { labels = {}, bounds, counts, sum }: HistogramReading & { readonly labels?: Labels },
): readonly Line[] {
  let below = 0;
  const buckets = counts.map((count, index) => {
    below += count;
    const le = index < bounds.length ? String(bounds[index]) : '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
}
