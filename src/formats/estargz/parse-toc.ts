import { AccelError } from '../../errors/accel-error.ts'
import { TOC_NAME } from './layout.ts'
import { TOC_VERSION, type Toc, type TocEntry } from './toc.ts'

const TYPES = new Set(['dir', 'reg', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'chunk'])
const NUMBERS = [
  'size',
  'mode',
  'uid',
  'gid',
  'offset',
  'innerOffset',
  'devMajor',
  'devMinor',
  'chunkOffset',
  'chunkSize',
] as const
const TEXTS = ['modtime', 'linkName', 'userName', 'groupName', 'digest', 'chunkDigest'] as const

/**
 * Parses the JSON of a TOC and checks what reading relies on: types, safe integers, chunks that follow their file
 * in order, offsets that do not go back. Throws FORMAT_INVALID; `offset` there is the number of the row.
 */
export function parseToc(json: Uint8Array, what: string): Toc {
  const fail = (row: number, problem: string): never => {
    throw new AccelError('FORMAT_INVALID', { what, format: TOC_NAME, offset: row, problem })
  }
  let toc: Partial<Toc> | null
  try {
    toc = JSON.parse(Buffer.from(json).toString()) as Partial<Toc> | null
  } catch (error) {
    return fail(0, (error as Error).message)
  }
  if (toc?.version !== TOC_VERSION || !Array.isArray(toc.entries)) {
    return fail(0, `it is not a TOC of version ${TOC_VERSION}`)
  }
  let file: TocEntry | undefined
  let chunkEnd = 0
  let offset = 0
  for (const [row, entry] of (toc.entries as (TocEntry | null)[]).entries()) {
    if (entry === null || typeof entry !== 'object') return fail(row, 'a row is no object')
    const problem = shapeProblem(entry)
    if (problem !== undefined) return fail(row, `${JSON.stringify(entry.name)} ${problem}`)
    const size = entry.type === 'chunk' ? (file?.size ?? 0) : (entry.size ?? 0)
    if (entry.type === 'chunk') {
      const start = entry.chunkOffset ?? 0
      if (file === undefined || start !== chunkEnd || start >= size) {
        return fail(row, `the chunk at ${start} does not continue a file`)
      }
    } else {
      file = entry.type === 'reg' ? entry : undefined
      chunkEnd = 0
    }
    if (size === 0) continue
    const length = entry.chunkSize ?? 0
    if (length > size - chunkEnd) return fail(row, 'a chunk is longer than its file')
    chunkEnd = length === 0 ? size : chunkEnd + length
    const at = entry.offset ?? 0
    if (entry.type === 'reg' || entry.type === 'chunk') {
      if (at < offset) return fail(row, `its offset ${at} lies before ${offset}`)
      offset = at
    }
  }
  return toc as Toc
}

function shapeProblem(entry: TocEntry): string | undefined {
  if (typeof entry.name !== 'string') return 'has no name'
  if (!TYPES.has(entry.type)) return `has the type ${JSON.stringify(entry.type)}`
  for (const key of NUMBERS) {
    const value = entry[key]
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      return `has no number for ${key}`
  }
  for (const key of TEXTS) {
    if (entry[key] !== undefined && typeof entry[key] !== 'string') return `has no text for ${key}`
  }
  const { xattrs } = entry
  if (xattrs === undefined || xattrs === null) return undefined
  if (typeof xattrs !== 'object') return 'has no object for xattrs'
  return Object.values(xattrs).every((value) => typeof value === 'string')
    ? undefined
    : 'has an attribute that is no text'
}
