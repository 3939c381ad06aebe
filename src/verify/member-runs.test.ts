import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { suite, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { inlineHost } from '../testing/inline-host.ts'
import { memoryFile } from '../testing/memory-file.ts'
import type { MemberFormat } from '../drivers/estargz/inflate-member.ts'
import { MemberRuns, type Member } from './member-runs.ts'
import { MEMBER_SLABS } from './slab-size.ts'

const MiB = 1024 * 1024

/** Text that compresses, different for each size. */
const text = (size: number): Uint8Array => Buffer.alloc(size, `${size} bytes of text, `)

const contents = [
  text(700),
  // More in one run than its output has room for, which is not known before.
  text(3 * MiB),
  text(3 * MiB + 1),
  text(0),
  // Larger than a slab.
  text(5 * MiB),
  ...Array.from({ length: 300 }, (_, i) => text(100 + i)),
]

/** A blob of members, and what lies where: each has the first half of its content as a part, and one part too many. */
function layer(format: MemberFormat): { blob: Buffer; members: Member[] } {
  const stored = contents.map((bytes) =>
    format === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes),
  )
  let end = 0
  const members = stored.map((bytes, i): Member => {
    const start = end
    end += bytes.length
    const { length } = contents[i]!
    const half = { part: 2 * i, start: 0, size: length >> 1 }
    const outside = { part: 2 * i + 1, start: length, size: 1 }
    // Parts say how large a member is at least: those that are too many for a run do not.
    return { start, end, parts: length > 4 * MiB || i > 4 ? [half, outside] : [] }
  })
  return { blob: Buffer.concat(stored), members }
}

/** What comes out of it. */
async function read(format: MemberFormat, blob: Uint8Array, members: readonly Member[]) {
  const host = inlineHost(MEMBER_SLABS.output)
  const out: Uint8Array[] = []
  const begun: Member[] = []
  const digests = new Map<number, string>()
  using runs = new MemberRuns(host, {
    what: 'a layer',
    format,
    source: memoryFile(blob),
    sink: {
      begin: (member) => void begun.push(member),
      digest: (part, hex) => void digests.set(part, hex),
      take: (bytes) => void out.push(bytes.slice()),
      failed: (member, cause) => new Error(`member at ${member.start}`, { cause }),
    },
  })
  for (const member of members) await runs.add(member)
  await runs.finish()
  assert.equal(host.taken, 0)
  return { bytes: Buffer.concat(out), begun, digests }
}

suite('members that are decompressed many at a time', () => {
  for (const format of ['gzip', 'zstd'] as const) {
    test(`${format}: come out in order, each once, with the digests of their parts`, async () => {
      const { blob, members } = layer(format)
      const { bytes, begun, digests } = await read(format, blob, members)
      assert(bytes.equals(Buffer.concat(contents)))
      assert.deepEqual(begun, members)
      for (const [i, content] of contents.entries()) {
        const got = digests.get(2 * i)
        const want = hash('sha256', content.subarray(0, content.length >> 1), 'hex')
        // Of the one that is done in the thread of the layer nobody takes it.
        assert(i <= 4 ? got === undefined : got === want, `${i}`)
        assert.equal(digests.get(2 * i + 1), undefined)
      }
    })

    test(`${format}: a damaged one is the error, and named`, async () => {
      const { blob, members } = layer(format)
      for (const at of [0, 1, 3, 4, 5, 200, members.length - 1]) {
        const { start, end } = members[at]!
        const damaged = Buffer.from(blob)
        // The last bytes of gzip are the size, of zstd content or a block header.
        if (format === 'gzip') damaged[end - 1]! ^= 1
        else damaged[start]! ^= 1
        await assert.rejects(read(format, damaged, members), { message: `member at ${start}` })
      }
    })
  }
})
