import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { type EncryptedLayer, PUBLIC_OPTIONS_ANNOTATION } from './layer-cipher.ts'

/** Annotations of an encrypted layer with its key, wrapped in one way or another, begin so. Source: containers/ocicrypt spec/spec.go. */
export const WRAPPED_KEY_PREFIX = 'org.opencontainers.image.enc.keys.'
/** Annotation of an encrypted layer: its key, wrapped as JWE for the recipients; base64. */
export const JWE_ANNOTATION = `${WRAPPED_KEY_PREFIX}jwe`

/** Somebody who may decrypt: a public key and how a key is wrapped with it. Plain data, so that it can cross threads. */
export interface Recipient {
  algorithm: string
  key: JsonWebKey
}

/** What a JWK may ask for. Source: containers/ocicrypt keywrap/jwe/keywrapper_jwe.go (addPubKeys). */
const ALGORITHMS = [
  'RSA-OAEP',
  'RSA-OAEP-256',
  'ECDH-ES+A128KW',
  'ECDH-ES+A192KW',
  'ECDH-ES+A256KW',
]

/** Shorter ones are broken, and JWE forbids them. Source: RFC 7518, section 4.3. */
const MIN_RSA_BITS = 2048

const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']

/**
 * The recipient with the public key `file`: PEM, DER or JWK. RSA keys wrap by RSA-OAEP, those of elliptic curves by
 * ECDH-ES+A256KW, as ocicrypt does. What is wrong is returned as a text.
 */
export function readRecipient(file: Uint8Array): Recipient | string {
  const text = Buffer.from(file).toString('latin1').trim()
  if (text.startsWith('{')) return fromJwk(text)
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----/m.exec(text)?.[1]
  // Node would take the public half of a private key, and the key of a certificate.
  if (label !== undefined && label !== 'PUBLIC KEY') {
    return `it is a ${label.toLowerCase()}, not a public key`
  }
  const key = publicKey(() =>
    label === undefined
      ? createPublicKey({ key: Buffer.from(file), format: 'der', type: 'spki' })
      : createPublicKey(text),
  )
  return key === undefined ? 'it is no public key' : recipientOf(key, undefined)
}

function fromJwk(text: string): Recipient | string {
  let jwk: JsonWebKey
  try {
    jwk = JSON.parse(text) as JsonWebKey
  } catch {
    return 'it is no JSON'
  }
  if (jwk.d !== undefined || jwk.k !== undefined) return 'it is a private key, not a public key'
  const algorithm = jwk['alg'] as string | undefined
  if (algorithm !== undefined && !ALGORITHMS.includes(algorithm)) {
    return `its algorithm is none of ${ALGORITHMS.join(', ')}`
  }
  const key = publicKey(() => createPublicKey({ key: jwk, format: 'jwk' }))
  return key === undefined ? 'it is no public key' : recipientOf(key, algorithm)
}

function recipientOf(key: KeyObject, algorithm: string | undefined): Recipient | string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const wrongAlgorithm = (prefix: string): string | undefined =>
    algorithm === undefined || algorithm.startsWith(prefix)
      ? undefined
      : `its algorithm ${algorithm} is not for a key of its kind`
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0
    if (bits < MIN_RSA_BITS) return `it has ${bits} bits, at least ${MIN_RSA_BITS} are needed`
    return wrongAlgorithm('RSA-') ?? { algorithm: algorithm ?? 'RSA-OAEP', key: jwkOf(key) }
  }
  if (type === 'ec' && CURVES.includes(details?.namedCurve ?? '')) {
    return wrongAlgorithm('ECDH-') ?? { algorithm: algorithm ?? 'ECDH-ES+A256KW', key: jwkOf(key) }
  }
  return `it is a key of kind ${type}; RSA and the curves P-256, P-384 and P-521 can be used`
}

function jwkOf(key: KeyObject): JsonWebKey {
  return key.export({ format: 'jwk' })
}

function publicKey(read: () => KeyObject): KeyObject | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** The annotations of an encrypted layer that all of `recipients`, at least one, can decrypt. */
export async function encryptionAnnotations(
  { privateOptions, publicOptions }: EncryptedLayer,
  recipients: readonly Recipient[],
): Promise<Record<string, string>> {
  // Loaded for images that are encrypted alone: it has a hundred files.
  const { GeneralEncrypt } = await import('jose')
  const jwe = new GeneralEncrypt(Buffer.from(JSON.stringify(privateOptions)))
  jwe.setProtectedHeader({ enc: 'A256GCM' })
  for (const { algorithm, key } of recipients) {
    jwe.addRecipient(key).setUnprotectedHeader({ alg: algorithm })
  }
  return {
    [JWE_ANNOTATION]: base64(await jwe.encrypt()),
    [PUBLIC_OPTIONS_ANNOTATION]: base64(publicOptions),
  }
}

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64')
}
