/** What a layer thread does to compare file systems. */
import { compareTrees, type Comparison } from '../formats/listing/compare.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { treeOf } from './listing-data.ts'

/** What the lazy format of a view cannot say. */
export type ViewFormat = 'ordinary' | 'estargz' | 'zstd-chunked' | 'nydus'

export interface CompareJobData {
  /** Layers, the lowest first. */
  source: ListingData[]
  target: ListingData[]
  format: ViewFormat
}

export interface CompareJobResult extends Comparison {
  /** What of the target's layers cannot be applied; what the source has of it too is not said again. */
  problems: string[]
}

const STORABLE_PREFIXES = ['user.', 'trusted.', 'security.']
const STORABLE_NAMES = ['system.posix_acl_access', 'system.posix_acl_default']

/** Lays the layers of both sides over each other and compares the results. */
export async function run({ source, target, format }: CompareJobData): Promise<CompareJobResult> {
  const [original, converted] = [treeOf(source), treeOf(target)]
  const comparison = compareTrees(original, converted, {
    wholeSeconds: format === 'nydus',
    specialFilesApart: format === 'nydus',
    withoutXattr: (name) => isUnsaid(name, format),
  })
  const known = new Set(original.problems)
  return { ...comparison, problems: converted.problems.filter((text) => !known.has(text)) }
}

/** Overlay's own attributes mean something else once they are mounted, so no format keeps them; EROFS has five prefixes. */
function isUnsaid(name: string, format: ViewFormat): boolean {
  if (/^(trusted|user)\.overlay\./.test(name)) return true
  if (format !== 'nydus') return false
  return !STORABLE_NAMES.includes(name) && !STORABLE_PREFIXES.some((one) => name.startsWith(one))
}
