import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DISK, type Disk } from '../../src/files/atomic-write.ts';
import { startRealHouse } from './real-house.ts';

const RESCUE = 'profiles/rescue.yaml';

describe('impact', () => {
  it('names every machine that would get something else, with the bytes that differ, and writes nothing', async () => {
    const { ask, text } = await startRealHouse();
    const before = text(RESCUE);
    const body = {
      changes: [{ kind: 'profile', name: 'rescue', merge: { args: ['quiet', 'console={{host.name}}'] } }],
    };
    const impact = (await ask('POST', '/impact', { body })).json();
    expect(impact.changed).toBe(2);
    expect(impact.machines).toMatchObject([
      { host: 'web01', before: 'profile rescue', after: 'profile rescue' },
      { host: 'web02' },
    ]);
    const [file] = impact.machines[0].files;
    expect(file).toMatchObject({ path: 'boot/52-54-00-aa-00-01.txt', beforeBytes: 24, afterBytes: 38 });
    expect(file.diff).toContain('\n quiet\n+console=web01\n');
    expect(text(RESCUE)).toBe(before);
  });

  it('leaves out those who get the same bytes', async () => {
    const { ask } = await startRealHouse();
    const one = { changes: [{ kind: 'host', name: 'web01', merge: { vars: { x: 1 } } }] };
    expect((await ask('POST', '/impact', { body: one })).json()).toMatchObject({ changed: 0, machines: [] });
    const two = { changes: [{ kind: 'host', name: 'web02', merge: { policy: 'local' } }] };
    expect((await ask('POST', '/impact', { body: two })).json().machines).toMatchObject([
      { host: 'web02', before: 'profile rescue', after: 'local disk (no-offer)' },
    ]);
  });

  it('shows what a template would do to each host, before it is saved', async () => {
    const { ask } = await startRealHouse();
    const body = { files: { 'templates/boot.txt.hbs': '{{host.name}} now runs {{profile.name}}\n' } };
    const { changed, machines } = (await ask('POST', '/impact?limit=1', { body })).json();
    // Both hosts, and whoever is no host.
    expect(changed).toBe(3);
    expect(machines).toHaveLength(1);
    expect(machines[0].files[0].diff).toContain('+web01 now runs rescue');
  });

  it('shows a destructive profile as it would be when armed', async () => {
    const { ask } = await startRealHouse();
    const body = { changes: [{ kind: 'host', name: 'web01', merge: { profile: 'debian' } }] };
    expect((await ask('POST', '/impact', { body })).json().machines).toMatchObject([
      { host: 'web01', after: 'local disk; profile debian when armed' },
    ]);
  });
});

