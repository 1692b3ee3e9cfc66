/** A human's file changed by a program. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { editYaml, mergePatch, type YamlObject } from '../../src/files/yaml-edit.ts';
import { parseYaml } from '../../src/files/yaml-source.ts';

const HOST = `# web01, rack 12

# Both ports of the card.
macs:
  - 52:54:00:00:00:01   # left
  - 52:54:00:00:00:02   # right
profile: rescue # for now

vars:
  # Serial console.
  console: "ttyS0"
  disks: [vda, vdb]
labels: {rack: r12}
`;

const edit = (change: (document: Record<string, never>) => void, text = HOST) => {
  const document = parse(text);
  change(document);
  return editYaml(text, document);
};

describe('parseYaml', () => {
  it('reads twenty thousand keys in no time and still sees one that stands there twice', () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n');
    const startedAt = performance.now();
    expect(parseYaml('f', text).problems).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(6000);
    expect(parseYaml('f', `${text}\nk7: 2`).problems).toMatchObject([
      { line: 20_001, column: 1, message: 'the key stands here a second time' },
    ]);
  });
});

describe('editYaml', () => {
  it('changes nothing when nothing changes', () => {
    expect(edit(() => undefined)).toBe(HOST.replaceAll('   #', ' #'));
  });

  it('changes one value and leaves its comment, its quotes and everything else', () => {
    const edited = edit((host) =>
      Object.assign(host, { profile: 'local', vars: { console: 'ttyS1', disks: ['vda', 'vdb'] } }),
    );
    expect(edited).toContain('profile: local # for now');
    expect(edited).toContain('  # Serial console.\n  console: "ttyS1"\n');
    expect(edited).toContain('labels: {rack: r12}');
    expect(edited.replace('local', 'rescue').replace('ttyS1', 'ttyS0')).toBe(HOST.replaceAll('   #', ' #'));
  });

  it('takes a removed item away with its own comment and no other', () => {
    const edited = edit((host) => Object.assign(host, { macs: ['52:54:00:00:00:02'] }));
    expect(edited).toContain('macs:\n  - 52:54:00:00:00:02 # right\n');
    expect(edited).not.toContain('left');
  });

  it('adds an item in the middle of a list', () => {
    const macs = ['52:54:00:00:00:01', '52:54:00:00:00:03', '52:54:00:00:00:02'];
    const edited = edit((host) => Object.assign(host, { macs }));
    expect(parse(edited).macs).toEqual(macs);
    expect(edited).toContain('02 # right');
  });

  it('adds a key at the end and removes one with its lines', () => {
    const edited = edit((host) => {
      delete host.labels;
      Object.assign(host, { policy: 'local' });
    });
    expect(edited.trimEnd().endsWith('policy: local')).toBe(true);
    expect(edited).not.toContain('rack: r12');
  });

  it('keeps the line ends of Windows', () => {
    const edited = edit((host) => Object.assign(host, { profile: 'local' }), HOST.replaceAll('\n', '\r\n'));
    expect(edited.replaceAll('\r\n', '')).not.toContain('\n');
  });

  it('keeps lists that are not indented as they are', () => {
    expect(edit((host) => Object.assign(host, { profile: 'b' }), 'macs:\n- a\nprofile: c\n')).toBe(
      'macs:\n- a\nprofile: b\n',
    );
  });

  it('refuses to change a value that others share by an anchor', () => {
    expect(() => edit((host) => Object.assign(host, { profile: 'b' }), 'profile: &p a\nnotes: *p\n')).toThrow(/anchor/);
  });

  it('replaces an alias by the value where only that one changes', () => {
    expect(edit((host) => Object.assign(host, { notes: 'b' }), 'profile: &p a\nnotes: *p\n')).toBe(
      'profile: &p a\nnotes: b\n',
    );
  });

  it('writes a null where quoted text was', () => {
    expect(edit((host) => Object.assign(host, { a: [null] }), 'a: [""] # why\n')).toBe('a: [null] # why\n');
  });

  it('says in the end exactly what was wanted, whatever was there', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 4 }), fc.dictionary(fc.string(), leaf, { maxKeys: 3 }));
    const object = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd e', '1'), value, { noNullPrototype: true });
    fc.assert(
      fc.property(object, object, (from, to) => {
        const text = editYaml(`# head\n${JSON.stringify(from)}\n`, to as YamlObject);
        expect(parse(text)).toEqual(to);
      }),
    );
  });
});

describe('mergePatch', () => {
  it.each([
    ['sets', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['removes by null', { a: 1, b: 2 }, { a: null }, { b: 2 }],
    ['merges below', { a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
    ['replaces lists whole', { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ['replaces text by an object', { a: 'x' }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
  ])('%s', (_, target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });
});
