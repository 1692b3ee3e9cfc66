/** The catalogue: every error code an operator can meet, its meaning, its HTTP status and its TFTP error code. */

/** TFTP error codes (RFC 1350 §5, RFC 2347). */
export type TftpErrorCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

interface CatalogueEntry {
  readonly title: string;
  readonly status: number;
  readonly tftp: TftpErrorCode;
}

/** Codes are stable: never reuse one. Each stands in `docs/errors.md`, which a test keeps true. */
export const ERRORS = {
  'config-invalid': { title: 'The settings are not valid', status: 500, tftp: 0 },
  'inventory-invalid': { title: 'The profiles directory has problems', status: 422, tftp: 0 },
  'template-invalid': { title: 'A template cannot be compiled', status: 422, tftp: 0 },
  'template-failed': { title: 'A template could not be rendered', status: 500, tftp: 0 },
  'template-missing': { title: 'The template does not exist', status: 404, tftp: 1 },
  'file-absent': { title: 'No such file', status: 404, tftp: 1 },
  'file-refused': { title: 'The path is not allowed', status: 403, tftp: 2 },
  'read-failed': { title: 'The file could not be read', status: 500, tftp: 0 },
  'file-changed': { title: 'The file changed while it was read', status: 503, tftp: 0 },
  'write-failed': { title: 'The file could not be written', status: 500, tftp: 0 },
  'write-refused': { title: 'Uploads are not allowed here', status: 403, tftp: 2 },
  'upload-too-large': { title: 'The upload is too large', status: 413, tftp: 3 },
  'quota-exceeded': { title: 'The space for uploads is used up', status: 507, tftp: 3 },
  'disk-full': { title: 'The disk is full', status: 507, tftp: 3 },
  'store-failed': { title: 'The database failed', status: 503, tftp: 0 },
  'port-in-use': { title: 'The port is in use', status: 500, tftp: 0 },
  'port-denied': { title: 'No permission for the port', status: 500, tftp: 0 },
  'interface-missing': { title: 'The network interface does not exist', status: 500, tftp: 0 },
  'wire-taken': { title: 'Another DHCP server answers on the wire', status: 500, tftp: 0 },
  'fetch-failed': { title: 'An image could not be fetched', status: 502, tftp: 0 },
  'image-unproved': { title: 'An image is not what its publisher made', status: 422, tftp: 0 },
  'image-invalid': { title: 'An image has not what it should have', status: 422, tftp: 0 },
  'loader-missing': { title: 'A loader is not installed', status: 404, tftp: 1 },
  'login-required': { title: 'A token is needed', status: 401, tftp: 2 },
  'role-missing': { title: 'The token may not do this', status: 403, tftp: 2 },
  'rate-limited': { title: 'Too many attempts', status: 429, tftp: 0 },
  'not-found': { title: 'No such object', status: 404, tftp: 1 },
  'already-exists': { title: 'The object exists already', status: 409, tftp: 6 },
  'deployment-refused': { title: 'The host cannot be armed', status: 409, tftp: 0 },
  'deployment-ended': { title: 'The deployment has ended', status: 409, tftp: 0 },
  'revision-required': { title: 'If-Match with the revision is needed', status: 428, tftp: 0 },
  'revision-stale': { title: 'Somebody else changed the object', status: 412, tftp: 0 },
  'request-invalid': { title: 'The request is not valid', status: 400, tftp: 4 },
  'body-too-large': { title: 'The body is too large', status: 413, tftp: 0 },
  'api-unreachable': { title: 'The appliance does not answer', status: 503, tftp: 0 },
  busy: { title: 'Too much at once', status: 503, tftp: 0 },
  internal: { title: 'A bug in Hobnail', status: 500, tftp: 0 },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** A failed resource or refused request. `message` tells the operator what to change. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; problems?: readonly Problem[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** One fault in a file a person wrote. Lines and columns count from 1. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** File relative to the working directory, or the name of the API body. */
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** Where in the document: `files[2].path`. */
  readonly path?: string;
  /** What is wrong. */
  readonly message: string;
  /** What to change. */
  readonly advice?: string;
}

/** `profiles/web.yaml:3:7: kind: "instal" is not a kind. Did you mean "install"?` */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.line === undefined ? undefined : problem.column]
    .filter((part) => part !== undefined)
    .join(':');
  const path = problem.path ? `${problem.path}: ` : '';
  const severity = problem.severity === 'warning' ? 'warning: ' : '';
  const stop = problem.advice && !/[.!?]$/.test(problem.message) ? '.' : '';
  const advice = problem.advice ? `${stop} ${problem.advice}` : '';
  return `${place}: ${severity}${path}${problem.message}${advice}`;
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
