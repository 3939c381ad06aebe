import { randomUUID } from 'node:crypto'
import { constants, copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AccelError } from '../errors/accel-error.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import { bytesFrom, type ByteSource } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import type { CallInit, ImageTarget } from '../transport/image-transport.ts'
import {
  blobPath,
  counted,
  isMissing,
  readRange,
  stopIfAborted,
  unreadable,
  unwritable,
  type LayoutFiles,
} from './layout-files.ts'
import {
  emptyLayoutIndex,
  entryOf,
  INDEX_PATH,
  MARKER,
  MARKER_PATH,
  parseLayoutIndex,
  referrersTag,
  withEntry,
  withReferrer,
  type LayoutIndex,
} from './layout-index.ts'
import { layoutSource, plain, readLayoutIndex } from './layout-source.ts'

/** The files of a layout in a directory. */
export function directoryFiles(path: string, name: string): LayoutFiles {
  return {
    name,
    async size(file) {
      try {
        return (await stat(join(path, file))).size
      } catch (error) {
        if (isMissing(error)) return undefined
        throw unreadable(join(path, file), error)
      }
    },
    read(file, { range, signal, scratch } = {}) {
      const missing = () => new AccelError('CONTENT_NOT_FOUND', { what: file, where: name })
      const part = range && { start: range.offset, size: range.length }
      return readRange(join(path, file), { ...part, signal, missing, scratch })
    },
  }
}

/** Writers of one `index.json` in this process take turns; between processes the later one wins. */
const turns = new Map<string, Promise<unknown>>()

/**
 * A layout in a directory as a target; it is begun with the first write, in a directory that is new or empty.
 * Blobs are written beside their place, verified, and renamed; so is `index.json`, in which all other tags are kept.
 * Referrers are listed by the tag schema. Throws CONTENT_…, LAYOUT_…, STORE_FULL.
 */
export function directoryTarget(path: string, name: string): ImageTarget {
  const files = directoryFiles(path, name)
  const source = layoutSource(files)

  const index = async (init?: CallInit): Promise<LayoutIndex> =>
    (await files.size(INDEX_PATH)) === undefined ? emptyLayoutIndex() : readLayoutIndex(files, init)
  const write = (file: string, bytes: ByteSource, init?: CallInit) =>
    appearWhole(join(path, file), piecesOf(bytes, init))
  const has = async ({ digest, size }: Descriptor) => (await files.size(blobPath(digest))) === size

  const pushDocument = async (bytes: Uint8Array, descriptor: Descriptor, init?: CallInit) => {
    if (!(await has(descriptor))) {
      const checked = verified(bytesFrom(bytes), descriptor, `${name}@${descriptor.digest}`)
      await write(blobPath(descriptor.digest), checked, init)
    }
    return plain(descriptor)
  }
  const setTag = async (descriptor: Descriptor, tag: string, init?: CallInit) => {
    const changed = withEntry(await index(init), descriptor, tag)
    await write(INDEX_PATH, bytesFrom(encodeDocument(changed)), init)
  }
  const addReferrer = async (
    bytes: Uint8Array,
    descriptor: Descriptor,
    subject: Digest,
    init?: CallInit,
  ) => {
    const tag = referrersTag(subject)
    const entry = entryOf(await index(init), tag)
    const list =
      entry === undefined
        ? emptyLayoutIndex()
        : parseLayoutIndex(await source.manifest(entry, init), `${name}:${tag}`)
    const changed = withReferrer(list, bytes, descriptor)
    if (changed === undefined) return
    const document = encodeDocument(changed)
    const { length: size } = document
    const described = { mediaType: OCI_INDEX, digest: digestOf(document), size }
    await setTag(await pushDocument(document, described, init), tag, init)
  }

  return {
    name,
    async find(tagOrDigest, init) {
      const found = entryOf(await index(init), tagOrDigest)
      return found && plain(found)
    },
    hasBlob: has,
    async pushBlob(descriptor, read, init) {
      if (await has(descriptor)) return 'exists'
      await beginLayout(path, init)
      const what = `${name}@${descriptor.digest}`
      if (init?.file === undefined) {
        const checked = verified(read(0), descriptor, what)
        await write(blobPath(descriptor.digest), counted(checked, init?.onProgress), init)
      } else {
        stopIfAborted(init.signal, `writing ${what}`)
        const { mode } = await stat(join(path, MARKER_PATH))
        const sharing = sharedWith(init.file, { size: descriptor.size, mode, what })
        await appearWhole(join(path, blobPath(descriptor.digest)), sharing)
        init.onProgress?.(descriptor.size)
      }
      return 'uploaded'
    },
    async pushManifest(bytes, descriptor, init = {}) {
      const { tag, subject } = init
      await beginLayout(path, init)
      await pushDocument(bytes, descriptor, init)
      if (tag === undefined && subject === undefined) return
      await takeTurn(resolve(path), async () => {
        if (subject !== undefined) await addReferrer(bytes, descriptor, subject, init)
        if (tag !== undefined) await setTag(descriptor, tag, init)
      })
    },
  }
}

