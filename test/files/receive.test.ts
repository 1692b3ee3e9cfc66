import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { OpenedUpload } from '../../src/boot/upload.ts';
import { parseMac } from '../../src/net/mac.ts';
import { type TemporaryTree, temporaryTree } from '../support/temporary-tree.ts';
import { openUploadRoot, REQUESTER, type UploadRoot, type UploadRootOptions } from '../support/upload-root.ts';

let tree: TemporaryTree;
let uploads: UploadRoot;

async function start(options: Partial<UploadRootOptions> = {}): Promise<void> {
  uploads = await openUploadRoot({ root: tree.at('uploads'), settings: { policy: 'create' }, ...options });
}
beforeEach(async () => {
  tree = temporaryTree();
  await start();
});

async function open(path: string, requester = REQUESTER): Promise<OpenedUpload> {
  const outcome = await uploads.open(path, requester, {});
  if (outcome.kind !== 'upload') throw new Error(`${outcome.kind}: ${outcome.reason}`);
  return outcome;
}

async function put(path: string, text: string, requester = REQUESTER) {
  const upload = await open(path, requester);
  await upload.write(Buffer.from(text));
  return upload.commit();
}

const textOf = (file: string) => readFileSync(tree.at(`uploads/${file}`), 'utf8');

describe('an upload', () => {
  it('T-40 is not to be seen before it is whole', async () => {
    const upload = await open('a/f');
    await upload.write(Buffer.from('half'));
    expect(existsSync(tree.at('uploads/a'))).toBe(false);
    await upload.write(Buffer.from(' and half'));
    expect(await upload.commit()).toMatchObject({ file: 'a/f', size: 13, unchanged: false });
    expect(textOf('a/f')).toBe('half and half');
    expect(uploads.files()).toEqual(['a/f']);
    expect(statSync(tree.at('uploads/a/f')).mode & 0o777).toBe(0o640 & ~process.umask());
  });

  it('T-40 that is given up leaves nothing, also twice and after the end', async () => {
    const upload = await open('a/f');
    await upload.write(Buffer.from('half'));
    await Promise.all([upload.abort(), upload.abort()]);
    expect(uploads.files()).toEqual([]);
    await expect(upload.write(Buffer.from('more'))).rejects.toMatchObject({ code: 'write-failed' });

    const second = await open('f');
    await second.commit();
    await second.abort();
    expect(textOf('f')).toBe('');
  });

  it('makes nothing on the disk before its first byte: a forged request costs nothing', async () => {
    await open('a/f');
    expect(existsSync(tree.at('uploads'))).toBe(false);
  });

  it('is recorded with who sent it', async () => {
    const mac = parseMac('52:54:00:aa:bb:cc');
    await put('f', 'x', { ...REQUESTER, ...(mac && { mac }) });
    expect(uploads.records).toMatchObject([{ file: 'f', path: 'f', size: 1, ip: '10.77.0.9', mac, host: 'r1' }]);
  });

  it.runIf(process.platform === 'linux')(
    'T-40 of a process that is killed leaves nothing after the next start',
    async () => {
      const script = `
      const { openUploadRoot, REQUESTER } = await import(${JSON.stringify(import.meta.resolve('../support/upload-root.ts'))});
      const { open } = await openUploadRoot({ root: process.argv[1], settings: { policy: 'create' } });
      const upload = await open('f', REQUESTER, {});
      await upload.write(Buffer.alloc(1000));
      process.kill(process.pid, 'SIGKILL');`;
      const args = ['--input-type=module', '-e', script, tree.at('uploads')];
      expect(() => execFileSync(process.execPath, args, { stdio: 'ignore' })).toThrow();
      expect(uploads.files()).toHaveLength(1);
      await start();
      expect(uploads.files()).toEqual([]);
    },
  );
});

describe('the policy', () => {
  it('T-41 create keeps what is there', async () => {
    await put('f', 'old');
    expect(await uploads.open('f', REQUESTER, {})).toMatchObject({ kind: 'exists' });
    expect(textOf('f')).toBe('old');
  });

  it('T-41 overwrite replaces it, and says when nothing changed', async () => {
    await start({ settings: { policy: 'overwrite' } });
    await put('f', 'old');
    expect(await put('f', 'old')).toMatchObject({ unchanged: true });
    expect(await put('f', 'new')).toMatchObject({ unchanged: false, file: 'f' });
    expect(uploads.files()).toEqual(['f']);
    expect(textOf('f')).toBe('new');
  });

  it('T-41 existing replaces what was made for it, and nothing else can be written', async () => {
    await start({ settings: { policy: 'overwrite' } });
    await put('f', 'old');
    await start({ settings: { policy: 'existing' } });
    expect(await uploads.open('g', REQUESTER, {})).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('g is not there, and the policy is "existing"'),
    });
    expect(await put('f', 'new')).toMatchObject({ unchanged: false, file: 'f' });
    expect(textOf('f')).toBe('new');
    // Taken away while the upload was under way.
    const opened = await open('f');
    await opened.write(Buffer.from('newer'));
    unlinkSync(tree.at('uploads/f'));
    await expect(opened.commit()).rejects.toMatchObject({ code: 'write-refused' });
    expect(uploads.files()).toEqual([]);
  });

  it('T-41 versions keeps every one, but the same bytes only once in a row', async () => {
    await start({ settings: { policy: 'versions' } });
    expect(await put('d/f', 'a')).toMatchObject({ file: 'd/f.20260314T092653Z-1' });
    expect(await put('d/f', 'a')).toMatchObject({ file: 'd/f.20260314T092653Z-1', unchanged: true });
    await put('d/f', 'b');
    uploads.setNow(Date.UTC(2026, 2, 15));
    await put('d/f', 'a');
    // A clock that was set back.
    uploads.setNow(Date.UTC(2020, 0, 1));
    await put('d/f', 'c');
    expect(uploads.files().map((file) => [file, textOf(file)])).toEqual([
      ['d/f.20260314T092653Z-1', 'a'],
      ['d/f.20260314T092653Z-2', 'b'],
      ['d/f.20260315T000000Z-1', 'a'],
      ['d/f.20260315T000000Z-2', 'c'],
    ]);
    expect(uploads.records.map(({ file }) => file)).toHaveLength(5);
  });

  it('T-41 ten at once are ten whole versions', async () => {
    await start({ settings: { policy: 'versions' } });
    await Promise.all(Array.from({ length: 10 }, (_, index) => put('f', `text ${index}`)));
    expect(uploads.files().map(textOf).sort()).toEqual(Array.from({ length: 10 }, (_, index) => `text ${index}`));
  });
});

