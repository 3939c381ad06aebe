import { accessSync, constants, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ConfigProblem } from '../errors/catalogue/config.ts'
import { nearest } from './nearest.ts'
import type { YamlNode } from './yaml-tree.ts'

/** What one reading of a file collects, and where it looks things up. */
export interface ReadingFrame {
  /** The configuration file; relative paths start in its folder. */
  file: string
  environment: Readonly<Record<string, string | undefined>>
  problems: ConfigProblem[]
  unknownKeys: ConfigProblem[]
  warnings: ConfigProblem[]
  /** Every secret that was met, to be hidden in logs. */
  secrets: Set<string>
}

/** An entry of a map, with the reading that speaks of it. */
interface ReadEntry {
  key: string
  value: YamlNode
  at: Reading
}

/** A place in the configuration while it is read: knows its path and line, and collects what is wrong there. */
export class Reading {
  readonly #frame: ReadingFrame
  readonly #path: string
  readonly #line: number

  constructor(frame: ReadingFrame, path: string, line: number) {
    this.#frame = frame
    this.#path = path
    this.#line = line
  }

  /** The reading of the key `name` of this section. */
  below(name: string, line = this.#line): Reading {
    return new Reading(this.#frame, this.#path === '' ? name : `${this.#path}.${name}`, line)
  }

  problem(problem: string): void {
    this.#frame.problems.push(this.#note(problem))
  }

  warning(problem: string): void {
    this.#frame.warnings.push(this.#note(problem))
  }

  /** Notes a key that is none of `known`, and which of them may be meant. */
  unknownKey(name: string, at: Reading, known: readonly string[]): void {
    const meant = nearest(name, known)
    const hint =
      meant === undefined ? `the keys here are ${known.join(', ')}` : `did you mean ${meant}?`
    this.#frame.unknownKeys.push(at.#note(`unknown key, ${hint}`))
  }

  /** The text of a scalar; undefined where there is none, or it is empty and `keepEmpty` is not set. */
  scalar(node: YamlNode | undefined, { keepEmpty = false } = {}): string | undefined {
    if (node === undefined) return undefined
    if (node.kind !== 'scalar') {
      this.problem(`is a ${node.kind}, expected one value`)
      return undefined
    }
    if (node.empty) return keepEmpty ? '' : undefined
    return node.text
  }

  /** The entries of a map; none where it is left out or empty. */
  entries(node: YamlNode | undefined): ReadEntry[] {
    if (this.#absent(node, 'map')) return []
    return node.entries.map(({ key, line, value }) => ({ key, value, at: this.below(key, line) }))
  }

  /** The items of a list; none where it is left out or empty. */
  items(node: YamlNode | undefined): { item: YamlNode; at: Reading }[] {
    if (this.#absent(node, 'list')) return []
    return node.items.map((item, index) => ({
      item,
      at: new Reading(this.#frame, `${this.#path}[${index}]`, item.line),
    }))
  }

  /** A secret as written, or what `env:NAME` or `file:PATH` stands for. Line ends at its end are dropped. */
  secret(written: string): string {
    const plain = this.#secretText(written).replace(/[\r\n]+$/, '')
    this.hide(plain)
    return plain
  }

  /** Registers a text that must not appear in logs. */
  hide(plain: string): void {
    if (plain !== '') this.#frame.secrets.add(plain)
  }

  /** `path` made absolute; a problem where it cannot be read. */
  readablePath(path: string): string {
    const absolute = this.#absolute(path)
    try {
      accessSync(absolute, constants.R_OK)
    } catch (error) {
      this.problem(`cannot read ${absolute} (${codeOf(error)})`)
    }
    return absolute
  }

  #secretText(written: string): string {
    if (written.startsWith('env:')) {
      const name = written.slice('env:'.length)
      const value = this.#frame.environment[name]
      if (value === undefined)
        this.problem(`the environment has no variable ${JSON.stringify(name)}`)
      return value ?? ''
    }
    if (!written.startsWith('file:')) return written
    const path = this.#absolute(written.slice('file:'.length))
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      this.problem(`cannot read ${path} (${codeOf(error)})`)
      return ''
    }
  }

  #absolute(path: string): string {
    return resolve(dirname(this.#frame.file), path)
  }

  #absent<K extends 'map' | 'list'>(
    node: YamlNode | undefined,
    kind: K,
  ): node is undefined | Exclude<YamlNode, { kind: K }> {
    if (node === undefined || (node.kind === 'scalar' && node.empty)) return true
    if (node.kind === kind) return false
    this.problem(`is a ${node.kind}, expected a ${kind}`)
    return true
  }

  #note(problem: string): ConfigProblem {
    return { line: this.#line, path: this.#path, problem }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error'
}
