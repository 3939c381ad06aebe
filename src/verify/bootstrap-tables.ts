import { COMPRESSORS } from '../formats/nydus-blob/algorithm.ts'
import type { ChunkTableHeader } from '../formats/nydus-blob/layout.ts'
import { BlobFeature } from '../formats/nydus-blob/feature.ts'
import { NONE } from '../formats/nydus-tree/file-tree.ts'
import type { RafsV5Bootstrap } from '../formats/rafs-v5/read.ts'
import { BLOCK_SIZE, type RafsV6Blob } from '../formats/rafs-v6/layout.ts'
import type { RafsV6Bootstrap } from '../formats/rafs-v6/read.ts'

/**
 * What is wrong with the tables of a v6 bootstrap of `size` bytes that its tree does not need: the devices, by which the
 * kernel finds chunks, and what is prefetched. Source: Linux Documentation/filesystems/erofs.rst; nydus
 * builder/src/core/v6.rs (v6_dump).
 */
export function tableProblems(
  { blobs, devices, prefetch }: Pick<RafsV6Bootstrap, 'blobs' | 'devices' | 'prefetch'>,
  size: number,
): string[] {
  const problems: string[] = []
  let end = size
  for (const [i, { tag, blocks, mappedBlkaddr }] of devices.entries()) {
    const { blobId, uncompressedSize } = blobs[i]!
    const want = Math.floor(uncompressedSize / BLOCK_SIZE)
    if (tag !== blobId) problems.push(`device ${i} is called ${tag}, its blob ${blobId}`)
    if (blocks !== want) problems.push(`device ${i} has ${blocks} blocks, its blob ${want}`)
    const start = mappedBlkaddr * BLOCK_SIZE
    // writers of before nydus 2.3 map none
    if (start > 0 && start < end) problems.push(`device ${i} is mapped at ${start}, before ${end}`)
    end = start + want * BLOCK_SIZE
  }
  return [...problems, ...prefetchProblems(prefetch)]
}

/** The same of a v5 bootstrap: what is said of blobs must hold of all their chunks. */
export function v5TableProblems({
  blobs,
  prefetch,
  tree,
}: Pick<RafsV5Bootstrap, 'blobs' | 'prefetch' | 'tree'>): string[] {
  const { chunks } = tree.inodes
  const beyond = new Set<number>()
  for (let id = 0; id < chunks.length; id++) {
    const chunk = chunks.get(id)
    const { chunkCount, compressedSize, uncompressedSize } = blobs[chunk.blobIndex]!
    const fits =
      chunk.index < chunkCount &&
      chunk.compressedOffset + chunk.compressedSize <= compressedSize &&
      chunk.uncompressedOffset + chunk.uncompressedSize <= uncompressedSize
    if (!fits) beyond.add(chunk.blobIndex)
  }
  const problems = [...beyond].map((blob) => `blob ${blob} has chunks beyond what is said of it`)
  return [...problems, ...prefetchProblems(prefetch)]
}

function prefetchProblems(prefetch: readonly number[]): string[] {
  return prefetch.includes(NONE) ? ['the prefetch table names what is no file'] : []
}

/** What of its features decides how a chunk table is read. */
const TABLE_FEATURES =
  BlobFeature.chunkInfoV2 |
  BlobFeature.zran |
  BlobFeature.batch |
  BlobFeature.inlinedChunkDigest |
  BlobFeature.encrypted |
  BlobFeature.separate

/**
 * Where the entry of a blob in a bootstrap does not fit the chunk table of the blob itself: nydusd finds the table by
 * the entry, and refuses it then. Source: nydus storage/src/meta/mod.rs (validate_header).
 */
export function entryProblem(entry: RafsV6Blob, header: ChunkTableHeader): string | undefined {
  const differing = (
    [
      ['chunks', entry.chunkCount, header.ciEntries],
      ['a chunk table in', COMPRESSORS[entry.ciCompressor], COMPRESSORS[header.ciCompressor]],
      ['a chunk table at', entry.ciOffset, header.ciOffset],
      ['stored bytes of chunk table', entry.ciCompressedSize, header.ciCompressedSize],
      ['bytes of chunk table', entry.ciUncompressedSize, header.ciUncompressedSize],
      ['table features', entry.features & TABLE_FEATURES, header.features & TABLE_FEATURES],
    ] as const
  ).find(([, said, is]) => said !== is)
  if (differing === undefined) return undefined
  const [what, said, is] = differing
  return `the bootstrap says ${what} ${said} of it, it has ${is}`
}
