/** Who may use the operator API: what the store keeps of a token and what the API asks of it. */

/**
 * Each role may do what the ones before it may. `viewer` reads, `operator` runs machines, `admin` decides what they
 * can be given and who may log in; `http/roles.ts` has it route by route.
 */
export const TOKEN_ROLES = ['viewer', 'operator', 'admin'] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

/** A token without its secret. `createdAt` is wall time in milliseconds since 1970. */
export interface TokenInfo {
  readonly name: string;
  readonly role: TokenRole;
  readonly createdAt: number;
}

/** Whose secret it is; undefined when it is nobody's. */
export type VerifyToken = (secret: string) => Promise<Pick<TokenInfo, 'name' | 'role'> | undefined>;

/** True when `role` may do what needs `needed`. */
export function mayActAs(role: TokenRole, needed: TokenRole): boolean {
  return TOKEN_ROLES.indexOf(role) >= TOKEN_ROLES.indexOf(needed);
}
