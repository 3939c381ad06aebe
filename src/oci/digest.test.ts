import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { digestFrom, digestOf, hexOf, isDigest, parseDigest } from './digest.ts'

// FIPS 180-2, appendix B.1.
const abc = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

test('the digest of bytes and of text is that of the standard', () => {
  assert.equal(digestOf('abc'), abc)
  assert.equal(digestOf(new Uint8Array([0x61, 0x62, 0x63])), abc)
  assert.equal(digestFrom(createHash('sha256').update('a').update('bc')), abc)
  assert.equal(hexOf(parseDigest(abc)), abc.slice(7))
})

for (const text of [
  '',
  'sha256:',
  abc.slice(7),
  abc.toUpperCase(),
  abc.replace('ba', 'BA'),
  abc.slice(0, -1),
  `${abc}0`,
  `${abc}\n`,
  ` ${abc}`,
  `sha512:${'ab'.repeat(64)}`,
  'md5:d41d8cd98f00b204e9800998ecf8427e',
]) {
  test(`refuses ${JSON.stringify(text).slice(0, 40)}`, () => {
    assert.equal(isDigest(text), false)
    assert.throws(() => parseDigest(text), { code: 'REFERENCE_INVALID' })
  })
}

test('what is not text is not a digest', () => {
  assert.deepEqual([undefined, null, 7, {}].map(isDigest), [false, false, false, false])
})
