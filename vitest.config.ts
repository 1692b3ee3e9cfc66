import { defineConfig } from 'vitest/config';

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
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/container/**', 'test/install/**', 'test/**/*.sockets.test.ts'],
          pool: 'threads',
          isolate: false,
        },
      },
      {
        test: {
          name: 'sockets',
          include: ['test/**/*.sockets.test.ts'],
          exclude: ['test/e2e/**', 'test/container/**'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
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
