import { describe, expect, it } from 'vitest';
import { createAdmission } from '../../src/tftp/admission.ts';

const limits = { maxTransfers: 3, maxTransfersPerSource: 2, startsPerSecond: 4 };

describe('admission', () => {
  it('T-71 caps the transfers of one source and of all', () => {
    const admission = createAdmission(limits);
    expect(admission.admit('10.0.0.1', 0)).toBe('admitted');
    expect(admission.admit('10.0.0.1', 0)).toBe('admitted');
    expect(admission.admit('10.0.0.1', 0)).toBe('transfers-of-source');
    expect(admission.admit('10.0.0.2', 0)).toBe('admitted');
    expect(admission.admit('10.0.0.3', 0)).toBe('transfers');
    admission.release('10.0.0.1');
    expect(admission.admit('10.0.0.3', 0)).toBe('admitted');
  });

  it('T-70 caps the starts of one source in a second, and forgets them after it', () => {
    const admission = createAdmission(limits);
    for (let start = 0; start < 4; start++) {
      expect(admission.admit('10.0.0.1', start)).toBe('admitted');
      admission.release('10.0.0.1');
    }
    expect(admission.admit('10.0.0.1', 900)).toBe('starts-of-source');
    expect(admission.admit('10.0.0.2', 900)).toBe('admitted');
    expect(admission.admit('10.0.0.1', 1000)).toBe('admitted');
  });

  it('T-70 forgets nobody and remembers no more than so many sources in a second', () => {
    const admission = createAdmission({ ...limits, maxTransfers: 100_000 });
    const results = Array.from({ length: 20_001 }, (_, source) => admission.admit(String(source), 0));
    expect(results.at(-2)).toBe('admitted');
    expect(results.at(-1)).toBe('sources');
    expect(admission.admit('7', 0)).toBe('admitted');
    expect(admission.admit('20000', 1000)).toBe('admitted');
  });
});
