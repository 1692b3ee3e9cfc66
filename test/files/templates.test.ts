/** Templates: strictness, bounds, places in problems, and the last good version. */
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TemplateContext } from '../../src/boot/context.ts';
import { AppError, formatProblem, type Problem } from '../../src/errors.ts';
import { parseTemplate } from '../../src/files/template-engine.ts';
import { createTemplates } from '../../src/files/templates.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const CONTEXT = {
  host: { name: 'web', hostname: 'web', known: true, labels: { rack: 'r12' } },
  profile: { name: 'p', title: 'P', kind: 'menu' },
  network: { name: 'lan', dns: ['10.77.0.1', '10.77.0.2'] },
  server: { address: '10.77.0.1', httpBase: 'http://10.77.0.1', tftpBase: 'tftp://10.77.0.1' },
  boot: {
    kind: 'menu',
    method: 'exit',
    timeoutSeconds: 10,
    entries: [{ name: 'a', title: 'A', kernel: 'k', initrd: ['i', 'j'], args: [] }],
  },
  reason: 'because',
  vars: {
    a: 'x',
    zero: 0,
    no: false,
    empty: '',
    nothing: null,
    list: ['p', 'q'],
    map: { k: 'v' },
    many: Array.from({ length: 400 }, () => 'y'),
  },
  client: { ip: '10.77.0.9' },
  path: {},
} satisfies TemplateContext;

const root = () => createTemplates({ root: temporaryTree().root });

