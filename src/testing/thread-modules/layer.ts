/** A layer module for the tests of the thread pool: what it does is its data. */
import { createHash } from 'node:crypto'
import { getPriority } from 'node:os'
import { AccelError } from '../../errors/accel-error.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import type { BatchWork } from './batch.ts'

export interface LayerWork {
  /** `hash`: digest of the source; `batches`: hands each piece to a batch thread; `priority`: that of the thread; the rest ends badly. */
  does: 'hash' | 'batches' | 'priority' | 'throw' | 'exit' | 'memory' | 'wait' | 'spin'
  batch?: BatchWork
}

const BATCH = moduleBeside(import.meta.url, './batch')

export async function run(work: LayerWork, host: LayerHost): Promise<unknown> {
  switch (work.does) {
    case 'priority':
      return getPriority()
    case 'throw':
      throw new AccelError('FORMAT_INVALID', { what: 'it', format: 'x', offset: 3, problem: 'y' })
    case 'exit':
      return process.exit(7)
    case 'memory': {
      const block = Array.from({ length: 1e6 }, (_, i) => i + 0.5)
      const held: number[][] = []
      for (;;) held.push(block.slice())
    }
    case 'wait':
      // More than there is: a lock on all slabs until it is stopped.
      for (;;) await host.takeSlab()
    case 'spin':
      for (;;);
    case 'hash': {
      const hash = createHash('sha256')
      let pieces = 0
      for (let piece = await host.pull(); piece !== undefined; piece = await host.pull()) {
        hash.update(piece)
        pieces++
        host.progress(pieces)
      }
      return { digest: hash.digest('hex'), pieces }
    }
    case 'batches': {
      const results: Promise<unknown>[] = []
      for (let piece = await host.pull(); piece !== undefined; piece = await host.pull()) {
        for (let at = 0; at < piece.length; at += 1000) {
          const slab = await host.takeSlab()
          const part = piece.subarray(at, at + 1000)
          slab.input.set(part)
          const data: BatchWork = { ...work.batch, length: part.length }
          const done = host.batch(slab, { module: BATCH, data }).then((result) => {
            const sum = [result, slab.output[0]]
            host.giveSlab(slab)
            return sum
          })
          done.catch(() => {})
          results.push(done)
        }
      }
      return Promise.all(results)
    }
  }
}
