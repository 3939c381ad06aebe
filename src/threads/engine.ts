import { setFlagsFromString } from 'node:v8'

/**
 * How V8 treats heaps and functions of threads. Heaps: a thread keeps some megabytes, so what is marked of them below 64 MiB
 * is marked for nothing, and what is copied within them is copied half as often with 4 MiB at the start. Functions: those
 * that are called some thousand times are done before TurboFan's time for them has come back; the faster compiler before
 * it (Maglev) does well. Figures: docs/decisions/064-start.md.
 */
export const ENGINE_FLAGS: readonly string[] = [
  '--initial-old-space-size=64',
  '--min-semi-space-size=4',
  '--invocation-count-for-turbofan=30000',
]

/** The V8 of Node.js 24, with which they were measured; another may not know them, and would say so on standard error. */
const MEASURED = '13.6.'

let done = false

/** Tunes V8, once in a process. Sizes of heaps count for the threads that are started from now on, the rest for all. */
export function tuneEngine(): void {
  if (done || !process.versions.v8.startsWith(MEASURED)) return
  done = true
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag)
}
