/** The keeper as the reader of files needs it, and what is learnt from files that were fetched. */
import type { Catalog } from '../boot/catalog.ts';
import { mayAnswer } from '../boot/deployment.ts';
import type { BootEvent } from '../boot/event.ts';
import { LOADER_FILES } from '../boot/loaders.ts';
import { normalizePath, type ResolveRequester } from '../boot/resolve.ts';
import type { Deployments } from '../deployments.ts';
import { AppError } from '../errors.ts';
import type { DeploymentDesk } from '../files/read.ts';

export interface DeskOfDeployments extends DeploymentDesk {
  /**
   * A transfer has ended. The TFTP thread sends what is the same for everybody without asking anybody: only its event
   * tells that a machine has its loader.
   */
  fetched(event: BootEvent, catalog: Catalog): void;
}

export function createDeploymentDesk(
  deployments: Pick<Deployments, 'find' | 'verify' | 'tokenOf' | 'notice' | 'apply'>,
  now: () => number,
): DeskOfDeployments {
  return {
    fetched({ kind, path, mac, detail }, catalog) {
      const image = kind === 'tftp.done' ? /^image (.+)$/.exec(String(detail?.origin))?.[1] : undefined;
      if (image !== undefined && path !== undefined && mac) noticeImage(path, image, { mac }, catalog);
    },
    hostOf: (token) => deployments.verify(token)?.deployment.host,
    tokenOf: deployments.tokenOf,
    async fetching(path, resource, requester, catalog) {
      if (resource.kind === 'image') return noticeImage(path, resource.image, requester, catalog);
      if (resource.kind !== 'template' || resource.assignment.kind !== 'profile') return;
      const { deployment } = resource.assignment;
      if (!deployment) return;
      if (resource.stage === 'script') {
        deployments.notice(deployment.host, { kind: 'script', at: now(), path });
        return;
      }
      const after = await deployments.apply(deployment.id, { kind: 'answer', at: now(), path });
      if (after && mayAnswer(after)) return;
      const state = after?.state ?? 'at its end';
      throw new AppError(
        'file-refused',
        `Deployment ${deployment.id} is ${state}: ${path} is not handed out any more.`,
      );
    },
  };

  /** Loaders and kernels name no machine: who asks is known by its lease, which is enough to follow a boot. */
  function noticeImage(
    path: string,
    image: string,
    { mac, tokenHost }: Pick<ResolveRequester, 'mac' | 'tokenHost'>,
    catalog: Catalog,
  ): void {
    const host = tokenHost ?? (mac && catalog.hostByMac.get(mac)?.name);
    const deployment = host === undefined ? undefined : deployments.find(host);
    if (!deployment) return;
    const { kernel } = deployment.profile;
    const isKernel = kernel !== undefined && [path, image].some((one) => normalizePath(kernel) === normalizePath(one));
    const isLoader = LOADER_FILES.some((file) => file.image === image);
    if (isKernel) deployments.notice(deployment.host, { kind: 'kernel', at: now(), path });
    else if (isLoader) deployments.notice(deployment.host, { kind: 'loader', at: now(), path });
  }
}
