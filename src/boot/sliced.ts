/** Long work in short steps: pure generators that stop where somebody else may have a turn, and how to run one to its end. */

/** Every `yield` is a place to pause; what is returned is the result. */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Items between two pauses, where an item is a few µs of work: so many that looking at the clock costs nothing beside them. */
const STEP = 64;

/** Visits all items, with a pause after every `step` of them. */
export function* eachInSteps<T>(items: Iterable<T>, visit: (item: T) => void, step = STEP): Sliced<void> {
  let count = 0;
  for (const item of items) {
    visit(item);
    count += 1;
    if (count % step === 0) yield;
  }
}

/** What all items give, one after the other, with a pause after every few of them. */
export function* flatMapInSteps<T, R>(items: Iterable<T>, give: (item: T) => readonly R[]): Sliced<R[]> {
  const all: R[] = [];
  yield* eachInSteps(items, (item) => {
    all.push(...give(item));
  });
  return all;
}

/** All of it at once, without a pause. */
export function runAtOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
