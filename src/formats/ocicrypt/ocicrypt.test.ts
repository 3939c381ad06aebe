import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GeneralJWE } from 'jose'
import { digestOf } from '../../oci/digest.ts'
import { LayerCipher, PUBLIC_OPTIONS_ANNOTATION } from './layer-cipher.ts'
import { decryptLayer, decryptRange } from './read.ts'
import {
  encryptionAnnotations,
  JWE_ANNOTATION,
  readRecipient,
  type Recipient,
} from './recipient.ts'

interface PemPair {
  publicKey: string
  privateKey: string
}

function pemOf({
  publicKey,
  privateKey,
}: {
  publicKey: KeyObject
  privateKey: KeyObject
}): PemPair {
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const newRsa = (modulusLength = 2048): PemPair =>
  pemOf(generateKeyPairSync('rsa', { modulusLength }))
const rsa = newRsa()
const curves = ['P-256', 'P-384', 'P-521'].map((namedCurve) =>
  pemOf(generateKeyPairSync('ec', { namedCurve })),
)
const layer = randomBytes(100_000)

function recipient(key: string | Buffer): Recipient {
  const read = readRecipient(Buffer.from(key))
  assert.ok(typeof read !== 'string', String(read))
  return read
}

async function encrypt(
  bytes: Uint8Array,
  keys: readonly string[],
  cuts: readonly number[] = [bytes.length],
): Promise<{ encrypted: Buffer; annotations: Record<string, string> }> {
  const cipher = new LayerCipher()
  const pieces: Uint8Array[] = []
  let at = 0
  for (const size of [...cuts, bytes.length]) {
    pieces.push(Buffer.from(cipher.update(bytes.subarray(at, at + size))))
    at += size
  }
  const encrypted = Buffer.concat(pieces)
  const made = cipher.finish(digestOf(bytes))
  assert.equal(made.digest, digestOf(encrypted))
  return { encrypted, annotations: await encryptionAnnotations(made, keys.map(recipient)) }
}

test('each of several recipients decrypts, and nobody else', async () => {
  const all = [rsa, ...curves]
  const { encrypted, annotations } = await encrypt(
    layer,
    all.map(({ publicKey }) => publicKey),
  )
  assert.equal(encrypted.length, layer.length)
  assert.notDeepEqual(encrypted, layer)
  for (const { privateKey } of all) {
    assert.deepEqual(
      Buffer.from(await decryptLayer(encrypted, annotations, privateKey, 'x')),
      layer,
    )
  }
  const stranger = newRsa()
  await assert.rejects(decryptLayer(encrypted, annotations, stranger.privateKey, 'x'), {
    code: 'FORMAT_INVALID',
  })
})

test('however the bytes arrive, and whatever their number', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.nat(40), { maxLength: 5 }),
      async (bytes, cuts) => {
        const { encrypted, annotations } = await encrypt(bytes, [curves[0]!.publicKey], cuts)
        const plain = await decryptLayer(encrypted, annotations, curves[0]!.privateKey, 'x')
        assert.deepEqual(Buffer.from(plain), Buffer.from(bytes))
      },
    ),
    { numRuns: 20 },
  )
})

test('any range is decrypted by itself, also where the counter overflows', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.nat(100), fc.boolean(), (offset, length, high) => {
      const key = { key: Buffer.alloc(32, 7), nonce: Buffer.alloc(16, high ? 0xff : 3) }
      const bytes = layer.subarray(0, 600)
      const whole = Buffer.from(decryptRange(bytes, 0, key))
      const range = decryptRange(bytes.subarray(offset, offset + length), offset, key)
      assert.deepEqual(Buffer.from(range), whole.subarray(offset, offset + length))
    }),
  )
})

test('the annotations have the form of ocicrypt', async () => {
  const { annotations } = await encrypt(layer, [rsa.publicKey])
  const decoded = (name: string) =>
    JSON.parse(Buffer.from(annotations[name]!, 'base64').toString()) as Record<string, unknown>
  const options = decoded(PUBLIC_OPTIONS_ANNOTATION)
  assert.deepEqual(Object.keys(options), ['cipher', 'hmac', 'cipheroptions'])
  assert.equal(options['cipher'], 'AES_256_CTR_HMAC_SHA256')
  assert.equal(Buffer.from(String(options['hmac']), 'base64').length, 32)
  const jwe = decoded(JWE_ANNOTATION)
  assert.equal(Buffer.from(String(jwe['protected']), 'base64url').toString(), '{"enc":"A256GCM"}')
  const [one] = jwe['recipients'] as { header: object }[]
  assert.deepEqual(one!.header, { alg: 'RSA-OAEP' })
})

test('the form that ocicrypt writes for one recipient is read', async () => {
  const { encrypted, annotations } = await encrypt(layer, [rsa.publicKey])
  const text = Buffer.from(annotations[JWE_ANNOTATION]!, 'base64').toString()
  const { recipients, ...rest } = JSON.parse(text) as GeneralJWE
  const [one] = recipients
  const flattened = Buffer.from(JSON.stringify({ ...rest, ...one })).toString('base64')
  const theirs = { ...annotations, [JWE_ANNOTATION]: flattened }
  assert.deepEqual(Buffer.from(await decryptLayer(encrypted, theirs, rsa.privateKey, 'x')), layer)
})

test('a changed layer is told', async () => {
  const { encrypted, annotations } = await encrypt(layer, [rsa.publicKey])
  encrypted[5]! ^= 1
  await assert.rejects(decryptLayer(encrypted, annotations, rsa.privateKey, 'x'), /HMAC/)
  await assert.rejects(decryptLayer(encrypted, {}, rsa.privateKey, 'x'), /wrapped for nobody/)
})

test('keys as PEM, DER and JWK; a JWK says how', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const jwk = publicKey.export({ format: 'jwk' })
  assert.deepEqual(recipient(der), { algorithm: 'RSA-OAEP', key: jwk })
  assert.deepEqual(recipient(JSON.stringify(jwk)), { algorithm: 'RSA-OAEP', key: jwk })
  const asked = recipient(JSON.stringify({ ...jwk, alg: 'RSA-OAEP-256' }))
  assert.equal(asked.algorithm, 'RSA-OAEP-256')
  assert.equal(recipient(curves[0]!.publicKey).algorithm, 'ECDH-ES+A256KW')
})

test('what is no public key, or none that can be used, is told', () => {
  const small = newRsa(1024)
  const signing = pemOf(generateKeyPairSync('ed25519'))
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cases: [string | object, RegExp][] = [
    [rsa.privateKey, /private key, not a public key/],
    ['-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----', /certificate, not a public/],
    [small.publicKey, /1024 bits/],
    [signing.publicKey, /kind ed25519/],
    ['something', /no public key/],
    ['{', /no JSON/],
    [privateKey.export({ format: 'jwk' }), /private key/],
    [{ ...publicKey.export({ format: 'jwk' }), alg: 'dir' }, /algorithm is none of/],
    [{ ...publicKey.export({ format: 'jwk' }), alg: 'RSA-OAEP' }, /not for a key of its kind/],
    [{ kty: 'EC' }, /no public key/],
  ]
  for (const [file, pattern] of cases) {
    const text = typeof file === 'string' ? file : JSON.stringify(file)
    const problem = readRecipient(Buffer.from(text))
    assert.match(String(problem), pattern)
  }
})
