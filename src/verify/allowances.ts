import type { Allowances } from '../formats/listing/compare.ts'

/** Who sees an image: one that unpacks it, or the reader of a lazy format. */
export type ViewFormat = 'ordinary' | 'estargz' | 'zstd-chunked' | 'nydus'

const STORABLE_PREFIXES = ['user.', 'trusted.', 'security.']
const STORABLE_NAMES = ['system.posix_acl_access', 'system.posix_acl_default']

/** What a format cannot say. */
export function allowancesOf(format: ViewFormat): Allowances {
  return {
    wholeSeconds: format === 'nydus',
    specialFilesApart: format === 'nydus',
    withoutXattr: (name) => isUnsaid(name, format),
  }
}

/** Overlay's own attributes mean something else once they are mounted, so no format keeps them; EROFS has five prefixes. */
function isUnsaid(name: string, format: ViewFormat): boolean {
  if (/^(trusted|user)\.overlay\./.test(name)) return true
  if (format !== 'nydus') return false
  return !STORABLE_NAMES.includes(name) && !STORABLE_PREFIXES.some((one) => name.startsWith(one))
}
