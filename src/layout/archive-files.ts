import type { FileHandle } from 'node:fs/promises'
import { AccelError } from '../errors/accel-error.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import {
  identityOf,
  indexArchive,
  type ArchivedFile,
  type ArchiveIdentity,
  type ArchiveIndex,
} from './archive-index.ts'
import { readRange, type LayoutFiles, type ReadFileInit } from './layout-files.ts'

/**
 * The files of a layout in a tar, read in place. The archive is looked through once, with the first use.
 * Throws what `indexArchive` throws, and LAYOUT_INVALID when another archive took its place meanwhile.
 */
export function archiveFiles(path: string, name: string): LayoutFiles {
  let index: Promise<ArchiveIndex> | undefined
  const indexed = async (signal?: AbortSignal): Promise<ArchiveIndex> => {
    index ??= indexArchive(path, name, { signal })
    try {
      return await index
    } catch (error) {
      index = undefined // another use may have more luck
      throw error
    }
  }
  return {
    name,
    async size(file) {
      return (await indexed()).files.get(file)?.size
    },
    async *read(file, init = {}): ByteSource & AsyncGenerator<Uint8Array> {
      const { files, identity } = await indexed(init.signal)
      const found = files.get(file)
      if (found === undefined) {
        throw new AccelError('CONTENT_NOT_FOUND', { what: file, where: name })
      }
      yield* readArchived(path, name, found, identity, init)
    },
  }
}

/** The content of one file of an archive. */
export function readArchived(
  path: string,
  name: string,
  file: ArchivedFile,
  identity: ArchiveIdentity,
  { range = { offset: 0, length: file.size }, signal, scratch }: ReadFileInit = {},
): ByteSource {
  const changed = () =>
    new AccelError('LAYOUT_INVALID', {
      location: name,
      problem: 'it was replaced or written to while it was read',
    })
  const check = async (opened: FileHandle) => {
    const now = await identityOf(opened)
    const same =
      now.inode === identity.inode &&
      now.size === identity.size &&
      now.modified === identity.modified
    if (!same) throw changed()
  }
  return readRange(path, {
    start: file.offset + range.offset,
    size: Math.max(0, Math.min(range.length, file.size - range.offset)),
    missing: changed,
    check,
    signal,
    scratch,
  })
}
