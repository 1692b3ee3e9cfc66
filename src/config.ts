/** The appliance's own settings: schema, defaults, loading. Who gets what is not here but in `profiles/`. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { ipNetworkSchema, loaderSchema, macPrefixSchema, varsSchema } from './boot/fields.ts';
import { LOCAL_METHODS } from './boot/local-boot.ts';
import { UPLOAD_POLICIES } from './boot/upload.ts';
import { AppError, messageOf } from './errors.ts';
import { readYaml } from './files/yaml.ts';
import { VENDORS } from './net/vendors.ts';

const MIB = 1024 * 1024;
const port = z.number().int().min(0).max(65_535);

const blksizeMax = z.number().int().min(8).max(65_464);
const windowsizeMax = z.number().int().min(1).max(65_535);
const tftpOption = z.enum(['blksize', 'blksize2', 'tsize', 'timeout', 'utimeout', 'windowsize', 'rollover']);

/** What holds for some TFTP clients only; of several rows that fit, the first that says something about a setting wins. */
const tftpClientSchema = z.strictObject({
  networks: z.array(ipNetworkSchema).min(1).optional(),
  /** First bytes of the MAC, known from the lease or the neighbour table. */
  macs: z.array(macPrefixSchema).min(1).optional(),
  vendor: z.enum(VENDORS).optional(),
  blksizeMax: blksizeMax.optional(),
  windowsizeMax: windowsizeMax.optional(),
  /** Options to treat as unknown. */
  disable: z.array(tftpOption).optional(),
  /** The block number after 65535 when the client does not say. */
  rollover: z.union([z.literal(0), z.literal(1)]).optional(),
  fitMtu: z.boolean().optional(),
  retransmitMaxSeconds: z.number().min(0.01).max(255).optional(),
});

export const configSchema = z.strictObject({
  /** Directories, relative to the settings file. */
  paths: z
    .strictObject({
      profiles: z.string().default('profiles'),
      templates: z.string().default('templates'),
      images: z.string().default('boot-images'),
      data: z.string().default('data'),
      /** What machines upload; default: `uploads` under `data`. */
      uploads: z.string().optional(),
      /** Values of secrets, a file each, outside of git; default: `secrets` under `data`. */
      secrets: z.string().optional(),
    })
    .prefault({})
    .transform((paths) => ({
      ...paths,
      uploads: paths.uploads ?? `${paths.data}/uploads`,
      secrets: paths.secrets ?? `${paths.data}/secrets`,
    })),
  dhcp: z
    .strictObject({
      /** Without it machines are pointed here by another DHCP server. */
      enabled: z.boolean().default(true),
      /** How sockets know their interface; `auto` takes the best that is allowed. */
      sockets: z.enum(['auto', 'inherited', 'device', 'portable']).default('auto'),
    })
    .prefault({}),
  tftp: z
    .strictObject({
      enabled: z.boolean().default(true),
      port: port.default(69),
      /** `fast`: a thread with batched system calls (Linux, koffi); without it, or as `portable`, Node's own sockets. */
      door: z.enum(['auto', 'fast', 'portable']).default('auto'),
      /** Every transfer from the listening port: for NAT and containers. */
      singlePort: z.boolean().default(false),
      /** First and last port of transfers; default: any. */
      portRange: z.tuple([port, port]).optional(),
      blksizeMax: blksizeMax.default(65_464),
      windowsizeMax: windowsizeMax.default(64),
      /** Whether blocks are fitted to the MTU. */
      fitMtu: z.boolean().default(true),
      /** Options to treat as unknown, whoever asks. */
      disable: z.array(tftpOption).default([]),
      /** Longest time between retransmissions when the client names none. */
      retransmitMaxSeconds: z.number().min(0.01).max(255).default(8),
      /** A client without a sign of progress for so long is given up. */
      giveUpSeconds: z.number().min(1).max(3600).default(30),
      /** Who may ask; default: private and link-local addresses and the networks that are served. */
      allow: z.array(ipNetworkSchema).min(1).optional(),
      clients: z.array(tftpClientSchema).default([]),
      transfersMax: z.number().int().min(1).default(2_000),
      transfersPerClientMax: z.number().int().min(1).default(200),
      uploads: z
        .strictObject({
          /** For paths that no `upload:` row takes. */
          policy: z.enum(UPLOAD_POLICIES).default('refuse'),
          /** Largest upload, where the row says nothing. */
          maxBytes: z
            .number()
            .int()
            .min(1)
            .default(64 * MIB),
          /** All uploads together. */
          quotaBytes: z
            .number()
            .int()
            .min(1)
            .default(1024 * MIB),
          /** Uploads of one address together; default: no limit of its own. */
          quotaPerSourceBytes: z.number().int().min(1).optional(),
        })
        .prefault({}),
      /** Requests a second from one address; more are dropped. */
      startsPerClientMax: z.number().int().min(1).default(1_000),
    })
    .prefault({}),
  images: z
    .strictObject({
      /** Address or directory that stands for every other: `https://host/path` is fetched from `<mirror>/host/path`. */
      mirror: z
        .string()
        .regex(/^(?:https?:\/\/[^\s]+|\/.*)$/, 'write an address (http://…) or an absolute directory')
        .optional(),
      /** Downloads at once. */
      parallel: z.number().int().min(1).max(32).default(4),
    })
    .prefault({}),
  http: z.strictObject({ enabled: z.boolean().default(true), port: port.default(8080) }).prefault({}),
  api: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Loopback only unless the operator says otherwise. */
      address: z.string().default('127.0.0.1'),
      port: port.default(8081),
      /** PEM files, relative to the settings file; with them the API speaks HTTPS only. */
      tls: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
    })
    .prefault({}),
  /** What holds for every machine, unless a profile, network, group or host says otherwise. */
  defaults: z
    .strictObject({
      vars: varsSchema.default({}),
      loader: loaderSchema.optional(),
      localBoot: z.enum(LOCAL_METHODS).optional(),
    })
    .prefault({}),
  /** Addresses TFTP and HTTP listen on; default: every address of this machine. */
  listen: z.array(z.string()).optional(),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
      /** `auto`: pretty on a terminal, JSON otherwise. */
      format: z.enum(['auto', 'pretty', 'json']).default('auto'),
    })
    .prefault({}),
});

