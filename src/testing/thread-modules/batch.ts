import { readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** A batch module for the tests of the thread pool. */
export interface BatchWork {
  length?: number
  does?: 'throw' | 'exit' | 'throw-afterwards'
  /** Gets the thread's id in `/proc/self/task` instead of 0, on Linux. */
  thread?: Int32Array
}

/** The sum of the input's bytes, and its first byte in the output. */
export function run(work: BatchWork, input: Uint8Array, output: Uint8Array): unknown {
  if (work.thread !== undefined) {
    Atomics.store(work.thread, 0, Number(basename(readlinkSync('/proc/thread-self'))))
    Atomics.notify(work.thread, 0)
  }
  if (work.does === 'throw') throw new RangeError('a batch that fails')
  if (work.does === 'exit') process.exit(9)
  if (work.does === 'throw-afterwards') {
    setImmediate(() => {
      throw new Error('the end of the thread')
    })
  }
  output[0] = input[0]!
  return input.subarray(0, work.length).reduce((sum, byte) => sum + byte, 0)
}
