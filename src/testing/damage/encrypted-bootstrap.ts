/** Takes the encryption of a Nydus image away, and puts it back. */
import type { KeyObject } from 'node:crypto'
import { cipherOf } from '../../formats/rafs-v6/blob-entry.ts'
import type { BlobCipher } from '../../formats/nydus-blob/cipher.ts'
import { LayerCipher } from '../../formats/ocicrypt/layer-cipher.ts'
import { decryptLayer } from '../../formats/ocicrypt/read.ts'
import { encryptionAnnotations, readRecipient } from '../../formats/ocicrypt/recipient.ts'
import { readRafsV6 } from '../../formats/rafs-v6/read.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import type { Damage } from './damage-bench.ts'
import { inBlob, inBootstrapLayer } from './nydus-edit.ts'
import { replaceBlob, type StoredImage } from './stored-image.ts'

/** The keys of somebody for whom images are encrypted. */
export interface KeyPair {
  publicKey: KeyObject
  privateKey: KeyObject
}

/** Makes the bootstrap layer what it was before it was encrypted. Its media type is left as it is. */
export async function decryptBootstrap(
  { layers }: StoredImage,
  { privateKey }: KeyPair,
): Promise<void> {
  const layer = layers.at(-1)!
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { annotations = {} } = layer.descriptor
  replaceBlob(layer, await decryptLayer(layer.bytes, annotations, pem, 'the bootstrap layer'))
}

/** Encrypts the bootstrap layer; `plainDigest` is said to be that of what it holds. */
export async function encryptBootstrap(
  { layers }: StoredImage,
  { publicKey }: KeyPair,
  plainDigest?: Digest,
): Promise<void> {
  // damage may have put it elsewhere
  const layer = layers.find(({ descriptor }) => descriptor.mediaType.endsWith('+encrypted'))
  if (layer === undefined) return
  const cipher = new LayerCipher()
  const bytes = Buffer.from(cipher.update(layer.bytes))
  const made = cipher.finish(plainDigest ?? digestOf(layer.bytes))
  const recipient = readRecipient(Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })))
  if (typeof recipient === 'string') throw new Error(recipient)
  replaceBlob(layer, bytes, await encryptionAnnotations(made, [recipient]))
}

/** Changes an encrypted blob; its id follows. The bootstrap must be in clear. */
export function inEncryptedBlob(
  number: number,
  change: (cipher: BlobCipher) => (bytes: Buffer) => Uint8Array | Promise<Uint8Array>,
): Damage {
  return async (image) => {
    let cipher: BlobCipher | undefined
    await inBootstrapLayer(({ bootstrap }) => {
      cipher = cipherOf(readRafsV6(bootstrap, { what: 'the bootstrap' }).blobs[number]!)
    })(image)
    await inBlob(number, change(cipher!))(image)
  }
}
