import { randomUUID } from 'node:crypto'
import { mkdir, open as openFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { throwIfAborted } from '../network/abort.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { hexOf, type Digest } from '../oci/digest.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import type { BlobBackend, BlobStoreInit, PushedBlob } from '../transport/image-transport.ts'

/** Settings of `createLocalfs`. */
export interface LocalfsInit {
  dir: string
  /** A file that is there already is written again. */
  force: boolean
}

/** What a file under way is called; nydusd asks for hex digests alone. */
const unfinished = /^\.[0-9a-f]{64}\.[0-9a-f-]{36}\.part$/

/** A file under way that nothing was written to for so long has no process any more. */
const ABANDONED_MS = 24 * 60 * 60 * 1000

/**
 * Blobs as files of one directory, each under its hex digest. A file appears whole or not at all: it is written under
 * another name, its digest checked, made safe on the disk and only then renamed. What a process that was killed has
 * left is removed by a push a day later.
 */
export function createLocalfs({ dir, force }: LocalfsInit): BlobBackend {
  async function pushBlob(
    descriptor: Descriptor,
    open: (offset: number) => ByteSource,
    { signal, onProgress }: BlobStoreInit = {},
  ): Promise<PushedBlob> {
    const path = join(dir, hexOf(descriptor.digest))
    const what = `blob ${descriptor.digest} in ${dir}`
    try {
      if (!force && (await sizeOf(path)) === descriptor.size) return 'exists'
      await mkdir(dir, { recursive: true, mode: 0o755 })
      await sweep(dir)
      const source = verified(open(0), descriptor, `${what}, as it is to be written`)
      await writeWhole(path, stoppable(source, signal, what, onProgress))
      return 'uploaded'
    } catch (error) {
      throw isAccelError(error) ? error : fileError(error, what, dir)
    }
  }
  async function sizeOfBlob(digest: Digest): Promise<number | undefined> {
    try {
      return await sizeOf(join(dir, hexOf(digest)))
    } catch (error) {
      throw fileError(error, `blob ${digest} in ${dir}`, dir)
    }
  }
  return { name: `directory ${dir}`, pushBlob, sizeOf: sizeOfBlob }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return found?.isFile() === true ? found.size : undefined
}

async function* stoppable(
  source: ByteSource,
  signal: AbortSignal | undefined,
  what: string,
  onProgress: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of source) {
    throwIfAborted(signal, what)
    yield chunk
    onProgress?.((size += chunk.length))
  }
}

async function writeWhole(path: string, source: ByteSource): Promise<void> {
  const cut = path.lastIndexOf('/')
  const folder = path.slice(0, cut)
  const part = join(folder, `.${path.slice(cut + 1)}.${randomUUID()}.part`)
  try {
    await using file = await openFile(part, 'wx', 0o644)
    for await (const chunk of source) await file.writeFile(chunk)
    await file.sync()
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  // The name is on the disk only when its directory is.
  await using directory = await openFile(folder, 'r')
  await directory.sync()
}

async function sweep(dir: string): Promise<void> {
  const names = await readdir(dir)
  for (const name of names.filter((one) => unfinished.test(one))) {
    const path = join(dir, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS) {
      await rm(path, { force: true })
    }
  }
}

function fileError(cause: unknown, what: string, path: string): Error {
  const { code } = cause as NodeJS.ErrnoException
  if (code === undefined) return cause as Error
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AccelError('BACKEND_FULL', { what, path }, { cause })
  }
  const problem = (cause as Error).message
  return new AccelError('BACKEND_DIRECTORY', { what, path, problem }, { cause })
}
