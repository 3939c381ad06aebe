/** What a layer thread does to look at the blob of an encrypted Nydus image without its key. */
import { viewOf } from '../bytes/layout.ts'
import { openFile } from '../drivers/file-source.ts'
import { versionOf } from '../drivers/nydus/rafs.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { BlobReader } from '../formats/nydus-blob/blob-reader.ts'
import { SectionName } from '../formats/nydus-blob/toc.ts'
import { ZSTD_MAGIC } from '../formats/zstd/frame-walk.ts'

export interface SealedBlobJobData {
  /** Names the blob in messages. */
  what: string
  /** File of the blob. */
  path: string
  /** Whether digests of the ToC are checked as well, as far as that is possible without the key. */
  toc: boolean
}

/** Sections that are encrypted, while the ToC has the digests of what they hold. */
const ENCRYPTED_SECTIONS = [SectionName.chunkTable, SectionName.chunkTableHeader]

/** What is wrong with the blob. */
export async function run({ what, path, toc }: SealedBlobJobData): Promise<string[]> {
  using file = openFile(path, what)
  const problems: string[] = []
  try {
    const blob = await BlobReader.open(file, what)
    if (await isRead(async () => (await blob.chunkTable()) !== undefined)) {
      problems.push('it is marked as encrypted, and its chunk table is in clear')
    }
    if (await isRead(async () => isBootstrap(await blob.bootstrap()))) {
      problems.push('the bootstrap inside it, with its key and the names of its files, is in clear')
    }
    if (toc) await blob.checkToc(ENCRYPTED_SECTIONS)
  } catch (error) {
    if (!isAccelError(error)) throw error
    problems.push(error.message)
  }
  return problems
}

/** Whether it is a bootstrap, or a frame of one: what is sealed begins in neither way. */
function isBootstrap(bytes: Uint8Array = new Uint8Array()): boolean {
  const isFrame = bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === ZSTD_MAGIC
  return isFrame || versionOf(bytes) !== undefined
}

/** What is encrypted cannot be read as what it is. */
async function isRead(read: () => Promise<boolean>): Promise<boolean> {
  try {
    return await read()
  } catch (error) {
    if (isAccelError(error) && error.code.startsWith('FORMAT_')) return false
    throw error
  }
}
