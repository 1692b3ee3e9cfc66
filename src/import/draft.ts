/** What an import makes of other programs' files: objects to write, and every line it could not carry over, with the reason. */
import type { PlainObject } from '../boot/edit.ts';
import { type Mac, parseMac } from '../net/mac.ts';

/** A file of the other program. */
export interface SourceFile {
  /** Relative to the directory or as it was named; forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** An object of `profiles/`, and what it was made from. */
export interface DraftObject {
  readonly kind: 'host' | 'profile' | 'network';
  readonly name: string;
  readonly document: PlainObject;
  readonly from: Place;
}

/** A line that was left behind. */
export interface Skipped extends Place {
  readonly text: string;
  readonly why: string;
}

export interface ImportResult {
  readonly objects: readonly DraftObject[];
  readonly skipped: readonly Skipped[];
  /** What is left to do by hand. */
  readonly notes: readonly string[];
}

/** Whether a DHCP option takes a value: the problem, if there is one. */
export type CheckOption = (nameOrNumber: string, value: unknown) => string | undefined;

/** A host on the way: several lines, also of several files, may add to it. */
export interface HostDraft {
  name: string;
  readonly macs: Set<Mac>;
  readonly fields: Map<string, unknown>;
  readonly from: Place;
}

/** Collects while the parsers read. Objects come out in order of kind and name. */
export interface Draft {
  skip(place: Place, text: string, why: string): void;
  note(text: string): void;
  /** The host with this MAC, made when there is none. */
  host(mac: Mac, name: string | undefined, from: Place): HostDraft;
  /** Adds a profile under a free name, or finds the one that says the same; the name it has. */
  profile(wanted: string, document: PlainObject, from: Place): string;
  network(wanted: string, document: PlainObject, from: Place): string;
  result(): ImportResult;
}

export function createDraft(): Draft {
  const hosts: HostDraft[] = [];
  const others: DraftObject[] = [];
  const skipped: Skipped[] = [];
  const notes = new Set<string>();

  const add = (kind: 'profile' | 'network', wanted: string, document: PlainObject, from: Place): string => {
    const same = others.find((one) => one.kind === kind && JSON.stringify(one.document) === JSON.stringify(document));
    if (same) return same.name;
    const taken = others.filter((one) => one.kind === kind).map(({ name }) => name);
    const name = freeName(toName(wanted) ?? kind, taken);
    others.push({ kind, name, document, from });
    return name;
  };

  return {
    skip: ({ file, line }, text, why) => void skipped.push({ file, line, text: text.trim().slice(0, 200), why }),
    note: (text) => void notes.add(text),
    host(mac, wanted, from) {
      const found = hosts.find((one) => one.macs.has(mac));
      const name = wanted === undefined ? undefined : toName(wanted);
      if (found) {
        if (name !== undefined && isMadeUp(found.name)) found.name = name;
        return found;
      }
      const made: HostDraft = { name: name ?? madeUpName(mac), macs: new Set([mac]), fields: new Map(), from };
      hosts.push(made);
      return made;
    },
    profile: (wanted, document, from) => add('profile', wanted, document, from),
    network: (wanted, document, from) => add('network', wanted, document, from),
    result() {
      const taken: string[] = [];
      const drafted = hosts.map(({ name: wanted, macs, fields, from }): DraftObject => {
        const name = freeName(wanted, taken);
        taken.push(name);
        return { kind: 'host', name, document: { macs: [...macs], ...Object.fromEntries(fields) }, from };
      });
      const order = ['network', 'profile', 'host'];
      const objects = [...others, ...drafted].sort(
        (a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.name < b.name ? -1 : 1),
      );
      return { objects, skipped: skipped.sort(byPlace), notes: [...notes] };
    },
  };
}

/** A name as Hobnail takes it, made from any text; undefined when nothing of it is left. */
export function toName(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/\..*$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '');
  return name === '' ? undefined : name;
}

/** MACs as all these programs write them, also behind a hardware type (`01-`, `ethernet`). */
export function toMac(text: string): Mac | undefined {
  return parseMac(text.replace(/^0?1[-:](?=(?:[0-9a-f]{2}[-:]){5}[0-9a-f]{2}$)/i, ''));
}

function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let number = 2; ; number++) if (!taken.includes(`${wanted}-${number}`)) return `${wanted}-${number}`;
}

function madeUpName(mac: Mac): string {
  return `host-${mac.replaceAll(':', '')}`;
}

function isMadeUp(name: string): boolean {
  return /^host-[0-9a-f]{12}$/.test(name);
}

function byPlace(a: Place, b: Place): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line;
}
