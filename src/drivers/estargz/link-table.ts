import type { Row } from '../../formats/estargz/toc-builder.ts'
import { KIND, type ContentTable } from '../content-table.ts'

/** A hard link that was written. */
interface Link {
  node: number
  row: Row
  /** The clean path that it names. */
  target: string
  /** The node and row of the file that it is another name of; undefined until the file has come. */
  file: { node: number; row: Row } | undefined
  replaced: boolean
}

/**
 * The hard links of a layer. A reader finds a link's file by name once all rows are read, so a link whose file was
 * replaced later by another of its name must be given another name for it.
 */
export class LinkTable {
  readonly #table: ContentTable
  readonly #links: Link[] = []
  /** The link that is at a node now. */
  readonly #at = new Map<number, Link>()
  #anyReplaced = false

  constructor(table: ContentTable) {
    this.#table = table
  }

  /** Adds the link at `node`; tells why it cannot be one. */
  add(node: number, path: string, target: string, rows: readonly Row[]): string | undefined {
    if (target === path) return `${JSON.stringify(path)} is a hard link to itself`
    const found = this.#table.paths.find(target)
    const kind = this.#table.kind(found)
    if (kind === KIND.directory || (kind === KIND.nothing && this.#table.isFilled(found))) {
      return `${JSON.stringify(path)} is a hard link to a directory`
    }
    const file =
      kind === KIND.nothing
        ? undefined
        : kind === KIND.hardlink
          ? this.#at.get(found)!.file
          : { node: found, row: rows[found]! }
    const link: Link = { node, row: -1, target, file, replaced: false }
    this.#links.push(link)
    this.#at.set(node, link)
    return undefined
  }

  /** An entry was written for `node`. */
  wrote(node: number, row: Row): void {
    const link = this.#at.get(node)
    if (link !== undefined) link.row = row
  }

  /** What was at `node` is replaced or gone. */
  replaced(node: number): void {
    this.#anyReplaced = true
    const link = this.#at.get(node)
    if (link === undefined) return
    link.replaced = true
    this.#at.delete(node)
  }

  /** Finds the files of links that came before them. Tells what is wrong where there is none. */
  resolve(rows: readonly Row[]): string | undefined {
    for (const link of this.#links) {
      if (link.file !== undefined || link.replaced) continue
      link.file = this.#fileOf(link.target, rows, new Set())
      if (link.file === undefined) {
        const path = JSON.stringify(this.#table.paths.path(link.node))
        return `${path} is a hard link to ${JSON.stringify(link.target)}, which the layer does not have`
      }
    }
    return undefined
  }

  /** How rows have to change, as those in `removed` go; takes the files out of `removed` that get another name. */
  corrections(
    removed: Set<Row>,
    rows: readonly Row[],
  ): Map<Row, { name?: string; linkName?: string }> {
    const changed = new Map<Row, { name?: string; linkName?: string }>()
    if (!this.#anyReplaced) return changed
    const names = new Map<Row, string>()
    for (const link of this.#links) {
      const file = link.file
      if (link.replaced || file === undefined || link.row < 0) continue
      const path = this.#table.paths.path(link.node)
      if (removed.has(file.row)) {
        // The first link that is left becomes the file.
        removed.delete(file.row)
        removed.add(link.row)
        names.set(file.row, path)
        changed.set(file.row, { name: path })
      } else if (
        this.#fileOf(link.target, rows, new Set())?.row !== file.row ||
        names.has(file.row)
      ) {
        const name = names.get(file.row) ?? this.#table.paths.path(file.node)
        changed.set(link.row, { linkName: name })
      }
    }
    return changed
  }

  #fileOf(target: string, rows: readonly Row[], seen: Set<string>): Link['file'] {
    const node = this.#table.paths.find(target)
    switch (this.#table.kind(node)) {
      case KIND.nothing:
      case KIND.directory:
        return undefined
      case KIND.hardlink: {
        const link = this.#at.get(node)!
        if (link.file !== undefined || seen.has(target)) return link.file
        return this.#fileOf(link.target, rows, seen.add(target))
      }
      default:
        return { node, row: rows[node]! }
    }
  }
}
