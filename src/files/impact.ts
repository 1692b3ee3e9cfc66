/** Which machines a change reaches: every file of every host, rendered before and after, and compared byte by byte. */
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../boot/catalog.ts';
import { buildContext } from '../boot/context.ts';
import { assign, formatAssignment } from '../boot/decide.ts';
import type { Host } from '../boot/host.ts';
import { settleProfile, withProfile } from '../boot/precedence.ts';
import type { FileImpact, HostImpact, Impact } from '../boot/tree.ts';
import { AppError } from '../errors.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import { armed, filesOf, partsFor, type Subject } from './host-files.ts';
import { renderFile } from './render.ts';
import type { Templates } from './templates.ts';

/** A state of the tree. */
export interface TreeState {
  readonly catalog: Catalog;
  readonly templates: Templates;
}

/** Hosts between two turns of the event loop: boots go on meanwhile. */
const BATCH = 20;

/** @param limit of machines shown; all are counted */
export async function measureImpact(
  before: TreeState,
  after: TreeState,
  limit: number,
): Promise<Pick<Impact, 'machines' | 'changed'>> {
  const names = new Set([...before.catalog.hosts.keys(), ...after.catalog.hosts.keys()]);
  const machines: HostImpact[] = [];
  let changed = 0;
  let done = 0;
  for (const name of [...[...names].sort(), undefined]) {
    if (++done % BATCH === 0) await turn();
    const impact = await impactOn(name, before, after);
    if (!impact) continue;
    changed++;
    if (machines.length < limit) machines.push(impact);
  }
  return { machines, changed };
}

const STRANGER = parseMac('02-00-00-00-00-01') as Mac;

async function impactOn(
  name: string | undefined,
  before: TreeState,
  after: TreeState,
): Promise<HostImpact | undefined> {
  const old = stateOf(name, before.catalog);
  const next = stateOf(name, after.catalog);
  const sameTemplates = before.templates === after.templates;
  if (sameTemplates && old.words === next.words && isDeepStrictEqual(old.inputs, next.inputs)) return undefined;
  const oldFiles = await renderAll(before, old.subject);
  const newFiles = await renderAll(after, next.subject);
  const files = [...new Set([...oldFiles.keys(), ...newFiles.keys()])].flatMap((path): FileImpact[] => {
    const a = oldFiles.get(path);
    const b = newFiles.get(path);
    if (a?.text === b?.text && a?.problem === b?.problem) return [];
    return [{ path, before: a?.text, after: b?.text, ...(b?.problem !== undefined && { problem: b.problem }) }];
  });
  if (files.length === 0 && old.words === next.words) return undefined;
  return { host: name, before: old.words, after: next.words, files };
}

interface State {
  readonly words: string;
  readonly subject: Subject | undefined;
  /** Everything rendering depends on, but the templates. */
  readonly inputs: unknown;
}

/** A destructive profile that waits to be armed is shown as it would be then: that is when a mistake would cost a disk. */
function stateOf(name: string | undefined, catalog: Catalog): State {
  const host: Host | undefined = name === undefined ? undefined : catalog.hosts.get(name);
  if (name !== undefined && !host) return { words: 'no such host', subject: undefined, inputs: undefined };
  const mac = host?.macs[0] ?? STRANGER;
  const { assignment, groups, layers } = assign(catalog, { host, mac });
  const profile = catalog.profiles.get(settleProfile(host, groups)?.value ?? '');
  const waits = profile?.destructive === true && assignment.kind !== 'profile' && host?.policy === 'auto';
  const shown = waits ? armed(host, profile) : assignment;
  const words = waits ? `local disk; profile ${profile.name} when armed` : formatAssignment(shown);
  if (shown.kind === 'none') return { words, subject: undefined, inputs: undefined };
  const subject: Subject = {
    ...(host && { host }),
    mac,
    assignment: shown,
    layers: waits ? withProfile(layers, profile) : layers,
  };
  const files = filesOf(catalog, subject);
  const [first] = files;
  const context = first && buildContext(partsFor(catalog, subject, first.captures));
  return { words, subject, inputs: { context, files: files.map(({ path, template }) => [path, template]) } };
}

async function renderAll(
  { catalog, templates }: TreeState,
  subject: Subject | undefined,
): Promise<ReadonlyMap<string, { readonly text?: string; readonly problem?: string }>> {
  const rendered = new Map<string, { readonly text?: string; readonly problem?: string }>();
  for (const { path, template, captures } of subject ? filesOf(catalog, subject) : []) {
    try {
      rendered.set(path, {
        text: await renderFile(templates, template, partsFor(catalog, subject as Subject, captures)),
      });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      rendered.set(path, { problem: error.message });
    }
  }
  return rendered;
}
