import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import { BOOTSTRAP_PATH } from '../drivers/nydus/bootstrap-layer.ts'
import { rafsOf, versionOf, type Bootstrap, type RafsVersion } from '../drivers/nydus/rafs.ts'
import { digestFunction } from '../formats/nydus-blob/chunk-digest.ts'
import { isRegular } from '../formats/nydus-tree/file-mode.ts'
import { listTree, type ListedFile } from '../formats/nydus-tree/listing.ts'
import { numberTree } from '../formats/nydus-tree/numbering.ts'
import { hexOf, parseDigest, type Digest } from '../oci/digest.ts'
import type { Manifest } from '../oci/manifest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { v5Chunks, v6Chunks } from '../verify/nydus-chunks.ts'
import { readTar } from './read-tar.ts'

/** A Nydus image as nydusd sees it. */
export interface NydusImage {
  manifest: Manifest
  version: RafsVersion
  bootstrap: Bootstrap
  /** Names in the bootstrap layer, in order. */
  layerFiles: string[]
  /** What is known of each path. */
  files: Map<string, ListedFile>
  /** Contents of files, by path. */
  contents: Map<string, string>
}

/** Reads all of an image: every chunk is found through all tables, decompressed and held to its digest. */
export async function readNydus(
  manifestBytes: Uint8Array,
  blob: (digest: Digest) => Promise<Uint8Array>,
): Promise<NydusImage> {
  const manifest = parseManifest(manifestBytes, 'the result')
  const { entries } = readTar(gunzipSync(await blob(manifest.layers.at(-1)!.digest)))
  const boot = entries.find(({ entry }) => entry.name === BOOTSTRAP_PATH)!.content
  const version = versionOf(boot)
  assert.ok(version !== undefined)
  const bootstrap = rafsOf(version).read(boot, 'the bootstrap')
  const { tree, compressor } = bootstrap
  const readers = await Promise.all(
    bootstrap.blobs.map(async ({ blobId }) => {
      const bytes = await blob(parseDigest(`sha256:${blobId}`))
      const source = {
        size: bytes.length,
        read: async (at: number, length: number) => bytes.subarray(at, at + length),
      }
      const init = { what: blobId, compressor }
      return version === 5 ? v5Chunks(source, init) : v6Chunks(source, init)
    }),
  )
  const listed = listTree(tree)
  const contents = new Map<string, string>()
  for (const [position, node] of numberTree(tree).node.entries()) {
    const inode = tree.inodeOf(node)
    if (!isRegular(tree.inodes.mode(inode))) continue
    const pieces: Uint8Array[] = []
    for (let i = 0; i < tree.inodes.chunkCount(inode); i++) {
      const chunk = tree.inodes.chunks.get(tree.inodes.chunkAt(inode, i))
      const bytes = await readers[chunk.blobIndex]!.read(chunk)
      assert.deepEqual(
        Buffer.from(digestFunction('blake3')(bytes)),
        Buffer.from(chunk.digest),
        listed[position]!.path,
      )
      pieces.push(new Uint8Array(bytes))
    }
    contents.set(listed[position]!.path, Buffer.concat(pieces).toString('latin1'))
  }
  return {
    manifest,
    version,
    bootstrap,
    layerFiles: entries.map(({ entry }) => entry.name),
    files: new Map(listed.map((file) => [file.path, file])),
    contents,
  }
}

/** The ids of an image's blobs as its manifest has them, without the bootstrap. */
export function blobIdsOf({ manifest }: NydusImage): string[] {
  return manifest.layers.slice(0, -1).map(({ digest }) => hexOf(digest))
}
