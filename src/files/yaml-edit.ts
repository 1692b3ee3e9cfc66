/** Changes a YAML text so that it says something else and stays the author's: comments, order and style are kept. */
import { isDeepStrictEqual } from 'node:util';
import { Document, isAlias, isCollection, isScalar } from 'yaml';
import type { PlainObject } from '../boot/edit.ts';
import { parseYaml } from './yaml-source.ts';

export type YamlObject = PlainObject;

/** A new file. */
export function writeYaml(data: YamlObject): string {
  return new Document(data).toString({ lineWidth: 0 });
}

/**
 * Returns `text` changed to hold `wanted`. Only what differs is touched. Throws `TypeError` when the text is no mapping
 * or when anchors tie the changed value to others.
 */
export function editYaml(text: string, wanted: YamlObject): string {
  const { document, data } = parseYaml('', text);
  if (!isObject(data)) throw new TypeError('the file holds no mapping');
  // A clone has ordinary prototypes, so that only values are compared.
  const goal = structuredClone(wanted);
  change(document, [], data, goal);
  if (!isDeepStrictEqual(document.toJS(), goal)) {
    throw new TypeError('the changed value is shared by an anchor (&name); write it out in the file first');
  }
  const edited = document.toString({
    lineWidth: 0,
    flowCollectionPadding: /[[{] /.test(text),
    indentSeq: !/:[ \t]*(?:#.*)?\n- /.test(text),
  });
  const ended = text.includes('\r\n') ? edited.replace(/\r?\n/g, '\r\n') : edited;
  // The file is the truth: what will be read from it is compared, not what was meant to be written.
  if (!isDeepStrictEqual(parseYaml('', ended).data, goal))
    throw new TypeError('the change cannot be written into this file');
  return ended;
}

/** JSON merge patch (RFC 7396): `null` removes, objects merge, anything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function change(document: Document, path: (string | number)[], from: unknown, to: unknown): void {
  if (isDeepStrictEqual(from, to)) return;
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  const descend = isCollection(node) && !isAlias(node);
  if (descend && isObject(from) && isObject(to)) {
    for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) document.deleteIn([...path, key]);
    for (const [key, value] of Object.entries(to)) {
      // An inherited name, such as __proto__, is no value that was there.
      change(document, [...path, key], Object.hasOwn(from, key) ? from[key] : undefined, value);
    }
  } else if (descend && Array.isArray(from) && Array.isArray(to) && to.length > 0) {
    changeList(document, path, from, to);
  } else {
    // Quotes and number forms belong to the old value: a quoted null would be written as nothing at all.
    if (isScalar(node) && typeof from !== typeof to) {
      delete node.type;
      delete node.source;
      delete node.format;
    }
    document.setIn(path, to);
  }
}

/** Items are compared from both ends, so that a removed one takes its own comment with it. */
function changeList(document: Document, path: (string | number)[], from: unknown[], to: unknown[]): void {
  let head = 0;
  while (head < Math.min(from.length, to.length) && isDeepStrictEqual(from[head], to[head])) head++;
  let tail = 0;
  while (
    tail < Math.min(from.length, to.length) - head &&
    isDeepStrictEqual(from[from.length - 1 - tail], to[to.length - 1 - tail])
  ) {
    tail++;
  }
  const oldMiddle = from.slice(head, from.length - tail);
  const newMiddle = to.slice(head, to.length - tail);
  const common = Math.min(oldMiddle.length, newMiddle.length);
  for (let index = 0; index < common; index++) {
    change(document, [...path, head + index], oldMiddle[index], newMiddle[index]);
  }
  for (let index = oldMiddle.length - 1; index >= common; index--) document.deleteIn([...path, head + index]);
  const list = document.getIn(path, true);
  if (!isCollection(list)) return;
  for (let index = common; index < newMiddle.length; index++) {
    list.items.splice(head + index, 0, document.createNode(newMiddle[index]) as never);
  }
}

export function isObject(value: unknown): value is YamlObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
