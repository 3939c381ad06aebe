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

/**
 * Compares file systems path by path: type, mode, owner, time, size, content, link target, names of one file, device
 * numbers, attributes. Of a directory that no layer of `source` has an entry for only the type is compared: what its
 * mode is differs between those that unpack images.
 */
export function compareTrees(
  source: MergedTree,
  target: MergedTree,
  allowed: Allowances = {},
): Comparison {
  const found = new Differences()
  let paths = 0
  const links = new LinkGroups(allowed)
  for (const entry of source) {
    paths++
    const other = target.entry(entry.path)
    if (other === undefined) found.add(entry.path, 'path', entry.kind, 'missing')
    else {
      compareEntries(entry, other, allowed, found)
      links.add(entry, other)
    }
  }
  for (const entry of target) {
    if (source.entry(entry.path) !== undefined) continue
    paths++
    found.add(entry.path, 'path', 'missing', entry.kind)
  }
  links.compare(found)
  return { paths, count: found.count, differences: found.sorted() }
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
  check('mode', octal(source.mode), octal(target.mode))
  check('uid', String(source.uid), String(target.uid))
  check('gid', String(source.gid), String(target.gid))
  const nanoseconds = (entry: MergedEntry): number =>
    allowed.wholeSeconds ? 0 : entry.mtimeNanoseconds
  check(
    'mtime',
    timeText(source.mtime, nanoseconds(source)),
    timeText(target.mtime, nanoseconds(target)),
  )
  check('size', String(source.size), String(target.size))
  check('content', hex(source.content), hex(target.content))
  check('link target', source.target, target.target)
  check('device', `${source.devMajor}:${source.devMinor}`, `${target.devMajor}:${target.devMinor}`)
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
  /** Inode of one side to that of the other, as first met. */
  readonly #targets = new Map<number, { inode: number; path: string }>()
  readonly #sources = new Map<number, { inode: number; path: string }>()
  readonly #broken: { path: string; source: string; target: string }[] = []

  constructor({ specialFilesApart }: Allowances) {
    this.#apart = specialFilesApart ?? false
  }

  add(source: MergedEntry, target: MergedEntry): void {
    if (!source.linked && !target.linked) return
    if (this.#apart && source.kind !== 'file') return
    const { path } = source
    const before = this.#targets.get(source.inode)
    if (before === undefined) this.#targets.set(source.inode, { inode: target.inode, path })
    else if (before.inode !== target.inode) {
      this.#broken.push({
        path,
        source: `one file with ${before.path}`,
        target: 'a file of its own',
      })
      return
    }
    const back = this.#sources.get(target.inode)
    if (back === undefined) this.#sources.set(target.inode, { inode: source.inode, path })
    else if (back.inode !== source.inode) {
      this.#broken.push({ path, source: 'a file of its own', target: `one file with ${back.path}` })
    }
  }

  compare(found: Differences): void {
    for (const { path, source, target } of this.#broken)
      found.add(path, 'hard links', source, target)
  }
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
