import { createHash } from 'node:crypto'
import type {
  DirectoryMetadata,
  LayerContent,
  LowerAnswers,
  LowerEntry,
  LowerQuestion,
} from '../drivers/layer-content.ts'

/** What is at `path` once `lower`, the layers below from the lowest to the highest, are applied. */
export function lowerEntry(path: string, lower: readonly LayerContent[]): LowerEntry | undefined {
  for (const layer of lower.toReversed()) {
    const entry = layer.at(path)
    if (entry?.kind === 'whiteout') return undefined
    if (entry) return entry
    if (hidesBelow(path, layer)) return undefined
  }
  return undefined
}

/** Tells whether `layer` hides what the layers below it have at `path`, by what it does to a directory above. */
function hidesBelow(path: string, layer: LayerContent): boolean {
  for (let end = path.lastIndexOf('/'); ; end = path.lastIndexOf('/', end - 1)) {
    const directory = end < 0 ? '' : path.slice(0, end)
    if (path !== '' && layer.opaque(directory)) return true
    if (directory === '') return false
    const entry = layer.at(directory)
    if (entry && entry.kind !== 'directory') return true
  }
}

/** The names in the root once `lower` are applied, sorted. */
function lowerRootNames(lower: readonly LayerContent[]): string[] {
  const names = new Set<string>()
  for (const layer of lower) {
    if (layer.opaque('')) names.clear()
    for (const name of names) {
      if (layer.at(name)?.kind === 'whiteout') names.delete(name)
    }
    for (const name of layer.rootNames()) names.add(name)
  }
  return [...names].sort()
}

/** The answers to `questions` from the layers below, or undefined where none of them matters. */
export function answersThatMatter(
  questions: readonly LowerQuestion[],
  lower: readonly LayerContent[],
): LowerAnswers | undefined {
  const paths = new Map<string, LowerEntry>()
  let rootNames: readonly string[] = []
  let matters = false
  for (const question of questions) {
    if (question.about === 'root-names') {
      rootNames = lowerRootNames(lower)
      matters ||= rootNames.length > 0
      continue
    }
    const entry = lowerEntry(question.path, lower)
    if (entry) paths.set(question.path, entry)
    if ((entry ? 'present' : 'absent') === question.matters) {
      matters ||= !(entry && question.unless && isSameDirectory(entry, question.unless))
    }
  }
  return matters ? { paths, rootNames } : undefined
}

/** Same mode, owner and xattrs; times are left out. */
function isSameDirectory(entry: LowerEntry, other: DirectoryMetadata): boolean {
  if (entry.kind !== 'directory') return false
  const { mode, uid, gid, xattrs } = entry.metadata
  return (
    mode === other.mode &&
    uid === other.uid &&
    gid === other.gid &&
    xattrsText(xattrs) === xattrsText(other.xattrs)
  )
}

function xattrsText(xattrs: ReadonlyMap<string, Uint8Array> | undefined): string {
  return [...(xattrs ?? [])]
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('base64')}`)
    .sort()
    .join('\n')
}

/** A text that is equal for equal answers, for the key of what is made with them. */
export function answersKey(answers: LowerAnswers): string {
  const hash = createHash('sha256')
  for (const [path, entry] of [...answers.paths].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify(path)} ${entry.kind}`)
    if (entry.kind === 'directory') {
      const { mode, uid, gid, mtime, mtimeNanoseconds, xattrs } = entry.metadata
      hash.update(` ${mode} ${uid} ${gid} ${mtime}.${mtimeNanoseconds} ${xattrsText(xattrs)}`)
    }
    hash.update('\n')
  }
  hash.update(JSON.stringify(answers.rootNames))
  return hash.digest('hex')
}
