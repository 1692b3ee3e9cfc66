/** The lossy relay as a program: `relay.ts ADDRESS SERVER SEED LOSS`, on port 69 in front of the server's port 69. */
import { openLossyRelay } from '../support/lossy-relay.ts';

const [address = '', serverAddress = '', seed = '', loss = ''] = process.argv.slice(2);
await openLossyRelay({ address, port: 69, serverAddress, serverPort: 69, seed: Number(seed), loss: Number(loss) });
console.log('the relay listens');
