import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { digestFrom, type Digest } from '../../oci/digest.ts'

/** Annotation of an encrypted layer: what is public of its encryption, JSON in base64. */
export const PUBLIC_OPTIONS_ANNOTATION = 'org.opencontainers.image.enc.pubopts'
/** What it names; there is no other. */
export const LAYER_CIPHER = 'AES_256_CTR_HMAC_SHA256'

/** What recipients get, JSON: members and their order are those of ocicrypt; bytes are base64. */
export interface PrivateOptions {
  symkey: string
  /** Of the layer before it was encrypted. */
  digest: string
  cipheroptions: { nonce: string }
}

/** What everybody gets. */
export interface PublicOptions {
  cipher: string
  /** HMAC-SHA256 of the encrypted layer, with the same key. */
  hmac: string
  cipheroptions: Record<string, string>
}

/** What encrypts and decrypts one layer. */
export interface LayerKey {
  /** 32 bytes. */
  key: Uint8Array
  /** 16 bytes: the counter at the beginning. */
  nonce: Uint8Array
}

/** A layer that has been encrypted; it has as many bytes as before. */
export interface EncryptedLayer {
  digest: Digest
  /** To be wrapped for the recipients, see recipient.ts. */
  privateOptions: PrivateOptions
  publicOptions: PublicOptions
  /** The secret itself. */
  key: LayerKey
}

/**
 * Encrypts a layer as it is written: AES-256 in CTR mode with a random key and counter, and an HMAC of what comes out.
 * Source: containers/ocicrypt blockcipher/blockcipher_aes_ctr.go, encryption.go.
 */
export class LayerCipher {
  readonly #key = randomBytes(32)
  readonly #nonce = randomBytes(16)
  readonly #cipher = createCipheriv('aes-256-ctr', this.#key, this.#nonce)
  readonly #hmac = createHmac('sha256', this.#key)
  readonly #hash = createHash('sha256')

  /** The next bytes, encrypted. */
  update(bytes: Uint8Array): Uint8Array {
    const encrypted = this.#cipher.update(bytes)
    this.#hmac.update(encrypted)
    this.#hash.update(encrypted)
    return encrypted
  }

  /** `plainDigest`: of the layer as it was. */
  finish(plainDigest: Digest): EncryptedLayer {
    return {
      digest: digestFrom(this.#hash),
      privateOptions: {
        symkey: this.#key.toString('base64'),
        digest: plainDigest,
        cipheroptions: { nonce: this.#nonce.toString('base64') },
      },
      publicOptions: {
        cipher: LAYER_CIPHER,
        hmac: this.#hmac.digest('base64'),
        cipheroptions: {},
      },
      key: { key: this.#key, nonce: this.#nonce },
    }
  }
}