function render(text: string): string {
  try {
    return root().renderText(text, CONTEXT, 't');
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

describe('a template', () => {
  it.each([
    ['writes values', '{{host.name}} {{vars.zero}} {{vars.no}} [{{vars.empty}}]', 'web 0 false []'],
    ['escapes nothing by itself', '{{concat "a=" "\'&<\\""}}', 'a=\'&<"'],
    [
      'loops, with index and outer names',
      '{{#each vars.list}}{{@index}}{{this}}{{../host.name}}{{/each}}',
      '0pweb1qweb',
    ],
    [
      'loops by name',
      '{{#each boot.entries as |e|}}{{#each e.initrd as |i|}}{{e.name}}{{i}}{{/each}}{{/each}}',
      'aiaj',
    ],
    ['loops over a mapping', '{{#each vars.map}}{{@key}}={{this}}{{/each}}', 'k=v'],
    ['says something else for an empty list', '{{#each (list)}}x{{else}}{{host.name}}{{/each}}', 'web'],
    ['enters an object', '{{#with vars.map}}{{k}}{{/with}}', 'v'],
    ['takes unset variables for false', '{{#if vars.b}}y{{else}}n{{/if}}{{#unless vars.b.c.d}}u{{/unless}}', 'nu'],
    ['compares unset variables', '{{#if (eq vars.b "x")}}y{{else}}n{{/if}}', 'n'],
    ['gives defaults', '{{default vars.b.c "d"}}{{default vars.nothing "e"}}{{default vars.zero 1}}', 'de0'],
    ['leaves other languages alone by \\{{', '\\{{ ds.meta_data }}', '{{ ds.meta_data }}'],
    ['leaves other languages alone in raw blocks', '{{{{raw}}}}{% if {{x}} %}{{{{/raw}}}}', '{% if {{x}} %}'],
  ])('%s', (_, text, expected) => {
    expect(render(text)).toBe(expected);
  });

  it.each([
    ['a missing variable', '{{vars.b}}', 't:1:1: "vars.b" is not set'],
    ['a missing variable deep down, by its full name', 'a\n  {{vars.b.c}}', 't:2:3: "vars.b.c" is not set'],
    ['a missing variable in a parameter', '{{upper vars.b}}', 't:1:9: "vars.b" is not set'],
    ['a missing list', '{{#each vars.b}}{{/each}}', '"vars.b" is not set'],
    ['a name that cannot exist', '{{hots.name}}', 't:1:3: "hots.name" does not exist. Did you mean "host"?'],
    ['a name that cannot exist in a condition', '{{#if ghost}}{{/if}}', 't:1:7: "ghost" does not exist'],
    ['a field that cannot exist', '{{host.nmae}}', 'Did you mean "name"?'],
    [
      'a name of the outside inside a loop',
      '{{#each boot.entries}}{{host.name}}{{/each}}',
      'Outside it is "../host.name"',
    ],
    ['a value that is empty', '{{vars.nothing}}', '"vars.nothing": a value is empty'],
    ['a list as text', '{{vars.list}}', '"vars.list": a list is no text'],
    ['an object as text', '{{vars.map}}', 'an object is no text'],
    ['an unknown helper', '{{uper host.name}}', 'there is no helper "uper". Did you mean "upper"?'],
    ['lookup', '{{lookup vars "a"}}', 'there is no helper "lookup"'],
    ['log', '{{log "x"}}', 'there is no helper "log"'],
    ['the inherited', '{{host.constructor.name}}', '"constructor" may not be looked up'],
    ['__proto__', '{{vars.__proto__}}', '"__proto__" may not be looked up'],
    ['an unknown block', '{{#vars.list}}{{/vars.list}}', '"#vars.list" is no block'],
    ['inline partials', '{{#*inline "x"}}{{/inline}}', 'DecoratorBlock is not supported'],
    ['a wrong number of parameters', '{{upper "a" "b"}}', '"upper" takes 1 parameters, not 2'],
    ['a block that is not closed', 'a\nb {{#if host.known}}', 't:2: the template ends inside a tag or block'],
    ['a tag that is not closed', '{{host.name', 't:1: the tag is not well formed'],
    ['partials in a line of a profile', '{{> x}}', 'partials cannot be used here'],
  ])('names %s', (_, text, expected) => {
    expect(render(text)).toContain(expected);
  });

  it('names every fault of a file at once', () => {
    expect(render('{{ghost}}\n{{uper host.name}}\n{{#each hots}}{{/each}}').split('\n')).toHaveLength(3);
  });

  it.each([
    [
      'an output beyond 256 KiB',
      '{{#each vars.many}}{{#each ../vars.many}}yyyyyyyyyy{{/each}}{{/each}}',
      'larger than 256 KiB',
    ],
    [
      'loops in loops in loops',
      '{{#each vars.many}}{{#each @root.vars.many}}{{#each @root.vars.many}}{{/each}}{{/each}}{{/each}}',
      'more than 100000 turns',
    ],
    [
      'work that is slow in every turn',
      '{{#each vars.many}}{{#each @root.vars.many}}{{#if (yaml @root)}}{{/if}}{{/each}}{{/each}}',
      'takes longer than 2 s',
    ],
    [
      'growth by joining',
      '{{join vars.many (replace (join vars.many "yyyyyyyyyy") "y" (join vars.many "yy"))}}',
      'larger than 256 KiB',
    ],
    [
      'growth by replacement',
      '{{replace (join vars.many "yyyyyyyyyy") "y" (join vars.many "yyyyyyyyyy")}}',
      'larger than 256 KiB',
    ],
  ])('is stopped at %s', (_, text, expected) => {
    expect(render(text)).toContain(expected);
  });

  it('is text: a syntax tree is refused', () => {
    const tree = { type: 'Program', body: [] } as unknown as string;
    expect(() => parseTemplate('t', tree)).toThrow('a template is text');
  });
});

describe('partials', () => {
  it('see the whole context and what they are given, wherever they are called', async () => {
    const { root } = temporaryTree({
      'a.hbs': '{{#each boot.entries as |e|}}\n  {{> x entry=e}}\n{{/each}}',
      'partials/x.hbs': '{{host.name}}\n{{entry.title}}\n',
    });
    expect(await createTemplates({ root }).render('a.hbs', CONTEXT)).toBe('  web\n  A\n');
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'circles',
      { 'partials/x.hbs': '{{> y}}', 'partials/y.hbs': '{{#if host.known}}{{> x}}{{/if}}' },
      'partials include each other: x → y → x',
    ],
    ['missing ones', { 'partials/xx.hbs': '' }, 'there is no partial "x". Did you mean "xx"?'],
    ['names that leave the directory', { 'a.hbs': '{{> ../secret}}', 'secret.hbs': 's' }, 'there is no partial'],
    [
      'explosions',
      Object.fromEntries(
        'xabcdefghijklmno'
          .split('')
          .map((name, index, all) => [
            `partials/${name}.hbs`,
            `${'.'.repeat(1000)}${`{{> ${all[index + 1] ?? 'end'}}}`.repeat(9)}`,
          ]),
      ),
      'too much text',
    ],
    [
      'context in place of names',
      { 'a.hbs': '{{> x vars}}', 'partials/x.hbs': '' },
      'a partial always sees the whole context',
    ],
    ['faults inside', { 'partials/x.hbs': 'a\n{{vars.b}}' }, 'partials/x.hbs:2:1: "vars.b" is not set'],
  ])('are checked for %s', async (_, files, expected) => {
    const { root } = temporaryTree({ 'a.hbs': '{{> x}}', ...files });
    await expect(createTemplates({ root }).render('a.hbs', CONTEXT)).rejects.toThrow(expected);
  });
});

describe('a broken template', () => {
  it('is served in its last good version and reported once, until it is whole again', async () => {
    const tree = temporaryTree({ 'a.hbs': 'one {{> x}}', 'partials/x.hbs': '1' });
    const reports: (readonly Problem[])[] = [];
    const templates = createTemplates({ root: tree.root, report: (problems) => reports.push(problems) });
    expect(await templates.compileAll()).toEqual([]);
    tree.write('partials/x.hbs', '{{#if ghost}}');
    tree.write('a.hbs', 'two {{> x}}');
    expect(await templates.render('a.hbs', CONTEXT)).toBe('one 1');
    expect(await templates.render('a.hbs', CONTEXT)).toBe('one 1');
    expect(reports).toHaveLength(1);
    expect(templates.problems().map(formatProblem)).toEqual([
      expect.stringContaining('partials/x.hbs:1: the template ends inside a tag or block'),
    ]);
    tree.write('partials/x.hbs', '2');
    expect(await templates.render('a.hbs', CONTEXT)).toBe('two 2');
    expect(templates.problems()).toEqual([]);
  });

  it('is an error with its problems when there never was a good one', async () => {
    const { root } = temporaryTree({ 'a.hbs': '\n {{ghost}}' });
    await expect(createTemplates({ root }).render('a.hbs', CONTEXT)).rejects.toMatchObject({
      code: 'template-invalid',
      problems: [{ line: 2, column: 4, message: '"ghost" does not exist' }],
    });
  });

  it('that was deleted is missing, not served from memory', async () => {
    const tree = temporaryTree({ 'a.hbs': 'a' });
    const templates = createTemplates({ root: tree.root });
    await templates.render('a.hbs', CONTEXT);
    rmSync(tree.at('a.hbs'));
    await expect(templates.render('a.hbs', CONTEXT)).rejects.toMatchObject({ code: 'template-missing' });
  });
});

describe('a pinned template', () => {
  it('that this version cannot read any more is a fault of the template, with its place', async () => {
    const pinned = { hash: 'h', texts: { 'a.cfg.hbs': 'x\n{{gone "y"}}' } };
    const error = await root()
      .render('a.cfg.hbs', CONTEXT, undefined, pinned)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'template-invalid', problems: [{ line: 2 }] });
  });
});

describe('what only the machine may see', () => {
  const text = '{{secret "root"}} {{#if deployment}}{{callbackUrl "succeeded"}}{{/if}}';
  const deployed = (token?: string): TemplateContext => ({ ...CONTEXT, deployment: { id: 'd', token } });

  it('is there when the machine asks', () => {
    const shown = root().renderText(text, deployed('0123456789-0123456789'), 't', () => 'hunter2');
    expect(shown).toBe('hunter2 http://10.77.0.1/callback/0123456789-0123456789/succeeded');
  });

  it('is hidden from everybody else', () => {
    const shown = root().renderText(text, deployed(), 't');
    expect(shown).toBe('******** http://10.77.0.1/callback/shown-to-the-machine-only/succeeded');
  });

  it('is in no name a template can write out whole', () => {
    const { renderText } = root();
    expect(renderText('{{json @root}}', deployed(), 't', () => 'hunter2')).not.toContain('hunter2');
  });

  it('is missing with its name and place', () => {
    expect(() => root().renderText(text, CONTEXT, 't', () => undefined)).toThrow(
      't:1:1: "secret": there is no secret "root"',
    );
  });
});
