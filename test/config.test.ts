import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { AppError, formatProblem } from '../src/errors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hobnail-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function problemsOf(text: string): string[] {
  writeFileSync(join(folder, 'hobnail.yaml'), text);
  try {
    loadConfig(undefined, folder);
  } catch (error) {
    if (error instanceof AppError) return error.problems.map(formatProblem);
    throw error;
  }
  return [];
}

test('without a file the defaults hold, relative to the working directory', () => {
  const { config, from } = loadConfig(undefined, folder);
  expect(from).toBe('defaults');
  expect(config.paths.profiles).toBe(join(folder, 'profiles'));
  expect(config.api.address).toBe('127.0.0.1');
});

test('paths are relative to the file, not to the working directory', () => {
  writeFileSync(join(folder, 'hobnail.yaml'), 'paths: { data: state }\n');
  expect(loadConfig(join(folder, 'hobnail.yaml'), '/').config.paths.data).toBe(join(folder, 'state'));
});

test('uploads are refused by default, and lie beside the database', () => {
  writeFileSync(join(folder, 'hobnail.yaml'), 'paths: { data: state }\n');
  const { config } = loadConfig(undefined, folder);
  expect(config.paths.uploads).toBe(join(folder, 'state/uploads'));
  expect(config.tftp.uploads.policy).toBe('refuse');
});

describe('a fault is told with its place and the way out', () => {
  test.each([
    [
      'an unknown key',
      'tftp:\n  prot: 69\n',
      'hobnail.yaml:2:3: tftp.prot: "prot" is no setting here. Did you mean "port"?',
    ],
    ['an unknown section', 'tfpt: {}\n', 'hobnail.yaml:1:1: tfpt: "tfpt" is no setting here. Did you mean "tftp"?'],
    ['a wrong type', 'http:\n  port: "80"\n', 'hobnail.yaml:2:9: http.port: is text, not a number'],
    ['an impossible value', 'log: { level: loud }\n', 'hobnail.yaml:1:15: log.level: "loud" is not possible here'],
  ])('%s', (_what, text, expected) => {
    expect(problemsOf(text).join('\n')).toContain(expected);
  });

  test('broken YAML', () => {
    expect(problemsOf('tftp: [\n')[0]).toMatch(/^hobnail\.yaml:\d+:\d+: /);
  });

  test('every fault at once', () => {
    expect(problemsOf('a: 1\nb: 2\n')).toHaveLength(2);
  });
});

test('a file that was named and is not there is an error, not a default', () => {
  expect(() => loadConfig('missing.yaml', folder)).toThrow(/cannot read the settings.*missing\.yaml/s);
});
