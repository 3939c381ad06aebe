import type { HostSlab } from './known-slabs.ts'

/** Where batches are done: a LayerHost, or the same thread in tests. */
export interface BatchHost {
  takeSlab(): Promise<HostSlab>
  giveSlab(slab: HostSlab): void
  batch(slab: HostSlab, call: { module: string; data: unknown }): Promise<unknown>
}

/** Undefined where nothing has to be waited for: an await for each small entry would cost more than the entry. */
export type Wait = Promise<void> | undefined
