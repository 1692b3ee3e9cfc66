import { expect, test } from 'vitest';
import { fillServer, SERVER_PLACE } from '../../src/files/fill-server.ts';

test.each([
  ['http://10.77.0.1:8080', "set root='http,10.77.0.1:8080'"],
  ['http://10.77.0.1', "set root='http,10.77.0.1'"],
  ['http://[fd00::1]:8080', "set root='http,[fd00::1]:8080'"],
])('%s is written as GRUB names it, and nothing else of the image moves', (base, text) => {
  const image = Buffer.from(`before\0${SERVER_PLACE}\nafter${SERVER_PLACE}`, 'latin1');
  const filled = Buffer.from(fillServer(image, base) ?? []).toString('latin1');
  expect(SERVER_PLACE).toHaveLength(96);
  expect(filled).toBe(`before\0${text.padEnd(96)}\nafter${text.padEnd(96)}`);
});

test('an image without a place is left alone, and so is one for which the address is too long', () => {
  expect(fillServer(Buffer.from('no place'), 'http://10.77.0.1')).toBeUndefined();
  expect(fillServer(Buffer.from(SERVER_PLACE), `http://${'a'.repeat(90)}`)).toBeUndefined();
});
