/**
 * What one layer says about paths, kept so that a layer above can ask about what lies below it. Layers are
 * converted one by one; only a few need to know: those with a file whose directories have no entry of their own,
 * with a hard link to a file of a lower layer, with a whiteout that hides nothing, or an opaque root.
 *
 * Paths are cleaned: no leading `/` or `./`, no trailing `/`; the root is the empty string.
 */
export interface LayerContent {
  /** What this layer has at `path`: its own entry, a whiteout of it, or nothing. */
  at(path: string): ContentEntry | undefined
  /** The directory `path` (or the root) is opaque here: nothing below shows through. */
  opaque(path: string): boolean
  /** Names directly in the root of this layer, whiteouts not included. */
  rootNames(): string[]
  /** What the layer must know of the layers below to be right; empty for nearly every layer. */
  questions: LowerQuestion[]
}

/** What an entry says of a directory. `mtime` is seconds since 1970. */
export interface DirectoryMetadata {
  mode: number
  uid: number
  gid: number
  mtime: number
  mtimeNanoseconds: number
  xattrs?: ReadonlyMap<string, Uint8Array>
}

/** What a layer has at a path. */
export type ContentEntry =
  | { kind: 'directory'; metadata: DirectoryMetadata }
  | { kind: 'symlink' }
  | { kind: 'other' }
  | { kind: 'whiteout' }

/**
 * Something that a layer must know of the layers below it. The layer is converted again, with the answers, only
 * where one matters: a path that is there although `matters` is `present` (a directory that the layer fills
 * without an entry of its own, the target of a hard link), or is not there although it is `absent` (what a
 * whiteout hides). A directory whose mode, owner and xattrs equal `unless` does not matter. `root-names` always does.
 */
export type LowerQuestion =
  | { about: 'path'; path: string; matters: 'present' | 'absent'; unless?: DirectoryMetadata }
  | { about: 'root-names' }

/** What is at a path once all layers below are applied. */
export type LowerEntry = Exclude<ContentEntry, { kind: 'whiteout' }>

/**
 * The answers to all questions of a layer, all layers below taken together; a path without an answer is not
 * there. Part of the cache key of what is made with them.
 */
export interface LowerAnswers {
  paths: ReadonlyMap<string, LowerEntry>
  rootNames: readonly string[]
}
