/** What pulling tells while it runs and when it is done. */

/** What became of one file (or, of a tree, of all of it); `to` is its path below `boot-images/`. */
export type PullOutcome = {
  readonly to: string;
  /** Reference of the image. */
  readonly image: string;
} & (
  | { readonly kind: 'placed'; readonly from: 'installed' | 'fetched' | 'local' | 'made'; readonly proof: string }
  /** Already there, and as its source has it, or nothing newer was asked for. */
  | { readonly kind: 'present' }
  /** There, but neither the source's nor put there by us. */
  | { readonly kind: 'kept'; readonly reason: string }
  /** The package, the address or the file in it cannot be had. */
  | { readonly kind: 'missing'; readonly reason: string; readonly package?: string }
  /** It could be had but was not put there; the reason says what to change. */
  | { readonly kind: 'failed'; readonly reason: string; readonly code?: string }
);

export type PullProgress =
  | { readonly kind: 'step'; readonly text: string }
  /** `total` where it is known; `phase` says what is done with the bytes. */
  | {
      readonly kind: 'bytes';
      readonly image: string;
      readonly file: string;
      readonly phase: 'fetch' | 'check' | 'extract';
      readonly done: number;
      readonly total: number | undefined;
    }
  | { readonly kind: 'outcome'; readonly outcome: PullOutcome };

export interface PullReport {
  readonly outcomes: readonly PullOutcome[];
  /** What the operator can do about the missing files; undefined when none is missing. */
  readonly advice?: string;
}

/** Whether everything that was asked for is there. */
export function isComplete({ outcomes }: PullReport): boolean {
  return outcomes.every(({ kind }) => kind !== 'missing' && kind !== 'failed');
}
