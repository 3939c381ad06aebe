/**
 * Tiny images, each with one thing that real layers do and that the specification leaves open, discourages, or that
 * tools disagree on. They are the laboratory's `rough-*` images.
 */
import type { Tree, TreeEntry } from './tree.ts'

/**
 * What the original is taken to hold:
 * `umoci`, what umoci unpacks; `tar`, what GNU tar extracts (on a file system without a last year), where umoci fails or
 * loses something; or a tree written here, where both fail.
 */
export type Reference = 'umoci' | 'tar' | Tree

/** What becomes of one image. */
export interface RoughCase {
  /** As the registry has it, without `rough-`. */
  name: string
  /** See `outcomeOf` in rough.test.ts for the words. */
  expected: string | RegExp
  reference?: Reference
  /** Why the reference is another one, or why the outcome is not `equal`. */
  why?: string
}

const equal = 'equal'
const time = 1_600_000_000
const data = '6667b2d1aab6a00caa5aee5af8ad9f1465e567abf1c209d15727d57b3e8f6e5f'

function file(rest: Partial<TreeEntry>): TreeEntry {
  return { kind: 'file', mode: '0644', owner: '0:0', mtime: time, size: 5, content: data, ...rest }
}

/** By name. */
export const roughCases: RoughCase[] = [
  { name: 'absolute', expected: equal },
  { name: 'aufs-leftovers', expected: equal },
  { name: 'base256-uid', expected: equal },
  { name: 'capability-v3', expected: equal },
  { name: 'char-0-0', expected: equal },
  {
    name: 'contiguous-file',
    expected: equal,
    reference: 'tar',
    why: 'umoci does not know type 7, which is to be read as an ordinary file',
  },
  { name: 'deep', expected: equal },
  { name: 'dot-dot', expected: equal },
  { name: 'dot-slash', expected: equal },
  { name: 'duplicate-entry', expected: equal },
  { name: 'empty-layer', expected: equal },
  {
    name: 'far-time',
    expected: equal,
    reference: 'tar',
    why: 'umoci unpacks to ext4, which ends in 2446',
  },
  { name: 'file-and-whiteout', expected: equal },
  { name: 'file-then-dir', expected: equal },
  { name: 'gnu-long-names', expected: equal },
  { name: 'gnu-sparse', expected: equal, reference: 'tar', why: 'umoci does not know type S' },
  { name: 'gzip-header', expected: equal },
  { name: 'gzip-members', expected: equal },
  { name: 'gzip-stored', expected: equal },
  { name: 'half-end', expected: equal },
  { name: 'hardlink-chain', expected: equal },
  {
    name: 'hardlink-first',
    expected: equal,
    reference: new Map<string, TreeEntry>([
      ['.', { kind: 'dir', mode: '0755', owner: '0:0' }],
      ['f', file({ link: 'f' })],
      ['h', file({ link: 'f' })],
    ]),
    why: 'umoci and GNU tar stop at a hard link that comes before its target',
  },
  { name: 'hardlink-other-meta', expected: equal },
  { name: 'hardlink-to-symlink', expected: equal },
  { name: 'invalid-utf8', expected: equal },
  { name: 'junk-end', expected: equal },
  { name: 'lower-hardlink', expected: equal },
  { name: 'many-layers', expected: equal },
  { name: 'negative-time', expected: equal },
  { name: 'no-end', expected: equal },
  { name: 'no-parents', expected: equal },
  { name: 'no-parents-above', expected: equal },
  { name: 'one-empty-file', expected: equal },
  { name: 'only-root', expected: equal },
  { name: 'opaque-last', expected: equal },
  { name: 'opaque-no-dir', expected: equal },
  { name: 'opaque-root', expected: equal },
  { name: 'padded-end', expected: equal },
  { name: 'pax-global', expected: equal, reference: 'tar', why: 'umoci does not know type g' },
  { name: 'pax-sparse-0.0', expected: equal },
  { name: 'pax-sparse-1.0', expected: equal },
  { name: 'pax-unknown-keys', expected: equal },
  { name: 'reserved-names', expected: equal },
  { name: 'same-layer-twice', expected: equal },
  { name: 'subsecond-time', expected: equal },
  { name: 'through-symlink', expected: equal },
  { name: 'ustar-prefix', expected: equal },
  { name: 'v7-header', expected: equal },
  { name: 'whiteout-and-file', expected: equal },
  { name: 'whiteout-first-layer', expected: equal },
  { name: 'whiteout-missing', expected: equal },
  { name: 'xattr-acl', expected: equal },
  {
    name: 'xattr-empty',
    expected: equal,
    reference: 'tar',
    why: 'umoci drops an attribute without a value',
  },
  { name: 'xattr-large', expected: equal },
  { name: 'xattr-opaque', expected: equal },
  { name: 'xattr-symlink', expected: equal },
  { name: 'xattr-trusted', expected: equal },
]
