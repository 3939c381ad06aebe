import { versionOf } from '../../drivers/nydus/rafs.ts'
import { BlobFeature, ChunkFlag } from '../../formats/nydus-blob/feature.ts'
import { COMPRESSORS, DIGESTERS, SuperFlags } from '../../formats/nydus-blob/algorithm.ts'
import { S_IFMT, isDirectory, isRegular, isSymlink } from '../../formats/nydus-tree/file-mode.ts'
import { type FileTree, NONE } from '../../formats/nydus-tree/file-tree.ts'
import { eachFile } from '../../formats/nydus-tree/listing.ts'
import { numberTree } from '../../formats/nydus-tree/numbering.ts'
import { readRafsV5 } from '../../formats/rafs-v5/read.ts'
import { readRafsV6 } from '../../formats/rafs-v6/read.ts'
import { type Facts, flagNames, hex, hexNumber, type Row, Rows, timeText } from './facts.ts'

/** What of a thing is shown besides its summary. */
export interface Detail {
  /** Every name of its file system. */
  tree: boolean
  /** Every chunk, and which of them a file has. */
  chunks: boolean
}

/** What a bootstrap of either version says. Throws FORMAT_…; `what` names it in messages. */
export function inspectBootstrap(bytes: Uint8Array, what: string, detail: Detail): Facts {
  return versionOf(bytes) === 5
    ? inspectRafsV5(bytes, what, detail)
    : inspectRafsV6(bytes, what, detail)
}

function inspectRafsV6(bytes: Uint8Array, what: string, detail: Detail): Facts {
  const read = readRafsV6(bytes, { what })
  const { superblock, extended, compressor, digester, devices, blobs, tree, prefetch } = read
  return {
    format: 'RAFS v6 bootstrap',
    size: bytes.length,
    compressor,
    digester,
    chunkSize: extended.chunkSize,
    prefetch: prefetch.map((node) => pathOf(tree, node)),
    superblock: {
      ...superblock,
      magic: hexNumber(superblock.magic),
      featureCompat: hexNumber(superblock.featureCompat),
      featureIncompat: hexNumber(superblock.featureIncompat),
      uuid: hex(superblock.uuid),
      volumeName: hex(superblock.volumeName),
    },
    extendedSuperblock: {
      ...extended,
      flagsLow: flagNames(SuperFlags, extended.flagsLow),
    },
    devices: new Rows(() => devices.map((device, index) => ({ index, ...device }))),
    blobs: new Rows(() =>
      blobs.map(({ compressor: of, digester: named, ciCompressor, features, ...blob }) => ({
        index: blob.blobIndex,
        id: blob.blobId,
        chunks: blob.chunkCount,
        compressor: COMPRESSORS[of],
        digester: DIGESTERS[named],
        compressed: blob.compressedSize,
        uncompressed: blob.uncompressedSize,
        tableOffset: blob.ciOffset,
        tableSize: blob.ciCompressedSize,
        tableUncompressed: blob.ciUncompressedSize,
        tableCompressor: COMPRESSORS[ciCompressor],
        tocSize: blob.blobTocSize,
        tocDigest: hex(blob.blobTocDigest),
        cipher: blob.cipher === 0 ? 'none' : 'aes-128-xts',
        features: flagNames(BlobFeature, features),
      })),
    ),
    ...treeFacts(tree, detail),
  }
}

function inspectRafsV5(bytes: Uint8Array, what: string, detail: Detail): Facts {
  const { superblock, compressor, digester, blobs, tree, prefetch } = readRafsV5(bytes, { what })
  return {
    format: 'RAFS v5 bootstrap',
    size: bytes.length,
    compressor,
    digester,
    chunkSize: superblock.chunkSize,
    prefetch: prefetch.map((node) => pathOf(tree, node)),
    superblock: {
      ...superblock,
      magic: hexNumber(superblock.magic),
      version: hexNumber(superblock.version),
      flagsLow: flagNames(SuperFlags, superblock.flagsLow),
    },
    blobs: new Rows(() =>
      blobs.map((blob, index) => ({
        index,
        id: blob.blobId,
        chunks: blob.chunkCount,
        compressed: blob.compressedSize,
        uncompressed: blob.uncompressedSize,
        features: flagNames(BlobFeature, blob.features),
      })),
    ),
    ...treeFacts(tree, detail),
  }
}

function pathOf(tree: FileTree, node: number): string {
  return node === NONE ? '(no file)' : tree.pathOf(node)
}

function treeFacts(tree: FileTree, { tree: names, chunks }: Detail): Facts {
  return {
    files: countFiles(tree),
    ...(names && { tree: new Rows(() => treeRows(tree, chunks)) }),
    ...(chunks && { chunks: new Rows(() => chunkRows(tree)) }),
  }
}

/** How many names there are of each kind, and what they hold. */
function countFiles(tree: FileTree): Facts {
  const { inodes } = tree
  const count = { directories: 0, files: 0, symlinks: 0, others: 0, hardLinks: 0, bytes: 0 }
  const numbering = numberTree(tree)
  numbering.node.forEach((node, position) => {
    const inode = tree.inodeOf(node)
    const mode = inodes.mode(inode)
    if (isDirectory(mode)) count.directories++
    else if (isSymlink(mode)) count.symlinks++
    else if (!isRegular(mode)) count.others++
    else if (numbering.firstName[inode] !== position) count.hardLinks++
    else {
      count.files++
      count.bytes += inodes.sizeOf(inode)
    }
  })
  return {
    names: tree.liveCount,
    ...count,
    chunks: inodes.chunks.length,
    attributeSets: inodes.xattrs.count,
  }
}

const kinds: Readonly<Record<number, string>> = {
  0o010000: 'p',
  0o020000: 'c',
  0o040000: 'd',
  0o060000: 'b',
  0o100000: '-',
  0o120000: 'l',
  0o140000: 's',
}

function* treeRows(tree: FileTree, chunks: boolean): Generator<Row> {
  for (const file of eachFile(tree)) {
    const mode = Number.parseInt(file.mode, 8)
    yield {
      kind: kinds[mode & S_IFMT],
      mode: (mode & 0o7777).toString(8).padStart(4, '0'),
      uid: file.uid,
      gid: file.gid,
      size: file.size,
      mtime: timeText(file.mtime, file.mtimeNanoseconds),
      links: file.nlink,
      path: file.path,
      to: file.target ?? file.linkOf,
      device: file.device && `${file.device.major}:${file.device.minor}`,
      xattrs: file.xattrs && Object.entries(file.xattrs).map(([name, value]) => `${name}=${value}`),
      ...(chunks && { chunks: file.chunks }),
    }
  }
}

function* chunkRows(tree: FileTree): Generator<Row> {
  const { chunks } = tree.inodes
  for (let id = 0; id < chunks.length; id++) {
    const chunk = chunks.get(id)
    yield {
      blob: chunk.blobIndex,
      index: chunk.index,
      compressedOffset: chunk.compressedOffset,
      compressed: chunk.compressedSize,
      uncompressedOffset: chunk.uncompressedOffset,
      uncompressed: chunk.uncompressedSize,
      digest: hex(chunk.digest),
      flags: flagNames(ChunkFlag, chunk.flags),
      crc32: (chunk.flags & ChunkFlag.hasCrc32) === 0 ? undefined : hexNumber(chunk.crc32),
    }
  }
}
