/** Takes Nydus images apart and puts them together again, so that all ids, digests and names of files are right. */
import assert from 'node:assert/strict'
import { BootstrapLayerWriter, BOOTSTRAP_PATH } from '../../drivers/nydus/bootstrap-layer.ts'
import type { Layout, Of, Row } from '../../bytes/layout.ts'
import { viewOf } from '../../bytes/layout.ts'
import { BlobReader } from '../../formats/nydus-blob/blob-reader.ts'
import { blobMetaFile } from '../../formats/nydus-blob/chunk-table.ts'
import { openDecoder } from '../../formats/layer-decoder.ts'
import { hexOf } from '../../oci/digest.ts'
import { decodeAll } from '../decode.ts'
import { readTar } from '../read-tar.ts'
import type { Damage } from './damage-bench.ts'
import { rewritten, type EditedTree } from './nydus-tree-edit.ts'
import { replaceBlob, type StoredImage, type StoredLayer } from './stored-image.ts'

/** What the bootstrap layer holds. */
export interface BootstrapParts {
  bootstrap: Buffer
  /** Files beside it, by name: `image/<blob id>.blob.meta`. */
  metas: Map<string, Buffer>
}

/** Changes what the bootstrap layer holds; its digests follow. */
export function inBootstrapLayer(
  change: (parts: BootstrapParts, image: StoredImage) => void | Promise<void>,
): Damage {
  return async (image) => {
    const layer = image.layers.at(-1)!
    const parts = takeApart(layer)
    await change(parts, image)
    putTogether(layer, parts)
  }
}

/** Changes bytes of the bootstrap. */
export function inBootstrap(change: (bytes: Buffer) => void): Damage {
  return inBootstrapLayer(({ bootstrap }) => change(bootstrap))
}

/** Changes the file system and writes the bootstrap anew: all that it says of itself is right. */
export function inTree(change: (tree: EditedTree) => void): Damage {
  return inBootstrapLayer((parts) => {
    assert(rewritten(parts.bootstrap, () => {}).equals(parts.bootstrap), 'an edit changes no more')
    parts.bootstrap = rewritten(parts.bootstrap, change)
  })
}

/** Changes a blob. Its id follows, in the bootstrap and in the names of files. */
export function inBlob(
  number: number,
  change: (bytes: Buffer) => Uint8Array | Promise<Uint8Array>,
): Damage {
  return inBootstrapLayer(async (parts, { layers }) => {
    const layer = layers[number]!
    const old = hexOf(layer.descriptor.digest)
    replaceBlob(layer, await change(Buffer.from(layer.bytes)))
    layer.diffId = layer.descriptor.digest
    const id = hexOf(layer.descriptor.digest)
    replaceAll(parts.bootstrap, Buffer.from(old), Buffer.from(id))
    replaceAll(parts.bootstrap, Buffer.from(old, 'hex'), Buffer.from(id, 'hex'))
    const name = `image/${old}.blob.meta`
    const stored = parts.metas.get(name)
    parts.metas.delete(name)
    const meta = (await metaOf(layer)) ?? stored
    if (meta !== undefined) parts.metas.set(`image/${id}.blob.meta`, meta)
  })
}

/** Changes one field, or more, of the record of `layout` at `at`. */
export function edit<R extends Readonly<Record<string, Row>>>(
  bytes: Uint8Array,
  layout: Layout<R>,
  at: number,
  change: (record: Of<Layout<R>>) => Partial<Of<Layout<R>>>,
): void {
  const view = viewOf(bytes)
  const record = layout.decode(view, at)
  // fields of bytes are views of what is written
  layout.encode(view, at, structuredClone({ ...record, ...change(record) }))
}

/** Replaces every occurrence of `from`. */
export function replaceAll(bytes: Buffer, from: Buffer, to: Buffer): void {
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + to.length)) {
    bytes.set(to, at)
  }
}

function takeApart({ bytes }: StoredLayer): BootstrapParts {
  const { entries } = readTar(decodeAll(openDecoder({ what: 'the bootstrap layer' }), bytes))
  const files = new Map(
    entries
      .filter(({ entry }) => entry.type === 'file')
      .map(({ entry, content }) => [entry.name, Buffer.from(content)]),
  )
  const bootstrap = files.get(BOOTSTRAP_PATH)!
  files.delete(BOOTSTRAP_PATH)
  return { bootstrap, metas: files }
}

function putTogether(layer: StoredLayer, { bootstrap, metas }: BootstrapParts): void {
  const pieces: Uint8Array[] = []
  const writer = new BootstrapLayerWriter((bytes) => pieces.push(bytes.slice()))
  writer.file(BOOTSTRAP_PATH, bootstrap.length, [bootstrap])
  for (const [name, bytes] of metas) writer.file(name, bytes.length, [bytes])
  layer.diffId = writer.finish().diffId
  replaceBlob(layer, Buffer.concat(pieces))
}

/** What stands beside the bootstrap for a blob; undefined where it has no table, or none that can be read. */
async function metaOf(layer: StoredLayer): Promise<Buffer | undefined> {
  try {
    const reader = await openBlob(layer.bytes)
    const stored = await reader.chunkTableBytes()
    return stored && Buffer.from(blobMetaFile(stored.table, stored.header))
  } catch {
    return undefined
  }
}

/** Opens the bytes of a blob. */
export function openBlob(bytes: Uint8Array): Promise<BlobReader> {
  const read = async (at: number, length: number): Promise<Uint8Array> =>
    bytes.subarray(at, at + length)
  return BlobReader.open({ size: bytes.length, read }, 'the blob')
}
