import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The import table of docs/architecture.md: who may import whom. Top-level files are rooms of their own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  net: [],
  errors: [],
  boot: ['net', 'errors'],
  os: ['net', 'errors'],
  dhcp: ['net', 'errors', 'boot'],
  tftp: ['net', 'errors', 'boot'],
  http: ['net', 'errors', 'boot', 'ui'],
  files: ['net', 'errors', 'boot'],
  images: ['net', 'errors', 'boot'],
  store: ['net', 'errors', 'boot'],
  import: ['net', 'errors', 'boot'],
  probe: ['net', 'errors', 'boot'],
  ui: [],
  config: ['net', 'errors', 'boot', 'files'],
  'log-lines': [],
  log: ['config', 'log-lines'],
  doors: ['net', 'errors', 'boot', 'os', 'dhcp', 'tftp', 'http', 'config', 'log'],
  deployments: ['net', 'errors', 'boot', 'files', 'http', 'store'],
  machines: ['net', 'errors', 'boot', 'http', 'store'],
  identity: ['net', 'boot', 'os'],
  meters: ['boot', 'http'],
  operator: [
    'net',
    'errors',
    'boot',
    'os',
    'dhcp',
    'tftp',
    'http',
    'files',
    'store',
    'ui',
    'log',
    'doors',
    'core',
    'deployments',
    'machines',
    'meters',
  ],
  core: ['net', 'errors', 'boot', 'dhcp', 'files', 'os', 'config', 'log'],
  app: [
    'net',
    'errors',
    'boot',
    'os',
    'dhcp',
    'tftp',
    'http',
    'files',
    'images',
    'store',
    'probe',
    'config',
    'log',
    'doors',
    'core',
    'identity',
    'deployments',
    'machines',
    'meters',
    'operator',
  ],
  lab: ['net', 'errors', 'boot'],
  cli: [
    'net',
    'errors',
    'boot',
    'os',
    'dhcp',
    'files',
    'images',
    'import',
    'store',
    'config',
    'log',
    'doors',
    'core',
    'operator',
    'app',
    'lab',
  ],
};

/** Doors: the only files of their room that touch the operating system. */
const DOORS = [
  'dhcp/server.ts',
  'dhcp/sockets.ts',
  'dhcp/wires.ts',
  'tftp/server.ts',
  'tftp/fast-server.ts',
  'tftp/thread.ts',
  'tftp/worker.ts',
];
/** Rooms whose other files are pure: no `node:`, no package, no clock, no randomness. */
const PURE_ROOMS = ['net', 'boot', 'dhcp', 'tftp', 'import'];
/** Packages a pure file may use all the same, with the reason. */
const PURE_PACKAGES: Readonly<Record<string, string>> = {
  // The schemas of what people write.
  'boot/fields.ts': 'zod',
  'boot/group.ts': 'zod',
  'boot/host.ts': 'zod',
  'boot/network.ts': 'zod',
  'boot/quirk.ts': 'zod',
  'boot/profile.ts': 'zod',
  'boot/pxe-menu.ts': 'zod',
  'boot/routes-file.ts': 'zod',
  'dhcp/vocabulary.ts': 'dhcp', // the option catalogue, a table
};

interface Source {
  readonly file: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const SRC = resolve(import.meta.dirname, '../src');
const sources = listFiles(SRC).map(readSource);

describe('the import table', () => {
  test.each(sources.map((source) => [source.file, source] as const))(
    '%s imports only what its room may',
    (_, source) => {
      const allowed = MAY_IMPORT[source.room];
      expect(allowed, `src/${source.room} is not in the table of docs/architecture.md`).toBeDefined();
      const rooms = source.imports
        .filter((name) => name.startsWith('.'))
        .map((name) => roomOf(resolveImport(source, name)));
      const own = DOORS.includes(source.file) ? [source.room, 'os'] : [source.room];
      expect(rooms.filter((room) => !own.includes(room) && !allowed?.includes(room))).toEqual([]);
    },
  );

  test('os is entered by doors and the composition root only', () => {
    const visitors = sources
      .filter((source) => source.room !== 'os' && importsRoom(source, 'os'))
      .map(({ file }) => file);
    const doors = new Set([...DOORS, 'doors.ts', 'core.ts', 'identity.ts', 'operator.ts', 'app.ts']);
    expect(visitors.filter((file) => !doors.has(file) && !/^(?:cli|lab)\//.test(file))).toEqual([]);
  });

  test('process.exit is called by the command line only', () => {
    expect(sources.filter(({ text }) => /process\.exit\(/.test(text)).map(({ file }) => file)).toEqual(['cli.ts']);
  });
});

describe('pure files', () => {
  const pure = sources.filter(({ file, room }) => PURE_ROOMS.includes(room) && !DOORS.includes(file));

  test.each(pure.map((source) => [source.file, source] as const))('%s has no world in it', (file, source) => {
    const packages = source.imports.filter((name) => !name.startsWith('.'));
    const allowed = PURE_PACKAGES[file];
    expect(packages.filter((name) => name.split('/')[0] !== allowed)).toEqual([]);
    expect(source.text).not.toMatch(
      /\bDate\.now\(|\bnew Date\(\)|Math\.random\(|\bprocess\.|\bperformance\.|setTimeout\(/,
    );
  });

  test('decisions never wait', () => {
    const waiting = sources.filter(
      ({ room, text }) => room === 'boot' && /\bawait\b|\basync\b/.test(stripComments(text)),
    );
    expect(waiting.map(({ file }) => file)).toEqual([]);
  });
});

describe('the size and shape of files', () => {
  test('no file is longer than 400 lines', () => {
    expect(sources.filter(({ text }) => text.split('\n').length > 401).map(({ file }) => file)).toEqual([]);
  });

  test('there are no barrels and no default exports', () => {
    expect(sources.filter(({ file, text }) => file.endsWith('/index.ts') || /^export default/m.test(text))).toEqual([]);
  });

  test('each file opens with its purpose', () => {
    const silent = sources.filter(({ text }) => !/^(?:#!.*\n)?(?:\/\*\*|\/\/)/.test(text));
    expect(silent.map(({ file }) => file)).toEqual([]);
  });
});

function listFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return listFiles(path);
    return /\.tsx?$/.test(name) && !name.endsWith('.d.ts') ? [path] : [];
  });
}

function readSource(path: string): Source {
  const text = readFileSync(path, 'utf8');
  const file = relative(SRC, path);
  const imports = [...stripComments(text).matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
    (found) => found[1] ?? '',
  );
  return { file, room: roomOf(path), text, imports };
}

function roomOf(path: string): string {
  return (relative(SRC, path).split('/')[0] ?? '').replace(/\.ts$/, '');
}

function resolveImport(source: Source, name: string): string {
  return resolve(dirname(join(SRC, source.file)), name);
}

function importsRoom(source: Source, room: string): boolean {
  return source.imports.some((name) => name.startsWith('.') && roomOf(resolveImport(source, name)) === room);
}

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}
