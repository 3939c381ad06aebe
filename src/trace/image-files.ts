import { parentPath } from '../formats/tar/path.ts'
import type { ElfFile } from './elf/read.ts'

/** What is at a path, as far as finding and reading files is concerned. */
export interface ImageFile {
  kind: 'file' | 'directory' | 'symlink' | 'other'
  /** Permission bits. */
  mode: number
  /** Bytes of a file. */
  size: number
  /** Of a symlink, as stored. */
  target: string
}

/** The file system of an image, all its layers applied, whatever it is read from. Paths are clean. */
export interface ImageFiles {
  /** What is at a path, itself a symlink where it is one; undefined where nothing is. */
  entry(path: string): ImageFile | undefined
  /** Paths of what lies in a directory, in any order. */
  children(path: string): readonly string[]
  /** Bytes of a file from `offset` on, within its size. Throws what reading throws. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>
  /** What a loader finds in a program, where that is known already. @default it is read */
  elf?(path: string): ElfFile | undefined
}

/** Source: MAXSYMLINKS of Linux. */
const MAX_SYMLINKS = 40

/**
 * The clean path at which a program that names `path` ends: symlinks are followed, absolute ones from the root of the
 * image, relative ones and `..` never out of it. undefined where nothing is there.
 */
export function followPath(
  files: Pick<ImageFiles, 'entry'>,
  path: string,
  directory = '',
): string | undefined {
  let waiting = path.split('/')
  let at = path.startsWith('/') ? '' : directory
  let links = 0
  while (waiting.length > 0) {
    const [name, ...rest] = waiting
    waiting = rest
    if (name === '' || name === '.') continue
    if (name === '..') {
      at = parentPath(at) ?? ''
      continue
    }
    const next = at === '' ? name! : `${at}/${name}`
    const entry = files.entry(next)
    if (entry === undefined) return undefined
    if (entry.kind !== 'symlink') {
      if (entry.kind !== 'directory' && rest.some((one) => one !== '' && one !== '.'))
        return undefined
      at = next
      continue
    }
    if (++links > MAX_SYMLINKS || entry.target === '') return undefined
    if (entry.target.startsWith('/')) at = ''
    waiting = [...entry.target.split('/'), ...rest]
  }
  return at
}