/** Makes a directory a layout, if it is not one; what is neither a layout nor empty stays as it is. */
async function beginLayout(path: string, init: CallInit = {}): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
    const present = await readdir(path)
    if (present.includes(MARKER_PATH)) return
    // A layout that another conversion has just begun has nothing else yet.
    if (present.some((name) => name !== 'blobs' && !temporary.test(name))) {
      throw new AccelError('LAYOUT_UNWRITABLE', { path, problem: 'it has files and is no layout' })
    }
  } catch (error) {
    throw unwritable(path, error)
  }
  await appearWhole(join(path, MARKER_PATH), piecesOf(bytesFrom(MARKER), init))
}

const temporary = /^\.new-/

/** Makes a file that is on the disk when it ends; `path` is its name for now. */
type Maker = (path: string) => Promise<void>

function piecesOf(bytes: ByteSource, init: CallInit = {}): Maker {
  return async (path) => {
    await using file = await open(path, 'wx')
    for await (const chunk of bytes) {
      stopIfAborted(init.signal, `writing ${path}`)
      await file.writeFile(chunk)
    }
    await file.datasync()
  }
}

/**
 * The bytes of a finished file of which the digest is known, at no cost where the file system can: as a clone, else as a
 * further name of the file, else as a copy. Of a file with two names the mode is that of the layout's files: where the
 * other name is, its folder says who may reach it.
 */
function sharedWith(
  from: string,
  { size, mode, what }: { size: number; mode: number; what: string },
): Maker {
  return async (path) => {
    const cheap = await succeeds(copyFile(from, path, constants.COPYFILE_FICLONE_FORCE))
    if (!cheap) {
      await rm(path, { force: true })
      if (!(await succeeds(link(from, path)))) await copyFile(from, path)
    }
    await using file = await open(path, 'r')
    const { size: got } = await file.stat()
    if (got !== size) throw new AccelError('CONTENT_SIZE_MISMATCH', { what, want: size, got })
    await file.chmod(mode)
    await file.datasync()
  }
}

function succeeds(call: Promise<void>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  )
}

/** Has a file appear whole or not at all, and be on the disk before it appears. */
async function appearWhole(path: string, make: Maker): Promise<void> {
  const directory = dirname(path)
  const partial = join(directory, `.new-${randomUUID()}`)
  try {
    await mkdir(directory, { recursive: true })
    await make(partial)
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw unwritable(path, error)
  }
}

async function takeTurn(key: string, work: () => Promise<void>): Promise<void> {
  const turn = (turns.get(key) ?? Promise.resolve()).then(work)
  const settled = turn.catch(() => {})
  turns.set(key, settled)
  try {
    await turn
  } finally {
    if (turns.get(key) === settled) turns.delete(key)
  }
}
