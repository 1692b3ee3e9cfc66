/** Templates as they would be: a copy of the directory with the change in it, compiled by the same code. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError, formatProblem, type Problem } from '../errors.ts';
import { labelOf } from './label.ts';
import { createTemplates, type Templates } from './templates.ts';

export interface DraftedTemplates {
  readonly templates: Templates;
  /** Takes the copy away. */
  close(): Promise<void>;
}

const MAX_TEMPLATE_BYTES = 256 * 1024;

/**
 * @param texts by name under the root; null removes
 * @returns undefined when nothing would change
 * @throws AppError `template-invalid` with every problem that the change brings
 */
export async function draftTemplates(
  root: string,
  texts: ReadonlyMap<string, string | null>,
): Promise<DraftedTemplates | undefined> {
  if (texts.size === 0) return undefined;
  for (const [name, text] of texts) {
    if (Buffer.byteLength(text ?? '') > MAX_TEMPLATE_BYTES) {
      throw new AppError('template-invalid', `templates/${name} is larger than 256 KiB.`);
    }
  }
  const copy = await mkdtemp(join(tmpdir(), 'hobnail-draft-'));
  const close = () => rm(copy, { recursive: true, force: true });
  try {
    await cp(root, copy, { recursive: true, dereference: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    for (const [name, text] of texts) {
      const file = join(copy, name);
      await mkdir(dirname(file), { recursive: true });
      if (text === null) await rm(file, { force: true });
      else await writeFile(file, text);
    }
    const templates = createTemplates({ root: copy });
    const now = createTemplates({ root });
    const old = new Set((await now.compileAll()).map(formatProblem));
    const here = labelOf(root);
    const problems = (await templates.compileAll())
      .map((problem): Problem => ({ ...problem, file: problem.file.replace(copy, here) }))
      .filter((problem) => !old.has(formatProblem(problem)));
    if (problems.length > 0) {
      throw new AppError('template-invalid', problems.map(formatProblem).join('\n'), { problems });
    }
    return { templates, close };
  } catch (error) {
    await close();
    throw error;
  }
}
