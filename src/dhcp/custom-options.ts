/** The options an operator sets by name or number, merged in the order of `boot/precedence.ts`: the later wins. */
import type { Decision } from '../boot/decide.ts';
import { encodeNamedOption } from './vocabulary.ts';

export interface CustomOptions {
  readonly options: ReadonlyMap<number, Uint8Array>;
  /** Options that cannot be sent, in words. They are refused when files are loaded; here they are only left out. */
  readonly notes: readonly string[];
}

export function customOptions({ layers }: Pick<Decision, 'layers'>): CustomOptions {
  const options = new Map<number, Uint8Array>();
  const notes: string[] = [];
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer.options ?? {})) {
      const encoded = encodeNamedOption(name, value);
      // Merged by code: `66` of a host replaces `tftp-server-name` of its network.
      if ('problem' in encoded) notes.push(encoded.problem);
      else options.set(encoded.code, encoded.bytes);
    }
  }
  return { options, notes };
}
