import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { TarReader } from '../formats/tar/reader.ts'
import { testTar } from '../testing/tar-builder.ts'
import { findCut, sampleTar } from './sample-tar.ts'

const noise = (size: number): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i * i * 31 + (i >> 3)) % 251))

const tar = testTar()
  .directory('a/')
  .file('a/one', noise(700))
  .symlink('a/link', 'one')
  .file(`a/${'long-name/'.repeat(20)}two`, noise(40_000), { xattrs: { 'user.x': 'y' } })
  .file('a/empty', '')
  .hardlink('a/three', 'a/one')
  .file('a/last', noise(3000))
  .bytes()

/** Entries of a tar that ends as one should, with how much content came. */
function entriesOf(bytes: Uint8Array): { name: string; size: number; content: Buffer }[] {
  const reader = new TarReader({ what: 'a sample' })
  const entries: { name: string; size: number; content: Buffer }[] = []
  const take = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'entry') {
        const { name, size } = event.entry
        entries.push({ name, size, content: Buffer.alloc(0) })
      }
      if (event.type === 'data') {
        const last = entries.at(-1)!
        last.content = Buffer.concat([last.content, event.bytes])
      }
    }
  }
  reader.push(bytes)
  take()
  reader.end()
  take()
  return entries
}

function sampleOf(stored: Uint8Array, size: number): Buffer {
  const half = Math.floor(size / 2)
  const pieces = [stored.slice(0, half), stored.slice(half, size)]
  const cut = findCut(pieces, 'a sample')
  // pieces are valid until the next
  return Buffer.concat(
    Array.from(sampleTar(pieces, cut, 'a sample'), (piece) => Buffer.from(piece)),
  )
}

suite('the first bytes of a layer as a tar', () => {
  const all = entriesOf(tar)
  const forms: [string, Uint8Array][] = [
    ['plain', tar],
    ['gzip', gzipSync(tar)],
    ['zstd', zstdCompressSync(tar)],
  ]
  for (const [form, stored] of forms) {
    test(`${form}: however many there are, it is whole and says what the layer says`, () => {
      const partial = new Set<string>()
      fc.assert(
        fc.property(fc.nat({ max: stored.length }), (size) => {
          const entries = entriesOf(sampleOf(stored, size))
          for (const [i, { name, size: bytes, content }] of entries.entries()) {
            assert.equal(name, all[i]!.name)
            assert.equal(content.length, bytes)
            assert.deepEqual(content, all[i]!.content.subarray(0, bytes))
            if (bytes === all[i]!.size) continue
            assert.equal(i, entries.length - 1, 'only the last file is cut')
            partial.add(name)
          }
        }),
        { numRuns: 300 },
      )
      if (form === 'plain') assert(partial.size > 1, [...partial].join())
      assert.deepEqual(entriesOf(sampleOf(stored, stored.length)), all)
    })
  }

  test('it says how much of the layer is in it', () => {
    const stored = gzipSync(tar)
    const cut = findCut([stored], 'all')
    assert.deepEqual(
      [cut.compression, cut.stored, cut.produced, cut.partial],
      ['gzip', stored.length, tar.length, undefined],
    )
    const { end, partial } = findCut([tar.subarray(0, tar.length - 4000)], 'some')
    assert.equal(partial?.entry.name, 'a/last')
    assert(end < partial.start)
  })

  test('what is no layer is refused as a conversion refuses it', () => {
    assert.throws(() => findCut([Buffer.alloc(2048, 'x')], 'text'), { code: 'FORMAT_INVALID' })
  })
})
