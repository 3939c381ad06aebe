import { AccelError } from '../../errors/accel-error.ts'
import {
  LANDMARK_BYTE,
  NO_PREFETCH_LANDMARK,
  PREFETCH_LANDMARK,
  STATE_DIRECTORY,
  TOC_NAME,
} from '../../formats/estargz/layout.ts'
import type { Row } from '../../formats/estargz/toc-builder.ts'
import { NEWEST_TIME, OLDEST_TIME } from '../../formats/estargz/toc-row.ts'
import type { TarEntry } from '../../formats/tar/entry.ts'
import { cleanPath, parentPath } from '../../formats/tar/path.ts'
import { opaqueWhiteoutOf, whiteoutName, whiteoutOf } from '../../formats/tar/whiteout.ts'
import { encodeHeader } from '../../formats/tar/writer.ts'
import { ContentTable, KIND } from '../content-table.ts'
import { OVERLAY_XATTR } from '../overlay-xattr.ts'
import type { DirectoryMetadata, LowerAnswers, LowerQuestion } from '../layer-content.ts'
import { Warnings } from '../warnings.ts'
import { LinkTable } from './link-table.ts'

/** An entry to be written; a file's content is that of the entry it was made from. */
export interface Output {
  entry: TarEntry
  header: Uint8Array
  /** What it says something of. */
  node: number
  role: 'entry' | 'whiteout' | 'opaque'
}

/** What becomes of the TOC once all entries are written. */
export interface Corrections {
  /** Rows that later entries took the place of. */
  removed: ReadonlySet<Row>
  /** Rows with another name or link target. */
  changed: ReadonlyMap<Row, { name?: string; linkName?: string }>
}

/** How often a directory with all in it may be replaced by something else; each time all paths are looked at. */
const MAX_REPLACED_DIRECTORIES = 16

/** What readers take a directory without an entry for. */
const DEFAULT_DIRECTORY: DirectoryMetadata = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNanoseconds: 0,
}

/**
 * Decides, entry by entry, what of a layer is written, so that a lazily mounted layer looks as the layer would
 * unpacked. What the format cannot say leaves the layer `kept` as it is; readers then pull it in the ordinary way.
 *
 * - the TOC and landmarks of an earlier conversion, and what aufs left, are dropped
 * - a later entry takes the place of an earlier one; hard links to the earlier one keep its content
 * - a whiteout of something that the layer itself has is dropped; a directory is then opaque
 * - a directory without an entry gets one, as the layers below have it
 * - an opaque root becomes whiteouts of what the root holds below: an overlay does not look at its layers' roots
 */
export class LayerRules {
  readonly table = new ContentTable()
  readonly #warnings = new Warnings()
  readonly #what: string
  readonly #lower: LowerAnswers | undefined
  readonly #links = new LinkTable(this.table)
  readonly #rows: Row[] = []
  readonly #whiteoutRows = new Map<number, Row>()
  readonly #opaqueRows = new Map<number, Row>()
  readonly #removed = new Set<Row>()
  #kept: string | undefined = undefined
  /** A directory that is known to be one, with all above it. */
  #lastParent = ''
  #replacedDirectories = 0
  /** Directories without an entry, of which the layers below may know more. */
  readonly #missing: string[] = []
  #reserved: { path: string; size: number; first: Uint8Array[] } | undefined = undefined

  constructor(what: string, lower: LowerAnswers | undefined) {
    this.#what = what
    this.#lower = lower
  }

  /** Why the layer is kept as it is, as far as is known. */
  get kept(): string | undefined {
    return this.#kept
  }

  /** Says that the layer is kept, for this reason unless there is one. */
  keep(reason: string): void {
    this.#kept ??= reason
  }

  get warnings(): string[] {
    return this.#warnings.list
  }

  warn(text: string): void {
    this.#warnings.add(text)
  }

