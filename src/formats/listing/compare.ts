import type { MergedEntry, MergedTree } from './merged-tree.ts'

/** One thing that is not the same, in words that can be shown. */
export interface Difference {
  /** Clean path; the root is empty. */
  path: string
  /** What of it: `type`, `mode`, …, `content`, `xattr NAME`, `hard links`, or `path` where it is on one side only. */
  field: string
  source: string
  target: string
}

/** What a format cannot say, so that it is not compared. */
export interface Allowances {
  /** Times are whole seconds. @default false */
  wholeSeconds?: boolean
  /** Names of one symlink, device or fifo are apart. @default false */
  specialFilesApart?: boolean
  /** Attributes that the format has no place for. @default none */
  withoutXattr?: (name: string) => boolean
}

export interface Comparison {
  /** Paths compared, of both sides together. */
  paths: number
  /** How many differences there are. */
  count: number
  /** The first of them, by path. */
  differences: Difference[]
}

/** Differences that are described; more are only counted. */
export const MAX_DIFFERENCES = 100

/** Compares file systems: as TreeComparison, with all that `target` has. */
export function compareTrees(
  source: MergedTree,
  target: Iterable<MergedEntry>,
  allowed: Allowances = {},
): Comparison {
  const comparison = new TreeComparison(source, allowed)
  for (const entry of target) comparison.add(entry)
  return comparison.finish()
}

/**
 * Compares file systems path by path: type, mode, owner, time, size, content, link target, names of one file, device
 * numbers, attributes. Of a directory that no layer of `source` has an entry for only the type is compared: what its
 * mode is differs between those that unpack images.
 */
export class TreeComparison {
  readonly #source: MergedTree
  readonly #allowed: Allowances
  readonly #found = new Differences()
  readonly #links: LinkGroups
  /** By node of the source: 1 where the target has its path. */
  readonly #met: Uint8Array
  #paths = 0

  constructor(source: MergedTree, allowed: Allowances = {}) {
    this.#source = source
    this.#allowed = allowed
    this.#links = new LinkGroups(allowed)
    this.#met = new Uint8Array(source.nodes)
  }

  /** Takes what the target has at a path, in any order, each path once. */
  add(entry: MergedEntry): void {
    this.#paths++
    const node = this.#source.find(entry.path)
    const original = node < 0 ? undefined : this.#source.at(node)
    if (original === undefined) {
      this.#found.add(entry.path, 'path', 'missing', entry.kind)
      return
    }
    this.#met[node] = 1
    compareEntries(original, entry, this.#allowed, this.#found)
    this.#links.add(node, original, entry)
  }

  /** After all that the target has. */
  finish(): Comparison {
    for (let node = 0; node < this.#met.length; node++) {
      const missing = this.#met[node] === 1 ? undefined : this.#source.at(node)
      if (missing === undefined) continue
      this.#paths++
      this.#found.add(missing.path, 'path', missing.kind, 'missing')
    }
    this.#links.compare(this.#found)
    return { paths: this.#paths, count: this.#found.count, differences: this.#found.sorted() }
  }
}

class Differences {
  count = 0
  readonly #kept: Difference[] = []

  add(path: string, field: string, source: string, target: string): void {
    this.count++
    if (this.#kept.length < MAX_DIFFERENCES) this.#kept.push({ path, field, source, target })
  }

  sorted(): Difference[] {
    return this.#kept.toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)))
  }
}

function compareEntries(
  source: MergedEntry,
  target: MergedEntry,
  allowed: Allowances,
  found: Differences,
): void {
  const { path } = source
  const check = (field: string, a: string, b: string): void => {
    if (a !== b) found.add(path, field, a, b)
  }
  check('type', source.kind, target.kind)
  if (source.kind !== target.kind || source.implied) return
  if (source.mode !== target.mode) found.add(path, 'mode', octal(source.mode), octal(target.mode))
  if (source.uid !== target.uid) found.add(path, 'uid', String(source.uid), String(target.uid))
  if (source.gid !== target.gid) found.add(path, 'gid', String(source.gid), String(target.gid))
  const nanoseconds = (entry: MergedEntry): number =>
    allowed.wholeSeconds ? 0 : entry.mtimeNanoseconds
  if (source.mtime !== target.mtime || nanoseconds(source) !== nanoseconds(target)) {
    const time = (entry: MergedEntry): string => timeText(entry.mtime, nanoseconds(entry))
    found.add(path, 'mtime', time(source), time(target))
  }
  if (source.size !== target.size) found.add(path, 'size', String(source.size), String(target.size))
  if (!isSame(source.content, target.content)) {
    found.add(path, 'content', hex(source.content), hex(target.content))
  }
  check('link target', source.target, target.target)
  if (source.devMajor !== target.devMajor || source.devMinor !== target.devMinor) {
    const device = ({ devMajor, devMinor }: MergedEntry): string => `${devMajor}:${devMinor}`
    found.add(path, 'device', device(source), device(target))
  }
  compareXattrs(source, target, allowed, check)
}

function compareXattrs(
  source: MergedEntry,
  target: MergedEntry,
  { withoutXattr }: Allowances,
  check: (field: string, a: string, b: string) => void,
): void {
  if (source.xattrs === undefined && target.xattrs === undefined) return
  const names = new Set([...(source.xattrs?.keys() ?? []), ...(target.xattrs?.keys() ?? [])])
  for (const name of names) {
    if (withoutXattr?.(name) && !target.xattrs?.has(name)) continue
    check(`xattr ${name}`, value(source.xattrs?.get(name)), value(target.xattrs?.get(name)))
  }
}

/** Names of one file on the one side must be names of one file on the other. */
class LinkGroups {
  readonly #apart: boolean
  /** Names that have, or are, others: node of the source, and inode on each side. */
  readonly #names: { path: string; node: number; source: number; target: number }[] = []

  constructor({ specialFilesApart }: Allowances) {
    this.#apart = specialFilesApart ?? false
  }

  add(node: number, source: MergedEntry, target: MergedEntry): void {
    if (!source.linked && !target.linked) return
    if (this.#apart && source.kind !== 'file') return
    this.#names.push({ path: source.path, node, source: source.inode, target: target.inode })
  }

  /** In the order of the source, so that links are named and not what they are links to. */
  compare(found: Differences): void {
    /** Inode of one side to that of the other, as first met. */
    const targets = new Map<number, { inode: number; path: string }>()
    const sources = new Map<number, { inode: number; path: string }>()
    for (const { path, source, target } of this.#names.toSorted((a, b) => a.node - b.node)) {
      const before = targets.get(source)
      if (before === undefined) targets.set(source, { inode: target, path })
      else if (before.inode !== target) {
        found.add(path, 'hard links', `one file with ${before.path}`, 'a file of its own')
        continue
      }
      const back = sources.get(target)
      if (back === undefined) sources.set(target, { inode: source, path })
      else if (back.inode !== source) {
        found.add(path, 'hard links', 'a file of its own', `one file with ${back.path}`)
      }
    }
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return a === b
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

function timeText(seconds: number, nanoseconds: number): string {
  return nanoseconds === 0 ? String(seconds) : `${seconds}.${String(nanoseconds).padStart(9, '0')}`
}

function hex(digest: Uint8Array | undefined): string {
  return digest === undefined ? 'none' : Buffer.from(digest).toString('hex')
}

function value(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'missing'
  return JSON.stringify(Buffer.from(bytes).toString('latin1'))
}
