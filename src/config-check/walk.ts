import type { Key, Section } from '../config/key.ts'
import type { FileFacts } from '../config/key-note.ts'
import { schema } from '../config/schema.ts'
import type { YamlNode } from '../config/yaml-tree.ts'
import type { Finding } from './finding.ts'

/** What the schema has to say of every key that stands in the file, and of those whose default is new. */
export function walk(root: YamlNode, facts: FileFacts): Finding[] {
  const found: Finding[] = []
  walkKey(schema, root, { path: '', line: 0 }, facts, found)
  return found
}

interface Place {
  path: string
  line: number
}

function walkKey(
  key: Key<unknown>,
  node: YamlNode | undefined,
  at: Place,
  facts: FileFacts,
  found: Finding[],
): void {
  const { below } = key
  if (below === undefined) {
    found.push(leaf(key, node, at, facts))
  } else if (below.name === '') {
    walkSection(below.keys, node, at, facts, found)
  } else if (below.name === '[]') {
    for (const [index, item] of (node?.kind === 'list' ? node.items : []).entries()) {
      const place = { path: `${at.path}[${index}]`, line: item.line }
      walkSection(below.keys, item, place, facts, found)
    }
  } else {
    for (const { key: name, line, value } of node?.kind === 'map' ? node.entries : []) {
      walkSection(below.keys, value, { path: `${at.path}.${name}`, line }, facts, found)
    }
  }
}

function walkSection(
  keys: Section,
  node: YamlNode | undefined,
  at: Place,
  facts: FileFacts,
  found: Finding[],
): void {
  const entries = node?.kind === 'map' ? node.entries : []
  const pathOf = (name: string): string => (at.path === '' ? name : `${at.path}.${name}`)
  for (const { key: name, line, value } of entries) {
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined
    const path = pathOf(name)
    if (key === undefined)
      found.push({ line, path, state: 'unknown', note: 'there is no such key' })
    else walkKey(key, value, { path, line }, facts, found)
  }
  const written = new Set(entries.map((entry) => entry.key))
  for (const [name, key] of Object.entries(keys)) {
    if (!written.has(name)) leftOut(key, { path: pathOf(name), line: at.line }, found)
  }
}

/** Keys that are left out are worth a word where their default is new. Hosts and list items have no defaults. */
function leftOut(key: Key<unknown>, at: Place, found: Finding[]): void {
  const { note, below, shownDefault } = key
  if (note?.changedDefault !== undefined) {
    const shown = `left out, it is ${shownDefault ?? 'empty'}: ${note.changedDefault}`
    found.push({ ...at, state: 'changed', note: shown })
  }
  if (below?.name !== '') return
  for (const [name, inner] of Object.entries(below.keys)) {
    leftOut(inner, { ...at, path: `${at.path}.${name}` }, found)
  }
}

function leaf(key: Key<unknown>, node: YamlNode | undefined, at: Place, facts: FileFacts): Finding {
  const { note } = key
  const written = node?.kind === 'scalar' && !node.empty ? node.text : undefined
  const danger = written === undefined ? undefined : note?.danger?.(written, facts)
  if (danger !== undefined) return { ...at, state: 'dangerous', note: danger }
  if (note?.dead !== undefined) return { ...at, state: 'dead', note: note.dead }
  if (note?.changed !== undefined) return { ...at, state: 'changed', note: note.changed }
  return { ...at, state: 'used', note: '' }
}