  /** The row of an output that was written. */
  wrote(output: Output, row: Row): void {
    switch (output.role) {
      case 'entry':
        // Without a gap, which would make a slow array of it.
        while (this.#rows.length < output.node) this.#rows.push(NO_ROW)
        this.#rows[output.node] = row
        this.#links.wrote(output.node, row)
        break
      case 'whiteout':
        this.#whiteoutRows.set(output.node, row)
        break
      case 'opaque':
        this.#opaqueRows.set(output.node, row)
        break
    }
  }

  /**
   * What is to be written for an entry of the layer: nothing, it, or more; only the first can have content.
   * Throws DRIVER_ENTRY_REFUSED.
   */
  take(entry: TarEntry, header: Uint8Array): Output[] {
    if (this.#reserved?.path === TOC_NAME) this.keep(`it has a file named ${TOC_NAME}`)
    const outputs = this.#take(entry, header)
    return this.#kept === undefined ? outputs : []
  }

  /** Content of an entry for which nothing is written. */
  dropped(bytes: Uint8Array): void {
    if (this.#reserved === undefined || this.#reserved.size >= 256) return
    this.#reserved.first.push(bytes.slice(0, 256))
    this.#reserved.size += bytes.length
  }

  /** What is to be written after the last entry. */
  closing(): Output[] {
    this.#checkReserved()
    const outputs = [...this.#opaqueRoot(), ...this.#missingDirectories(), ...this.#root()]
    const dangling = this.#links.resolve(this.#rows)
    if (dangling !== undefined) this.keep(dangling)
    return this.#kept === undefined ? outputs : []
  }

  /** What has to be changed in the TOC. After the last `wrote`. */
  corrections(): Corrections {
    return { removed: this.#removed, changed: this.#links.corrections(this.#removed, this.#rows) }
  }

  /** What the layers below could change of it. After `closing`. */
  questions(): LowerQuestion[] {
    if (this.#kept !== undefined) return []
    const { table } = this
    const questions: LowerQuestion[] = []
    if (table.kind(table.paths.find('')) === KIND.nothing) {
      questions.push({ about: 'path', path: '', matters: 'present', unless: DEFAULT_DIRECTORY })
    }
    for (const [number] of this.#whiteoutRows) {
      if (table.isWhiteout(number)) {
        questions.push({ about: 'path', path: table.paths.path(number), matters: 'absent' })
      }
    }
    for (const path of this.#missing) {
      questions.push({ about: 'path', path, matters: 'present' })
    }
    if (table.isOpaque(table.paths.find(''))) questions.push({ about: 'root-names' })
    return questions
  }

  #take(entry: TarEntry, header: Uint8Array): Output[] {
    if (entry.nameBytes || entry.linknameBytes) {
      this.keep(`${JSON.stringify(entry.name)} has a name or target that is not UTF-8`)
    }
    const path = cleanPath(entry.name)
    if (entry.mtime < OLDEST_TIME || entry.mtime > NEWEST_TIME) {
      this.keep(`${JSON.stringify(path)} has a time that RFC 3339 cannot say`)
    }
    this.#checkReserved()
    if (isReserved(path)) return this.#takeReserved(entry, path)
    const whiteout = whiteoutName(path)
    switch (whiteout?.kind) {
      case 'aufs':
        return []
      case 'invalid':
        this.keep(`${JSON.stringify(path)} is a whiteout of nothing`)
        return []
      case 'whiteout':
        return this.#takeWhiteout(entry, header, whiteout.path, path)
      case 'opaque':
        return this.#takeOpaque(entry, header, whiteout.directory, path)
      case undefined:
        return this.#takeOrdinary(entry, header, path)
    }
  }

  #takeReserved(entry: TarEntry, path: string): Output[] {
    const isLandmark = path !== TOC_NAME && path !== STATE_DIRECTORY
    if (entry.type !== 'file' || path === STATE_DIRECTORY || (isLandmark && entry.size !== 1)) {
      this.keep(`it has a file named ${path}`)
    } else {
      this.#reserved = { path, size: 0, first: [] }
    }
    return []
  }

  /** The content of a reserved file is there: it is that of an earlier conversion, or the user's own. */
  #checkReserved(): void {
    if (this.#reserved === undefined) return
    const { path, first } = this.#reserved
    this.#reserved = undefined
    const content = Buffer.concat(first)
    const known =
      path === TOC_NAME
        ? /^\s*\{\s*"version"\s*:\s*1\s*,\s*"entries"\s*:/.test(content.toString('latin1'))
        : content[0] === LANDMARK_BYTE
    if (!known) this.keep(`it has a file named ${path}`)
  }

  #takeWhiteout(entry: TarEntry, header: Uint8Array, removed: string, path: string): Output[] {
    const { table } = this
    this.#checkParents(path)
    const node = table.add(removed)
    if (table.isWhiteout(node)) return []
    switch (table.kind(node)) {
      case KIND.directory:
        return this.#makeOpaque(node)
      case KIND.nothing:
        break
      default:
        return []
    }
    // A directory without an entry is made opaque when it gets one.
    if (table.isFilled(node)) {
      table.setWhiteout(node, true)
      return []
    }
    if (this.#lower !== undefined && !this.#lower.paths.has(removed)) return []
    table.setWhiteout(node, true)
    return [this.#marker(entry, header, node, 'whiteout')]
  }

  #takeOpaque(entry: TarEntry, header: Uint8Array, directory: string, path: string): Output[] {
    const { table } = this
    this.#checkParents(path)
    const node = table.add(directory)
    if (table.isOpaque(node)) return []
    table.setOpaque(node, true)
    return [this.#marker(entry, header, node, 'opaque')]
  }

  /** A whiteout: an empty file, whatever it was in the layer. */
  #marker(entry: TarEntry, header: Uint8Array, node: number, role: Output['role']): Output {
    if (entry.type !== 'file' || entry.size > 0) {
      return made('file', cleanPath(entry.name), MARKER, node, role)
    }
    return { ...this.#plain(entry, header), node, role }
  }

  #takeOrdinary(entry: TarEntry, header: Uint8Array, path: string): Output[] {
    const { table } = this
    if (entry.type === 'character' && entry.devMajor === 0 && entry.devMinor === 0) {
      const problem = 'a character device 0:0 is a whiteout of overlayfs'
      throw new AccelError('DRIVER_ENTRY_REFUSED', { what: this.#what, path, problem })
    }
    if (path === '' && entry.type !== 'directory') {
      this.keep(`its root is a ${entry.type}`)
      return []
    }
    this.#checkParents(path)
    const node = table.add(path)
    const written = this.#plain(entry, header)
    this.#replace(node, path, entry.type === 'directory')
    if (entry.type === 'hardlink') {
      const problem = this.#links.add(node, path, cleanPath(entry.linkname), this.#rows)
      if (problem !== undefined) this.keep(problem)
    }
    if (entry.type === 'directory') table.setDirectory(node, written.entry)
    else table.setKind(node, entry.type === 'symlink' ? KIND.symlink : otherKind(entry))
    const output: Output = { ...written, node, role: 'entry' }
    if (!table.isWhiteout(node)) return [output]
    this.#dropWhiteout(node)
    return entry.type === 'directory' ? [output, ...this.#makeOpaque(node)] : [output]
  }

  /** The entry with its own header blocks, or with new ones where those do not say it plainly. */
  #plain(entry: TarEntry, header: Uint8Array): { entry: TarEntry; header: Uint8Array } {
    let plain = entry
    if (entry.xattrs !== undefined) {
      const kept = [...entry.xattrs].filter(([name]) => !OVERLAY_XATTR.test(name))
      if (kept.length < entry.xattrs.size) {
        this.warn(
          `${JSON.stringify(entry.name)}: attributes of the overlay file system are left out`,
        )
        plain = { ...entry, xattrs: new Map(kept) }
      }
    }
    const { sparse, fromGlobal, typeflag, type } = entry
    const own = plain === entry && !sparse && !fromGlobal && typeflag !== CONTIGUOUS
    if (own && (type === 'file' || !hasSize(header))) return { entry, header }
    return { entry: plain, header: encodeHeader(plain) }
  }

  /** The directories above `path` are there, or will be. */
  #checkParents(path: string): void {
    const first = parentPath(path)
    if (first === undefined || first === this.#lastParent) return
    const { table } = this
    for (let parent = first; parent !== ''; parent = parentPath(parent)!) {
      const node = table.add(parent)
      const kind = table.kind(node)
      if (kind !== KIND.nothing && kind !== KIND.directory) {
        const below = kind === KIND.symlink ? 'behind the symbolic link' : 'below the file'
        this.keep(`${JSON.stringify(path)} lies ${below} ${JSON.stringify(parent)}`)
        return
      }
      if (table.isFilled(node)) break
      table.setFilled(node, true)
      if (kind === KIND.directory) break
    }
    this.#lastParent = first
  }

  /** What was at `node` gives way to an entry that comes. */
  #replace(node: number, path: string, directoryComes: boolean): void {
    const { table } = this
    if (!this.#isThere(node)) return
    if (table.kind(node) !== KIND.nothing) {
      this.#removed.add(this.#rows[node]!)
      this.#links.replaced(node)
    }
    if (directoryComes || !this.#isDirectory(node)) return
    if (++this.#replacedDirectories > MAX_REPLACED_DIRECTORIES) {
      this.keep('it replaces directories by files again and again')
      return
    }
    this.#lastParent = ''
    table.setFilled(node, false)
    this.#dropOpaque(node)
    const prefix = `${path}/`
    for (let other = 0; other < table.paths.size; other++) {
      if (table.paths.path(other).startsWith(prefix)) this.#drop(other)
    }
  }

  /** Nothing of this layer is at `node` any more. */
  #drop(node: number): void {
    const { table } = this
    if (table.kind(node) !== KIND.nothing) {
      this.#removed.add(this.#rows[node]!)
      this.#links.replaced(node)
    }
    table.setKind(node, KIND.nothing)
    table.setFilled(node, false)
    this.#dropOpaque(node)
    if (table.isWhiteout(node)) this.#dropWhiteout(node)
  }

  #dropWhiteout(node: number): void {
    this.table.setWhiteout(node, false)
    const row = this.#whiteoutRows.get(node)
    if (row !== undefined) this.#removed.add(row)
    this.#whiteoutRows.delete(node)
  }

  #dropOpaque(node: number): void {
    if (!this.table.isOpaque(node)) return
    this.table.setOpaque(node, false)
    this.#removed.add(this.#opaqueRows.get(node)!)
  }

  #makeOpaque(node: number): Output[] {
    if (this.table.isOpaque(node)) return []
    this.table.setOpaque(node, true)
    return [made('file', opaqueWhiteoutOf(this.table.paths.path(node)), MARKER, node, 'opaque')]
  }

  #isThere(node: number): boolean {
    return this.table.kind(node) !== KIND.nothing || this.table.isFilled(node)
  }

  #isDirectory(node: number): boolean {
    return this.table.kind(node) === KIND.directory || this.table.isFilled(node)
  }

  /** Entries for the directories that are there because something lies in them. */
  #missingDirectories(): Output[] {
    const { table } = this
    const missing: { path: string; node: number }[] = []
    for (let node = 0; node < table.paths.size; node++) {
      if (table.kind(node) !== KIND.nothing || !table.isFilled(node)) continue
      missing.push({ path: table.paths.path(node), node })
    }
    // Those above before those below.
    missing.sort((a, b) => (a.path < b.path ? -1 : 1))
    return missing.flatMap(({ path, node }) => {
      if (this.#isHidden(path, node)) return this.#newDirectory(path, node)
      this.#missing.push(path)
      const lower = this.#lower?.paths.get(path)
      if (lower !== undefined && lower.kind !== 'directory') {
        const what = lower.kind === 'symlink' ? 'a symbolic link' : 'a file'
        this.keep(`it goes through ${JSON.stringify(path)}, which is ${what} in a layer below`)
        return []
      }
      return [made('directory', `${path}/`, lower?.metadata ?? DEFAULT_DIRECTORY, node, 'entry')]
    })
  }

  /** A directory without an entry of which nothing can be below. */
  #newDirectory(path: string, node: number): Output[] {
    const output = made('directory', `${path}/`, DEFAULT_DIRECTORY, node, 'entry')
    this.table.setDirectory(node, output.entry)
    if (!this.table.isWhiteout(node)) return [output]
    this.#dropWhiteout(node)
    return [output, ...this.#makeOpaque(node)]
  }

  /** The layer itself hides what the layers below have at `path`. */
  #isHidden(path: string, node: number): boolean {
    const { table } = this
    if (table.isWhiteout(node)) return true
    for (let above = parentPath(path); above !== undefined; above = parentPath(above)) {
      const number = table.paths.find(above)
      if (table.isOpaque(number) || table.isWhiteout(number)) return true
    }
    return false
  }

  #opaqueRoot(): Output[] {
    const { table } = this
    if (this.#lower === undefined || !table.isOpaque(table.paths.find(''))) return []
    return this.#lower.rootNames.flatMap((name) => {
      const node = table.add(name)
      if (this.#isThere(node)) return this.#isDirectory(node) ? this.#makeOpaque(node) : []
      if (table.isWhiteout(node)) return []
      table.setWhiteout(node, true)
      return [made('file', whiteoutOf(name), MARKER, node, 'whiteout')]
    })
  }

