import { baseName, parentPath } from './path.ts'

/** What begins the name of a file that removes another of the layers below (OCI image-spec layer.md, "Whiteouts"). */
export const WHITEOUT_PREFIX = '.wh.'
/** The file that hides all that the layers below have in its directory. */
export const OPAQUE_WHITEOUT = '.wh..wh..opq'
/** What begins the names that aufs kept for itself: `.wh..wh.aufs`, `.wh..wh.plnk/`, `.wh..wh.orph/`. */
export const AUFS_PREFIX = '.wh..wh.'

/**
 * What a name means beside being a name:
 * - `whiteout`: `path` of the layers below is removed
 * - `opaque`: nothing of the layers below shows in `directory`
 * - `aufs`: left by aufs; no part of the image. Hard links may point at files in `.wh..wh.plnk`
 * - `invalid`: a whiteout of nothing, `.` or `..`
 */
export type WhiteoutName =
  | { kind: 'whiteout'; path: string }
  | { kind: 'opaque'; directory: string }
  | { kind: 'aufs' }
  | { kind: 'invalid' }

/** What the clean path `path` means by its name, whatever type the entry has; undefined for ordinary ones. */
export function whiteoutName(path: string): WhiteoutName | undefined {
  if (!path.includes(WHITEOUT_PREFIX)) return undefined
  const base = baseName(path)
  const directory = parentPath(path) ?? ''
  if (`/${directory}`.includes(`/${AUFS_PREFIX}`)) return { kind: 'aufs' }
  if (!base.startsWith(WHITEOUT_PREFIX)) return undefined
  if (base === OPAQUE_WHITEOUT) return { kind: 'opaque', directory }
  if (base.startsWith(AUFS_PREFIX)) return { kind: 'aufs' }
  const removed = base.slice(WHITEOUT_PREFIX.length)
  if (removed === '' || removed === '.' || removed === '..') return { kind: 'invalid' }
  return { kind: 'whiteout', path: joined(directory, removed) }
}

/** The name of the file that removes `path`. */
export function whiteoutOf(path: string): string {
  return joined(parentPath(path) ?? '', WHITEOUT_PREFIX + baseName(path))
}

/** The name of the file that makes `directory` opaque. */
export function opaqueWhiteoutOf(directory: string): string {
  return joined(directory, OPAQUE_WHITEOUT)
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}
