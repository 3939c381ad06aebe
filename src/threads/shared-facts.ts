import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

/** What is found out once in a process, and where the answer stands in memory that all of its threads share. */
const PLACES = { 'codec kind': 0 } as const

const MEMORY = 'acceld.facts'

/** The memory: 32 bits for each fact, 0 while it is not known. A thread has that of the thread which started it. */
export function sharedFacts(): Int32Array {
  const known = getEnvironmentData(MEMORY) as Int32Array | undefined
  if (known !== undefined) return known
  const size = Object.keys(PLACES).length * Int32Array.BYTES_PER_ELEMENT
  const made = new Int32Array(new SharedArrayBuffer(size))
  setEnvironmentData(MEMORY, made)
  return made
}

/** What `find` gives, one of `values`: called by the thread that asks first, and again by one that asks before it has answered. */
export function foundOnce<Value>(
  fact: keyof typeof PLACES,
  values: readonly Value[],
  find: () => Value,
): Value {
  const memory = sharedFacts()
  const known = values[Atomics.load(memory, PLACES[fact]) - 1]
  if (known !== undefined) return known
  const found = find()
  Atomics.store(memory, PLACES[fact], values.indexOf(found) + 1)
  return found
}
