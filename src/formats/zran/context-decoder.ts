import { constants, inflateRawSync } from 'node:zlib'
import { AccelError } from '../../errors/accel-error.ts'
import { MAX_CHUNK } from '../nydus-blob/chunk-info.ts'
import { bitPrefix } from './bit-prefix.ts'
import type { Contexts } from './context-cutter.ts'
import { GZIP_TRAILER_SIZE, gzipHeaderSize } from './gzip-header.ts'

/** More that the last symbol of a context may bring: the rest of a match, and what the last bytes besides hold. */
const SURPLUS = 64 * 1024

/**
 * The `outLength` uncompressed bytes of context `index`, from its `inLength` compressed ones: what nydusd makes of it,
 * with the same demands. A chunk is `offset` to `offset` + its size of them. `what` names the layer.
 * Source: nydus utils/src/compress/zlib_random.rs (ZranDecoder::uncompress).
 *
 * Throws FORMAT_INVALID where they are damaged, or not the context's. Memory: twice the context's output.
 */
export function decodeContext(
  { contexts, dictionaries }: Contexts,
  index: number,
  compressed: Uint8Array,
  what: string,
): Uint8Array {
  const context = contexts[index]!
  const invalid = (problem: string, cause?: unknown): AccelError =>
    new AccelError(
      'FORMAT_INVALID',
      {
        what: `${what}, zran context ${index}`,
        format: 'gzip',
        offset: context.inOffset,
        problem,
      },
      { cause },
    )
  const { outLength, dictOffset, dictLength } = context
  if (compressed.length !== context.inLength) throw invalid(`${compressed.length} bytes`)
  if (outLength > MAX_CHUNK) throw invalid(`${outLength} bytes of output`)
  const pieces: Uint8Array[] = []
  let made = 0
  let dictionary: Uint8Array | undefined = dictionaries.subarray(
    dictOffset,
    dictOffset + dictLength,
  )
  let rest = Buffer.concat([bitPrefix(context.pendingBits, context.previousByte), compressed])
  for (;;) {
    const member = inflate(rest, dictionary, outLength - made, invalid)
    pieces.push(member.output)
    made += member.output.length
    // nydusd asks for no more than the context has, so it does not get to the end of a member that goes on behind it.
    if (!member.ended || made > outLength) break
    // nydusd finds out that the member is over before it looks whether there is enough: more must follow.
    const behind = member.used + GZIP_TRAILER_SIZE
    const header = gzipHeaderSize(rest, behind, rest.length)
    if (typeof header === 'string') throw invalid(header)
    if (header === undefined || behind + header === rest.length) {
      throw invalid('it ends with a gzip member, or behind its trailer or header')
    }
    rest = rest.subarray(behind + header)
    dictionary = undefined
  }
  if (made < outLength) throw invalid(`${made} of ${outLength} bytes come out`)
  return Buffer.concat(pieces).subarray(0, outLength)
}

/** What comes of a member, or of the rest of it; whether it ended matters where that is no more than `wanted` bytes. */
function inflate(
  input: Uint8Array,
  dictionary: Uint8Array | undefined,
  wanted: number,
  invalid: (problem: string, cause: unknown) => AccelError,
): { output: Uint8Array; used: number; ended: boolean } {
  const options = {
    finishFlush: constants.Z_SYNC_FLUSH,
    maxOutputLength: wanted + SURPLUS,
    info: true,
    ...(dictionary === undefined || dictionary.length === 0 ? {} : { dictionary }),
  }
  // What `info` does to the result is documented, and missing in the types.
  const run = (bytes: Uint8Array): { buffer: Uint8Array; engine: { bytesWritten: number } } =>
    inflateRawSync(bytes, options) as unknown as ReturnType<typeof run>
  let first: ReturnType<typeof run>
  try {
    first = run(input)
  } catch (cause) {
    throw invalid((cause as Error).message, cause)
  }
  const { bytesWritten } = first.engine
  if (bytesWritten < input.length) return { output: first.buffer, used: bytesWritten, ended: true }
  const goesOn = { output: first.buffer, used: input.length, ended: false }
  if (first.buffer.length > wanted) return goesOn
  try {
    // One byte more tells whether the deflate stream ended with the input: then it is not used.
    const { engine } = run(Buffer.concat([input, Buffer.alloc(1)]))
    return engine.bytesWritten <= input.length ? { ...goesOn, ended: true } : goesOn
  } catch {
    // It went on, and that byte made no sense.
    return goesOn
  }
}
