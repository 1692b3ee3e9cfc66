/** Hobnail as the boot server of a test LAN, with the loaders its own command brings. */

import { readCatalog } from '../../src/images/catalog.ts';
import { pullImages } from '../../src/images/pull.ts';
import { startAppliance } from '../../src/lab/appliance.ts';
import { NET, type StartServer } from './boot-server.ts';

export const startHobnail: StartServer = async (lan, options) => {
  const appliance = await startAppliance(lan, {
    ...options,
    address: NET.server,
    pool: `${NET.poolFirst}-${NET.poolLast}`,
    provideLoaders: async (directory) => {
      const defaults = (await readCatalog(directory)).filter((entry) => entry.default).map(({ name }) => name);
      // What is made for the cases the signed GRUB cannot do.
      return pullImages({ imagesRoot: directory, references: [...defaults, 'grub-net-x64', ...options.images] });
    },
  });
  return { appliance, log: () => appliance.daemon.log() };
};
