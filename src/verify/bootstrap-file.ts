import { createHash } from 'node:crypto'
import { BOOTSTRAP_PATH } from '../drivers/nydus/bootstrap-layer.ts'
import { versionOf } from '../drivers/nydus/rafs.ts'
import { AccelError } from '../errors/accel-error.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import { COMPRESSORS, DIGESTERS } from '../formats/nydus-blob/algorithm.ts'
import type { BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { BlobFeature, hasFeature } from '../formats/nydus-blob/feature.ts'
import { readRafsV5 } from '../formats/rafs-v5/read.ts'
import { cipherOf } from '../formats/rafs-v6/blob-entry.ts'
import type { RafsV6Blob } from '../formats/rafs-v6/layout.ts'
import { MAX_BOOTSTRAP_SIZE, readRafsV6 } from '../formats/rafs-v6/read.ts'
import type { TarEntry } from '../formats/tar/entry.ts'
import { cleanPath } from '../formats/tar/path.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { digestFrom, type Digest } from '../oci/digest.ts'
import { tableProblems, v5TableProblems } from './bootstrap-tables.ts'
import type { NydusBlob, NydusBootstrap } from './nydus-image.ts'

const READ_SIZE = 1024 * 1024

/** A bootstrap with what its version needs to find chunks. */
export interface OpenedBootstrap extends NydusBootstrap {
  version: 5 | 6
  /** Nodes of the prefetch table, in its order; NONE for what has no name. */
  prefetch: readonly number[]
  /** Of the tar that it is in. */
  diffId: Digest
  /** Digests of the files beside it that are called `image/ID.blob.meta`, by ID. */
  metas: ReadonlyMap<string, Digest>
  /** What is wrong with its tables. */
  problems: string[]
}

/** The bootstrap in a bootstrap layer. Throws FORMAT_…. */
export async function readBootstrapLayer(
  source: BlobSource,
  what: string,
): Promise<OpenedBootstrap> {
  const { bytes, ...layer } = await readLayer(source, what)
  const links: number[] = []
  const init = { what, onLinks: (nlink: number): void => void links.push(nlink) }
  if (versionOf(bytes) !== 5) {
    const read = readRafsV6(bytes, init)
    const { tree, blobs, prefetch } = read
    const problems = tableProblems(read, bytes.length)
    return { version: 6, tree, links, prefetch, blobs: blobs.map(blobOfV6), problems, ...layer }
  }
  const { tree, compressor, digester, blobs, prefetch } = readRafsV5(bytes, init)
  return {
    version: 5,
    tree,
    links,
    prefetch,
    blobs: blobs.map(({ blobId }) => ({ blobId, compressor, digester })),
    problems: v5TableProblems({ blobs, prefetch, tree }),
    ...layer,
  }
}

/** v6 says of each blob how its chunks are stored and named. */
function blobOfV6(entry: RafsV6Blob): NydusBlob {
  const { blobId, compressor, digester, features, blobMetaDigest } = entry
  const blob = {
    blobId,
    compressor: COMPRESSORS[compressor]!,
    digester: DIGESTERS[digester]!,
    cipher: cipherOf(entry),
    table: { offset: entry.ciOffset, size: entry.ciCompressedSize },
    size: entry.compressedSize,
    entry,
  }
  if (!hasFeature(features, BlobFeature.separate)) return blob
  return { ...blob, tablesId: Buffer.from(blobMetaDigest).toString('hex') }
}

/** What a bootstrap layer holds. */
interface BootstrapLayerContent {
  /** The bootstrap. */
  bytes: Uint8Array
  diffId: Digest
  metas: Map<string, Digest>
}

const META_NAME = /^image\/([0-9a-f]{64})\.blob\.meta$/

async function readLayer(source: BlobSource, what: string): Promise<BootstrapLayerContent> {
  const decoder = openDecoder({ what, maxUncompressedSize: 2 * MAX_BOOTSTRAP_SIZE })
  const tar = new TarReader({ what })
  const whole = createHash('sha256')
  const metas = new Map<string, Digest>()
  let bootstrap: Uint8Array[] | undefined
  let take: ((bytes: Uint8Array) => void) | undefined
  let end: (() => void) | undefined
  const open = ({ name, type }: TarEntry): void => {
    end?.()
    take = end = undefined
    const path = cleanPath(name)
    const id = META_NAME.exec(path)?.[1]
    if (type !== 'file') return
    if (path === BOOTSTRAP_PATH) {
      const pieces: Uint8Array[] = (bootstrap = [])
      take = (bytes) => void pieces.push(bytes.slice())
    } else if (id !== undefined) {
      const hash = createHash('sha256')
      take = (bytes) => void hash.update(bytes)
      end = () => void metas.set(id, digestFrom(hash))
    }
  }
  const events = (): void => {
    for (let event = tar.next(); event !== undefined; event = tar.next()) {
      if (event.type === 'entry') open(event.entry)
      else if (event.type === 'data') take?.(event.bytes)
    }
  }
  const drain = (): void => {
    for (let out = decoder.next(); out !== undefined; out = decoder.next()) {
      whole.update(out)
      tar.push(out)
      events()
    }
  }
  try {
    for (let at = 0; at < source.size; at += READ_SIZE) {
      decoder.push(await source.read(at, Math.min(READ_SIZE, source.size - at)))
      drain()
    }
    decoder.end()
    drain()
    tar.end()
    events()
  } finally {
    decoder.close()
  }
  end?.()
  if (bootstrap !== undefined) {
    return { bytes: Buffer.concat(bootstrap), diffId: digestFrom(whole), metas }
  }
  const problem = `there is no ${BOOTSTRAP_PATH}`
  throw new AccelError('FORMAT_INVALID', {
    what,
    format: 'Nydus bootstrap layer',
    offset: 0,
    problem,
  })
}
