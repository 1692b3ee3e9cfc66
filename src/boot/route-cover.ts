/** Rows of a file-route table that no path can reach, because a row above takes every path of theirs. */
import type { FileRoute } from './routes-file.ts';

/** The row above that covers each shadowed row, both by place in the table. Only what is certain is reported. */
export function findShadowed(routes: readonly FileRoute[]): readonly { readonly index: number; readonly by: number }[] {
  const patterns = routes.map(({ path }) => patternOf(path));
  return routes.flatMap((route, index) => {
    const pattern = patterns[index];
    if (!pattern) return [];
    const by = routes.findIndex((other, above) => {
      const wider = patterns[above];
      return above < index && wider !== undefined && answersFor(other, route) && covers(wider, pattern);
    });
    return by < 0 ? [] : [{ index, by }];
  });
}

/** Whether every path of `row` is answered by `wider`, for certain. */
export function coversRow(wider: FileRoute, row: FileRoute): boolean {
  return answersFor(wider, row) && covers(patternOf(wider.path), patternOf(row.path));
}

interface Pattern {
  /** Begins with any directories. */
  readonly anywhere: boolean;
  /** Captures by kind: `:mac` keeps its name, every untyped one is `:`. */
  readonly segments: readonly string[];
  /** Ends with `*name`. */
  readonly open: boolean;
}

const TYPED = ['mac', 'uuid', 'iphex', 'ip', 'serial'];

function patternOf(path: string): Pattern {
  const bare = path.replace(/^\/+/, '');
  const anywhere = bare.startsWith('**/');
  const segments = (anywhere ? bare.slice(3) : bare)
    .split('/')
    .map((segment) =>
      segment.replace(/:([a-z][A-Za-z]*)/g, (_, name: string) => (TYPED.includes(name) ? `:${name}` : ':')),
    );
  const open = /^\*[a-z]/.test(segments.at(-1) ?? '');
  return { anywhere, open, segments: open ? segments.slice(0, -1) : segments };
}

/** Uploads that cannot be read answer no reads, and only uploads answer writes. */
function answersFor(wider: FileRoute, route: FileRoute): boolean {
  const reads = wider.upload === undefined || wider.readable === true;
  return route.upload === undefined ? reads : wider.upload !== undefined && (reads || !route.readable);
}

function covers(wider: Pattern, pattern: Pattern): boolean {
  if (wider.open) {
    // "*rest" alone takes everything; "dir/*rest" everything below that.
    if (wider.segments.length === 0) return true;
    if (wider.anywhere || pattern.anywhere) return false;
    return (
      pattern.segments.length + (pattern.open ? 1 : 0) > wider.segments.length &&
      wider.segments.every((segment, index) => takes(segment, pattern.segments[index]))
    );
  }
  if (pattern.open || (pattern.anywhere && !wider.anywhere)) return false;
  const extra = pattern.segments.length - wider.segments.length;
  if (extra < 0 || (extra > 0 && !wider.anywhere)) return false;
  return wider.segments.every((segment, index) => takes(segment, pattern.segments[index + extra]));
}

/** Whether one segment of a pattern takes all that another takes. */
function takes(wider: string, segment: string | undefined): boolean {
  return segment !== undefined && (wider === segment || wider === ':');
}
