import { createDecipheriv, createHmac, createPrivateKey, timingSafeEqual } from 'node:crypto'
import type { GeneralJWE } from 'jose'
import { AccelError } from '../../errors/accel-error.ts'
import { digestOf } from '../../oci/digest.ts'
import {
  LAYER_CIPHER,
  type LayerKey,
  PUBLIC_OPTIONS_ANNOTATION,
  type PrivateOptions,
  type PublicOptions,
} from './layer-cipher.ts'
import { JWE_ANNOTATION } from './recipient.ts'

/** Bytes that one value of the counter is for. */
const BLOCK = 16

/**
 * Decrypts a layer with the private key of one of its recipients (PEM). `annotations` are those of its descriptor;
 * `what` names it. Throws FORMAT_INVALID where the key opens none of the wrapped keys, or the layer is not what was
 * encrypted.
 */
export async function decryptLayer(
  layer: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  privateKey: string,
  what: string,
): Promise<Uint8Array> {
  const invalid = (problem: string, cause?: unknown): AccelError =>
    new AccelError(
      'FORMAT_INVALID',
      { what, format: 'encrypted layer', offset: 0, problem },
      { cause },
    )
  const wrapped = annotations[JWE_ANNOTATION]
  const options = annotations[PUBLIC_OPTIONS_ANNOTATION]
  if (wrapped === undefined || options === undefined) throw invalid('its annotations are missing')
  const { cipher, hmac } = json(options) as PublicOptions
  if (cipher !== LAYER_CIPHER) throw invalid(`its cipher is ${cipher}`)
  const { symkey, digest, cipheroptions } = await unwrapped(wrapped, privateKey, invalid)
  const key = Buffer.from(symkey, 'base64')
  const nonce = Buffer.from(cipheroptions.nonce, 'base64')
  const actual = createHmac('sha256', key).update(layer).digest()
  const wanted = Buffer.from(hmac, 'base64')
  if (wanted.length !== actual.length || !timingSafeEqual(wanted, actual)) {
    throw invalid('it has another HMAC')
  }
  const plain = decryptRange(layer, 0, { key, nonce })
  if (digestOf(plain) !== digest) throw invalid(`what it holds has not the digest ${digest}`)
  return plain
}

async function unwrapped(
  annotation: string,
  privateKey: string,
  invalid: (problem: string, cause?: unknown) => AccelError,
): Promise<PrivateOptions> {
  const { generalDecrypt } = await import('jose')
  // Several JWEs, each with its own recipients, are separated by commas.
  let cause: unknown
  for (const one of annotation.split(',')) {
    try {
      const { plaintext } = await generalDecrypt(
        json(one) as GeneralJWE,
        createPrivateKey(privateKey),
      )
      return JSON.parse(Buffer.from(plaintext).toString()) as PrivateOptions
    } catch (error) {
      cause = error
    }
  }
  throw invalid('the key opens none of those that are wrapped', cause)
}

function json(base64: string): unknown {
  return JSON.parse(Buffer.from(base64, 'base64').toString())
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
