import type { BatchModule } from './entry.ts'
import type { BatchHost } from './batch-host.ts'
import type { HostSlab } from './known-slabs.ts'
import type { Call, SlabSize } from './messages.ts'

/**
 * Does batches in the same thread, at once: for work that has a thread of its own and none to hand anything to. Memory:
 * as many slabs as are taken at a time.
 */
export class InlineHost implements BatchHost {
  readonly #size: SlabSize
  readonly #modules = new Map<string, BatchModule>()
  readonly #free: HostSlab[] = []
  #slabs = 0
  #batchMs = 0

  constructor(size: SlabSize) {
    this.#size = size
  }

  /** Processor time of the batches so far, in milliseconds. */
  get batchMs(): number {
    return this.#batchMs
  }

  async takeSlab(): Promise<HostSlab> {
    return this.#free.pop() ?? this.#newSlab()
  }

  giveSlab(slab: HostSlab): void {
    this.#free.push(slab)
  }

  async batch(slab: HostSlab, { module: url, data }: Call): Promise<unknown> {
    const module = this.#modules.get(url) ?? ((await import(url)) as BatchModule)
    this.#modules.set(url, module)
    const before = threadMs()
    const result = module.run(data, slab.input, slab.output)
    this.#batchMs += threadMs() - before
    return result
  }

  #newSlab(): HostSlab {
    const { input, output } = this.#size
    return { id: ++this.#slabs, input: new Uint8Array(input), output: new Uint8Array(output) }
  }
}

/** Processor time of this thread so far, in milliseconds: what other threads and programs do does not count. */
export function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
