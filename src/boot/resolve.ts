/** Path → resource: the one place that says what stands behind a virtual path. */

import { cidrContains, parseIpv4 } from '../net/ipv4.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import { type Catalog, findHost } from './catalog.ts';
import { type Assignment, assign } from './decide.ts';
import { isFor } from './deployment.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';
import type { Layer } from './precedence.ts';
import type { Profile } from './profile.ts';
import { looksAtAsker, type Rewriting, rewrite } from './rewrite.ts';
import { type Captures, type CompiledRoute, compileRoute, fillRoute, fillUpload } from './route.ts';
import type { FileRoute, RouteStage } from './routes-file.ts';
import { parseTokenPath } from './token-path.ts';
import type { UploadPolicy } from './upload.ts';

/** What a path means for one requester. */
export type Resource =
  | {
      readonly kind: 'template';
      readonly template: string;
      readonly route: FileRoute;
      readonly captures: Captures;
      readonly assignment: Assignment;
      /** What is written for the machine, the later wins. */
      readonly layers: readonly Layer[];
      /** Whether a loader runs it or an installer reads it. */
      readonly stage: RouteStage;
      /** The machine the file is made for: from the path, else from the requester's lease. */
      readonly mac?: Mac;
      readonly host?: Host;
      /** How `host` or `mac` was found. */
      readonly identifiedBy: 'token' | 'path' | 'lease' | 'nothing';
    }
  | { readonly kind: 'image'; readonly image: string; readonly route: FileRoute; readonly ofProfile?: boolean }
  /** `file` under the root of uploads, written by a machine. */
  | { readonly kind: 'upload'; readonly file: string; readonly policy: UploadPolicy; readonly route: FileRoute }
  | { readonly kind: 'absent'; readonly reason: string }
  /** `text` is for the client, when a rule has words for it. */
  | { readonly kind: 'refused'; readonly reason: string; readonly text?: string };

/** Who asks: the MAC and network known from its lease, if any, and its address. */
export interface ResolveRequester {
  /** Name of the host its token was made for; goes before anything else. */
  readonly tokenHost?: string | undefined;
  readonly mac?: Mac | undefined;
  readonly ip?: string | undefined;
  readonly network?: Network | undefined;
  /** It wants to upload. */
  readonly write?: boolean | undefined;
  /** It asked before, and nothing was there: rewrite rules for that case apply now. */
  readonly absent?: boolean | undefined;
}

/**
 * Brings a path as clients write it into one form: `\` is `/`, drive letters, leading and double slashes and `.` go.
 * Undefined when it tries to leave the tree (`..`) or holds NUL or control characters.
 */
export function normalizePath(path: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) return undefined;
  const segments = path
    .replaceAll('\\', '/')
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.');
  // Drive letters of Windows loaders; also one behind a slash, so that a normal form is its own normal form.
  while (segments.length > 1 && /^[A-Za-z]:$/.test(segments[0] ?? '')) segments.shift();
  return segments.includes('..') ? undefined : segments.join('/');
}

const LEAVES = 'leaves the tree or holds control characters';

/** The path as the file routes see it: in normal form, rewritten by the rules, and again in normal form. */
export function rewritePath(path: string, requester: ResolveRequester, catalog: Catalog): Rewriting {
  const wanted = normalizePath(path);
  if (wanted === undefined) return { kind: 'refused', reason: `the path ${LEAVES}`, steps: [] };
  const rewriting = rewrite(wanted, requester, catalog.rewrites);
  if (rewriting.kind !== 'path' || rewriting.steps.length === 0) return rewriting;
  const { steps } = rewriting;
  const made = normalizePath(rewriting.path);
  if (made !== undefined) return { kind: 'path', path: made, steps };
  const { rule, title } = steps.findLast(({ applied }) => applied) ?? { rule: 0, title: '' };
  return { kind: 'refused', reason: `the path ${LEAVES} after rewrite rule ${rule} ("${title}")`, steps };
}

/**
 * Rewrites the path, then tries the host's profile rows and the general table, in order; the first row that matches
 * answers.
 */
