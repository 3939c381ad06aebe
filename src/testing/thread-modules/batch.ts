/** A batch module for the tests of the thread pool. */
export interface BatchWork {
  length?: number
  does?: 'throw' | 'exit'
}

/** The sum of the input's bytes, and its first byte in the output. */
export function run(work: BatchWork, input: Uint8Array, output: Uint8Array): unknown {
  if (work.does === 'throw') throw new RangeError('a batch that fails')
  if (work.does === 'exit') process.exit(9)
  output[0] = input[0]!
  return input.subarray(0, work.length).reduce((sum, byte) => sum + byte, 0)
}
