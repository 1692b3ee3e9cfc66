/** Counters in Prometheus' text format. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Metric } from './api-deps.ts';

export interface MetricsText {
  readonly contentType: string;
  read(counters: readonly Metric[]): Promise<string>;
}

/** @param processMetrics also memory, CPU, event loop delay and garbage collection of the process */
export function createMetricsText(processMetrics: boolean): MetricsText {
  const own = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: own });
  return {
    contentType: own.contentType,
    async read(counters) {
      // Built anew on each scrape: the counting is done where things happen, without a library.
      const scrape = new Registry();
      for (const metric of counters) addMetric(scrape, metric);
      return [await scrape.metrics(), await own.metrics()].filter((text) => text.trim() !== '').join('\n');
    },
  };
}

function addMetric(registry: Registry, { name, help, kind, samples }: Metric): void {
  const labelNames = [...new Set(samples.flatMap((sample) => Object.keys(sample.labels ?? {})))];
  const options = { name, help, labelNames, registers: [registry] };
  switch (kind) {
    case 'counter': {
      const counter = new Counter(options);
      for (const { labels = {}, value } of samples) counter.inc(labels, value);
      return;
    }
    case 'gauge': {
      const gauge = new Gauge(options);
      for (const { labels = {}, value } of samples) gauge.set(labels, value);
      return;
    }
    default:
      kind satisfies never;
  }
}