export function resolve(path: string, requester: ResolveRequester, catalog: Catalog): Resource {
  const rewriting = rewritePath(path, requester, catalog);
  if (rewriting.kind === 'denied') return { kind: 'refused', reason: rewriting.reason, text: rewriting.text };
  if (rewriting.kind === 'refused') return { kind: 'refused', reason: rewriting.reason };
  const wanted = rewriting.path;
  if (wanted === '') return { kind: 'absent', reason: 'the path is empty' };

  const named = hostInPath(wanted, catalog);
  const holder = requester.tokenHost === undefined ? undefined : catalog.hosts.get(requester.tokenHost);
  if (requester.tokenHost !== undefined && !holder) {
    return { kind: 'absent', reason: `the token's host "${requester.tokenHost}" is not there any more` };
  }
  const permission = holder && catalog.deployments.find(holder.name);
  if (permission && !isFor(permission, holder)) {
    return { kind: 'refused', reason: `the token is of another machine that was host "${holder.name}"` };
  }
  if (holder && named && named !== holder) {
    return { kind: 'refused', reason: `the token is for host "${holder.name}", the path for "${named.name}"` };
  }
  const owner = ownerOf(holder ?? named, requester, catalog);
  const ownRows = rowsOf(owner, catalog);
  for (const [index, { route, match }] of [...ownRows, ...catalog.routes].entries()) {
    const captures = match(wanted);
    if (!captures) continue;
    if (route.upload !== undefined) {
      if (!route.readable) continue;
      const file = normalizePath(fillUpload(route.upload, captures));
      if (!file || isHidden(file)) return { kind: 'refused', reason: `row "${route.path}" leads out of the uploads` };
      return { kind: 'upload', file, policy: route.policy ?? SLOT_POLICY, route };
    }
    if (route.image !== undefined) {
      const image = normalizePath(fillRoute(route.image, captures));
      if (image === undefined) return { kind: 'refused', reason: `row "${route.path}" leads out of boot-images` };
      if (isHidden(image)) return { kind: 'refused', reason: `${image} is a hidden file` };
      return { kind: 'image', image, route, ...(index < ownRows.length && { ofProfile: true }) };
    }
    const stage = route.stage ?? (index < ownRows.length ? 'answer' : 'script');
    const resource = templateResource({ route, captures, stage, holder }, requester, catalog);
    // A row of a profile is for machines that have it: not for the stranger a phone asks about by name.
    if (index < ownRows.length && !hasProfile(resource, owner)) continue;
    return resource;
  }
  return { kind: 'absent', reason: 'no file route matches' };
}

/** Whether `path` means the same for everybody: no rule and no profile's row looks at who asks. */
export function isForEverybody(path: string, catalog: Catalog): boolean {
  if (catalog.rewrites.some(looksAtAsker)) return false;
  const rewriting = rewritePath(path, {}, catalog);
  if (rewriting.kind !== 'path') return false;
  const wanted = rewriting.path;
  return ![...catalog.profileRoutes.values()].some((rows) => rows.some(({ match }) => match(wanted)));
}

/** Whether some machine may get an answer under this path by POST: who asks is not looked at yet. @param path may have a token */
export function mayTakePost(path: string, catalog: Catalog): boolean {
  const signed = parseTokenPath(normalizePath(path) ?? '');
  const rewriting = rewritePath(signed?.kind === 'file' ? signed.path : path, {}, catalog);
  if (rewriting.kind !== 'path') return false;
  const rows = [...catalog.routes, ...[...catalog.profileRoutes.values()].flat()];
  return rows.some(({ route, match }) => route.post && match(rewriting.path));
}

/** What a path means for one who wants to write it. */
export type WriteResource =
  /** A row of the table takes it. */
  | {
      readonly kind: 'slot';
      /** Under the root of uploads. */
      readonly file: string;
      readonly policy: UploadPolicy;
      readonly maxBytes?: number;
      readonly route: FileRoute;
      readonly host?: Host;
    }
  /** No row does: the settings say what becomes of it. */
  | { readonly kind: 'elsewhere'; readonly file: string; readonly host?: Host }
  /** `text` is for the client, when a rule has words for it. */
  | { readonly kind: 'refused'; readonly reason: string; readonly text?: string };

/** What a slot does when its row does not say. */
const SLOT_POLICY: UploadPolicy = 'versions';

/** As `resolve`, for writing: only `upload` rows count, and the first one whose path matches answers. */
export function resolveWrite(
  path: string,
  requester: ResolveRequester & { readonly ip: string },
  catalog: Catalog,
): WriteResource {
  const rewriting = rewritePath(path, { ...requester, write: true }, catalog);
  if (rewriting.kind !== 'path') {
    const { reason } = rewriting;
    return { kind: 'refused', reason, ...(rewriting.kind === 'denied' && { text: rewriting.text }) };
  }
  const wanted = rewriting.path;
  if (wanted === '') return { kind: 'refused', reason: 'the path is empty' };

  const host = hostInPath(wanted, catalog) ?? (requester.mac && catalog.hostByMac.get(requester.mac));
  const rows = rowsOf(ownerOf(hostInPath(wanted, catalog), requester, catalog), catalog);
  for (const { route, match } of [...rows, ...catalog.routes]) {
    const captures = route.upload === undefined ? undefined : match(wanted);
    if (!captures || route.upload === undefined) continue;
    if (!mayWriteFrom(route, requester.ip)) {
      return { kind: 'refused', reason: `row "${route.path}" takes nothing from this network` };
    }
    const file = normalizePath(fillUpload(route.upload, captures));
    if (!file || isHidden(file)) return { kind: 'refused', reason: `row "${route.path}" leads out of the uploads` };
    const { policy = SLOT_POLICY, maxBytes } = route;
    const from = findHost(catalog, captures)?.host ?? host;
    return {
      kind: 'slot',
      file,
      policy,
      route,
      ...(maxBytes !== undefined && { maxBytes }),
      ...(from && { host: from }),
    };
  }
  if (isHidden(wanted)) return { kind: 'refused', reason: 'a name begins with a dot' };
  return { kind: 'elsewhere', file: wanted, ...(host && { host }) };
}

