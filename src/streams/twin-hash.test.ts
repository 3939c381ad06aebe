import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../oci/digest.ts'
import { TwinHash } from './twin-hash.ts'

interface Turn {
  of: 'original' | 'copy'
  size: number
}

/** Gives both streams to a TwinHash in pieces, in these turns, and compares the digests with those of the bytes. */
function check(original: Uint8Array, copy: Uint8Array, turns: readonly Turn[]): void {
  const twins = new TwinHash()
  const streams = { original, copy }
  const done = { original: 0, copy: 0 }
  let buffer = new Uint8Array(0)
  const give = ({ of, size }: Turn): void => {
    const piece = Uint8Array.from(streams[of].subarray(done[of], done[of] + size))
    done[of] += piece.length
    if (of === 'original') {
      // As the buffer of a decoder, which is used again.
      twins.original.settle()
      buffer.fill(0xee)
      buffer = piece
    }
    twins[of].update(piece)
    if (of === 'copy') piece.fill(0xee)
  }
  for (const turn of turns) give(turn)
  give({ of: 'original', size: original.length })
  assert.equal(twins.original.digest(), digestOf(original))
  give({ of: 'copy', size: copy.length })
  assert.equal(twins.copy.digest(), digestOf(copy))
}

const turns = (size: number): fc.Arbitrary<Turn[]> =>
  fc.array(
    fc.record({ of: fc.constantFrom('original' as const, 'copy' as const), size: fc.nat(size) }),
    { maxLength: 30 },
  )

suite('the digests of a stream and its copy', () => {
  test('are those of the bytes, wherever the two are cut, differ and end', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300, max: 2 }),
        fc.nat(300),
        fc.uint8Array({ maxLength: 100, max: 2 }),
        turns(100),
        (original, same, rest, order) =>
          check(original, Buffer.concat([original.subarray(0, same), rest]), order),
      ),
      { numRuns: 500 },
    )
  })

  test('are those of the bytes where one is far behind the other', () => {
    const original = new Uint8Array(300_000).map((_, i) => i >> 3)
    fc.assert(
      fc.property(turns(150_000), fc.boolean(), (order, same) =>
        check(original, same ? original : original.toReversed(), order),
      ),
    )
  })
})
