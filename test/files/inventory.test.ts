/** Loading, keeping the last good snapshot, and editing hosts. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { BootEvent } from '../../src/boot/event.ts';
import { AppError } from '../../src/errors.ts';
import { DISK, type Disk } from '../../src/files/atomic-write.ts';
import { createInventory, type Inventory } from '../../src/files/inventory.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const HOST = '# web01, rack 12\nmacs:\n  - 52:54:00:00:00:01 # left port\nprofile: menu # for now\n';
const FILES = {
  'profiles/menu.yaml': 'kind: menu\n',
  'profiles/hosts/web01.yaml': HOST,
  'templates/routes.yaml': 'routes: []\n',
  'boot-images/ipxe/undionly.kpxe': 'x',
};

async function load(files: Record<string, string> = {}, disk?: Disk) {
  const tree = temporaryTree({ ...FILES, ...files });
  const events: BootEvent[] = [];
  const inventory = createInventory({
    profilesRoot: tree.at('profiles'),
    templatesRoot: tree.at('templates'),
    imagesRoot: tree.at('boot-images'),
    checkOption: () => undefined,
    record: (event) => events.push(event),
    log: { info: () => undefined, warn: () => undefined },
    now: () => 0,
    ...(disk && { disk }),
  });
  await inventory.reload();
  return { tree, inventory, events, hostText: () => readFileSync(tree.at('profiles/hosts/web01.yaml'), 'utf8') };
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof AppError) return error;
  throw new Error(`expected an AppError, got ${String(error)}`);
}

const merge = (patch: Record<string, unknown>) => ({ kind: 'merge', patch }) as const;
const profileOf = (inventory: Inventory) => inventory.snapshot().hosts.get('web01')?.profile;

describe('reload', () => {
  it('serves what is on disk, and says so once', async () => {
    const { inventory, events } = await load();
    expect(profileOf(inventory)).toBe('menu');
    expect(await inventory.reload()).toBe(true);
    expect(events.map(({ kind }) => kind)).toEqual(['config.loaded']);
  });

  it('keeps the last good snapshot of a broken inventory, reports once, and recovers', async () => {
    const { tree, inventory, events } = await load();
    const before = inventory.snapshot();
    tree.write('profiles/hosts/web01.yaml', 'macs: [\n');
    tree.write('profiles/hosts/good.yaml', 'macs: [52:54:00:00:00:05]\n');
    expect(await inventory.reload()).toBe(false);
    await inventory.reload();
    expect(inventory.snapshot()).toBe(before);
    expect(inventory.problems()[0]).toMatchObject({ severity: 'error', line: 2 });
    tree.write('profiles/hosts/web01.yaml', HOST);
    expect(await inventory.reload()).toBe(true);
    expect(inventory.problems()).toEqual([]);
    expect(inventory.snapshot().hosts.size).toBe(2);
    expect(events.map(({ kind }) => kind)).toEqual(['config.loaded', 'config.rejected', 'config.loaded']);
  });

  it('knows which loaders are installed, two levels down, links inside the root counted', async () => {
    const { tree, inventory } = await load({ 'boot-images/top': 'x', 'boot-images/a/b/deep': 'x', secret: 'x' });
    symlinkSync('ipxe', tree.at('boot-images/linked'));
    symlinkSync('../secret', tree.at('boot-images/outside'));
    symlinkSync('nowhere', tree.at('boot-images/dangling'));
    await inventory.reload();
    expect([...inventory.snapshot().installed].sort()).toEqual(['ipxe/undionly.kpxe', 'linked/undionly.kpxe', 'top']);
  });

  it('refuses what is no text file', async () => {
    const { tree, inventory } = await load();
    tree.write('profiles/hosts/latin.yaml', Uint8Array.of(0x6d, 0xe9));
    tree.write('profiles/hosts/huge.yaml', `# ${'x'.repeat(1024 * 1024)}\n`);
    mkdirSync(tree.at('profiles/hosts/dir.yaml'));
    symlinkSync('/dev/zero', tree.at('profiles/hosts/zero.yaml'));
    expect(await inventory.reload()).toBe(false);
    const said = inventory.problems().map(({ file, message }) => `${file.split('/').at(-1)} ${message}`);
    expect(said).toEqual([
      'huge.yaml is larger than 1 MiB',
      'latin.yaml is not UTF-8 text',
      'zero.yaml is no regular file',
    ]);
  });

  it('follows changes on disk by itself', async () => {
    const { tree, inventory } = await load();
    await inventory.watch();
    tree.write('profiles/hosts/web02.yaml', 'macs: [52:54:00:00:00:02]\n');
    await vi.waitFor(() => expect(inventory.snapshot().hosts.has('web02')).toBe(true), { timeout: 5000 });
    rmSync(tree.at('boot-images/ipxe/undionly.kpxe'));
    await vi.waitFor(() => expect(inventory.snapshot().installed.size).toBe(0), { timeout: 5000 });
    await inventory.close();
  });
});

describe('writeHost', () => {
  it('changes one value, keeps the comments, and is served at once', async () => {
    const { inventory, events, hostText } = await load({ 'profiles/local.yaml': 'kind: local\n' });
    const { revision } = await inventory.readObject('host', 'web01');
    const written = await inventory.writeObject('host', 'web01', merge({ profile: 'local' }), { ifMatch: revision });
    expect(hostText()).toBe(HOST.replace('menu', 'local'));
    expect(profileOf(inventory)).toBe('local');
    expect(await inventory.readObject('host', 'web01')).toEqual(written);
    expect(events.at(-1)).toMatchObject({ kind: 'host.changed', host: 'web01', summary: 'host "web01" changed' });
    expect(await inventory.reload()).toBe(true);
    expect(events.at(-1)?.kind).toBe('host.changed');
  });

  it('creates a host and deletes it again', async () => {
    const { inventory, tree } = await load();
    const document = { macs: ['52:54:00:00:00:09'], vars: { a: [1] } };
    const { revision } = await inventory.writeObject('host', 'new', { kind: 'create', document });
    expect(inventory.snapshot().hosts.get('new')?.vars).toEqual({ a: [1] });
    expect((await failure(inventory.writeObject('host', 'new', { kind: 'create', document }))).code).toBe(
      'already-exists',
    );
    await inventory.deleteObject('host', 'new', { ifMatch: revision });
    expect(inventory.snapshot().hosts.has('new')).toBe(false);
    expect(existsSync(tree.at('profiles/hosts/new.yaml'))).toBe(false);
    expect((await failure(inventory.deleteObject('host', 'new'))).code).toBe('not-found');
  });

  it('creates the first host where there is no directory of hosts yet', async () => {
    const { inventory, tree } = await load();
    rmSync(tree.at('profiles/hosts'), { recursive: true });
    await inventory.reload();
    await inventory.writeObject('host', 'first', { kind: 'create', document: { macs: ['52:54:00:00:00:09'] } });
    expect(readdirSync(tree.at('profiles/hosts'))).toEqual(['first.yaml']);
  });

  it('tells two editors apart: the second is stale', async () => {
    const { inventory, hostText } = await load();
    const { revision } = await inventory.readObject('host', 'web01');
    const edit = (notes: string) => inventory.writeObject('host', 'web01', merge({ notes }), { ifMatch: revision });
    const [first, second] = await Promise.allSettled([edit('one'), edit('two')]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'revision-stale' } });
    expect(hostText()).toContain('notes: one');
  });

  it('sees an edit on disk that was not reloaded yet', async () => {
    const { inventory, tree, hostText } = await load();
    const { revision } = await inventory.readObject('host', 'web01');
    tree.write('profiles/hosts/web01.yaml', `${HOST}notes: by hand\n`);
    expect((await failure(inventory.writeObject('host', 'web01', merge({}), { ifMatch: revision }))).code).toBe(
      'revision-stale',
    );
    await inventory.writeObject('host', 'web01', merge({ hostname: 'w' }));
    expect(hostText()).toBe(`${HOST}notes: by hand\nhostname: w\n`);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a key that does not exist', { profle: 'x' }, 'Did you mean "profile"?'],
    ['a profile that does not exist', { profile: 'nope' }, 'Known: menu.'],
    ['a MAC that is none', { macs: ['x'] }, ''],
    ['a MAC of another host', { macs: ['52:54:00:00:00:02'] }, 'One machine, one host'],
    ['no MAC at all', { macs: null }, 'Add a list.'],
  ])('refuses %s and leaves everything as it was', async (_, patch, advice) => {
    const { inventory, hostText } = await load({ 'profiles/hosts/b.yaml': 'macs: [52:54:00:00:00:02]\n' });
    const before = inventory.snapshot();
    const error = await failure(inventory.writeObject('host', 'web01', merge(patch)));
    expect(error.code).toBe('inventory-invalid');
    expect(error.problems).toHaveLength(1);
    expect(error.message).toContain(advice);
    expect(hostText()).toBe(HOST);
    expect(inventory.snapshot()).toBe(before);
  });

  it.each(['../web01', 'a/b', '..', '', 'A', '.hidden', 'x'.repeat(64), 'a\0b'])(
    'refuses the name %j',
    async (name) => {
      const { inventory } = await load();
      const document = { macs: ['52:54:00:00:00:09'] };
      expect((await failure(inventory.writeObject('host', name, { kind: 'create', document }))).code).toBe(
        'request-invalid',
      );
      expect((await failure(inventory.readObject('host', name))).code).toBe('request-invalid');
      expect((await failure(inventory.deleteObject('host', name))).code).toBe('request-invalid');
    },
  );

  it('works while another file is broken, on top of what is served', async () => {
    const { inventory, tree } = await load();
    tree.write('profiles/menu.yaml', 'kind: [\n');
    await inventory.reload();
    await inventory.writeObject('host', 'web01', merge({ hostname: 'w' }));
    expect(inventory.snapshot().hosts.get('web01')?.hostname).toBe('w');
    expect(inventory.problems()).not.toEqual([]);
  });

  it('repairs a host whose file says nonsense but is YAML', async () => {
    const { inventory, tree } = await load();
    tree.write('profiles/hosts/web01.yaml', `${HOST}policy: wat\n`);
    expect(await inventory.reload()).toBe(false);
    await inventory.writeObject('host', 'web01', merge({ policy: 'local' }));
    expect(inventory.snapshot().hosts.get('web01')?.policy).toBe('local');
    expect(await inventory.reload()).toBe(true);
  });

  it('makes many edits at once one after the other', async () => {
    const { inventory } = await load();
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    await Promise.all(
      numbers.map((number) => inventory.writeObject('host', 'web01', merge({ vars: { [`v${number}`]: number } }))),
    );
    expect(Object.keys(inventory.snapshot().hosts.get('web01')?.vars ?? {})).toHaveLength(20);
  });

  it('loses nothing and leaves nothing when the disk is full', async () => {
    const full: Disk = {
      ...DISK,
      open: async (path, flags, mode) => {
        const handle = await DISK.open(path, flags, mode);
        const writeFile = async () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
        return { writeFile, sync: () => handle.sync(), close: () => handle.close() };
      },
    };
    const { inventory, tree, hostText } = await load({}, full);
    const before = inventory.snapshot();
    const error = await failure(inventory.writeObject('host', 'web01', merge({ hostname: 'w' })));
    expect(error.code).toBe('disk-full');
    expect(error.cause).toMatchObject({ code: 'ENOSPC' });
    expect(hostText()).toBe(HOST);
    expect(readdirSync(tree.at('profiles/hosts'))).toEqual(['web01.yaml']);
    expect(inventory.snapshot()).toBe(before);
  });

  it.each([
    ['EACCES', 'no permission'],
    ['EROFS', 'read-only'],
    ['EIO', 'EIO'],
  ])('says what to do about %s', async (code, words) => {
    const broken: Disk = { ...DISK, rename: async () => Promise.reject(Object.assign(new Error(code), { code })) };
    const { inventory, tree } = await load({}, broken);
    const error = await failure(inventory.writeObject('host', 'web01', merge({ hostname: 'w' })));
    expect(error.code).toBe('write-failed');
    expect(error.message).toContain(words);
    expect(readdirSync(tree.at('profiles/hosts'))).toEqual(['web01.yaml']);
  });

  it('keeps a linked file linked, and its mode', async () => {
    const { inventory, tree } = await load({ 'elsewhere/web02.yaml': 'macs: [52:54:00:00:00:02]\n' });
    symlinkSync('../../elsewhere/web02.yaml', tree.at('profiles/hosts/web02.yaml'));
    chmodSync(tree.at('elsewhere/web02.yaml'), 0o600);
    await inventory.reload();
    await inventory.writeObject('host', 'web02', merge({ notes: 'x' }));
    expect(readFileSync(tree.at('elsewhere/web02.yaml'), 'utf8')).toContain('notes: x');
  });
});
