/** A TFTP thread that dies of a bug at the first thing it does after a while. */
import '../../src/tftp/worker.ts';

setTimeout(() => {
  throw new TypeError('x is not a function');
}, 50);
