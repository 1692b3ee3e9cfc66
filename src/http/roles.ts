/** Who may do what on the operator API: the whole of it in one table. A route that is not in it does not start. */
import type { TokenRole } from '../boot/token.ts';

export interface Access {
  readonly role: TokenRole;
  /** It changes nothing, whatever its method: no line in the audit log. */
  readonly reads: boolean;
}

const viewer: Access = { role: 'viewer', reads: true };
const operator: Access = { role: 'operator', reads: false };
const admin: Access = { role: 'admin', reads: false };

/**
 * By method and path under `/api/v1`. A viewer looks. An operator runs machines: hosts, deployments, the inbox, leases. An
 * admin decides what machines can be given at all, and who may log in.
 */
export const ACCESS: Readonly<Record<string, Access>> = {
  ...objects('hosts', operator),
  ...objects('profiles', admin),
  ...objects('groups', admin),
  ...objects('quirks', admin),
  ...objects('networks', admin),
  'GET /templates': viewer,
  'GET /templates/*': viewer,
  'PUT /templates/*': admin,
  'DELETE /templates/*': admin,
  'POST /validate': { role: 'operator', reads: true },
  'POST /impact': { role: 'operator', reads: true },
  'POST /plan': { role: 'operator', reads: true },
  'POST /apply': admin,
  // Everything at once, passwords that somebody wrote into variables among it.
  'GET /export': { role: 'operator', reads: true },
  'GET /hosts/:id/next': viewer,
  'GET /hosts/:id/files': viewer,
  'GET /hosts/:id/files/*': viewer,
  'POST /explain': viewer,
  'GET /images': viewer,
  'GET /images/jobs': viewer,
  'GET /images/jobs/:id': viewer,
  'POST /images/jobs': operator,
  'DELETE /images/jobs/:id': operator,
  'POST /images/verify': { role: 'operator', reads: true },
  'POST /images/remove': operator,
  'GET /deployments': viewer,
  'GET /deployments/:id': viewer,
  'POST /deployments': operator,
  'POST /deployments/:id/arm': operator,
  'POST /deployments/:id/end': operator,
  'POST /hosts/:id/arm': operator,
  'POST /hosts/:id/disarm': operator,
  'GET /discovered': viewer,
  'GET /discovered/:mac': viewer,
  'POST /discovered/:mac/adopt': operator,
  'POST /discovered/:mac/ignore': operator,
  'POST /discovered/:mac/block': operator,
  'POST /discovered/:mac/restore': operator,
  'DELETE /discovered/:mac': operator,
  'GET /secrets': viewer,
  'PUT /secrets/*': admin,
  'DELETE /secrets/*': admin,
  'GET /leases': viewer,
  'GET /strategies': viewer,
  'DELETE /leases/:network/:address': operator,
  'GET /events': viewer,
  'GET /boots': viewer,
  'GET /boots/:id': viewer,
  'GET /uploads': viewer,
  // Configurations hold passwords: seeing that there is one is less than reading it.
  'GET /uploads/:id/raw': { role: 'operator', reads: true },
  'GET /status': viewer,
  'GET /metrics': viewer,
  'POST /reload': { role: 'operator', reads: false },
  'GET /tokens': { role: 'admin', reads: true },
  'POST /tokens': admin,
  'DELETE /tokens/:name': admin,
  'GET /audit': { role: 'admin', reads: true },
};

function objects(plural: string, writer: Access): Record<string, Access> {
  return {
    [`GET /${plural}`]: viewer,
    [`GET /${plural}/:id`]: viewer,
    [`POST /${plural}`]: writer,
    [`PUT /${plural}/:id`]: writer,
    [`PATCH /${plural}/:id`]: writer,
    [`DELETE /${plural}/:id`]: writer,
  };
}

/** @throws Error for a route nobody has decided about */
export function accessOf(method: string, url: string, prefix: string): Access {
  const path = url.startsWith(prefix) ? url.slice(prefix.length) : url;
  const key = `${method === 'HEAD' ? 'GET' : method} ${path}`;
  const access = ACCESS[key];
  if (!access) throw new Error(`"${key}" stands in no row of http/roles.ts`);
  return access;
}
