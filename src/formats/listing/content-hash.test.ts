import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { digestFunction } from '../nydus-blob/chunk-digest.ts'
import { CONTENT_DIGESTER, contentOfPieces, newContentHash } from './content-hash.ts'

const PIECE = 64
const digest = digestFunction(CONTENT_DIGESTER)

/** What a format knows that stores the file in chunks. */
function digestsOfPieces(bytes: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.length / PIECE))
  return Array.from({ length: count }, (_, i) => digest(bytes.subarray(i * PIECE, (i + 1) * PIECE)))
}

suite('digests of content', () => {
  test('are those of the pieces, however the content comes', () => {
    const hash = newContentHash(PIECE)
    const file = fc.tuple(
      fc.uint8Array({ maxLength: 4 * PIECE }),
      fc.array(fc.nat(4 * PIECE), { maxLength: 6 }),
    )
    fc.assert(
      fc.property(file, ([bytes, cuts]) => {
        let at = 0
        for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
          hash.update(bytes.subarray(at, cut))
          at = Math.max(at, Math.min(cut, bytes.length))
        }
        const want = Buffer.from(contentOfPieces(digestsOfPieces(bytes)))
        assert(want.equals(hash.digest()))
        assert(want.equals(hash.digestOf(bytes)))
      }),
    )
  })

  test('a file of one piece has the digest of its bytes, a longer one has not', () => {
    const hash = newContentHash(PIECE)
    const [whole, longer] = [Buffer.alloc(PIECE, 1), Buffer.alloc(PIECE + 1, 1)]
    assert(Buffer.from(digest(whole)).equals(hash.digestOf(whole)))
    assert(!Buffer.from(digest(longer)).equals(hash.digestOf(longer)))
    assert(!Buffer.from(hash.digestOf(whole)).equals(hash.digestOf(longer)))
  })
})
