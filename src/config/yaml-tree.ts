/** A YAML file as a tree of texts with lines: no scalar is interpreted, so `0x100000` stays `0x100000`. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
  type Pair,
} from 'yaml'
import type { ConfigProblem } from '../errors/catalogue/config.ts'

/** A node; `line` counts from 1. */
export type YamlNode = YamlScalar | YamlMap | YamlList

export interface YamlScalar {
  kind: 'scalar'
  line: number
  /** As written, without quotes; empty for null. */
  text: string
  /** Nothing, `~` or `null`, unquoted. */
  empty: boolean
}

export interface YamlMap {
  kind: 'map'
  line: number
  entries: YamlEntry[]
}

export interface YamlEntry {
  key: string
  /** Where the key stands. */
  line: number
  value: YamlNode
}

export interface YamlList {
  kind: 'list'
  line: number
  items: YamlNode[]
}

/** What became of a text: a tree, or why there is none. */
export interface ParsedYaml {
  root: YamlNode
  problems: ConfigProblem[]
}

/** Aliases may make a small file large; no configuration comes near this. */
const MAX_NODES = 20_000

/** Nesting that no key of the schema reaches; also stops an alias that contains itself. */
const MAX_DEPTH = 32

const nullWords = new Set(['', '~', 'null', 'Null', 'NULL'])

/** Parses the first document of `text`, YAML 1.2 with merge keys as gopkg.in/yaml.v3 reads them. Never throws. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    lineCounter: lines,
    logLevel: 'silent',
  })
  const document = 'empty' in documents ? undefined : documents[0]
  if (document === undefined) return { root: emptyScalar(1), problems: [] }
  const problems = document.errors.map((error) => ({
    line: error.linePos?.[0].line ?? 1,
    path: '',
    // the library adds the place and an excerpt behind the first line
    problem: (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''),
  }))
  if (problems.length > 0) return { root: emptyScalar(1), problems }
  return new TreeBuilder(document, lines).build()
}

class TreeBuilder {
  #nodes = 0
  #problem: ConfigProblem | undefined
  readonly #document: Document
  readonly #lines: LineCounter

  constructor(document: Document, lines: LineCounter) {
    this.#document = document
    this.#lines = lines
  }

  build(): ParsedYaml {
    const root = this.#node(this.#document.contents, 1, 0)
    return { root, problems: this.#problem === undefined ? [] : [this.#problem] }
  }

  #node(node: unknown, around: number, depth: number): YamlNode {
    const line = this.#lineOf(node, around)
    this.#nodes += 1
    if (this.#nodes > MAX_NODES || depth > MAX_DEPTH) {
      this.#problem ??= { line, path: '', problem: 'nested too deeply, or aliases repeat too much' }
    }
    if (this.#problem !== undefined) return emptyScalar(line)
    if (isAlias(node)) return this.#node(node.resolve(this.#document), line, depth + 1)
    if (isScalar(node)) {
      const text = node.source ?? ''
      return { kind: 'scalar', line, text, empty: node.type === 'PLAIN' && nullWords.has(text) }
    }
    if (isSeq(node)) {
      return { kind: 'list', line, items: node.items.map((i) => this.#node(i, line, depth + 1)) }
    }
    if (isMap(node)) return { kind: 'map', line, entries: this.#entries(node.items, line, depth) }
    return emptyScalar(line)
  }

  /** A map's own entries, then those that `<<` merges and it has not itself. */
  #entries(pairs: Pair[], around: number, depth: number): YamlEntry[] {
    const own: YamlEntry[] = []
    const merged: YamlEntry[] = []
    for (const pair of pairs) {
      const key = this.#node(pair.key, around, depth + 1)
      const value = this.#node(pair.value, key.line, depth + 1)
      if (key.kind !== 'scalar') {
        this.#problem ??= { line: key.line, path: '', problem: 'a key must be a text' }
      } else if (key.text === '<<') {
        const maps = value.kind === 'list' ? value.items : [value]
        merged.push(...maps.flatMap((map) => (map.kind === 'map' ? map.entries : [])))
      } else {
        own.push({ key: key.text, line: key.line, value })
      }
    }
    const names = new Set(own.map((entry) => entry.key))
    for (const entry of merged) {
      if (!names.has(entry.key)) own.push(entry)
      names.add(entry.key)
    }
    return own
  }

  #lineOf(node: unknown, around: number): number {
    const start = (node as Node | null | undefined)?.range?.[0]
    return start === undefined ? around : this.#lines.linePos(start).line
  }
}

function emptyScalar(line: number): YamlScalar {
  return { kind: 'scalar', line, text: '', empty: true }
}
