/** XML, JSON and TOML: well-formed, and what Ignition, AutoYaST and Proxmox ask of them. */
import { SaxesParser } from 'saxes';
import { parse as parseToml, TomlError } from 'smol-toml';
import { messageOf } from '../../errors.ts';
import { collectSlips, type Slip } from './slip.ts';
import { CRYPTED } from './yaml.ts';

/** Elements by their path from the root, for what a format needs. */
interface XmlReading {
  readonly slips: readonly Slip[];
  readonly elements: ReadonlyMap<string, { readonly line: number; readonly column: number; text: string }>;
}

function readXml(text: string): XmlReading {
  const slips = collectSlips();
  checkAmpersands(slips, text);
  const elements = new Map<string, { line: number; column: number; text: string }>();
  const path: string[] = [];
  const parser = new SaxesParser({ xmlns: true });
  // The parser goes on after a fault; what follows from the first one is noise.
  parser.on('error', (error) => {
    if (slips.all.length > 0) return;
    const message = error.message.replace(/^\d+:\d+:\s*/, '').replace(/\.$/, '');
    slips.error(parser.line, Math.max(1, parser.column), `XML: ${message}`, 'Write values as {{quote "xml" value}}.');
  });
  parser.on('opentag', ({ name }) => {
    path.push(name);
    const key = path.join('/');
    if (!elements.has(key)) elements.set(key, { line: parser.line, column: Math.max(1, parser.column), text: '' });
  });
  parser.on('text', (part) => {
    const element = elements.get(path.join('/'));
    if (element) element.text += part;
  });
  parser.on('closetag', () => path.pop());
  try {
    parser.write(text).close();
  } catch (error) {
    if (slips.all.length === 0) slips.error(parser.line, 1, `XML: ${messageOf(error)}`);
  }
  return { slips: slips.all, elements };
}

/** The parser reads from a bare ampersand to the next semicolon, however far, and then complains about what it swallowed. */
function checkAmpersands(slips: ReturnType<typeof collectSlips>, text: string): void {
  const plain = text.replace(/<!--.*?-->|<!\[CDATA\[.*?\]\]>/gs, (part) => part.replace(/[^\n]/g, ' '));
  const bare = /&(?!#\d+;|#x[0-9A-Fa-f]+;|[\w:][\w.:-]*;)/.exec(plain);
  if (!bare) return;
  const before = plain.slice(0, bare.index).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  slips.error(
    before.length,
    column,
    'XML: an ampersand stands alone',
    'Write &amp;, and values as {{quote "xml" value}}.',
  );
}

export function lintXml(text: string): readonly Slip[] {
  return readXml(text).slips;
}

export function lintAutoyast(text: string): readonly Slip[] {
  const { slips: faults, elements } = readXml(text);
  if (faults.length > 0) return faults;
  const slips = collectSlips();
  if (!elements.has('profile')) slips.error(1, 1, 'AutoYaST reads an element "profile" at the root');
  const drive = elements.get('profile/partitioning/drive');
  if (!drive) {
    slips.warning(
      1,
      1,
      'no drive is named: AutoYaST takes the disks it thinks best',
      'Name it: partitioning/drive/device.',
    );
  } else if (!elements.has('profile/partitioning/drive/device')) {
    slips.warning(
      drive.line,
      drive.column,
      'the drive names no device: AutoYaST takes the first disk',
      'Add <device>.',
    );
  }
  return slips.all;
}

export function lintJson(text: string): readonly Slip[] {
  const slips = collectSlips();
  readJson(text, slips);
  return slips.all;
}

export function lintIgnition(text: string): readonly Slip[] {
  const slips = collectSlips();
  const data = readJson(text, slips);
  if (slips.all.length > 0) return slips.all;
  const version = (data as { ignition?: { version?: unknown } } | null)?.ignition?.version;
  if (typeof version !== 'string' || !/^(?:2\.[0-4]|3\.[0-6])\.0$/.test(version)) {
    slips.error(1, 1, 'ignition.version is missing or unknown', 'Write "3.4.0", or a later one your system reads.');
  }
  return slips.all;
}

function readJson(text: string, slips: ReturnType<typeof collectSlips>): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = messageOf(error);
    const offset = Number(
      /at position (\d+)/.exec(message)?.[1] ?? (/end of JSON/.test(message) ? text.length : offsetOf(text)),
    );
    const before = text.slice(0, offset).split('\n');
    const plain = message
      .replace(/\s*(?:in JSON )?at position .*$/, '')
      .replace(/,? [.]{0,3}".*"[. ]* is not valid JSON$/s, '');
    slips.error(
      before.length,
      (before.at(-1)?.length ?? 0) + 1,
      `JSON: ${lower(plain)}`,
      'Write values as {{json value}}.',
    );
    return undefined;
  }
}

/** Where the engine names no position: the first prefix that nothing can complete is found by halving. */
function offsetOf(text: string): number {
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (canGoOn(text.slice(0, middle + 1))) low = middle + 1;
    else high = middle;
  }
  return low;
}

function canGoOn(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return true;
  } catch (error) {
    return /end of JSON|Unterminated/.test(messageOf(error));
  }
}

export function lintToml(text: string): readonly Slip[] {
  const slips = collectSlips();
  readToml(text, slips);
  return slips.all;
}

/** Proxmox' automatic installer: the keys it cannot do without, in the spelling of 8.4 or the one before. */
export function lintProxmox(text: string): readonly Slip[] {
  const slips = collectSlips();
  const data = readToml(text, slips);
  if (!data) return slips.all;
  const lineOf = (pattern: RegExp) =>
    Math.max(
      0,
      text.split('\n').findIndex((line) => pattern.test(line)),
    ) + 1;
  const table = (name: string) =>
    typeof data[name] === 'object' ? (data[name] as Record<string, unknown>) : undefined;
  const get = (from: Record<string, unknown> | undefined, name: string) =>
    from?.[name] ?? from?.[name.replaceAll('-', '_')];
  const global = table('global');
  for (const name of ['keyboard', 'country', 'fqdn', 'mailto', 'timezone']) {
    if (get(global, name) === undefined) slips.error(lineOf(/^\[global\]/), 1, `[global] lacks "${name}"`);
  }
  const hashed = get(global, 'root-password-hashed');
  if (get(global, 'root-password') === undefined && hashed === undefined) {
    slips.error(lineOf(/^\[global\]/), 1, '[global] has no root password', 'Set root-password-hashed.');
  }
  if (typeof hashed === 'string' && !CRYPTED.test(hashed)) {
    slips.error(
      lineOf(/root.password.hashed/),
      1,
      'the password is not hashed',
      'Give the output of: mkpasswd -m sha-512',
    );
  }
  const disks = table('disk-setup');
  if (get(disks, 'disk-list') === undefined && get(disks, 'filter') === undefined) {
    slips.error(lineOf(/^\[disk-setup\]/), 1, '[disk-setup] names no disk', 'Set disk-list.');
  }
  if (!table('network')) slips.error(1, 1, 'there is no [network]', 'Write source = "from-dhcp".');
  return slips.all;
}

function readToml(text: string, slips: ReturnType<typeof collectSlips>): Record<string, unknown> | undefined {
  try {
    return parseToml(text);
  } catch (error) {
    const place = error instanceof TomlError ? error : { line: 1, column: 1 };
    const [first = ''] = messageOf(error).split('\n');
    const message = first.replace(/^Invalid TOML document:\s*/, '');
    slips.error(place.line, place.column, `TOML: ${message}`, 'Write values as {{quote "toml" value}}.');
    return undefined;
  }
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