describe('plan and apply', () => {
  const files = {
    'profiles/hosts/web03.yaml': '# new\nmacs: [52:54:00:aa:00:03]\nprofile: live\n',
    'profiles/live.yaml': 'kind: live\nkernel: live/linux\n',
    'templates/more/x.hbs': 'for {{host.name}}\n',
    'profiles/hosts/web02.yaml': null,
  };

  it('plan shows each file as a diff; apply writes them all, to the letter', async () => {
    const { ask, text, tree, core } = await startRealHouse();
    const planned = (await ask('POST', '/plan', { as: 'operator', body: { files } })).json();
    expect(
      planned.edits.map(({ file, change }: { file: string; change: string }) => [
        file.replace(/^.*\/(?=profiles|templates)/, ''),
        change,
      ]),
    ).toEqual([
      ['profiles/hosts/web03.yaml', 'create'],
      ['profiles/live.yaml', 'create'],
      ['profiles/hosts/web02.yaml', 'delete'],
      ['templates/more/x.hbs', 'create'],
    ]);
    expect(existsSync(tree.at('profiles/live.yaml'))).toBe(false);
    const applied = await ask('POST', '/apply', { body: { files } });
    expect(applied.json()).toEqual(planned);
    expect(text('profiles/hosts/web03.yaml')).toBe(files['profiles/hosts/web03.yaml']);
    expect(text('templates/more/x.hbs')).toBe(files['templates/more/x.hbs']);
    expect(existsSync(tree.at('profiles/hosts/web02.yaml'))).toBe(false);
    expect([...core.inventory.snapshot().hosts.keys()].sort()).toEqual(['web01', 'web03']);
    expect((await ask('GET', '/audit')).json().items).toMatchObject([{ action: 'POST /apply', status: 200 }]);
  });

  it('writes nothing of it when one file is wrong, and tells every problem at once', async () => {
    const { ask, core, tree } = await startRealHouse();
    const before = core.inventory.snapshot();
    const body = {
      files: {
        ...files,
        'profiles/hosts/a.yaml': 'macs: [x]\n',
        'profiles/hosts/b.yaml': 'macs: ["52:54:00:aa:00:04"]\nprofil: live\n',
      },
    };
    const refused = await ask('POST', '/apply', { body });
    expect(refused.json()).toMatchObject({ code: 'inventory-invalid' });
    expect(refused.json().problems.length).toBeGreaterThanOrEqual(2);
    expect(existsSync(tree.at('profiles/live.yaml'))).toBe(false);
    expect(existsSync(tree.at('templates/more/x.hbs'))).toBe(false);
    expect(core.inventory.snapshot()).toBe(before);
  });

  it('refuses a template that cannot be compiled, with its place, and leaves all as it was', async () => {
    const { ask, tree } = await startRealHouse();
    const body = { files: { ...files, 'templates/boot.txt.hbs': 'one\n{{host.nmae}}\n' } };
    expect((await ask('POST', '/apply', { body })).json()).toMatchObject({
      code: 'template-invalid',
      problems: [{ file: expect.stringMatching(/templates\/boot\.txt\.hbs$/), line: 2 }],
    });
    expect(existsSync(tree.at('profiles/live.yaml'))).toBe(false);
  });

  it.each([
    '../x.yaml',
    'profiles/../x.yaml',
    '/etc/passwd',
    'templates/../../x.hbs',
    'templates/.x.hbs',
    'boot-images/a',
    'profiles/hosts/A.yaml',
    'templates/x\u0000.hbs',
  ])('refuses the path %j', async (path) => {
    const { ask } = await startRealHouse();
    const refused = await ask('POST', '/apply', { body: { files: { [path]: 'kind: menu\n' } } });
    expect(refused.json()).toMatchObject({ status: 400, code: 'request-invalid' });
  });

  it('takes back what export gave as no change, and prunes what is not in it', async () => {
    const { ask, tree } = await startRealHouse();
    tree.write('profiles/quirks/slow.yaml', 'match: { macs: ["52:54:00"] }\nactions: { delayMs: 100 }\n');
    const exported = (await ask('GET', '/export')).json();
    expect(Object.keys(exported.files)).toContain('profiles/quirks/slow.yaml');
    expect(exported.files[RESCUE]).toMatch(/^# writes to no disk/);
    expect((await ask('POST', '/apply', { body: { ...exported, prune: true } })).json()).toEqual({ edits: [] });
    const { 'profiles/debian.yaml': _gone, ...rest } = exported.files;
    const pruned = await ask('POST', '/apply', { body: { files: rest, prune: true } });
    expect(pruned.json().edits).toMatchObject([{ change: 'delete' }]);
    expect(existsSync(tree.at('profiles/debian.yaml'))).toBe(false);
    expect((await ask('GET', '/audit')).json().items).toHaveLength(1);
  });

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EACCES', 'write-failed'],
  ])('leaves all as it was when the disk refuses the second file with %s', async (errno, code) => {
    let opened = 0;
    const open: Disk['open'] = (path, flags, mode) =>
      ++opened === 2 ? Promise.reject(Object.assign(new Error(errno), { code: errno })) : DISK.open(path, flags, mode);
    const { ask, tree, core } = await startRealHouse({}, {}, { ...DISK, open });
    const before = core.inventory.snapshot();
    const were = readdirSync(tree.root, { recursive: true }).sort();
    expect((await ask('POST', '/apply', { body: { files } })).json()).toMatchObject({ code });
    expect(opened).toBeGreaterThan(1);
    expect(readdirSync(tree.root, { recursive: true }).sort()).toEqual(were);
    expect(core.inventory.snapshot()).toBe(before);
  });
});

