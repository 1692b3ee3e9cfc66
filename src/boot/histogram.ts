/** Counts of times by how long they were: cheap enough to be kept of every packet. */

/** `counts[i]` are the values up to `bounds[i]` and above the bound before; the last one counts what is above all bounds. */
export interface HistogramReading {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface Histogram {
  observe(value: number): void;
  read(): HistogramReading;
}

/** @param bounds ascending */
export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  return {
    observe(value) {
      let index = 0;
      while (index < bounds.length && value > (bounds[index] ?? 0)) index++;
      counts[index] = (counts[index] ?? 0) + 1;
      sum += value;
    },
    read: () => ({ bounds, counts: [...counts], sum }),
  };
}
