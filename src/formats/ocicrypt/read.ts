import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import type { FlattenedJWE, GeneralJWE } from 'jose'
import { AccelError } from '../../errors/accel-error.ts'
import { digestFrom } from '../../oci/digest.ts'
import {
  LAYER_CIPHER,
  type LayerKey,
  PUBLIC_OPTIONS_ANNOTATION,
  type PrivateOptions,
  type PublicOptions,
} from './layer-cipher.ts'
import { JWE_ANNOTATION, WRAPPED_KEY_PREFIX } from './recipient.ts'

type Annotations = Readonly<Record<string, string>>

/** Bytes that one value of the counter is for. */
const BLOCK = 16

/** Bytes of an HMAC-SHA256. */
const HMAC_SIZE = 32

/** What a recipient knows of an encrypted layer. */
export interface OpenedLayer {
  key: LayerKey
  /** HMAC-SHA256 that the encrypted layer should have. */
  hmac: Uint8Array
  /** Digest that the layer should have once it is decrypted. */
  digest: string
}

/**
 * The key of a layer, unwrapped with the private key of one of its recipients: the first of `privateKeys` that opens it. `annotations` are those of its descriptor; `what` names it. Throws FORMAT_INVALID where none does, or the
 * annotations are not those of an encrypted layer.
 */
export async function openLayerKey(
  annotations: Annotations,
  privateKeys: readonly KeyObject[],
  what: string,
): Promise<OpenedLayer> {
  const envelope = readEnvelope(annotations)
  if (typeof envelope === 'string') throw invalidLayer(what, envelope)
  const wrapped = annotations[JWE_ANNOTATION]
  if (wrapped === undefined) throw invalidLayer(what, `it has no ${JWE_ANNOTATION}`)
  const { symkey, digest, cipheroptions } = await unwrapped(wrapped, privateKeys, what)
  return {
    key: { key: Buffer.from(symkey, 'base64'), nonce: Buffer.from(cipheroptions.nonce, 'base64') },
    hmac: envelope.hmac,
    digest,
  }
}

/**
 * The HMAC that an encrypted layer should have, as everybody can read it, or what is wrong with its annotations so that
 * nobody could decrypt it. Source: containers/ocicrypt encryption.go (DecryptLayer).
 */
export function readEnvelope(annotations: Annotations): { hmac: Uint8Array } | string {
  const isWrapped = Object.keys(annotations).some((name) => name.startsWith(WRAPPED_KEY_PREFIX))
  if (!isWrapped) return 'its key is wrapped for nobody'
  const text = annotations[PUBLIC_OPTIONS_ANNOTATION]
  if (text === undefined) return `the annotation ${PUBLIC_OPTIONS_ANNOTATION} is missing`
  const options = publicOptions(text)
  if (options === undefined) return `the annotation ${PUBLIC_OPTIONS_ANNOTATION} is no JSON`
  const { cipher, hmac } = options
  if (cipher !== LAYER_CIPHER) return `its cipher is ${String(cipher)}`
  const bytes = Buffer.from(typeof hmac === 'string' ? hmac : '', 'base64')
  return bytes.length === HMAC_SIZE ? { hmac: bytes } : `its HMAC has ${bytes.length} bytes`
}

/** Holds an encrypted layer, whole, to its HMAC and to the digest of what it holds. Throws FORMAT_INVALID. */
export async function checkEncryptedLayer(
  layer: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { key, hmac, digest }: OpenedLayer,
  what: string,
): Promise<void> {
  const actual = createHmac('sha256', key.key)
  const plain = createHash('sha256')
  const decipher = createDecipheriv('aes-256-ctr', key.key, key.nonce)
  for await (const bytes of layer) {
    actual.update(bytes)
    plain.update(decipher.update(bytes))
  }
  if (!timingSafeEqual(hmac, actual.digest())) throw invalidLayer(what, 'it has another HMAC')
  if (digestFrom(plain) !== digest) {
    throw invalidLayer(what, `what it holds has not the digest ${digest}`)
  }
}

/**
 * Decrypts a layer with the private key of one of its recipients (PEM). `annotations` are those of its descriptor;
 * `what` names it. Throws FORMAT_INVALID where the key opens none of the wrapped keys, or the layer is not what was
 * encrypted.
 */
export async function decryptLayer(
  layer: Uint8Array,
  annotations: Annotations,
  privateKey: string,
  what: string,
): Promise<Uint8Array> {
  const opened = await openLayerKey(annotations, [createPrivateKey(privateKey)], what)
  await checkEncryptedLayer([layer], opened, what)
  return decryptRange(layer, 0, opened.key)
}

async function unwrapped(
  annotation: string,
  privateKeys: readonly KeyObject[],
  what: string,
): Promise<PrivateOptions> {
  const { flattenedDecrypt, generalDecrypt } = await import('jose')
  let cause: unknown
  for (const privateKey of privateKeys) {
    // Several JWEs, each with its own recipients, are separated by commas.
    for (const one of annotation.split(',')) {
      try {
        const jwe = json(one) as GeneralJWE | FlattenedJWE
        // ocicrypt writes the flattened form for a single recipient: RFC 7516, section 7.2.2
        const { plaintext } =
          'recipients' in jwe
            ? await generalDecrypt(jwe, privateKey)
            : await flattenedDecrypt(jwe, privateKey)
        return JSON.parse(Buffer.from(plaintext).toString()) as PrivateOptions
      } catch (error) {
        cause = error
      }
    }
  }
  const keys = privateKeys.length === 1 ? 'the key opens' : 'the keys open'
  throw invalidLayer(what, `${keys} none of those that are wrapped`, cause)
}

function publicOptions(text: string): Partial<Record<keyof PublicOptions, unknown>> | undefined {
  try {
    return json(text) ?? undefined
  } catch {
    return undefined
  }
}

function invalidLayer(what: string, problem: string, cause?: unknown): AccelError {
  const context = { what, format: 'encrypted layer', offset: 0, problem }
  return new AccelError('FORMAT_INVALID', context, { cause })
}

function json(base64: string): object | null {
  return JSON.parse(Buffer.from(base64, 'base64').toString()) as object | null
}

/** A range of an encrypted layer that begins at `offset`, decrypted; what it holds is not checked. */
export function decryptRange(
  bytes: Uint8Array,
  offset: number,
  { key, nonce }: LayerKey,
): Uint8Array {
  const first = BigInt(`0x${Buffer.from(nonce).toString('hex')}`)
  const counter = BigInt.asUintN(128, first + BigInt(Math.floor(offset / BLOCK)))
  const start = Buffer.from(counter.toString(16).padStart(2 * BLOCK, '0'), 'hex')
  const cipher = createDecipheriv('aes-256-ctr', key, start)
  cipher.update(Buffer.alloc(offset % BLOCK))
  return cipher.update(bytes)
}
