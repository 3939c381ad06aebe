/** Where tests are: the patterns that `node --test` is given, in one place for the scripts that run them. */

/** Tests without a process, a network beyond loopback, or a program of others. */
export const unitTests = ['src/**/*.test.ts', 'test/unit/**/*.test.ts']

/** The built package, the daemon and the command line as processes. */
export const integrationTests = ['test/integration/**/*.test.ts']

/** Real programs of others over our output. */
export const interopTests = ['test/interop/**/*.test.ts']
