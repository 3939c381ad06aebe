/**
 * What a directory tree holds, so that two file systems can be compared member by member: kinds, modes, owners,
 * sizes, times, hard links, contents, devices and extended attributes. Paths are bytes; bytes that are no UTF-8 are
 * shown as \xNN.
 */
import { createHash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isUtf8 } from 'node:buffer'
import { output } from './command.ts'

/** One name in a tree. Members that its kind does not have are left out. */
export interface TreeEntry {
  kind: 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket' | 'missing'
  /** The twelve permission bits, octal. */
  mode?: string
  /** `UID:GID`. */
  owner?: string
  size?: number
  /** Seconds since 1970, rounded down. */
  mtime?: number
  /** Device number, as stat has it. */
  device?: string
  /** The first, in byte order, of several names of one file. */
  link?: string
  /** SHA-256 of a file, target of a symbolic link. */
  content?: string
  /** `name=base64`, sorted. */
  xattrs?: string
}

/** Entries by path; the root is `.`. */
export type Tree = Map<string, TreeEntry>

/** Attributes that an overlay or the machine keeps for itself. */
export const ignoredXattr = /^(?:trusted\.overlay\.|user\.overlay\.|security\.selinux$)/

/** By the type bits of a mode. */
export const kinds = new Map<bigint, TreeEntry['kind']>([
  [0o100000n, 'file'],
  [0o040000n, 'dir'],
  [0o120000n, 'symlink'],
  [0o020000n, 'char'],
  [0o060000n, 'block'],
  [0o010000n, 'fifo'],
  [0o140000n, 'socket'],
])

/** Reads a tree, every file to its end. */
export async function readTree(root: string): Promise<Tree> {
  const paths = listed(Buffer.from(root))
  const xattrs = await readXattrs(paths.map(({ full }) => full))
  const names = new Map<string, { name: string; entry: TreeEntry }[]>()
  const tree: Tree = new Map()
  for (const { relative, full } of paths) {
    const name = shown(relative)
    const stat = lstat(full)
    if (stat === undefined) {
      tree.set(name, { kind: 'missing' })
      continue
    }
    const entry = entryOf(full, stat)
    if (entry.kind !== 'dir' && stat.nlink > 1n) {
      const file = `${stat.dev}:${stat.ino}`
      names.set(file, [...(names.get(file) ?? []), { name, entry }])
    }
    const attributes = xattrs.get(full.toString('latin1'))
    if (attributes !== undefined) entry.xattrs = attributes
    tree.set(name, entry)
  }
  // The number of links also counts names that a layer above has hidden.
  for (const links of names.values()) {
    const [first] = links
    if (links.length > 1) for (const { entry } of links) entry.link = first?.name ?? ''
  }
  return tree
}

function entryOf(full: Buffer, stat: BigIntStats): TreeEntry {
  const kind = kinds.get(stat.mode & 0o170000n) ?? 'missing'
  const entry: TreeEntry = {
    kind,
    mode: (stat.mode & 0o7777n).toString(8).padStart(4, '0'),
    owner: `${stat.uid}:${stat.gid}`,
    mtime: Number(secondsOf(stat.mtimeNs)),
  }
  if (kind === 'file') {
    entry.size = Number(stat.size)
    entry.content = digestOf(full)
  }
  if (kind === 'symlink') entry.content = shown(readlinkSync(full, 'buffer'))
  if (kind === 'char' || kind === 'block') entry.device = String(stat.rdev)
  return entry
}

/** Rounded down, before 1970 as well. */
function secondsOf(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / 1_000_000_000n
  return nanoseconds % 1_000_000_000n < 0n ? seconds - 1n : seconds
}

