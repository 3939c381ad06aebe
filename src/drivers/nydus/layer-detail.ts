/**
 * What the image step must know of a layer and its bootstrap does not say. JSON; paths are clean, and their bytes are
 * written as latin1, as names need not be UTF-8.
 */
export interface LayerDetail {
  /** Directories that no entry describes: where the layers below have them, theirs is what counts. The root is ''. */
  invented: string[]
  /** Hard links to files that are not in the layer: path and target. */
  links: [path: string, target: string][]
  /** What opens the sealed bootstrap of an encrypted layer; see seal.ts. It must not leave this machine. */
  seal?: string
}

/** The names of a path of a LayerDetail. */
export function namesOf(path: string): Uint8Array[] {
  return path === '' ? [] : path.split('/').map((name) => Buffer.from(name, 'latin1'))
}

/** The path of names, for a LayerDetail. */
export function pathOfNames(names: readonly Uint8Array[]): string {
  return names.map((name) => Buffer.from(name).toString('latin1')).join('/')
}