/** IPv6 sources are in no network that can be written in a row. */
function mayWriteFrom(route: FileRoute, ip: string): boolean {
  if (!route.from) return true;
  const address = parseIpv4(ip);
  return address !== undefined && route.from.some((network) => cidrContains(network, address));
}

function rowsOf(owner: Profile | undefined, catalog: Catalog): readonly CompiledRoute[] {
  if (!owner) return [];
  if (catalog.profiles.get(owner.name)?.revision === owner.revision) return catalog.profileRoutes.get(owner.name) ?? [];
  // A deployment's profile is older than its file: rare, and few rows. They compiled when it was armed.
  return owner.files.map(compileRoute);
}

/** Names with a leading dot are the house's own (what was placed and verified) or an editor's: no machine's business. */
function isHidden(image: string): boolean {
  return image.split('/').some((segment) => segment.startsWith('.'));
}

/** The profile of the machine that is named in the path, else of the one that asks. */
function ownerOf(named: Host | undefined, { mac, network }: ResolveRequester, catalog: Catalog): Profile | undefined {
  const host = named ?? (mac && catalog.hostByMac.get(mac));
  const { assignment } = assign(catalog, { host, network, mac: named ? named.macs[0] : mac, purpose: 'answer' });
  return assignment.kind === 'profile' ? assignment.profile : undefined;
}

function hasProfile(resource: Resource, owner: Profile | undefined): boolean {
  return (
    resource.kind === 'template' &&
    resource.assignment.kind === 'profile' &&
    resource.assignment.profile.name === owner?.name
  );
}

const MAC_ANYWHERE = /(?=([0-9A-F]{2}(?:[:-][0-9A-F]{2}){5}|[0-9A-F]{12}))/gi;
const UUID_ANYWHERE = /(?=([0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}))/gi;

/** Every place that looks like a MAC is tried: in `spa001122334455.cfg` the run of hex digits begins a letter early. */
function hostInPath(path: string, catalog: Catalog): Host | undefined {
  for (const [, text = ''] of path.matchAll(MAC_ANYWHERE)) {
    const mac = parseMac(text);
    const host = mac && catalog.hostByMac.get(mac);
    if (host) return host;
  }
  for (const [, text = ''] of path.matchAll(UUID_ANYWHERE)) {
    const host = catalog.hostByUuid.get(text.toLowerCase());
    if (host) return host;
  }
  return undefined;
}

interface TemplateRow {
  readonly route: FileRoute;
  readonly captures: Captures;
  readonly stage: RouteStage;
  /** The host of the requester's token. */
  readonly holder: Host | undefined;
}

function templateResource(
  { route, captures, stage, holder }: TemplateRow,
  requester: ResolveRequester,
  catalog: Catalog,
): Resource {
  if (holder) {
    const mac = captures.mac && holder.macs.includes(captures.mac) ? captures.mac : holder.macs[0];
    return templateFor({ route, captures, stage, host: holder, mac, identifiedBy: 'token' }, requester, catalog);
  }
  const fromPath = findHost(catalog, captures)?.host;
  // A MAC in the path names its machine, host or not. A UUID or serial that no host has names nobody: the one who asks
  // is then known by its lease, or is told "absent", so that PXELINUX goes on and asks by MAC.
  const named = captures.mac !== undefined || fromPath !== undefined;
  const unknownId = !named && (captures.uuid ?? captures.serial);
  if (unknownId && !requester.mac) return { kind: 'absent', reason: `no host has ${unknownId}` };
  const host = named ? fromPath : findHost(catalog, { mac: requester.mac })?.host;
  const mac = captures.mac ?? (named ? fromPath?.macs[0] : requester.mac);
  const identifiedBy = named ? 'path' : mac ? 'lease' : 'nothing';
  return templateFor({ route, captures, stage, host, mac, identifiedBy }, requester, catalog);
}

interface Identified extends Omit<TemplateRow, 'holder'> {
  readonly host: Host | undefined;
  readonly mac: Mac | undefined;
  readonly identifiedBy: 'token' | 'path' | 'lease' | 'nothing';
}

function templateFor(found: Identified, { network }: ResolveRequester, catalog: Catalog): Resource {
  const { route, captures, stage, host, mac, identifiedBy } = found;
  const purpose = stage === 'answer' ? 'answer' : 'boot';
  const { assignment, layers } = assign(catalog, { host, network, mac, purpose });
  if (assignment.kind === 'none') return { kind: 'absent', reason: assignment.reason };
  return {
    kind: 'template',
    template: route.template ?? '',
    route,
    captures,
    assignment,
    layers,
    stage,
    identifiedBy,
    ...(mac && { mac }),
    ...(host && { host }),
  };
}
