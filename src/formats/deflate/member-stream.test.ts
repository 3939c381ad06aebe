import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { openStreamHash } from '../../streams/twin-hash.ts'
import { inlineHost } from '../../testing/inline-host.ts'
import { batchBound } from './slab-size.ts'
import { gzipMember } from './gzip-member.ts'
import { DEFAULT_LEVEL, MAX_LEVEL } from './level.ts'
import { MemberStream } from './member-stream.ts'

/** Bytes of a kind: `noise` cannot be compressed, `program` has zeros, `text` has none. */
function content(kind: 'noise' | 'program' | 'text' | 'zeros', size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let x = size + 1
  for (let i = 0; i < size; i++) {
    x = (x * 48_271) % 2_147_483_647
    if (kind === 'noise') bytes[i] = x >> 8
    else if (kind === 'program') bytes[i] = x % 5 === 0 ? x >> 12 : 0
    else if (kind === 'text') bytes[i] = 0x61 + ((x >> 9) % 13)
  }
  return bytes
}

suite('gzip members', () => {
  for (const kind of ['noise', 'program', 'text', 'zeros'] as const) {
    test(`${kind}: are what they were made of, always the same, and no longer than promised`, () => {
      for (const size of [0, 1, 511, 8191, 8192, 8193, 100_000, 4 * 1024 * 1024]) {
        const input = content(kind, size)
        const member = Buffer.from(gzipMember(input, DEFAULT_LEVEL))
        assert.deepEqual([...member.subarray(0, 8)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0])
        assert(gunzipSync(member).equals(input))
        assert(member.length <= batchBound(size, 1), `${member.length} bytes of ${size}`)
        assert(member.equals(gzipMember(input, DEFAULT_LEVEL)))
      }
    })
  }

  test('every level makes them', () => {
    const [program, text] = [content('program', 20_000), content('text', 20_000)]
    for (let level = 1; level <= MAX_LEVEL; level++) {
      for (const input of [program, text])
        assert(gunzipSync(gzipMember(input, level)).equals(input))
    }
  })
})

/** A step: bytes to append in pieces, perhaps a cut before them and a part behind. */
interface Step {
  size: number
  piece: number
  cut: boolean
  part: boolean
}

async function write(steps: readonly Step[], pieces: boolean) {
  const out: Uint8Array[] = []
  const digests = new Map<number, string>()
  const host = inlineHost(200_000)
  const stream = new MemberStream(host, {
    codec: { format: 'gzip', level: 1 },
    write: (bytes) => out.push(bytes.slice()),
    onDigest: (token, hex) => digests.set(token, hex),
    hash: openStreamHash(),
  })
  const all: Uint8Array[] = []
  const members: number[] = []
  for (const [token, { size, piece, cut, part }] of steps.entries()) {
    if (cut || part) await stream.cut(size)
    if (cut || part) members.push(stream.member)
    const bytes = content('program', size)
    for (let at = 0; at < size; at += pieces ? piece : size) {
      await stream.append(bytes.subarray(at, at + (pieces ? piece : size)))
    }
    if (part) stream.endPart(size, token)
    all.push(bytes)
  }
  const diffId = await stream.finish()
  assert.equal(host.taken, 0)
  return { blob: Buffer.concat(out), tar: Buffer.concat(all), digests, diffId, members, stream }
}

test('a stream is cut where it was told, the same however it is appended', async () => {
  const step = fc.record({
    size: fc.integer({ min: 1, max: 150_000 }),
    piece: fc.integer({ min: 100, max: 70_000 }),
    cut: fc.boolean(),
    part: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const { blob, tar, digests, diffId, members, stream } = await write(steps, true)
      assert(gunzipSync(blob).equals(tar))
      assert.equal(diffId, `sha256:${createHash('sha256').update(tar).digest('hex')}`)
      assert.equal(stream.size, tar.length)
      for (const [token, { part, size }] of steps.entries()) {
        const expected = createHash('sha256').update(content('program', size)).digest('hex')
        assert.equal(digests.get(token), part ? expected : undefined)
      }
      for (const member of members) {
        const at = stream.offsets[member]!
        assert(at === blob.length || (blob[at] === 0x1f && blob[at + 1] === 0x8b))
      }
      assert((await write(steps, false)).blob.equals(blob))
    }),
    { numRuns: 25 },
  )
})
