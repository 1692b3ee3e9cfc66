/** Hobnail as the boot server of a test LAN, with the loaders its own command brings. */
import { pullImages } from '../../src/images/pull.ts';
import { startAppliance } from '../../src/lab/appliance.ts';
import { NET, type StartServer } from './boot-server.ts';

export const startHobnail: StartServer = async (lan, options) => {
  const appliance = await startAppliance(lan, {
    ...options,
    address: NET.server,
    pool: `${NET.poolFirst}-${NET.poolLast}`,
    provideLoaders: (directory) => pullImages({ imagesRoot: directory }),
  });
  return { appliance, log: () => appliance.daemon.log() };
};
