import type { BatchHost } from '../threads/batch-host.ts'
import { InlineHost } from '../threads/inline-host.ts'

/** Does batches in the same thread; `bytes` is the size of a slab's halves, `taken` the slabs that are not given back. */
export function inlineHost(bytes = 10 * 1024 * 1024): BatchHost & { taken: number } {
  const inner = new InlineHost({ input: bytes, output: bytes })
  const host = {
    taken: 0,
    takeSlab() {
      host.taken++
      return inner.takeSlab()
    },
    giveSlab(slab: Parameters<BatchHost['giveSlab']>[0]) {
      host.taken--
      inner.giveSlab(slab)
    },
    batch: inner.batch.bind(inner),
  }
  return host
}