type DeepReadonly<T> = { readonly [K in keyof T]: T[K] extends object ? DeepReadonly<T[K]> : T[K] };
export type Config = DeepReadonly<z.output<typeof configSchema>>;

/** Where settings are looked for when no `--config` is given; the first that exists is taken. */
export const CONFIG_PLACES = ['hobnail.yaml', '/etc/hobnail/hobnail.yaml'] as const;

/**
 * Reads the settings with every path made absolute. Without a file the defaults hold, relative to `cwd`.
 * @throws AppError `config-invalid` with every problem in the file.
 */
export function loadConfig(file: string | undefined, cwd: string): { readonly config: Config; readonly from: string } {
  const found = file ? { place: file, text: readText(resolve(cwd, file)) } : findConfig(cwd);
  if (!found) return { config: absolute(configSchema.parse({}), cwd), from: 'defaults' };
  const { value, problems } = readYaml(found.place, found.text, configSchema);
  if (value === undefined) {
    throw new AppError('config-invalid', `the settings in ${found.place} have problems`, { problems });
  }
  return { config: absolute(value, dirname(resolve(cwd, found.place))), from: found.place };
}

function findConfig(cwd: string): { place: string; text: string } | undefined {
  for (const place of CONFIG_PLACES) {
    try {
      return { place, text: readFileSync(resolve(cwd, place), 'utf8') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(place, error);
    }
  }
  return undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): AppError {
  return new AppError('config-invalid', `cannot read the settings: ${messageOf(error)}. Check --config ${file}`, {
    cause: error,
  });
}

function absolute(config: Config, base: string): Config {
  const { profiles, templates, images, data, uploads, secrets } = config.paths;
  const { tls } = config.api;
  return {
    ...config,
    api: { ...config.api, ...(tls && { tls: { cert: resolve(base, tls.cert), key: resolve(base, tls.key) } }) },
    paths: {
      profiles: resolve(base, profiles),
      templates: resolve(base, templates),
      images: resolve(base, images),
      data: resolve(base, data),
      uploads: resolve(base, uploads),
      secrets: resolve(base, secrets),
    },
  };
}
