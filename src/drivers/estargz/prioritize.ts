import type { TarEntryType } from '../../formats/tar/entry.ts'
import { cleanPath, parentPath } from '../../formats/tar/path.ts'

/** A path that is to come first. */
export interface PrioritizedPath {
  /** Clean. */
  path: string
  /** All that lies in it as well. */
  recursive: boolean
}

/** An entry of the tar that is to be put in another order. */
export interface TarPart {
  path: string
  type: TarEntryType
  /** Of hard links, as stored. */
  linkname: string
  /** Where it lies in the tar, header to padding. */
  start: number
  end: number
}

/** The parts in the order in which they are written. */
export interface PartOrder {
  /** Those that precede the landmark. */
  first: TarPart[]
  rest: TarPart[]
}

/**
 * Puts the entries of a tar in order: for each prioritized path its directories from the root down, the target of
 * a hard link, and itself, each once; then all others as they are. Of what comes twice the earlier is left out. Source: estargz/build.go, `sortEntries`, `moveRec`; directories that are patterns are ours.
 *
 * Gives a text where the order of the tar matters, so that it cannot be changed.
 */
export function orderParts(
  parts: readonly TarPart[],
  prioritized: readonly PrioritizedPath[],
): PartOrder | string {
  const byPath = new Map<string, number>()
  const dropped = new Set<number>()
  const linked = new Set(
    parts.flatMap((part) => (part.type === 'hardlink' ? [cleanPath(part.linkname)] : [])),
  )
  for (const [i, part] of parts.entries()) {
    const earlier = byPath.get(part.path)
    if (earlier !== undefined) {
      const wasDirectory = parts[earlier]!.type === 'directory'
      if (wasDirectory !== (part.type === 'directory') || linked.has(part.path)) {
        return `it has ${JSON.stringify(part.path)} more than once`
      }
      dropped.add(earlier)
    }
    byPath.set(part.path, i)
  }
  const taken = new Set<number>()
  const first: TarPart[] = []
  const take = (path: string): void => {
    const i = byPath.get(path)
    if (i !== undefined && taken.has(i)) return
    const above = parentPath(path)
    if (above !== undefined) take(above)
    if (i === undefined) return
    const part = parts[i]!
    taken.add(i)
    if (part.type === 'hardlink') take(cleanPath(part.linkname))
    first.push(part)
  }
  for (const { path, recursive } of prioritized) {
    if (byPath.has(path)) take(path)
    if (!recursive) continue
    const prefix = path === '' ? '' : `${path}/`
    for (const part of parts) if (part.path.startsWith(prefix)) take(part.path)
  }
  return { first, rest: parts.filter((_, i) => !taken.has(i) && !dropped.has(i)) }
}
