/** Which lint reads a rendered file: by what its template says, by its name, by how it begins. */
import { lintGrub } from './grub.ts';
import { lintIpxe } from './ipxe.ts';
import { lintKickstart } from './kickstart.ts';
import { lintPreseed } from './preseed.ts';
import { lintExtlinux, lintPxelinux } from './pxelinux.ts';
import type { Lint, Slip } from './slip.ts';
import { lintAutoyast, lintIgnition, lintJson, lintProxmox, lintToml, lintXml } from './structured.ts';
import { lintText } from './text.ts';
import { lintCloudConfig, lintNetworkConfig, lintTalos, lintYaml } from './yaml.ts';

const LINTS = {
  ipxe: lintIpxe,
  grub: lintGrub,
  pxelinux: lintPxelinux,
  extlinux: lintExtlinux,
  kickstart: lintKickstart,
  preseed: lintPreseed,
  'cloud-config': lintCloudConfig,
  'network-config': lintNetworkConfig,
  talos: lintTalos,
  yaml: lintYaml,
  autoyast: lintAutoyast,
  xml: lintXml,
  ignition: lintIgnition,
  json: lintJson,
  proxmox: lintProxmox,
  toml: lintToml,
  text: () => [],
} as const satisfies Record<string, Lint>;

export type Target = keyof typeof LINTS;
export const TARGETS = Object.keys(LINTS) as readonly Target[];

/** `{{! syntax: kickstart }}` anywhere in a template. */
const DIRECTIVE = /\{\{!(?:--)?\s*syntax:\s*([\w-]+)\s*(?:--)?\}\}/;

/** By the name of the template, less `.hbs`. */
const BY_NAME: readonly (readonly [RegExp, Target])[] = [
  [/\.ipxe$/, 'ipxe'],
  [/(?:^|\/)extlinux\.conf$/, 'extlinux'],
  [/(?:^|\/)pxelinux\.cfg\//, 'pxelinux'],
  [/(?:^|\/)grub(?:\/|\.cfg$)/, 'grub'],
  [/\.ks$|(?:^|\/)kickstart\//, 'kickstart'],
  [/(?:^|\/)preseed[/.]/, 'preseed'],
  [/(?:^|\/)(?:user-data|vendor-data)$/, 'cloud-config'],
  [/(?:^|\/)network-config$/, 'network-config'],
  [/(?:^|\/)meta-data$/, 'yaml'],
  [/(?:^|\/)autoyast[/.]/, 'autoyast'],
  [/(?:^|\/)talos[/.]/, 'talos'],
  [/(?:^|\/)proxmox[/.]/, 'proxmox'],
  [/\.ign$/, 'ignition'],
  [/\.ya?ml$/, 'yaml'],
  [/\.json$/, 'json'],
  [/\.toml$/, 'toml'],
  [/\.xml$/, 'xml'],
];

const BY_BEGINNING: readonly (readonly [RegExp, Target])[] = [
  [/^#!ipxe/, 'ipxe'],
  [/^#cloud-config/, 'cloud-config'],
  [/^<\?xml/, 'xml'],
];

/** What a template asks to be read as, when it asks for what there is not. */
export function unknownTarget(source: string): string | undefined {
  const wanted = DIRECTIVE.exec(source)?.[1];
  return wanted === undefined || isTarget(wanted) ? undefined : wanted;
}

/**
 * @param template its name under `templates/`
 * @param source the template
 * @param text what it was rendered to
 */
export function targetOf(template: string, source: string, text: string): Target {
  const wanted = DIRECTIVE.exec(source)?.[1];
  if (wanted !== undefined && isTarget(wanted)) return wanted;
  const name = template.replace(/\.hbs$/, '');
  const found = BY_NAME.find(([pattern]) => pattern.test(name)) ?? BY_BEGINNING.find(([pattern]) => pattern.test(text));
  return found?.[1] ?? 'text';
}

/** Every slip in a rendered file, in the order of its lines. */
export function lintRendered(target: Target, text: string): readonly Slip[] {
  return [...lintText(text), ...LINTS[target](text)].sort((a, b) => a.line - b.line || a.column - b.column);
}

function isTarget(text: string): text is Target {
  return Object.hasOwn(LINTS, text);
}
