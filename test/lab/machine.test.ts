import { expect, test } from 'vitest';
import { plainText } from '../../src/lab/machine.ts';

test('console text loses its control sequences and blank lines', () => {
  expect(plainText('\u001b[2J\u001b[01;01H\u001b[0mSeaBIOS\r\n\r\n\u001b[?25lBooting\u0000...\r\n')).toBe(
    'SeaBIOS\nBooting\n...',
  );
});
