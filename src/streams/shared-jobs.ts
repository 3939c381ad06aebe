/** A result that is shared until its last holder lets it go. */
export interface Held<T> {
  readonly value: T
  /** Lets the result go; calling it again does nothing. */
  release(): Promise<void>
}

interface Job<T> {
  controller: AbortController
  result: Promise<T>
  /** Waiters and holders. */
  users: number
  settled: boolean
}

/**
 * Work of the same key is done once and shared by all who ask for it while it runs or is held. It is aborted
 * when the last one who waits has left, and disposed of when the last holder has released it. Failed work is
 * forgotten at once, so that the next one who asks tries again.
 */
export class SharedJobs<T> {
  readonly #jobs = new Map<string, Job<T>>()
  readonly #dispose: (value: T) => Promise<void>

  constructor(dispose: (value: T) => Promise<void>) {
    this.#dispose = dispose
  }

  /** Keys whose work runs or is held. */
  get size(): number {
    return this.#jobs.size
  }

  /**
   * Joins the work of `key`, or starts `work`. Rejects with the signal's reason when `signal` aborts the wait; for the last one
   * who waits once the work, which is aborted then, has ended.
   */
  async join(
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<Held<T>> {
    signal.throwIfAborted()
    const job = this.#jobs.get(key) ?? this.#start(key, work)
    job.users += 1
    try {
      const value = await unlessAborted(job.result, signal)
      return this.#hold(key, job, value)
    } catch (error) {
      await this.#leave(key, job)
      throw error
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Job<T> {
    const controller = new AbortController()
    const job: Job<T> = { controller, result: work(controller.signal), users: 0, settled: false }
    this.#jobs.set(key, job)
    job.result.then(
      (value) => {
        job.settled = true
        // Everybody left while the work came to its end all the same.
        if (job.users === 0) void this.#dispose(value)
      },
      () => {
        if (this.#jobs.get(key) === job) this.#jobs.delete(key)
      },
    )
    return job
  }

  /** The last one who leaves waits until the work has ended. */
  async #leave(key: string, job: Job<T>): Promise<void> {
    job.users -= 1
    if (job.users > 0) return
    if (this.#jobs.get(key) === job) this.#jobs.delete(key)
    if (job.settled) return
    job.controller.abort(new Error('nobody waits for this work any more'))
    await Promise.allSettled([job.result])
  }

  #hold(key: string, job: Job<T>, value: T): Held<T> {
    let held = true
    return {
      value,
      release: async () => {
        if (!held) return
        held = false
        await this.#leave(key, job)
        if (job.users === 0) await this.#dispose(value)
      },
    }
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let listener: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    listener = () => reject(signal.reason as Error)
    signal.addEventListener('abort', listener, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (listener) signal.removeEventListener('abort', listener)
  }
}
