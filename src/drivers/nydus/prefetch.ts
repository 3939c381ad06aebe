import { type FileTree, NONE, ROOT } from '../../formats/nydus-tree/file-tree.ts'
import { splitPath } from '../../formats/nydus-tree/file-name.ts'

/** The nodes that `patterns`, absolute paths, name, in their order, and the patterns that name nothing. */
export function prefetchNodes(
  tree: FileTree,
  patterns: readonly string[],
): { nodes: number[]; missing: string[] } {
  const nodes: number[] = []
  const missing: string[] = []
  for (const pattern of patterns) {
    const node = nodeAt(tree, pattern)
    if (node === NONE) missing.push(pattern)
    // What lies below another is fetched with it. Source: nydus builder/src/core/prefetch.rs.
    else if (!withParents(tree, node).some((one) => nodes.includes(one))) nodes.push(node)
  }
  return { nodes, missing }
}

function nodeAt(tree: FileTree, path: string): number {
  let node = ROOT
  for (const name of splitPath(Buffer.from(path))) {
    node = tree.lookup(node, name)
    if (node === NONE) return NONE
  }
  return node
}

function withParents(tree: FileTree, node: number): number[] {
  const chain = [node]
  for (let at = node; at !== ROOT; chain.push(at)) at = tree.parentOf(at)
  return chain
}
