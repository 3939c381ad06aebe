import type { BatchHost } from '../threads/batch-host.ts'
import type { HostSlab } from '../threads/known-slabs.ts'

/** Does batches in the same thread, one slab after the other; `bytes` is the size of a slab's halves. */
export function inlineHost(bytes = 10 * 1024 * 1024): BatchHost & { taken: number } {
  const free: HostSlab[] = []
  let id = 0
  const host = {
    taken: 0,
    async takeSlab() {
      host.taken++
      const fresh = { id: ++id, input: new Uint8Array(bytes), output: new Uint8Array(bytes) }
      return free.pop() ?? fresh
    },
    giveSlab(slab: HostSlab) {
      host.taken--
      free.push(slab)
    },
    async batch(slab: HostSlab, call: { module: string; data: unknown }) {
      const module = (await import(call.module)) as {
        run(data: unknown, input: Uint8Array, output: Uint8Array): unknown
      }
      return module.run(call.data, slab.input, slab.output)
    },
  }
  return host
}
