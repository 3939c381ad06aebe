import { createReadStream } from 'node:fs'
import type { ByteSource } from '../streams/byte-source.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { ImageSource, ImageTarget, PushedBlob } from '../transport/image-transport.ts'
import type { Document } from './assemble.ts'
import type { LayerFile } from './convert-layers.ts'

/** Bytes of a file that are read at once. */
const FILE_PIECE = 1024 * 1024

/** Where blobs come from and go to, while one image is pushed. */
export interface PushParts {
  source: ImageSource
  target: ImageTarget
  /** Repositories of the target's registry that hold the blobs of the source. */
  mountFrom: string[]
}

export interface PushInit {
  signal: AbortSignal
  onProgress?: (bytes: number) => void
}

/** Pushes a converted layer from its file, or a kept one from the source. */
export function pushLayer(parts: PushParts, layer: LayerFile, init: PushInit): Promise<PushedBlob> {
  const { path, result } = layer
  if (path === undefined) return copyBlob(parts, result.descriptor, init)
  const open = (start: number): ByteSource =>
    createReadStream(path, { start, highWaterMark: FILE_PIECE, signal: init.signal })
  return parts.target.pushBlob(result.descriptor, open, init)
}

/** Makes the target hold a blob of the source; one that lies elsewhere, by its urls, is left there. */
export function copyBlob(
  parts: PushParts,
  descriptor: Descriptor,
  init: PushInit,
): Promise<PushedBlob> {
  if (descriptor.urls?.length) return Promise.resolve('exists')
  const { source, target, mountFrom } = parts
  const open = (offset: number): ByteSource => from(source.blob(descriptor, init), offset)
  return target.pushBlob(descriptor, open, { ...init, mountFrom })
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
