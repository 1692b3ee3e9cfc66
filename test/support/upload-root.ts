/** A receiver on a directory of its own, with an index in memory. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildCatalog } from '../../src/boot/catalog.ts';
import type { Requester } from '../../src/boot/content.ts';
import { hostSchema } from '../../src/boot/host.ts';
import { fileRouteSchema } from '../../src/boot/routes-file.ts';
import type { OpenUpload, UploadIndex, UploadRecord } from '../../src/boot/upload.ts';
import { createReceiver, type UploadSettings } from '../../src/files/receive.ts';
import { profilesOf } from './catalogs.ts';

export const UPLOAD_NOW = Date.UTC(2026, 2, 14, 9, 26, 53);

export const REQUESTER: Requester = { ip: '10.77.0.9', transport: 'tftp', localAddress: '10.77.0.1' };

export interface UploadRoot {
  readonly open: OpenUpload;
  readonly records: UploadRecord[];
  /** Files below the root, hidden ones too, in order. */
  files(): string[];
  /** Sets the clock. */
  setNow(ms: number): void;
}

export interface UploadRootOptions {
  readonly root: string;
  readonly settings?: Partial<UploadSettings>;
  /** Rows of the general table, as written in YAML. */
  readonly routes?: readonly object[];
  readonly record?: UploadIndex['record'];
}

export async function openUploadRoot(options: UploadRootOptions): Promise<UploadRoot> {
  const records: UploadRecord[] = [];
  let now = UPLOAD_NOW;
  const { catalog, problems } = buildCatalog({
    hosts: [{ ...hostSchema.parse({ macs: ['52:54:00:aa:bb:cc'], profile: 'router' }), name: 'r1' }],
    profiles: profilesOf({ router: { kind: 'device' } }),
    networks: [],
    routes: (options.routes ?? []).map((row) => fileRouteSchema.parse(row)),
    installed: new Set(),
  });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const open = await createReceiver({
    root: options.root,
    settings: { policy: 'refuse', maxBytes: 10_000_000, quotaBytes: 100_000_000, ...options.settings },
    snapshot: () => catalog,
    networkOf: () => undefined,
    index: {
      async record(upload) {
        await options.record?.(upload);
        records.push(upload);
        return `id-${records.length}`;
      },
      filesFrom: async (ip) => records.filter((one) => one.ip === ip).map(({ file }) => file),
    },
    now: () => now,
  });
  return {
    open,
    records,
    setNow: (ms) => {
      now = ms;
    },
    files: () =>
      !existsSync(options.root)
        ? []
        : readdirSync(options.root, { recursive: true, encoding: 'utf8' })
            .filter((name) => statSync(join(options.root, name)).isFile())
            .sort(),
  };
}
