import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeFooter, encodeFooter } from './footer.ts'

/** The footer of test/fixtures/estargz/default.esgz: TOC at 63003. */
const CURRENT =
  '1f8b08040000000000ff' + // gzip header with an extra field
  '1a00' + // 26 bytes of extra field
  '53471600' + // "SG", 22 bytes
  '30303030303030303030303066363162' + // 000000000000f61b
  '53544152475a' + // STARGZ
  '010000ffff' + // last, stored, empty block
  '0000000000000000'
const OLD = CURRENT.replace('1a0053471600', '1600')
const EXTERNAL =
  '1f8b08040000000000ff15005347110053544152475a45585445524e414c544f43010000ffff0000000000000000'

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')

suite('footers', () => {
  test('ours is byte for byte the reference’s', () => {
    assert.equal(Buffer.from(encodeFooter(63_003)).toString('hex'), CURRENT)
  })

  test('the three forms are read, whatever precedes them', () => {
    const before = '00'.repeat(30)
    const inside = { toc: 'inside', tocOffset: 63_003 }
    assert.deepEqual(decodeFooter(bytes(CURRENT)), { ...inside, size: 51 })
    assert.deepEqual(decodeFooter(bytes(before + CURRENT)), { ...inside, size: 51 })
    assert.deepEqual(decodeFooter(bytes(before + OLD)), { ...inside, size: 47 })
    assert.deepEqual(decodeFooter(bytes(before + EXTERNAL)), { toc: 'elsewhere', size: 46 })
  })

  test('a changed byte in magic, lengths or offset makes it none', () => {
    for (const at of [0, 1, 2, 3, 10, 12, 13, 14, 16, 31, 32, 37]) {
      const changed = Buffer.from(CURRENT, 'hex')
      changed[at]! ^= 0xf0
      assert.equal(decodeFooter(changed), undefined, `byte ${at}`)
    }
    assert.equal(decodeFooter(bytes(CURRENT.slice(2))), undefined)
    assert.equal(decodeFooter(new Uint8Array(0)), undefined)
  })

  test('an offset beyond the safe integers is none', () => {
    const far = CURRENT.replace('3030303030303030303030', '6666666666666666666666')
    assert.equal(decodeFooter(bytes(far)), undefined)
  })
})