describe('validate', () => {
  it('says what is wrong with the files as they are', async () => {
    const { ask, tree } = await startRealHouse();
    tree.write('templates/boot.txt.hbs', '{{host.nmae}}\n');
    const { valid, problems } = (await ask('POST', '/validate', { as: 'operator' })).json();
    expect(valid).toBe(false);
    expect(problems).toContainEqual(expect.objectContaining({ line: 1, severity: 'error' }));
  });

  it('says what would be wrong with a change', async () => {
    const { ask } = await startRealHouse();
    const body = { changes: [{ kind: 'host', name: 'web01', merge: { profile: 'rescu' } }] };
    expect((await ask('POST', '/validate', { body })).json()).toMatchObject({
      valid: false,
      problems: [{ path: 'profile' }],
    });
    const good = { changes: [{ kind: 'host', name: 'web01', merge: { notes: 'x' } }] };
    expect((await ask('POST', '/validate', { body: good })).json()).toEqual({ valid: true, problems: [] });
  });
});

describe('templates by API', () => {
  it('are read, replaced under their revision, created and deleted', async () => {
    const { ask, text } = await startRealHouse();
    const read = await ask('GET', '/templates/boot.txt.hbs');
    expect(read.body).toBe(text('templates/boot.txt.hbs'));
    const headers = { 'if-match': String(read.headers.etag), 'content-type': 'text/plain' };
    const body = 'hello {{host.name}}\n';
    expect((await ask('PUT', '/templates/boot.txt.hbs', { body, headers })).statusCode).toBe(200);
    expect(text('templates/boot.txt.hbs')).toBe(body);
    expect((await ask('PUT', '/templates/boot.txt.hbs', { body, headers })).statusCode).toBe(412);
    const fresh = { 'if-none-match': '*', 'content-type': 'text/plain' };
    expect((await ask('PUT', '/templates/new/one.hbs', { body, headers: fresh })).statusCode).toBe(201);
    expect((await ask('GET', '/templates')).json().items.map(({ name }: { name: string }) => name)).toEqual([
      'boot.txt.hbs',
      'new/one.hbs',
    ]);
    expect((await ask('DELETE', '/templates/new/one.hbs', { headers: { 'if-match': '*' } })).statusCode).toBe(204);
    expect((await ask('GET', '/templates/new/one.hbs')).statusCode).toBe(404);
  });

  it('that are broken are refused with line and column, and the one before is served on', async () => {
    const { ask, text } = await startRealHouse();
    const headers = { 'if-match': '*', 'content-type': 'text/plain' };
    const refused = await ask('PUT', '/templates/boot.txt.hbs', { body: 'a\n{{#if x}}', headers });
    expect(refused.json()).toMatchObject({ status: 422, code: 'template-invalid', problems: [{ line: 2 }] });
    expect(text('templates/boot.txt.hbs')).toContain('{{host.name}} runs');
  });

  it.each(['..%2f..%2fetc%2fpasswd', '%2e%2e/x.hbs', 'x.txt', '.hidden.hbs'])(
    'are nothing outside: %s',
    async (name) => {
      const { ask } = await startRealHouse();
      const headers = { 'if-none-match': '*', 'content-type': 'text/plain' };
      expect([400, 404]).toContain((await ask('PUT', `/templates/${name}`, { body: 'x', headers })).statusCode);
    },
  );

  it('are text of any kind: JSON in a template stays as it was sent', async () => {
    const { ask, text } = await startRealHouse();
    const headers = { 'if-none-match': '*', 'content-type': 'application/json' };
    expect((await ask('PUT', '/templates/a.json.hbs', { body: '{ "a":  1 }', headers })).statusCode).toBe(201);
    expect(text('templates/a.json.hbs')).toBe('{ "a":  1 }');
  });
});
