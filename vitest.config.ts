import { defineConfig } from 'vitest/config';

/** What is polled for comes at once or never: on a machine that is busy with other things, vitest's own second is no time. */
const expect = { poll: { timeout: 10_000, interval: 25 } };

/**
 * V8 of Node 24 keeps one list of compiled code for all threads of a process, and ends the process when it misses an entry ("Check failed:
 * jit_page.has_value()"). Seen here once in very many runs of a file that starts and ends threads by the dozen; others report that
 * it goes away without this protection of memory.
 */
const execArgv = ['--no-memory-protection-keys'];

/**
 * Five kinds of test: `unit` shares threads, `sockets` opens real sockets and namespaces, `e2e` boots machines,
 * `container` builds the image and starts the appliance from it, `install` installs a system, which takes long.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          expect,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/container/**', 'test/install/**', 'test/**/*.sockets.test.ts'],
          setupFiles: ['test/support/properties.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'sockets',
          expect,
          include: ['test/**/*.sockets.test.ts'],
          exclude: ['test/e2e/**', 'test/container/**'],
          setupFiles: ['test/support/properties.ts'],
          execArgv,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          expect,
          include: ['test/e2e/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'container',
          expect,
          include: ['test/container/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: 'install',
          include: ['test/install/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 5_400_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
