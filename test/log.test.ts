/** What reaches the log, and what a log that cannot be written may cost. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const LOG = fileURLToPath(new URL('../src/log.ts', import.meta.url));

/** Logs in a process of its own, as its standard output is what the log writes to. */
function run(format: 'json' | 'pretty', statements: string, shell = 'exec "$@"') {
  const script = `import { createLog, flushed } from ${JSON.stringify(LOG)};
    const log = createLog({ level: 'info', format: '${format}' }, false);
    ${statements}
    await flushed(log);
    process.stderr.write('done');
    process.exit(0);`;
  const args = ['-c', shell, 'sh', process.execPath, '--input-type=module', '-e', script];
  return spawnSync('sh', args, { encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' });
}

describe('the log', () => {
  it.each(['json', 'pretty'] as const)('as %s keeps secrets to itself', (format) => {
    const { stdout } = run(
      format,
      `log.info({ token: 's3cret', req: { headers: { authorization: 's3cret' } }, list: [{ password: 's3cret', kept: 'kept' }] }, 'x');
      log.error({ err: Object.assign(new Error('why'), { secret: 's3cret' }) }, 'y');`,
    );
    expect(stdout.match(/\[Redacted\]/g)).toHaveLength(4);
    expect(stdout).toContain('kept');
    expect(stdout).toContain('why');
    expect(stdout).not.toContain('s3cret');
  });

  it('leaves what was logged as it is', () => {
    const { stderr } = run(
      'json',
      "const fields = { user: { name: 'a', token: 's3cret' } }; log.info(fields, 'x'); process.stderr.write(fields.user.token + ' ');",
    );
    expect(stderr).toBe('s3cret done');
  });

  it.each([
    ['ends in order', ''],
    ['ends at once', 'process.exit(0);'],
    ['dies of a bug', 'throw new Error("x");'],
    ['has a reader that is slow', '', 'exec "$@" | { sleep 1; cat; }'],
  ])('has every line of a process that %s', (_, end, shell?: string) => {
    const { stdout } = run('json', `for (let n = 0; n < 5000; n++) log.info({ n }, 'line'); ${end}`, shell);
    const numbers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: 5000 }, (_, n) => n));
  });

  it('shows what machines sent without letting it move the cursor or fake a line', () => {
    const { stdout } = run('pretty', String.raw`log.info({ path: 'a\x1b[31m' }, 'no a\x1b[2Jb\nfake\x7f\x9b ä');`);
    expect(stdout).toContain(String.raw`no a\u001b[2Jb\nfake\u007f\u009b ä`);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).not.toContain('\x1b');
  });

  it('is written soon, without another line or the end to push it', () => {
    const { stdout } = run(
      'json',
      `log.info('alone');
       await new Promise((resolve) => setTimeout(resolve, 500));
       process.kill(process.pid, 'SIGKILL');`,
    );
    expect(JSON.parse(stdout)).toMatchObject({ msg: 'alone' });
  });

  it('has every line in order, also those that were waiting when the appliance ended', () => {
    const { stdout } = run('json', "for (let i = 0; i < 1000; i++) log.info({ i }, 'line');");
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).i)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('does not stop or hold up the appliance when its disk is full', () => {
    const { stderr, status } = run(
      'json',
      `for (let i = 0; i < 5; i++) {
        log.info('line');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }`,
      'exec "$@" >/dev/full',
    );
    expect(stderr).toBe('done');
    expect(status).toBe(0);
  }, 30_000);
});
