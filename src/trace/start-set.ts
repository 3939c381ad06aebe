import { isAccelError } from '../errors/accel-error.ts'
import { baseName, cleanPath } from '../formats/tar/path.ts'
import type { ImageConfig } from '../oci/image-config.ts'
import { readElf, type ElfFile } from './elf/read.ts'
import { followPath, type ImageFiles } from './image-files.ts'
import { openLibrarySearch, type LoadedElf } from './library-search.ts'
import { startCommand, type StartCommand } from './start-command.ts'
import type { FileRead, Trace } from './trace.ts'

/** What is read to start a container, as far as image and files say it. */
export interface StartSet {
  /** All of each file, symlinks followed, each once. */
  trace: Trace
  /** What could not be followed, in sentences. */
  notes: string[]
}

/** As Linux and docker have it where the image says none. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Bytes of a script's first line that the kernel reads. Source: BINPRM_BUF_SIZE of Linux. */
const SHEBANG_SIZE = 256
/** Scripts whose interpreter is a script. Source: fs/exec.c of Linux. */
const MAX_INTERPRETERS = 5
/** Files of a set; programs with the most libraries have some hundreds. */
const MAX_FILES = 2000

/** Files that the loader, the C library and the runtime read before a program does anything of its own. */
const SYSTEM_FILES = [
  '/etc/ld.so.preload',
  '/etc/ld.so.cache',
  '/etc/passwd',
  '/etc/group',
  '/etc/nsswitch.conf',
  '/etc/localtime',
]

/**
 * The files that a container of an image reads in any case: the program that it starts, the interpreter of a script,
 * the loader and the libraries that they name, files that are arguments, and what the C library reads. What the program
 * reads by itself (modules, plug-ins, configuration) is not known to anybody before it ran: that needs a trace.
 * Damaged programs are noted and not followed. Throws what reading `files` throws.
 */
export async function startSet(config: ImageConfig, files: ImageFiles): Promise<StartSet> {
  const command = startCommand(config)
  const collector = new Collector(files, command)
  if (command.programs.length === 0)
    return { trace: [], notes: ['the image says no program to start'] }
  for (const program of command.programs) await collector.program(program)
  for (const word of command.words) collector.file(word)
  for (const file of SYSTEM_FILES) collector.file(file)
  return collector.set()
}

class Collector {
  readonly #files: ImageFiles
  readonly #command: StartCommand
  /** Where relative paths begin, clean. */
  readonly #directory: string
  readonly #taken = new Set<string>()
  readonly #notes: string[] = []

  constructor(files: ImageFiles, command: StartCommand) {
    this.#files = files
    this.#command = command
    this.#directory = followPath(files, command.workingDirectory) ?? ''
  }