describe('slots', () => {
  const routes = [
    { path: 'backups/:mac/*name', upload: 'by-mac/:mac/*name', maxBytes: 10, from: ['10.77.0.0/24'] },
    { path: 'once/:name', upload: 'once/:name', policy: 'create' },
    { path: 'never/*name', upload: 'never/*name', policy: 'refuse' },
  ];
  beforeEach(() => start({ routes, settings: { policy: 'refuse' } }));

  it('keep versions in the place their captures name, one spelling a machine', async () => {
    await put('backups/5254.00AA.BBCC/startup/config', 'x');
    expect(uploads.files()).toEqual(['by-mac/52-54-00-aa-bb-cc/startup/config.20260314T092653Z-1']);
    expect(uploads.records[0]).toMatchObject({ host: 'r1', path: 'backups/5254.00AA.BBCC/startup/config' });
  });

  it.each([
    ['of another network', 'backups/525400aabbcc/f', { ...REQUESTER, ip: '10.78.0.9' }],
    ['of an IPv6 address', 'backups/525400aabbcc/f', { ...REQUESTER, ip: 'fd00::9' }],
    ['to a slot that is closed', 'never/f', REQUESTER],
    ['outside every slot', 'f', REQUESTER],
  ])('T-43 refuse uploads %s', async (_name, path, requester) => {
    expect(await uploads.open(path, requester, {})).toMatchObject({ kind: 'refused' });
  });

  it('have their own cap', async () => {
    await expect(put('backups/525400aabbcc/f', '12345678901')).rejects.toMatchObject({ code: 'upload-too-large' });
    await put('once/f', '12345678901');
  });
});

describe('confinement', () => {
  it.each([
    ['a link to a directory', 'link/f'],
    ['a link to a file', 'file-link'],
    ['a directory', 'directory'],
    ['below a file', 'plain/f'],
    ['a name too long for a version', 'x'.repeat(201)],
  ])('refuses %s', async (_name, path) => {
    mkdirSync(tree.at('uploads/directory'), { recursive: true });
    mkdirSync(tree.at('outside'));
    writeFileSync(tree.at('uploads/plain'), 'plain');
    writeFileSync(tree.at('secret'), 'secret');
    symlinkSync(tree.at('outside'), tree.at('uploads/link'));
    symlinkSync(tree.at('secret'), tree.at('uploads/file-link'));
    expect(await uploads.open(path, REQUESTER, {})).toMatchObject({ kind: 'refused' });
  });

  it('looks again when the upload is whole', async () => {
    const upload = await open('a/f');
    await upload.write(Buffer.from('x'));
    mkdirSync(tree.at('outside'));
    symlinkSync(tree.at('outside'), tree.at('uploads/a'));
    await expect(upload.commit()).rejects.toMatchObject({ code: 'write-refused' });
    expect(existsSync(tree.at('outside/f'))).toBe(false);
    expect(existsSync(tree.at('uploads/.incoming')) && uploads.files()).toEqual([]);
  });
});

describe('quotas', () => {
  it('count what is there, what is coming, and notice what was taken away', async () => {
    await start({ settings: { policy: 'overwrite', quotaBytes: 100 } });
    await put('a', 'x'.repeat(60));
    const coming = await open('b');
    await coming.write(Buffer.alloc(30));
    await expect(put('c', 'x'.repeat(20))).rejects.toMatchObject({ code: 'quota-exceeded' });
    await coming.abort();
    await put('c', 'x'.repeat(20));
    await expect(uploads.open('d', REQUESTER, { declaredSize: 30 })).rejects.toMatchObject({ code: 'quota-exceeded' });
    execFileSync('rm', [tree.at('uploads/a')]);
    expect(await uploads.open('d', REQUESTER, { declaredSize: 30 })).toMatchObject({ kind: 'upload' });
  });

  it('of one source leave room for the others', async () => {
    await start({ settings: { policy: 'create', quotaPerSourceBytes: 50 } });
    await put('a', 'x'.repeat(40));
    await expect(put('b', 'x'.repeat(20))).rejects.toMatchObject({ code: 'quota-exceeded' });
    await put('b', 'x'.repeat(20), { ...REQUESTER, ip: '10.77.0.10' });
    expect(uploads.files()).toEqual(['a', 'b']);
  });
});
