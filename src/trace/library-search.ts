import { parentPath } from '../formats/tar/path.ts'
import type { ElfFile } from './elf/read.ts'
import { followPath, type ImageFiles } from './image-files.ts'

/** Files that say where libraries are may be this long. */
const MAX_LIST_SIZE = 64 * 1024
/** Levels of `include`. */
const MAX_INCLUDES = 8

/** Directories of distributions, behind those that ld.so.conf names; `$ARCH` stands for a multiarch name. */
const DEFAULT_DIRECTORIES = {
  64: ['/lib64', '/usr/lib64', '/lib/$ARCH', '/usr/lib/$ARCH', '/lib', '/usr/lib'],
  32: ['/lib/$ARCH', '/usr/lib/$ARCH', '/lib32', '/usr/lib32', '/lib', '/usr/lib'],
} as const
/** Source: musl ldso/dynlink.c. */
const MUSL_DIRECTORIES = ['/lib', '/usr/local/lib', '/usr/lib']

/** Directories in which a distribution keeps libraries of more than one instruction set, by e_machine. */
const MULTIARCH: Readonly<Record<string, string>> = {
  '3/32': 'i386-linux-gnu',
  '40/32': 'arm-linux-gnueabihf',
  '21/64': 'powerpc64le-linux-gnu',
  '22/64': 's390x-linux-gnu',
  '62/64': 'x86_64-linux-gnu',
  '183/64': 'aarch64-linux-gnu',
  '243/64': 'riscv64-linux-gnu',
  '258/64': 'loongarch64-linux-gnu',
}

/** Where the libraries of one program are looked for. */
export interface LibrarySearch {
  /**
   * Paths at which `name` may be, in order. `loaders` are the file that needs it and those that needed that one, the
   * program last.
   */
  candidates(name: string, loaders: readonly LoadedElf[]): string[]
}

/** An ELF file and where it is, clean. */
export interface LoadedElf {
  path: string
  elf: ElfFile
}

/**
 * How the loader of `program` finds libraries: DT_RPATH of what needs one and of its loaders, unless it has DT_RUNPATH;
 * LD_LIBRARY_PATH of `environment`; DT_RUNPATH; then the directories of the image: those of /etc/ld.so.conf, from which
 * the loader's cache is made, and the usual ones. Source: ld.so(8); musl ldso/dynlink.c.
 */
export async function openLibrarySearch(
  files: ImageFiles,
  program: LoadedElf,
  environment: ReadonlyMap<string, string>,
): Promise<LibrarySearch> {
  const { machine, bits, interpreter = '' } = program.elf
  const arch = MULTIARCH[`${machine}/${bits}`] ?? ''
  const musl = /ld-musl-([^/]+)\.so/.exec(interpreter)?.[1]
  const configured =
    musl === undefined
      ? await configuredDirectories(files, '/etc/ld.so.conf', 0)
      : await listedDirectories(files, `/etc/ld-musl-${musl}.path`)
  const usual = DEFAULT_DIRECTORIES[bits === 64 ? 64 : 32]
    .filter((one) => arch !== '' || !one.includes('$ARCH'))
    .map((one) => one.replace('$ARCH', arch))
  const system =
    musl === undefined
      ? [...configured, ...usual]
      : configured.length > 0
        ? configured
        : MUSL_DIRECTORIES
  const environmentPath = splitList(environment.get('LD_LIBRARY_PATH'))
  const expand = (text: string, of: LoadedElf): string =>
    expandTokens(text, of, bits === 64 ? 'lib64' : 'lib')
  /** It counts for the libraries of libraries as well; DT_RUNPATH does not, and makes it void. */
  const rpathOf = (one: LoadedElf): string[] =>
    one.elf.runpath === undefined ? splitList(one.elf.rpath).map((text) => expand(text, one)) : []

  return {
    candidates(name, loaders) {
      const [direct] = loaders
      if (direct === undefined) return []
      if (name.includes('/')) return [expand(name, direct)]
      const rpaths = direct.elf.runpath === undefined ? loaders.flatMap(rpathOf) : []
      const runpaths = splitList(direct.elf.runpath).map((text) => expand(text, direct))
      const directories = [
        ...rpaths,
        ...environmentPath,
        ...runpaths,
        ...(direct.elf.noDefaultDirectories ? [] : system),
      ]
      return [...new Set(directories)].map((directory) => `${directory}/${name}`)
    },
  }
}

function splitList(list: string | undefined): string[] {
  return (list ?? '').split(/[:;]/).filter((directory) => directory !== '')
}

/** Source: ld.so(8), "Dynamic string tokens". */
function expandTokens(text: string, { path }: LoadedElf, lib: string): string {
  return text.replaceAll(/\$\{?(ORIGIN|LIB)\b\}?/g, (_, token: string) =>
    token === 'ORIGIN' ? `/${parentPath(path) ?? ''}` : lib,
  )
}

/** The directories of ld.so.conf, its includes in their place. Source: ldconfig(8). */
async function configuredDirectories(
  files: ImageFiles,
  file: string,
  depth: number,
): Promise<string[]> {
  const directories: string[] = []
  if (depth > MAX_INCLUDES) return directories
  for (const line of await linesOf(files, file)) {
    const included = /^include\s+(\S.*)$/.exec(line)?.[1]
    if (included !== undefined) {
      for (const one of included.split(/\s+/).flatMap((pattern) => matching(files, pattern))) {
        directories.push(...(await configuredDirectories(files, one, depth + 1)))
      }
    } else if (line.startsWith('/')) directories.push(line)
  }
  return directories
}

/** The files that `pattern` names: `*` stands in its last part alone, as in all that distributions write. */
function matching(files: ImageFiles, pattern: string): string[] {
  const absolute = pattern.startsWith('/') ? pattern : `/etc/${pattern}`
  const slash = absolute.lastIndexOf('/')
  const [before, after, ...more] = absolute.slice(slash + 1).split('*')
  if (after === undefined || more.length > 0) return [absolute]
  const directory = followPath(files, absolute.slice(0, slash))
  if (directory === undefined) return []
  return files
    .children(directory)
    .map((path) => `/${path}`)
    .filter((path) => {
      const name = path.slice(path.lastIndexOf('/') + 1)
      return name.startsWith(before!) && name.endsWith(after) && !name.startsWith('.')
    })
    .toSorted()
}

async function listedDirectories(files: ImageFiles, file: string): Promise<string[]> {
  return (await linesOf(files, file)).flatMap(splitList)
}

/** Lines of a small file, without comments; none where it is not there. */
async function linesOf(files: ImageFiles, file: string): Promise<string[]> {
  const path = followPath(files, file)
  const entry = path === undefined ? undefined : files.entry(path)
  if (entry?.kind !== 'file' || entry.size === 0 || entry.size > MAX_LIST_SIZE) return []
  const text = Buffer.from(await files.read(path!, 0, entry.size)).toString()
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
}
