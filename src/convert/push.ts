import { createReadStream } from 'node:fs'
import type { ByteSource } from '../streams/byte-source.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ImageSource, ImageTarget, PushedBlob } from '../transport/image-transport.ts'
import type { ImageBlob } from '../drivers/image-step.ts'
import type { Document } from './assemble.ts'

/** Bytes of a file that are read at once. */
const FILE_PIECE = 1024 * 1024

/** Where blobs come from and go to, while one image is pushed. */
export interface PushParts {
  source: ImageSource
  target: ImageTarget
  /** Repositories of the target's registry that hold the blobs of the source. */
  mountFrom: string[]
  /** Remembers where blobs are, and knows repositories of the target's registry that have one. */
  places?: { find(blob: Digest): string[]; add(blob: Digest): void }
}

export interface PushInit {
  signal: AbortSignal
  onProgress?: (bytes: number) => void
}

/** Pushes a blob of the result from where it is to where it is kept. */
export function pushBlob(parts: PushParts, blob: ImageBlob, init: PushInit): Promise<PushedBlob> {
  const { descriptor, origin, store = parts.target } = blob
  switch (origin.kind) {
    case 'source':
      return copyBlob(parts, descriptor, init)
    case 'image': {
      const { source, mountFrom } = origin.image
      return blob.store === undefined
        ? copyBlob({ ...parts, source, mountFrom }, descriptor, init)
        : store.pushBlob(descriptor, blobOf(source, descriptor, init), init)
    }
    case 'bytes':
      return store.pushBlob(descriptor, (offset) => bytesFrom(origin.bytes.subarray(offset)), init)
    case 'file': {
      const open = (start: number): ByteSource =>
        createReadStream(origin.path, { start, highWaterMark: FILE_PIECE, signal: init.signal })
      return blob.store === undefined
        ? pushMade(parts, descriptor, open, { ...init, file: origin.path })
        : store.pushBlob(descriptor, open, { ...init, file: origin.path })
    }
  }
}

/** Pushes a blob that was made here, now or earlier: it may be in other repositories of the registry by now. */
async function pushMade(
  { target, places }: PushParts,
  descriptor: Descriptor,
  open: (offset: number) => ByteSource,
  init: PushInit & { file: string },
): Promise<PushedBlob> {
  const mountFrom = places?.find(descriptor.digest) ?? []
  const pushed = await target.pushBlob(descriptor, open, { ...init, mountFrom })
  places?.add(descriptor.digest)
  return pushed
}

/** Makes the target hold a blob of the source; one that lies elsewhere, by its urls, is left there. */
export function copyBlob(
  parts: PushParts,
  descriptor: Descriptor,
  init: PushInit,
): Promise<PushedBlob> {
  if (descriptor.urls?.length) return Promise.resolve('exists')
  const { source, target, mountFrom } = parts
  return target.pushBlob(descriptor, blobOf(source, descriptor, init), { ...init, mountFrom })
}

function blobOf(
  source: ImageSource,
  descriptor: Descriptor,
  init: PushInit,
): (offset: number) => ByteSource {
  return (offset) => from(source.blob(descriptor, init), offset)
}

/** Pushes a config. */
export function pushDocumentBlob(
  parts: PushParts,
  document: Document,
  init: PushInit,
): Promise<PushedBlob> {
  const open = (offset: number): ByteSource => bytesFrom(document.bytes.subarray(offset))
  return parts.target.pushBlob(document.descriptor, open, init)
}

/** `source` from `offset` on: it is read from its start, since its digest is checked over the whole. */
async function* from(source: ByteSource, offset: number): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of source) {
    const skip = Math.min(Math.max(offset - at, 0), chunk.length)
    at += chunk.length
    if (skip < chunk.length) yield chunk.subarray(skip)
  }
}