  set(): StartSet {
    if (this.#taken.size === MAX_FILES) {
      this.#notes.push(`only the first ${MAX_FILES} files are taken`)
    }
    const trace = [...this.#taken].map((path): FileRead => ({ path }))
    return { trace, notes: this.#notes }
  }

  /** A program by its name, as a shell would find it, and all it is loaded with. */
  async program(name: string): Promise<void> {
    const path = this.#findProgram(name)
    if (path === undefined) {
      this.#notes.push(`the program ${JSON.stringify(name)} is not in the image`)
      return
    }
    await this.#load(path, MAX_INTERPRETERS)
  }

  /** A file, if the path names one. */
  file(path: string): void {
    const found = this.#regular(path)
    if (found !== undefined) this.#take(found)
  }

  /** The path of a regular file that has content, symlinks followed. */
  #regular(path: string): string | undefined {
    const found = followPath(this.#files, path, this.#directory)
    if (found === undefined) return undefined
    const entry = this.#files.entry(found)
    return entry?.kind === 'file' && entry.size > 0 ? found : undefined
  }

  #findProgram(name: string): string | undefined {
    if (name.includes('/')) return this.#regular(name)
    for (const directory of (this.#command.environment.get('PATH') ?? DEFAULT_PATH).split(':')) {
      const found = this.#regular(directory === '' ? name : `${directory}/${name}`)
      if (found !== undefined && (this.#files.entry(found)!.mode & 0o111) !== 0) return found
    }
    return undefined
  }

  /** Takes a file; false where it is taken already, or there are too many. */
  #take(path: string): boolean {
    if (this.#taken.has(path) || this.#taken.size >= MAX_FILES) return false
    this.#taken.add(path)
    return true
  }

  async #load(path: string, interpreters: number): Promise<void> {
    if (!this.#take(path)) return
    const { size } = this.#files.entry(path)!
    const head = await this.#files.read(path, 0, Math.min(size, SHEBANG_SIZE))
    if (head[0] === 0x23 && head[1] === 0x21) {
      await this.#script(path, Buffer.from(head).toString('latin1'), interpreters)
      return
    }
    const elf = await this.#elf(path)
    if (elf !== undefined) await this.#libraries({ path, elf })
  }

  async #script(path: string, head: string, interpreters: number): Promise<void> {
    const [interpreter = '', ...words] = head.slice(2).split('\n', 1)[0]!.trim().split(/\s+/)
    const found = this.#regular(interpreter)
    if (found === undefined || interpreters === 0) {
      this.#notes.push(`the interpreter ${JSON.stringify(interpreter)} of ${path} is not followed`)
      return
    }
    await this.#load(found, interpreters - 1)
    if (baseName(interpreter) !== 'env') return
    const program = words.find((word) => !word.startsWith('-') && !word.includes('='))
    if (program !== undefined) await this.program(program)
  }

  /** The loader and libraries of a program, breadth first, as the loader opens them. */
  async #libraries(program: LoadedElf): Promise<void> {
    const { interpreter } = program.elf
    const loader = interpreter === undefined ? undefined : this.#regular(interpreter)
    if (loader !== undefined) this.#take(loader)
    if (program.elf.needed.length === 0) return
    const search = await openLibrarySearch(this.#files, program, this.#command.environment)
    const known = new Set(interpreter === undefined ? [] : [baseName(interpreter)])
    const waiting: LoadedElf[][] = [[program]]
    for (let chain = waiting.shift(); chain !== undefined; chain = waiting.shift()) {
      const [needing] = chain
      for (const name of needing!.elf.needed) {
        if (known.has(name) || known.size > MAX_FILES) continue
        known.add(name)
        const library = await this.#library(search.candidates(name, chain), program.elf)
        if (library === undefined) {
          this.#notes.push(`${needing!.path} needs ${name}, which is not found in the image`)
        } else {
          waiting.push([library, ...chain])
        }
      }
    }
  }

  /** The first of `candidates` that is a library for the program, which is taken. */
  async #library(candidates: readonly string[], program: ElfFile): Promise<LoadedElf | undefined> {
    for (const candidate of candidates) {
      const path = this.#regular(candidate)
      if (path === undefined) continue
      const elf = await this.#elf(path)
      const fits =
        elf?.machine === program.machine &&
        elf.bits === program.bits &&
        elf.bigEndian === program.bigEndian
      if (!fits) continue
      this.#take(path)
      // $ORIGIN of a library is the directory in which it was found, whatever that is a symlink to
      return { path: cleanPath(candidate), elf }
    }
    return undefined
  }

  async #elf(path: string): Promise<ElfFile | undefined> {
    const { size } = this.#files.entry(path)!
    const read = (offset: number, length: number): Promise<Uint8Array> =>
      this.#files.read(path, offset, length)
    try {
      return this.#files.elf?.(path) ?? (await readElf({ size, read }, path))
    } catch (error) {
      if (!isElfProblem(error)) throw error
      this.#notes.push(error.message)
      return undefined
    }
  }
}

/** What is wrong with the file itself; where the image cannot be read, that is another format's problem. */
function isElfProblem(error: unknown): error is Error {
  if (!isAccelError(error)) return false
  return (error.context as { format?: string }).format === 'ELF file'
}
