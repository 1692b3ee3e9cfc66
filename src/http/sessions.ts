/** Sessions of the page: a token handed over once becomes a cookie no script can read. In memory: a restart ends them all. */
import { randomBytes } from 'node:crypto';

export interface Sessions {
  /** Remembers a token that was found good; the id for the cookie. */
  open(secret: string): string;
  /** The token behind a session that has not ended. Each use makes it last longer. */
  secretOf(id: string): string | undefined;
  close(id: string): void;
}

export const SESSION_COOKIE = 'hobnail_session';
/** A page that nobody looks at still asks now and then; a closed one does not. */
const IDLE_MS = 12 * 3600 * 1000;
const MAX_SESSIONS = 1000;

export function createSessions(now: () => number): Sessions {
  const sessions = new Map<string, { readonly secret: string; readonly until: number }>();
  const touch = (id: string, secret: string) => {
    // The last used goes to the end, so the first is the one to give up.
    sessions.delete(id);
    sessions.set(id, { secret, until: now() + IDLE_MS });
    for (const [oldest] of sessions) {
      if (sessions.size <= MAX_SESSIONS) break;
      sessions.delete(oldest);
    }
  };
  return {
    open(secret) {
      const id = randomBytes(32).toString('base64url');
      touch(id, secret);
      return id;
    },
    secretOf(id) {
      const found = sessions.get(id);
      if (!found) return undefined;
      if (found.until <= now()) {
        sessions.delete(id);
        return undefined;
      }
      touch(id, found.secret);
      return found.secret;
    },
    close: (id) => void sessions.delete(id),
  };
}

/** The session a request names in its cookies. */
export function sessionIdOf(cookies: string | undefined): string | undefined {
  return new RegExp(`(?:^|;\\s*)${SESSION_COOKIE}=([A-Za-z0-9_-]+)`).exec(cookies ?? '')?.[1];
}

/** @param secure the listener speaks TLS */
export function sessionCookie(id: string | undefined, secure: boolean): string {
  const value = id === undefined ? '; Max-Age=0' : '';
  return `${SESSION_COOKIE}=${id ?? ''}; Path=/; HttpOnly; SameSite=Strict${value}${secure ? '; Secure' : ''}`;
}
