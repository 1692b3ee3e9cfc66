/**
 * A strict reader of Prometheus' text format 0.0.4, written from its specification: what `promtool check metrics` refuses,
 * this refuses too. (The package that has promtool also starts a server, which is no thing to do to a contributor's machine.)
 */

export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';
  readonly help: string;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    value: number;
  }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (Na[Nn]|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const SUFFIXES = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };

/** @throws Error that names the line */
export function readMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { -readonly [K in keyof Family]: Family[K] }>();
  const seen = new Set<string>();
  let current: { -readonly [K in keyof Family]: Family[K] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${index + 1}: ${why}: ${line}`);
    };
    if (line === '') continue;
    const [, help, about] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    if (help !== undefined && about !== undefined) {
      if (!NAME.test(help)) fail('no name of a metric');
      if (families.has(help)) fail('a metric that was there before');
      current = { name: help, type: 'untyped', help: about, samples: [] };
      families.set(help, current);
      continue;
    }
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? [];
    if (typed !== undefined) {
      if (current?.name !== typed || current.samples.length > 0) fail('a type that does not follow its help');
      if (current) current.type = type as Family['type'];
      continue;
    }
    if (line.startsWith('#')) fail('a comment we do not write');
    const [, name = '', labelText = '', value = ''] = SAMPLE.exec(line) ?? fail('no sample');
    const family = current ?? fail('a sample of nothing');
    const suffixes = family.type === 'histogram' || family.type === 'summary' ? SUFFIXES[family.type] : [''];
    if (!suffixes.some((suffix) => name === `${family.name}${suffix}`))
      fail(`a sample of another metric than ${family.name}`);
    const labels = readLabels(labelText, fail);
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(key)) fail('the same sample twice');
    seen.add(key);
    family.samples = [...family.samples, { name, labels, value: Number(value.replace('Inf', 'Infinity')) }];
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function readLabels(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name = '', value = ''] = LABEL.exec(text) ?? fail('labels that cannot be read');
    if (Object.hasOwn(labels, name)) fail('a label twice');
    labels[name] = value;
  }
  return labels;
}

/** What promtool's linter asks for, and what makes a histogram one. */
function checkFamily({ name, type, samples }: Family): void {
  const isCount = name.endsWith('_total');
  if (type === 'counter' && !isCount) throw new Error(`${name} is a counter and does not end in _total`);
  if (type !== 'counter' && isCount) throw new Error(`${name} ends in _total and is no counter`);
  if (/_(?:ms|milliseconds|minutes|kilobytes|kb)(?:_|$)/.test(name)) throw new Error(`${name} has no base unit`);
  if (/[A-Z]/.test(name)) throw new Error(`${name} is not in snake case`);
  if (type !== 'histogram') return;
  const rows = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const row of rows.values()) {
    const buckets = row.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace('Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    const count = row.find((sample) => sample.name === `${name}_count`)?.value;
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} has no bucket for all`);
    if (!isAscending(bounds) || new Set(bounds).size < bounds.length) throw new Error(`${name}: bounds in disorder`);
    if (!isAscending(counts)) throw new Error(`${name}: buckets that do not hold those before`);
    if (counts.at(-1) !== count) throw new Error(`${name}: its buckets and its count disagree`);
    if (row.every((sample) => sample.name !== `${name}_sum`)) throw new Error(`${name} has no sum`);
  }
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((one, index) => index === 0 || one >= (numbers[index - 1] ?? 0));
}
