/** A file route's template for one machine: context, the profile's own small templates, then the file. */
import {
  type BootEntry,
  type BootView,
  buildContext,
  type ContextParts,
  type TemplateContext,
  varsOf,
} from '../boot/context.ts';
import type { Profile } from '../boot/profile.ts';
import { AppError, type Problem } from '../errors.ts';
import type { ReadSecret } from './template-helpers.ts';
import type { Templates } from './templates.ts';

/**
 * Renders `template`, under a deployment as it was when that was armed. Throws what `Templates.render` throws.
 * @param dropped told of menu entries that cannot be rendered and are left out, so that the menu still works
 * @param secret for the machine itself; without it the values of secrets are not shown
 */
export async function renderFile(
  templates: Templates,
  template: string,
  parts: ContextParts,
  dropped: (problems: readonly Problem[]) => void = () => undefined,
  secret?: ReadSecret,
): Promise<string> {
  const { assignment, catalog } = parts;
  const deployment = assignment.kind === 'profile' ? assignment.deployment : undefined;
  const pinned = deployment && catalog.deployments.templatesOf?.(deployment);
  return templates.render(template, contextOf(templates, parts, dropped, secret), secret, pinned);
}

/** The same, with the place in the templates of all that comes out. Throws what `Templates.trace` throws. */
export async function traceFile(
  templates: Templates,
  template: string,
  parts: ContextParts,
  dropped: (problems: readonly Problem[]) => void = () => undefined,
  secret?: ReadSecret,
): ReturnType<Templates['trace']> {
  return templates.trace(template, contextOf(templates, parts, dropped, secret), secret);
}

function contextOf(
  templates: Templates,
  parts: ContextParts,
  dropped: (problems: readonly Problem[]) => void,
  secret: ReadSecret | undefined,
): TemplateContext {
  const context = buildContext(parts);
  const render: RenderText = (text, seen, origin) => templates.renderText(text, seen, origin, secret);
  return { ...context, boot: renderBoot(render, context, parts, dropped) };
}

type RenderText = (text: string, context: TemplateContext, origin: string) => string;

function renderBoot(
  render: RenderText,
  context: TemplateContext,
  parts: ContextParts,
  dropped: (problems: readonly Problem[]) => void,
): BootView {
  const { boot } = context;
  switch (boot.kind) {
    case 'local':
    case 'discover':
      return boot;
    case 'chain':
      return { ...boot, target: render(boot.target, context, `profile ${context.profile.name}, chain`) };
    case 'kernel':
      return { ...boot, entry: renderEntry(render, boot.entry, context, parts) };
    case 'menu': {
      const entries = boot.entries.flatMap((entry) => {
        try {
          return [renderEntry(render, entry, context, parts)];
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          dropped(error.problems);
          return [];
        }
      });
      return { ...boot, entries };
    }
    default:
      return boot satisfies never;
  }
}

/** An entry's arguments see the variables of the profile behind it, not of the menu. Empty ones are left out. */
function renderEntry(render: RenderText, entry: BootEntry, context: TemplateContext, parts: ContextParts): BootEntry {
  const own = { ...context, vars: varsOf(parts, profileOf(entry, parts)) };
  const args = entry.args
    .map((text, index) => render(text, own, `profile ${entry.name}, args[${index}]`).trim())
    .filter((text) => text !== '');
  return { ...entry, args };
}

/** The profile that is served, which may be older than its file, or one of the menu's. */
function profileOf(entry: BootEntry, { assignment, catalog }: ContextParts): Profile | undefined {
  const served = assignment.kind === 'profile' ? assignment.profile : undefined;
  return served?.name === entry.name ? served : catalog.profiles.get(entry.name);
}
