/**
 * BLAKE3 in TypeScript: what digests chunks where there is no native binding, and what tests the binding.
 * Input is cut into chunks of 1024 bytes, each a chain of 64-byte blocks; the chunks' values are the leaves of a
 * binary tree whose left side is always the largest power of two. Source: the BLAKE3 paper, section 2.
 */

const CHUNK = 1024
const BLOCK = 64

const CHUNK_START = 1
const CHUNK_END = 2
const PARENT = 4
const ROOT = 8

const IV = Uint32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
)

/** Where each round takes its message words from: the permutation of the specification, applied round by round. */
const SCHEDULE = schedule()

function schedule(): Uint8Array {
  const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
  const rounds: number[][] = [Array.from({ length: 16 }, (_, i) => i)]
  for (let round = 1; round < 7; round++) {
    rounds.push(permutation.map((from) => rounds[round - 1]?.[from] ?? 0))
  }
  return Uint8Array.from(rounds.flat())
}

const state = new Uint32Array(16)
const message = new Uint32Array(16)

/** The 32-byte BLAKE3 digest of `input`. */
export function blake3(input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  // Values of complete subtrees that wait for their right sibling; their sizes are the bits of the chunk count.
  const stack: Uint32Array[] = []
  const chunks = Math.max(1, Math.ceil(input.length / CHUNK))
  for (let chunk = 0; chunk < chunks - 1; chunk++) {
    let value = chunkValue(view, chunk, 0)
    for (let total = chunk + 1; (total & 1) === 0; total >>>= 1) {
      value = parentValue(stack.pop() as Uint32Array, value, 0)
    }
    stack.push(value)
  }
  let value = chunkValue(view, chunks - 1, stack.length === 0 ? ROOT : 0)
  while (stack.length > 0) {
    const left = stack.pop() as Uint32Array
    value = parentValue(left, value, stack.length === 0 ? ROOT : 0)
  }
  const digest = new Uint8Array(32)
  const out = new DataView(digest.buffer)
  value.forEach((word, i) => out.setUint32(i * 4, word, true))
  return digest
}

/** The chaining value of one chunk of the input; `flags` are set on its last block. */
function chunkValue(view: DataView, chunk: number, flags: number): Uint32Array {
  const start = chunk * CHUNK
  const end = Math.min(start + CHUNK, view.byteLength)
  const value = IV.slice()
  let at = start
  do {
    const length = Math.min(BLOCK, end - at)
    readBlock(view, at, length)
    const last = at + BLOCK >= end
    const position = (at === start ? CHUNK_START : 0) | (last ? CHUNK_END | flags : 0)
    compress(value, chunk, length, position)
    at += BLOCK
  } while (at < end)
  return value
}

function parentValue(left: Uint32Array, right: Uint32Array, flags: number): Uint32Array {
  message.set(left, 0)
  message.set(right, 8)
  const value = IV.slice()
  compress(value, 0, BLOCK, PARENT | flags)
  return value
}

function readBlock(view: DataView, at: number, length: number): void {
  if (length === BLOCK) {
    for (let i = 0; i < 16; i++) message[i] = view.getUint32(at + i * 4, true)
    return
  }
  message.fill(0)
  for (let i = 0; i < length; i++) {
    message[i >>> 2] = (message[i >>> 2] as number) | (view.getUint8(at + i) << ((i & 3) * 8))
  }
}

/** Mixes `message` into the chaining value. `counter` is below 2^32: chunks of at most 16 MiB are digested. */
function compress(value: Uint32Array, counter: number, length: number, flags: number): void {
  state.set(value, 0)
  state.set(IV.subarray(0, 4), 8)
  state[12] = counter
  state[13] = 0
  state[14] = length
  state[15] = flags
  for (let round = 0; round < 7; round++) {
    const m = round * 16
    mix(0, 4, 8, 12, m)
    mix(1, 5, 9, 13, m + 2)
    mix(2, 6, 10, 14, m + 4)
    mix(3, 7, 11, 15, m + 6)
    mix(0, 5, 10, 15, m + 8)
    mix(1, 6, 11, 12, m + 10)
    mix(2, 7, 8, 13, m + 12)
    mix(3, 4, 9, 14, m + 14)
  }
  for (let i = 0; i < 8; i++) value[i] = (state[i] as number) ^ (state[i + 8] as number)
}

/** The quarter round of the specification over four words of the state and two of the message. */
function mix(ia: number, ib: number, ic: number, id: number, schedulePosition: number): void {
  const x = message[SCHEDULE[schedulePosition] as number] as number
  const y = message[SCHEDULE[schedulePosition + 1] as number] as number
  let a = state[ia] as number
  let b = state[ib] as number
  let c = state[ic] as number
  let d = state[id] as number
  a = (a + b + x) | 0
  d ^= a
  d = (d >>> 16) | (d << 16)
  c = (c + d) | 0
  b ^= c
  b = (b >>> 12) | (b << 20)
  a = (a + b + y) | 0
  d ^= a
  d = (d >>> 8) | (d << 24)
  c = (c + d) | 0
  b ^= c
  b = (b >>> 7) | (b << 25)
  state[ia] = a
  state[ib] = b
  state[ic] = c
  state[id] = d
}
