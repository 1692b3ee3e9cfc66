/** Kernels, initrds and loaders: are they there, are they what they are taken for, and for the right processor? */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../boot/catalog.ts';
import type { Cpu, LoaderTarget } from '../boot/client.ts';
import { LOADER_FILES } from '../boot/loaders.ts';
import { resolve } from '../boot/resolve.ts';
import type { Problem } from '../errors.ts';
import type { Inventory } from './inventory.ts';
import { labelOf } from './label.ts';
import { type Binary, HEAD_BYTES, readBinary } from './lint/binary.ts';

/** What the firmware of a target runs. */
const TARGET_CPU: Readonly<Record<Exclude<LoaderTarget, 'bios'>, Cpu>> = {
  'uefi-x86': 'x86',
  'uefi-x64': 'x64',
  'uefi-arm32': 'arm32',
  'uefi-arm64': 'arm64',
  'uefi-riscv32': 'riscv32',
  'uefi-riscv64': 'riscv64',
  'uefi-loong64': 'loong64',
};

type Place = Pick<Problem, 'file' | 'line' | 'column' | 'path'>;

export async function checkAssets(
  catalog: Catalog,
  inventory: Pick<Inventory, 'place'>,
  imagesRoot: string,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const profile of catalog.profiles.values()) {
    if (profile.kernel !== undefined) {
      const place = inventory.place('profile', profile.name, ['kernel']);
      problems.push(...(await checkAsset(profile.kernel, place, 'kernel', catalog, imagesRoot)));
    }
    for (const [index, path] of profile.initrd.entries()) {
      const place = inventory.place('profile', profile.name, ['initrd', index]);
      problems.push(...(await checkAsset(path, place, 'initrd', catalog, imagesRoot)));
    }
  }
  return [...problems, ...(await checkLoaders(imagesRoot))];
}

/** One that is not there may be brought later: a warning. */
async function checkAsset(
  path: string,
  place: Place,
  use: 'kernel' | 'initrd',
  catalog: Catalog,
  imagesRoot: string,
): Promise<readonly Problem[]> {
  // A path with variables is checked where it is rendered.
  if (path.includes('://') || path.includes('{{')) return [];
  const problem = (severity: Problem['severity'], message: string, advice: string): readonly Problem[] => [
    { severity, ...place, message, advice },
  ];
  const resource = resolve(path, {}, catalog);
  if (resource.kind === 'template' || resource.kind === 'upload') return [];
  if (resource.kind !== 'image') {
    return problem('warning', `no file route leads to ${path}`, 'Add a row for it to routes.yaml.');
  }
  const file = join(imagesRoot, resource.image);
  const found = await readHead(file);
  if (!found) return problem('warning', `there is no ${labelOf(file)}`, 'Put the file there, or correct the path.');
  const wrong = misuse(found, use);
  return wrong ? problem('error', `${labelOf(file)} ${wrong}`, 'Fetch the file again, or correct the path.') : [];
}

/** What is wrong with a file as a kernel or initrd, in words. */
function misuse(binary: Binary, use: 'kernel' | 'initrd'): string | undefined {
  switch (binary.kind) {
    case 'empty':
      return 'is empty';
    case 'page':
      return 'is a web page, most likely an error that was saved';
    case 'program':
      return use === 'initrd' ? `is no archive but a program (${binary.format})` : undefined;
    case 'archive':
      return use === 'kernel' && binary.format === 'cpio' ? 'is no kernel but an archive (cpio)' : undefined;
    case 'other':
      return undefined;
    default:
      return binary satisfies never;
  }
}

/** A loader that is there and built for another processor stops every machine it is served to. */
async function checkLoaders(imagesRoot: string): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { image, target, path } of LOADER_FILES) {
    const file = join(imagesRoot, image);
    const binary = await readHead(file);
    if (!binary) continue;
    const wrong = misfit(binary, target);
    if (!wrong) continue;
    problems.push({
      // What is not recognised may be right all the same.
      severity: binary.kind === 'other' ? 'warning' : 'error',
      file: labelOf(file),
      message: `${path} is for ${target} machines, and this ${wrong}`,
      advice: 'Bring the right one: hobnail images pull.',
    });
  }
  return problems;
}

function misfit(binary: Binary, target: LoaderTarget): string | undefined {
  if (binary.kind === 'empty') return 'is empty';
  if (binary.kind === 'page') return 'is a web page';
  if (target === 'bios')
    return binary.kind === 'program' && binary.format === 'EFI program' ? 'is an EFI program' : undefined;
  if (binary.kind !== 'program') return 'does not look like an EFI program';
  return binary.cpus.includes(TARGET_CPU[target])
    ? undefined
    : `is an ${binary.format} for ${binary.cpus.join(' or ')}`;
}

/** Undefined when there is no such file. */
export async function readHead(file: string): Promise<Binary | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return undefined;
  try {
    if (!(await handle.stat()).isFile()) return undefined;
    const { bytesRead, buffer } = await handle.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return readBinary(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}
