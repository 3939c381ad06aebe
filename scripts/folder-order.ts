/**
 * Who may import whom in `src/`: the one table. A folder imports only from lines above its own; folders of one line
 * do not know each other. Types count as imports. `test/unit/imports.test.ts` holds the sources to it.
 */
export const folderOrder: readonly (readonly string[])[] = [
  ['errors', 'log', 'bytes', 'pattern', 'quantity'],
  ['oci', 'threads', 'config', 'metrics'],
  ['streams', 'rules', 'database'],
  ['network'],
  ['transport', 'formats', 'store', 'tasks', 'api'],
  ['backends', 'story', 'trace'],
  ['dashboard'],
  ['registry', 'layout', 'drivers', 'cache'],
  ['verify'],
  ['convert', 'config-check'],
  ['check', 'doctor', 'estimate'],
  ['bench-read'],
  ['http', 'workers'],
  ['reconcile', 'explain'],
  ['daemon', 'cli'],
  ['bin', 'index.ts', 'driver.ts', 'driver-testing.ts'],
]

/** The same inside `src/formats/`. */
export const formatOrder: readonly (readonly string[])[] = [
  ['codec', 'ocicrypt'],
  ['tar', 'gzip', 'zstd', 'lz4', 'deflate', 'nydus-tree'],
  ['layer-decoder.ts'],
  ['estargz', 'erofs', 'nydus-blob'],
  // zstd:chunked has eStargz' table of contents
  ['zstd-chunked', 'rafs-v5', 'rafs-v6', 'zran', 'listing'],
]

/** What the order would allow and is forbidden all the same: a driver gets bytes handed in and hands bytes out. */
export const forbidden: readonly { from: string; to: string }[] = [
  { from: 'drivers', to: 'registry' },
  { from: 'drivers', to: 'store' },
]

/** The folder of suites and fakes: imports anything, is imported by tests and by `driver-testing.ts` alone. */
export const testingFolder = 'testing'

/** Modules of Node that few may use: nothing is converted by another program, and one place makes threads. */
export const guardedModules: readonly { module: string; folders: readonly string[] }[] = [
  // docker-credential-* programs are the only way to a login that the user keeps in a keychain
  { module: 'node:child_process', folders: ['registry', testingFolder] },
  { module: 'node:worker_threads', folders: ['threads', testingFolder] },
]
