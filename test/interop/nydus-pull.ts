/** A converted Nydus image out of a registry: its bootstrap, and its blobs as devices of the kernel. */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { BlobReader } from '../../src/formats/nydus-blob/blob-reader.ts'
import { readRafsV6 } from '../../src/formats/rafs-v6/read.ts'
import { readTar } from '../../src/testing/read-tar.ts'
import { blobOf, type Layer, layersOf } from './registry.ts'

/** What was found of an image. */
export interface PulledNydus {
  /** Path of its bootstrap. */
  bootstrap: string
  layers: Layer[]
}

/** Takes the bootstrap out of the last layer of an image and puts it into `folder`. */
export async function pullBootstrap(
  reference: string,
  folder: string,
  architecture = 'amd64',
): Promise<PulledNydus> {
  const layers = await layersOf(reference, architecture)
  const last = layers.at(-1)
  if (last?.annotations?.['containerd.io/snapshot/nydus-bootstrap'] !== 'true') {
    throw new Error(`the last layer of ${reference} has no bootstrap`)
  }
  return { bootstrap: writeBootstrap(await blobOf(reference, last.digest), folder), layers }
}

/** Takes the bootstrap out of a bootstrap layer and puts it into `folder`; returns its path. */
export function writeBootstrap(layer: Uint8Array, folder: string): string {
  const { entries } = readTar(gunzipSync(layer))
  const file = entries.find(({ entry }) => entry.name === 'image/image.boot')
  if (file === undefined) throw new Error('no image/image.boot in the layer')
  mkdirSync(folder, { recursive: true })
  const bootstrap = join(folder, 'image.boot')
  writeFileSync(bootstrap, file.content)
  return bootstrap
}

/**
 * Fetches the blobs that a v6 bootstrap names, and writes each as the device that the kernel expects: every chunk, which must
 * be stored uncompressed, at its uncompressed offset. Returns the paths in the order of the device table.
 */
export async function pullDevices(
  reference: string,
  bootstrap: Uint8Array,
  folder: string,
): Promise<string[]> {
  const { blobs, devices } = readRafsV6(bootstrap, { what: reference })
  const paths: string[] = []
  for (const [i, { blobId }] of blobs.entries()) {
    const bytes = await blobOf(reference, `sha256:${blobId}`)
    const read = (offset: number, length: number): Promise<Uint8Array> =>
      Promise.resolve(bytes.subarray(offset, offset + length))
    const blob = await BlobReader.open({ size: bytes.length, read }, blobId)
    const table = await blob.chunkTable()
    if (table === undefined) throw new Error(`${blobId} has no chunk table`)
    const path = join(folder, `device-${i}`)
    const file = openSync(path, 'w')
    ftruncateSync(file, (devices[i]?.blocks ?? 0) * 4096)
    for (const chunk of table.chunks) {
      writeSync(file, await blob.chunk(chunk, 'none'), 0, undefined, chunk.uncompressedOffset)
    }
    closeSync(file)
    paths.push(path)
  }
  return paths
}
