/**
 * Properties search anew in every run, but in CI, which is a gate: a change is judged by the same cases as the one before it. What
 * a search elsewhere finds becomes an example in its test. Loaded before each test file.
 */
import fc from 'fast-check';

if (process.env.CI) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_261_125 });
