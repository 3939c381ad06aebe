/** What a batch thread does for members of a layer that is verified: it inflates what it compressed. */
import { hash } from 'node:crypto'
import {
  run as compress,
  type CompressBatch,
  type CompressedBatch,
} from '../../formats/deflate/compress-batch.ts'
import { CONTENT_DIGESTER, newContentHash } from '../../formats/listing/content-hash.ts'
import { digestFunction } from '../../formats/nydus-blob/chunk-digest.ts'
import { inflateMember } from './inflate-member.ts'

/** What came out of members. Digests of parts are of that, too. */
export interface InflatedBatch extends CompressedBatch {
  /** Each member, alone, gave as many bytes as it was made of; else nothing else here means anything. */
  whole: boolean
  /** Of each part, 32 bytes: see ContentHash. */
  contents: Uint8Array
  /** By CONTENT_DIGESTER, of all members as stored. */
  stored: Uint8Array
}

const CONTENT_SIZE = 32
const contentHash = newContentHash()
const storedDigest = digestFunction(CONTENT_DIGESTER)

/**
 * Compresses `input` into `output` as `compress-batch.ts` does. Then `input` is wiped and each member inflated into it
 * from `output`, and what the batch digests is digested there: nothing of what was given is left to be taken for it.
 */
export function run(batch: CompressBatch, input: Uint8Array, output: Uint8Array): InflatedBatch {
  const { codec, ends, parts } = batch
  const { sizes } = compress({ codec, ends, parts: new Uint32Array(0) }, input, output)
  const size = ends.at(-1) ?? 0
  input.fill(0, 0, size)
  const stored = sizes.reduce((sum, one) => sum + one, 0)
  const whole = inflateAll(batch, sizes, input, output)
  const contents = new Uint8Array((parts.length / 2) * CONTENT_SIZE)
  let digests = ''
  for (let i = 0; i < parts.length; i += 2) {
    const part = input.subarray(parts[i], parts[i + 1])
    digests += hash('sha256', part, 'hex')
    contents.set(contentHash.digestOf(part), (i / 2) * CONTENT_SIZE)
  }
  return { sizes, digests, whole, contents, stored: storedDigest(output.subarray(0, stored)) }
}

/** Whether every member gives its bytes. */
function inflateAll(
  { codec: { format }, ends }: CompressBatch,
  sizes: Uint32Array,
  target: Uint8Array,
  output: Uint8Array,
): boolean {
  let at = 0
  let start = 0
  for (const [i, end] of ends.entries()) {
    const stored = output.subarray(at, at + sizes[i]!)
    // with a byte more, so that what is too long is seen
    const room =
      end < target.length ? target.subarray(start, end + 1) : new Uint8Array(end - start + 1)
    if (inflateMember(format, stored, room) !== end - start) return false
    if (room.buffer !== target.buffer) target.set(room.subarray(0, end - start), start)
    at += stored.length
    start = end
  }
  return true
}
