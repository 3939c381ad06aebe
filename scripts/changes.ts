/** The files of `changes/`: one for each change that a user can see, until the next release. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './source-tree.ts'

/** The sections of a release, in their order; a change file begins with one of them, in lower case. */
export const changeKinds = ['Added', 'Changed', 'Fixed', 'Removed', 'Security'] as const

/** One change. */
export interface Change {
  /** The file's name. */
  file: string
  kind: (typeof changeKinds)[number]
  text: string
}

/** Every change, by name. Throws with the name of a file that is none. */
export function readChanges(): Change[] {
  return readdirSync(join(root, 'changes'))
    .filter((file) => file !== 'README.md')
    .toSorted()
    .map((file) => parseChange(file, readFileSync(join(root, 'changes', file), 'utf8')))
}

/** Takes a change file apart. Throws an Error that says what is wrong with it. */
export function parseChange(file: string, content: string): Change {
  const [, prefix] = /^([a-z]+)-[a-z0-9-]+\.md$/.exec(file) ?? []
  const kind = changeKinds.find((name) => name.toLowerCase() === prefix)
  if (kind === undefined) {
    throw new Error(`changes/${file}: a name is <${changeKinds.join('|').toLowerCase()}>-<slug>.md`)
  }
  const text = content.trim()
  if (text === '' || text.startsWith('#') || text.includes('\n\n')) {
    throw new Error(`changes/${file}: the text is one paragraph without a heading`)
  }
  return { file, kind, text }
}

/** The part of the changelog for one release: a section for each kind of change there is. */
export function releaseNotes(version: string, date: string, changes: Change[]): string {
  const sections = changeKinds
    .map((kind) => ({ kind, items: changes.filter((change) => change.kind === kind) }))
    .filter(({ items }) => items.length > 0)
    .map(({ kind, items }) => `### ${kind}\n\n${items.map(({ text }) => item(text)).join('\n')}`)
  return [`## ${version} (${date})`, ...sections].join('\n\n')
}

function item(text: string): string {
  return `- ${text.replaceAll('\n', '\n  ')}`
}
