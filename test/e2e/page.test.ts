/** The operator's page in a real browser, over the appliance as a program. Loopback only, no door for machines. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
// @ts-expect-error: a script for any Node, without types
import { packages } from '../../scripts/packages.mjs';
import type { StoredEvent } from '../../src/boot/event.ts';
import type { Mac } from '../../src/net/mac.ts';
import { createStore } from '../../src/store/store.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { PROGRAM, writeTree } from './serve.ts';

const BROWSER = packages.find(({ name }: { name: string }) => name === 'chromium')?.proof[0] ?? '';
const STRANGER = '52:54:00:79:00:09' as Mac;
const WEB = '52:54:00:79:00:01' as Mac;

const TREE = {
  'hobnail.yaml': {
    dhcp: { enabled: false },
    tftp: { enabled: false },
    http: { enabled: false },
    api: { port: 0 },
    log: { format: 'json' },
  },
  'profiles/wipe.yaml': { kind: 'install', title: 'Install', kernel: 'debian/linux' },
  'profiles/rescue.yaml': { kind: 'rescue', kernel: 'rescue/linux' },
  'profiles/hosts/web01.yaml': { macs: [WEB], profile: 'wipe' },
  'templates/routes.yaml': { routes: [{ path: '*path', image: '*path' }] },
};

if (!existsSync(BROWSER) && process.env.HOBNAIL_E2E_OPTIONAL !== '1') {
  throw new Error(`the page cannot be tried: there is no ${BROWSER}; apt-get install chromium`);
}

describe.skipIf(!existsSync(BROWSER))('the page, in a browser', () => {
  let files: TestDirectory;
  let server: ReturnType<typeof spawn>;
  let browser: Browser;
  let page: Page;
  let url = '';
  let token = '';
  const faults: string[] = [];

  beforeAll(async () => {
    files = await makeDirectory('page');
    await writeTree(files.path, TREE);
    await remember(files.path);
    server = spawn(process.execPath, [PROGRAM, '--config', join(files.path, 'hobnail.yaml'), 'serve'], {
      cwd: files.path,
    });
    const banner = await heard(server, /Login +\S+/);
    url = /Page and API\S* +(http:\S+)/.exec(plain(banner))?.[1] ?? '';
    token = /Login\S* +(hob_\S+)/.exec(plain(banner))?.[1] ?? '';
    browser = await chromium.launch({
      executablePath: BROWSER,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      // A refused request is shown on the page; the browser's own line about it is no fault of the script.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) faults.push(message.text());
    });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    if (server && server.exitCode === null) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      // It still writes into the directory until then.
      await ended;
    }
    await files?.close();
  });

  const row = (table: string, text: string) => page.locator(`#${table} tr`, { hasText: text });

  test('refuses a wrong token in words and opens with the right one, which no script can read afterwards', async () => {
    await page.goto(url);
    await page.fill('#token', 'hob_wrong');
    await page.click('#login button');
    await page.locator('#login-message', { hasText: 'not known' }).waitFor();
    await page.fill('#token', token);
    await page.click('#login button');
    await page.locator('#who', { hasText: 'admin (admin)' }).waitFor();
    const readable = await page.evaluate(
      'document.cookie + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)',
    );
    expect(readable).not.toContain('hob_');
    expect(readable).not.toContain('session');
    // The session is good for the next look.
    await page.reload();
    await page.locator('#who', { hasText: 'admin (admin)' }).waitFor();
  });

  test('shows a boot that stopped, why, and each of its steps', async () => {
    await row('boots', 'web01').getByText('stopped: its loader was fetched, and then nothing').waitFor();
    await page.click(`[aria-label="Timeline of web01"]`);
    await page.locator('#timeline-says', { hasText: 'Secure Boot' }).waitFor();
    await expect
      .poll(() => page.locator('#timeline-steps tr').allInnerTexts())
      .toEqual([
        expect.stringMatching(/^0\.0 s\tfirmware\t/),
        expect.stringMatching(/^1\.0 s\tfirmware\t/),
        expect.stringMatching(/^2\.0 s\tloader\t/),
      ]);
  });

  test('adopts a stranger of the inbox as a host', async () => {
    await row('inbox', STRANGER).waitFor();
    await page.click(`[aria-label="Block ${STRANGER}"]`);
    await row('inbox', STRANGER).getByText('blocked').waitFor();
    await page.click(`[aria-label="Unblock ${STRANGER}"]`);
    await page.click(`[aria-label="Adopt ${STRANGER}"]`);
    await page.fill('#adopt-name', 'new01');
    await page.selectOption('#adopt-profile', 'rescue');
    await page.click('#adopt-go');
    await row('hosts', 'new01').getByText('rescue').waitFor();
    await row('inbox', STRANGER).waitFor({ state: 'detached' });
    expect(existsSync(join(files.path, 'profiles/hosts/new01.yaml'))).toBe(true);
  });

  test('arms in two steps that name the profile which wipes, and disarms', async () => {
    await page.click('[aria-label="Arm web01"]');
    await page.locator('#arm-words', { hasText: 'profile "wipe", which WRITES TO ITS DISKS' }).waitFor();
    expect(await page.isDisabled('#arm-go')).toBe(true);
    await page.fill('#arm-typed', 'web0');
    expect(await page.isDisabled('#arm-go')).toBe(true);
    await page.fill('#arm-typed', 'web01');
    await page.click('#arm-go');
    await row('deployments', 'web01').getByText('armed', { exact: true }).waitFor();
    await page.screenshot({ path: join(files.path, 'page.png'), fullPage: true });
    await page.click('[aria-label="Disarm web01"]');
    await row('deployments', 'web01').getByText('cancelled', { exact: true }).waitFor();
  });

  test('raises an alarm for files that are broken, and lowers it', async () => {
    await writeTree(files.path, { 'profiles/hosts/bad.yaml': 'macs: [x]\n' });
    await page.locator('#alarm-list', { hasText: 'bad.yaml' }).waitFor();
    await writeTree(files.path, { 'profiles/hosts/bad.yaml': 'macs: ["52:54:00:79:00:08"]\n' });
    await page.locator('#alarm-list li', { hasText: 'bad.yaml' }).waitFor({ state: 'detached' });
    await row('hosts', 'bad').waitFor();
  });

  test('signs out for good, and met no fault of its own on the way', async () => {
    await page.click('#sign-out');
    await page.locator('#login').waitFor();
    await page.reload();
    await page.locator('#login').waitFor();
    expect(faults).toEqual([]);
  });
});

/** What would have happened before: a boot that stopped, and a stranger. */
async function remember(directory: string): Promise<void> {
  await mkdir(join(directory, 'data'), { recursive: true });
  const store = await createStore({ file: join(directory, 'data/hobnail.db'), now: Date.now, log: { warn: () => {} } });
  const began = Date.now() - 600_000;
  const boot: readonly Partial<StoredEvent>[] = [
    { kind: 'dhcp.offer', detail: { client: 'pxe' } },
    { kind: 'dhcp.ack', detail: { client: 'pxe' } },
    {
      kind: 'tftp.done',
      path: 'grub/grubnetx64.efi',
      bytes: 12_345,
      ms: 80,
      detail: { origin: 'image grub/grubnetx64.efi' },
    },
  ];
  for (const [index, event] of boot.entries()) {
    const common = { at: began + index * 1000, mac: WEB, host: 'web01', profile: 'wipe', network: 'lab' };
    store.events.append({ summary: `${event.kind} of web01`, ...common, ...event } as StoredEvent);
  }
  await store.machines.save([
    {
      mac: STRANGER,
      facts: { mac: STRANGER, network: 'lab', archCodes: [7] },
      standing: 'new',
      firstSeenAt: began,
      lastSeenAt: began,
      times: 3,
    },
  ]);
  await store.close();
}

/** What a process said, once it has said this. */
function heard(child: ReturnType<typeof spawn>, words: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const hear = (chunk: Buffer) => {
      text += chunk.toString();
      if (words.test(plain(text))) resolve(text);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${text}`)));
  });
}

function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of the terminal
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