function lstat(path: Buffer): BigIntStats | undefined {
  // A name may be listed and not be there: that is what some file systems make of a whiteout.
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

/** Every path of the tree in byte order, the root first. */
function listed(root: Buffer): { relative: Buffer; full: Buffer }[] {
  const found: { relative: Buffer; full: Buffer }[] = []
  const visit = (relative: Buffer, full: Buffer): void => {
    for (const entry of readdirSync(full, { withFileTypes: true, encoding: 'buffer' })) {
      const path = relative.length === 0 ? entry.name : joined(relative, entry.name)
      const below = { relative: path, full: joined(full, entry.name) }
      found.push(below)
      if (entry.isDirectory()) visit(below.relative, below.full)
    }
  }
  visit(Buffer.alloc(0), root)
  found.sort((a, b) => Buffer.compare(a.relative, b.relative))
  return [{ relative: Buffer.from('.'), full: root }, ...found]
}

function joined(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name])
}

function digestOf(path: Buffer): string {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafe(1024 * 1024)
  const file = openSync(path, 'r')
  try {
    for (let size = readSync(file, piece); size > 0; size = readSync(file, piece)) {
      hash.update(piece.subarray(0, size))
    }
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

/** A path or target as text. */
export function shown(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  return bytes
    .toString('latin1')
    .replaceAll(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)
}

/** The attributes of every path that has any, by path (as Latin-1 text). Node has no call for them; getfattr has. */
async function readXattrs(paths: Buffer[]): Promise<Map<string, string>> {
  const scratch = mkdtempSync(join(tmpdir(), 'xattrs-'))
  try {
    const list = join(scratch, 'paths')
    writeFileSync(list, Buffer.concat(paths.flatMap((path) => [path, Buffer.alloc(1)])))
    const getfattr = ['getfattr', '-h', '-d', '-m', '-', '-e', 'base64', '--absolute-names', '--']
    // Names that are listed and not there make it fail; they are told by lstat.
    const script = 'xargs -0 -a "$0" "$@" > "$0.out" 2> "$0.err" || true; cat "$0.err" >&2'
    await output('sh', ['-c', script, list, ...getfattr], { env: { LC_ALL: 'C' } })
    return parseGetfattr(readFileSync(`${list}.out`, 'latin1'))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function parseGetfattr(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const block of text.split('\n\n').filter((b) => b !== '')) {
    const [head = '', ...lines] = block.split('\n')
    const attributes = lines
      .map((line) => unescaped(line).replace('=0s', '='))
      .filter((line) => !ignoredXattr.test(line.split('=')[0] ?? ''))
      .toSorted()
    if (attributes.length > 0)
      found.set(unescaped(head.replace('# file: ', '')), attributes.join(','))
  }
  return found
}

/** getfattr writes a backslash, a line end and the like in names as three octal digits. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}

/**
 * Takes away the times that an unpacker made up: those of directories that no layer has an entry for are of the unpacking
 * itself, which began at `started` (ms since 1970); umoci sets the root's to 0.
 */
export function untimedSince(started: number, tree: Tree): Tree {
  for (const [name, entry] of tree) {
    const isNow = entry.kind === 'dir' && (entry.mtime ?? 0) >= Math.floor(started / 1000)
    if (isNow || (name === '.' && entry.mtime === 0)) delete entry.mtime
  }
  return tree
}

/** A line for each member in which `actual` is not `expected`. The time is compared where `expected` has one. */
export function differences(expected: Tree, actual: Tree): string[] {
  return [...new Set([...expected.keys(), ...actual.keys()])].flatMap((name) =>
    differencesAt(name, expected.get(name), actual.get(name)),
  )
}

function differencesAt(
  name: string,
  expected: TreeEntry | undefined,
  actual: TreeEntry | undefined,
): string[] {
  if (expected === undefined) return [`${name}: should not be there`]
  if (actual === undefined) return [`${name}: is not there`]
  const members = [
    ...new Set([...Object.keys(expected), ...Object.keys(actual)]),
  ] as (keyof TreeEntry)[]
  return members
    .filter((member) => expected[member] !== actual[member])
    .filter((member) => member !== 'mtime' || expected.mtime !== undefined)
    .map((member) => `${name}: ${member} is ${actual[member]}, should be ${expected[member]}`)
}
