/**
 * Stands in for systemd's socket activation: opens a UDP port on a device, then runs a program with the socket as descriptor
 * 3, named after the interface. Arguments: interface, port, program, its arguments. Ends with the program.
 */

import { spawn } from 'node:child_process';
import { ANY_ADDRESS } from '../../src/net/ipv4.ts';
import { AF_INET, deviceName, loadLibc, SO_BINDTODEVICE, socketAddress } from '../../src/os/libc.ts';

const [, , device = '', port = '', program = '', ...rest] = process.argv;
const load = loadLibc();
if (load.kind === 'unavailable') throw new Error(load.reason);
const fd = load.libc.openSocket(AF_INET);
load.libc.setOption(fd, SO_BINDTODEVICE, deviceName(device));
load.libc.bind(fd, socketAddress(ANY_ADDRESS, Number(port)));

const child = spawn(program, rest, {
  stdio: ['inherit', 'inherit', 'inherit', fd],
  env: { ...process.env, LISTEN_FDS: '1', LISTEN_FDNAMES: device, LISTEN_PID: 'self' },
});
child.once('exit', (code) => process.exit(code ?? 1));
