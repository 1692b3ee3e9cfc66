/** Uploads: virtual path → file under the root of uploads, whole or not at all. */
import type { Catalog } from '../boot/catalog.ts';
import type { Requester } from '../boot/content.ts';
import type { Network } from '../boot/network.ts';
import { resolveWrite, type WriteResource } from '../boot/resolve.ts';
import type { OpenedUpload, OpenUpload, Stored, UploadFacts, UploadIndex, UploadPolicy } from '../boot/upload.ts';
import { AppError } from '../errors.ts';
import { checkPlace } from './confined-write.ts';
import { uploadError } from './upload-errors.ts';
import { createUploadFile, removeLeftovers } from './upload-file.ts';
import { placeUpload } from './upload-place.ts';
import { createQuota, type QuotaAccount } from './upload-quota.ts';

export interface UploadSettings {
  /** For paths no row of the table takes. */
  readonly policy: UploadPolicy;
  /** Largest upload, where the row says nothing. */
  readonly maxBytes: number;
  /** All uploads together. */
  readonly quotaBytes: number;
  /** Those of one address. */
  readonly quotaPerSourceBytes?: number | undefined;
}

export interface ReceiverDeps {
  /** Made when the first upload comes. */
  readonly root: string;
  readonly settings: UploadSettings;
  snapshot(): Catalog;
  /** The network a requester is in, by its address and ours. */
  networkOf(ip: string, localAddress: string): Network | undefined;
  readonly index: UploadIndex;
  /** Milliseconds since 1970. */
  now(): number;
}

/** An upload that may be written: where, how, and how much. */
interface Permission {
  readonly file: string;
  readonly policy: Exclude<UploadPolicy, 'refuse'>;
  readonly maxBytes: number;
  readonly origin: string;
  readonly host?: string;
}

/** Takes away what an earlier process left unfinished, then opens uploads. One process a root. */
export async function createReceiver(deps: ReceiverDeps): Promise<OpenUpload> {
  const { root, settings, index } = deps;
  await removeLeftovers(root);
  const quota = createQuota({
    root,
    totalBytes: settings.quotaBytes,
    perSourceBytes: settings.quotaPerSourceBytes,
    filesFrom: index.filesFrom,
    now: () => deps.now(),
  });
  const inTurn = createTurns();

  return async (path, requester, { declaredSize }: UploadFacts) => {
    const network = deps.networkOf(requester.ip, requester.localAddress);
    const resource = resolveWrite(path, { ip: requester.ip, mac: requester.mac, network }, deps.snapshot());
    const permission = permit(resource, settings);
    if (permission.kind === 'refused') return permission;
    const { file, policy, maxBytes, origin, host } = permission;
    const place = await checkPlace(root, file).catch((error: unknown) => {
      throw uploadError(file, error);
    });
    if (place.kind === 'refused') return place;
    if (policy === 'create' && place.existing) return { kind: 'exists', reason: `${file} is there already` };
    if (policy === 'existing' && !place.existing) {
      return { kind: 'refused', reason: `${file} is not there, and the policy is "existing": make it (touch) first` };
    }
    if (declaredSize !== undefined && declaredSize > maxBytes) throw tooLarge(file, maxBytes);
    const account = await quota.open(requester.ip, declaredSize ?? 0);
    return { ...receive(permission, account, path, requester), origin, ...(host !== undefined && { host }) };
  };

  function receive(
    { file, policy, maxBytes, host }: Permission,
    account: QuotaAccount,
    path: string,
    requester: Requester,
  ): Omit<OpenedUpload, 'origin'> {
    const incoming = createUploadFile(root);
    let size = 0;
    let state: 'open' | 'storing' | 'ended' = 'open';
    /** The call under way: nothing is taken away while it is written. */
    let running: Promise<unknown> = Promise.resolve();

    async function end(keptBytes: number): Promise<void> {
      if (state === 'ended') return;
      state = 'ended';
      account.end(keptBytes);
      await incoming.remove();
    }

    async function store(): Promise<Stored> {
      const finished = await incoming.finish();
      const at = deps.now();
      return inTurn(file, async () => {
        const placed = await placeUpload(root, file, policy, finished, at);
        const { sha256 } = finished;
        try {
          const { ip, mac, transport } = requester;
          const known = { ip, transport, at, ...(mac && { mac }), ...(host !== undefined && { host }) };
          const id = await index.record({ file: placed.file, path, size, sha256, ...known });
          await end(placed.unchanged ? 0 : size - placed.replacedBytes);
          return { id, file: placed.file, size, sha256, unchanged: placed.unchanged };
        } catch (error) {
          // A file that was overwritten cannot come back; the client is told, and sends it again.
          await placed.undo();
          throw error;
        }
      });
    }

    return {
      kind: 'upload',
      write(bytes) {
        const written = (async () => {
          if (state !== 'open') throw new AppError('write-failed', `the upload ${file} has ended already`);
          if (size + bytes.length > maxBytes) throw tooLarge(file, maxBytes);
          account.take(bytes.length);
          size += bytes.length;
          await incoming.write(bytes).catch((error: unknown) => {
            throw uploadError(file, error);
          });
        })();
        running = written;
        return written;
      },
      commit() {
        state = 'storing';
        const stored = store().catch(async (error: unknown) => {
          await end(0);
          throw uploadError(file, error);
        });
        running = stored;
        return stored;
      },
      async abort() {
        await running.catch(() => undefined);
        await end(0);
      },
    };
  }
}

function permit(
  resource: WriteResource,
  settings: UploadSettings,
): (Permission & { readonly kind: 'permitted' }) | { readonly kind: 'refused'; readonly reason: string } {
  switch (resource.kind) {
    case 'refused':
      return resource;
    case 'elsewhere':
    case 'slot': {
      const isSlot = resource.kind === 'slot';
      const policy = isSlot ? resource.policy : settings.policy;
      const origin = isSlot ? `slot ${resource.route.path}` : 'uploads';
      if (policy === 'refuse') {
        return { kind: 'refused', reason: isSlot ? `${origin} refuses uploads` : 'the path is in no upload slot' };
      }
      return {
        kind: 'permitted',
        file: resource.file,
        policy,
        maxBytes: (isSlot ? resource.maxBytes : undefined) ?? settings.maxBytes,
        origin,
        ...(resource.host && { host: resource.host.name }),
      };
    }
    default:
      return resource satisfies never;
  }
}

function tooLarge(file: string, maxBytes: number): AppError {
  return new AppError('upload-too-large', `the upload ${file} is larger than ${maxBytes} bytes; raise its maxBytes`);
}

/** Work under one key, one after the other. */
function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
    last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (last.get(key) === turn) last.delete(key);
    }
  };
}
