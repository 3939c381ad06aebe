import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { ImageFile, ImageFiles } from '../trace/image-files.ts'

/** What is at a path: bytes of a file that can be run, or the target of a symlink. */
export type MemoryFile = Uint8Array | { symlink: string }

/** A file system of the given clean paths; their directories are there. */
export function memoryFiles(files: Readonly<Record<string, MemoryFile>>): ImageFiles {
  const entries = new Map<string, ImageFile>()
  for (const [path, file] of Object.entries(files)) {
    const parts = path.split('/')
    for (let i = 1; i < parts.length; i++) {
      const directory = { kind: 'directory', mode: 0o755, size: 0, target: '' } as const
      entries.set(parts.slice(0, i).join('/'), directory)
    }
    entries.set(
      path,
      file instanceof Uint8Array
        ? { kind: 'file', mode: 0o755, size: file.length, target: '' }
        : { kind: 'symlink', mode: 0o777, size: 0, target: file.symlink },
    )
  }
  return {
    entry: (path) => entries.get(path),
    children: (path) =>
      [...entries.keys()].filter((one) => one.slice(0, one.lastIndexOf('/')) === path),
    read: async (path, offset, length) =>
      (files[path] as Uint8Array).subarray(offset, offset + length),
  }
}

/** The files of this machine. */
export function machineFiles(): ImageFiles {
  return {
    entry(path) {
      const stat = lstatSync(`/${path}`, { throwIfNoEntry: false })
      if (stat === undefined) return undefined
      const symlink = stat.isSymbolicLink()
      return {
        kind: symlink
          ? 'symlink'
          : stat.isDirectory()
            ? 'directory'
            : stat.isFile()
              ? 'file'
              : 'other',
        mode: stat.mode & 0o7777,
        size: stat.size,
        target: symlink ? readlinkSync(`/${path}`) : '',
      }
    },
    children: (path) => readdirSync(`/${path}`).map((name) => `${path}/${name}`),
    async read(path, offset, length) {
      await using file = await open(`/${path}`)
      return (await file.read(Buffer.alloc(length), 0, length, offset)).buffer
    },
  }
}
