import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blake3 } from './blake3.ts'
import { blake3IsNative, digestFunction, newSha256Function } from './chunk-digest.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
/** The input of BLAKE3's own test vectors: 0 to 250, over and over. */
const input = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251)

test('BLAKE3 gives the digests of its test vectors', () => {
  // Source: BLAKE3 test_vectors.json, first 32 bytes of "hash".
  const vectors: [number, string][] = [
    [0, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
    [1, '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
    [1024, '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
    [1025, 'd00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444'],
    [2049, '5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030'],
  ]
  for (const [length, digest] of vectors)
    assert.equal(hex(blake3(input(length))), digest, `${length}`)
})

test('the binding and the portable version agree, at every size around blocks and subtrees', () => {
  const digest = digestFunction('blake3')
  const sizes = [
    63, 64, 65, 1023, 2048, 3072, 3073, 4096, 5000, 7168, 8193, 31_744, 102_400, 1_048_576,
  ]
  for (const size of sizes)
    assert.equal(hex(digest(input(size))), hex(blake3(input(size))), `${size}`)
  assert.equal(hex(digest(input(5000).subarray(7, 4000))), hex(blake3(input(5000).slice(7, 4000))))
})

test('this platform has the binding', { skip: process.platform !== 'linux' }, () => {
  assert.ok(blake3IsNative)
})

test('SHA-256 is the other digest', () => {
  assert.equal(
    hex(digestFunction('sha256')(Buffer.from('abc'))),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('SHA-256 in memory that is used again', () => {
  const digest = newSha256Function()
  const first = digest(input(5000))
  assert.equal(hex(first), hex(digestFunction('sha256')(input(5000))))
  const bytes = input(5000).subarray(7, 300)
  assert.equal(digest(bytes), first)
  assert.equal(hex(first), hex(digestFunction('sha256')(bytes)))
})