  #root(): Output[] {
    const { table } = this
    const lower = this.#lower?.paths.get('')
    const node = table.add('')
    if (table.kind(node) !== KIND.nothing || lower?.kind !== 'directory') return []
    if (isDefault(lower.metadata)) return []
    return [made('directory', './', lower.metadata, node, 'entry')]
  }
}

const NO_ROW = -1
const CONTIGUOUS = 0x37
const MARKER: DirectoryMetadata = { ...DEFAULT_DIRECTORY, mode: 0 }

function isDefault({ mode, uid, gid, xattrs }: DirectoryMetadata): boolean {
  return mode === DEFAULT_DIRECTORY.mode && uid === 0 && gid === 0 && (xattrs?.size ?? 0) === 0
}

function isReserved(path: string): boolean {
  return (
    path === TOC_NAME ||
    path === PREFETCH_LANDMARK ||
    path === NO_PREFETCH_LANDMARK ||
    path === STATE_DIRECTORY
  )
}

function otherKind(entry: TarEntry): typeof KIND.hardlink | typeof KIND.other {
  return entry.type === 'hardlink' ? KIND.hardlink : KIND.other
}

/** The header of what has no content says a size all the same; readers differ in whether they skip so much. */
function hasSize(header: Uint8Array): boolean {
  const at = header.length - 512 + 124
  for (let i = at; i < at + 12; i++) {
    const byte = header[i]
    if (byte !== 0x30 && byte !== 0x20 && byte !== 0) return true
  }
  return false
}

/** An entry that the layer does not have. */
function made(
  type: 'directory' | 'file',
  name: string,
  metadata: DirectoryMetadata,
  node: number,
  role: Output['role'],
): Output {
  const { mode, uid, gid, mtime, mtimeNanoseconds, xattrs } = metadata
  const entry: TarEntry = {
    type,
    name,
    linkname: '',
    mode,
    uid,
    gid,
    uname: '',
    gname: '',
    mtime,
    mtimeNanoseconds,
    size: 0,
    devMajor: 0,
    devMinor: 0,
    ...(xattrs ? { xattrs } : {}),
    typeflag: type === 'file' ? 0x30 : 0x35,
    sparse: false,
    fromGlobal: false,
    offset: 0,
  }
  return { entry, header: encodeHeader(entry), node, role }
}
