import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { unreadableFile } from '../config/text-file.ts'
import { AccelError } from '../errors/accel-error.ts'

/** The private key in `file`: PEM, PKCS #8 in DER, or JWK. Throws CONFIG_UNREADABLE, CHECK_KEY_UNUSABLE. */
export function readPrivateKey(file: string): KeyObject {
  const bytes = contentOf(file)
  try {
    return privateKey(bytes)
  } catch {
    // no cause: it may quote the key
    throw new AccelError('CHECK_KEY_UNUSABLE', { file })
  }
}

function privateKey(bytes: Buffer): KeyObject {
  const text = bytes.toString('latin1').trim()
  if (text.startsWith('{')) {
    return createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
  }
  if (text.includes('-----BEGIN ')) return createPrivateKey(text)
  return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw unreadableFile(file, cause)
  }
}
