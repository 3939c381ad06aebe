import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { SlabHandle } from './messages.ts'
import { sharedFacts } from './shared-facts.ts'
import type { Slab } from './slab-budget.ts'

/** `layer` threads work on one layer at a time; `batch` threads do the pieces of work that layers hand out. */
export type Role = 'layer' | 'batch'

/** What a thread is started with. */
export interface ThreadData {
  role: Role
  /** How far it stands back behind the main thread: 0, or up to 19. */
  niceness: number
}

/** What a running thread tells its owner. */
export interface ThreadListener {
  onMessage(message: unknown): void
  /**
   * Called once, when the thread has ended unasked: it threw, ran out of memory, or exited. Nothing that it said before
   * is missing: `exit` comes after its last message, while `error` may overtake some.
   */
  onDeath(cause: string): void
}

/** A thread, as the main thread holds it. While `idle` it does not keep the process alive. */
export interface Thread {
  post(message: unknown): void
  /** What a message to this thread says of `slab`. */
  handle(slab: Slab): SlabHandle
  /** Lets go of slabs that are gone for good. */
  forget(slabs: readonly number[]): void
  setIdle(idle: boolean): void
  /** Ends it as if it had died of `cause`. */
  kill(cause: string): void
  terminate(): Promise<void>
}

/**
 * JavaScript heap of a thread, MiB; what the formats hold is outside of it. A thread that needs more dies alone,
 * instead of the process. The young generation is kept small because each thread has its own.
 */
const HEAP = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 }

/** Starts a thread. The only place that makes a Worker. */
export function startThread(
  role: Role,
  listener: ThreadListener,
  { niceness }: { niceness: number },
): Thread {
  // before the thread is made, which is given what there is then
  sharedFacts()
  const worker = new Worker(new URL(besideThis('entry')), {
    workerData: { role, niceness } satisfies ThreadData,
    resourceLimits: HEAP,
    name: `acceld-${role}`,
  })
  let over = false
  const known = new Set<number>()
  const die = (cause: string): void => {
    if (over) return
    over = true
    listener.onDeath(cause)
  }
  worker.on('message', (message: unknown) => {
    if (!over) listener.onMessage(message)
  })
  let cause: string | undefined
  worker.on('messageerror', (error) => {
    cause ??= error.message
    void worker.terminate()
  })
  worker.on('error', (error) => {
    cause ??= error instanceof Error ? error.message : String(error)
  })
  worker.on('exit', (code) => die(cause ?? `it exited with code ${code}`))
  return {
    post: (message) => worker.postMessage(message),
    handle({ id, input, output }) {
      if (known.has(id)) return { id }
      known.add(id)
      return { id, memory: { input, output } }
    },
    forget(slabs) {
      const gone = slabs.filter((id) => known.delete(id))
      if (gone.length > 0) worker.postMessage({ type: 'forget', slabs: gone })
    },
    setIdle: (idle) => (idle ? worker.unref() : worker.ref()),
    kill(cause) {
      void worker.terminate()
      die(cause)
    },
    async terminate() {
      over = true
      await worker.terminate()
    },
  }
}

function besideThis(name: string): string {
  return moduleBeside(import.meta.url, `./${name}`)
}

/**
 * The URL of the module `name` (relative, without extension) seen from the module at `url`, with the extension of
 * that one: `.ts` where the sources run, `.js` where they were built. The compiler rewrites the extensions of
 * imports but not those of URLs.
 */
export function moduleBeside(url: string, name: string): string {
  return new URL(name + extname(new URL(url).pathname), url).href
}
