/** Tokens of a boot: the deployment's id, the boot's number, and 192 bits of a keyed hash over what it is for. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Deployment } from '../boot/deployment.ts';

const TOKEN = /^([0-9a-z]{9}-[0-9a-f]{8})_([0-9a-z]{1,6})_([A-Za-z0-9_-]{32})$/;

/** What a token says, true or not. */
export interface ReadToken {
  readonly id: string;
  readonly boot: number;
  readonly hash: string;
}

export interface TokenMaker {
  tokenOf(deployment: Deployment): string;
  /** Undefined for what does not look like one. */
  read(token: string): ReadToken | undefined;
  /** Whether we made it for this deployment. */
  isGood(deployment: Deployment, token: ReadToken): boolean;
}

/** @param key signs; the same after a restart */
export function createTokenMaker(key: Uint8Array): TokenMaker {
  const sign = ({ id, host, deadline }: Deployment, boot: number): string =>
    createHmac('sha256', key).update(`${id} ${boot} ${host} ${deadline}`).digest('base64url').slice(0, 32);
  return {
    tokenOf: (deployment) => `${deployment.id}_${deployment.boot.toString(36)}_${sign(deployment, deployment.boot)}`,
    read(token) {
      const [, id, boot, hash] = TOKEN.exec(token) ?? [];
      return id && boot && hash ? { id, boot: Number.parseInt(boot, 36), hash } : undefined;
    },
    isGood: (deployment, { boot, hash }) => timingSafeEqual(Buffer.from(sign(deployment, boot)), Buffer.from(hash)),
  };
}
