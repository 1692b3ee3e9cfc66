import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const root = resolve(import.meta.dirname, '../..');

/** What this compose file may use of the Compose Specification; a mistyped key is a fault, not a silence. */
const duration = z.string().regex(/^\d+(ms|s|m|h)$/);
const mountSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('bind'),
    source: z.string().startsWith('./'),
    target: z.string().startsWith('/'),
    read_only: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('volume'), source: z.string(), target: z.string().startsWith('/') }),
]);
const composeSchema = z.strictObject({
  services: z.strictObject({
    hobnail: z.strictObject({
      build: z.literal('.'),
      image: z.string(),
      network_mode: z.literal('host'),
      restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
      init: z.boolean(),
      read_only: z.boolean(),
      tmpfs: z.array(z.string().startsWith('/')),
      cap_drop: z.array(z.string().regex(/^[A-Z_]+$/)),
      cap_add: z.array(z.string().regex(/^[A-Z_]+$/)),
      volumes: z.array(mountSchema),
      healthcheck: z.strictObject({
        test: z.tuple([z.literal('CMD')], z.string()),
        interval: duration,
        timeout: duration,
        start_period: duration,
        retries: z.int(),
      }),
      stop_grace_period: duration,
      logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }),
    }),
  }),
  volumes: z.record(z.string(), z.null()),
});

const compose = composeSchema.parse(parse(readFileSync(resolve(root, 'docker-compose.yml'), 'utf8')));
const service = compose.services.hobnail;
const dockerfile = readFileSync(resolve(root, 'Dockerfile'), 'utf8');

describe('docker-compose.yml', () => {
  test('leaves exactly the capabilities that the node binary of the image asks for', () => {
    const asked = /setcap (\S+)\+ep/.exec(dockerfile)?.[1]?.split(',') ?? [];
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.cap_add.map((name) => `cap_${name.toLowerCase()}`).sort()).toEqual([...asked].sort());
  });

  test('mounts every volume of the image', () => {
    const declared: unknown = JSON.parse(/^VOLUME (.*)$/m.exec(dockerfile)?.[1] ?? '[]');
    expect(service.volumes.map(({ target }) => target).sort()).toEqual([...z.array(z.string()).parse(declared)].sort());
  });

  test('names only volumes that it declares and directories of the project', () => {
    for (const mount of service.volumes) {
      if (mount.type === 'volume') expect(compose.volumes).toHaveProperty(mount.source);
      else expect(existsSync(resolve(root, mount.source)), mount.source).toBe(true);
    }
  });

  test('checks health as the image does', () => {
    const inImage = /HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
    expect(service.healthcheck.test.slice(1)).toEqual(JSON.parse(inImage));
  });
});

describe('Dockerfile', () => {
  test('copies nothing that .dockerignore leaves out', () => {
    const kept = readFileSync(resolve(root, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(?:--\S+ )*(.*) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    expect(copied).not.toEqual([]);
    for (const path of copied) {
      expect(
        kept.some((rule) => rule === path || rule.startsWith(`${path}/`)),
        path,
      ).toBe(true);
    }
  });

  test('ends as a user who is not root', () => {
    expect([...dockerfile.matchAll(/^USER (.*)$/gm)].at(-1)?.[1]).toBe('hobnail');
  });
});
