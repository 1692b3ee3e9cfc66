/** JSON with comments, as Kea takes it, with the line of every value. */

export type Json =
  | { readonly kind: 'object'; readonly line: number; readonly fields: ReadonlyMap<string, Json> }
  | { readonly kind: 'list'; readonly line: number; readonly items: readonly Json[] }
  | { readonly kind: 'value'; readonly line: number; readonly value: string | number | boolean | null };

export type JsonReading = { readonly json: Json } | { readonly problem: string; readonly line: number };

/** Comments are `#`, `//` and C's; a comma before a closing bracket is let pass. */
export function readJson(text: string): JsonReading {
  const tokens = [...text.matchAll(TOKEN)].map(([whole, , comment], index, all) => ({
    text: whole,
    skip: comment !== undefined || /^\s+$/.test(whole),
    offset: all[index]?.index ?? 0,
  }));
  const real = tokens.filter(({ skip }) => !skip);
  let at = 0;
  const lineAt = (index: number) => text.slice(0, real[index]?.offset ?? text.length).split('\n').length;
  const fail = (what: string): never => {
    throw new JsonFault(`${what}, found ${real[at]?.text ?? 'the end of the file'}`, lineAt(at));
  };
  const value = (depth: number): Json => {
    const line = lineAt(at);
    const token = real[at]?.text;
    if (depth > 100) return fail('no more than 100 levels are read');
    if (token === '{') {
      at++;
      const fields = new Map<string, Json>();
      while (real[at]?.text !== '}') {
        const key = real[at]?.text ?? '';
        if (!key.startsWith('"')) fail('a name in quotes is expected');
        at++;
        if (real[at]?.text !== ':') fail('":" is expected');
        at++;
        fields.set(String(JSON.parse(key)), value(depth + 1));
        if (real[at]?.text === ',') at++;
        else if (real[at]?.text !== '}') fail('"," or "}" is expected');
      }
      at++;
      return { kind: 'object', line, fields };
    }
    if (token === '[') {
      at++;
      const items: Json[] = [];
      while (real[at]?.text !== ']') {
        items.push(value(depth + 1));
        if (real[at]?.text === ',') at++;
        else if (real[at]?.text !== ']') fail('"," or "]" is expected');
      }
      at++;
      return { kind: 'list', line, items };
    }
    try {
      const read: unknown = JSON.parse(token ?? '');
      at++;
      return { kind: 'value', line, value: read as string | number | boolean | null };
    } catch {
      return fail('a value is expected');
    }
  };
  try {
    const json = value(0);
    if (at < real.length) fail('the end is expected');
    return { json };
  } catch (error) {
    if (error instanceof JsonFault) return { problem: error.message, line: error.line };
    throw error;
  }
}

const TOKEN = /(\s+)|(#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|"(?:\\.|[^"\\\n])*"|[[\]{}:,]|[^\s[\]{}:,"#]+|./g;

class JsonFault extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.name = 'JsonFault';
    this.line = line;
  }
}

/** A field of an object; undefined when it is none or has none. */
export function field(json: Json | undefined, name: string): Json | undefined {
  return json?.kind === 'object' ? json.fields.get(name) : undefined;
}

export function itemsOf(json: Json | undefined): readonly Json[] {
  return json?.kind === 'list' ? json.items : [];
}

/** A text or number as text. */
export function textOf(json: Json | undefined): string | undefined {
  return json?.kind === 'value' && json.value !== null ? String(json.value) : undefined;
}

/** Plain data. */
export function plain(json: Json): unknown {
  switch (json.kind) {
    case 'object':
      return Object.fromEntries([...json.fields].map(([name, one]) => [name, plain(one)]));
    case 'list':
      return json.items.map(plain);
    case 'value':
      return json.value;
    default:
      return json satisfies never;
  }
}
