import { statfs } from 'node:fs/promises'
import { AccelError } from '../errors/accel-error.ts'

/** A disk, in bytes. */
export interface DiskSpace {
  free: number
  size: number
}

/** Room on the disk that is kept for one conversion. */
export interface Reservation extends Disposable {
  /** Says how much of it is in files by now. Bytes. */
  used(bytes: number): void
}

/**
 * Shares the free room of one disk among conversions: each reserves what it may need before it pulls anything, and
 * waits in line while others hold the room. Other programs are not known; what they take is seen when the next one
 * asks.
 */
export class DiskBudget {
  readonly #path: string
  readonly #disk: () => Promise<DiskSpace>
  readonly #held = new Set<{ bytes: number; used: number }>()
  /** Whom to tell that they wait, and whether the first in line does. */
  readonly #line = new Set<() => void>()
  #blocked = false
  /** Resolves when nobody is in line any more. */
  #last: Promise<void> = Promise.resolve()
  #released = Promise.withResolvers<void>()

  /** `disk` tells of the disk of `path`. @default asks the file system */
  constructor(path: string, disk?: () => Promise<DiskSpace>) {
    this.#path = path
    this.#disk = disk ?? (() => diskOf(path))
  }

  /**
   * Reserves `bytes`; `onWait` is called when that has to wait. When nobody holds
   * anything and it does not fit all the same, it rejects with STORE_FULL, or STORE_TOO_SMALL where it could not even
   * fit on an empty disk. Rejects with the signal's reason when that aborts.
   */
  async reserve(
    bytes: number,
    init: { signal: AbortSignal; onWait(): void },
  ): Promise<Reservation> {
    const { signal, onWait } = init
    const before = this.#last
    const done = Promise.withResolvers<void>()
    let first = false
    this.#last = done.promise
    this.#line.add(onWait)
    try {
      if (this.#blocked) onWait()
      await unlessAborted(before, signal)
      first = true
      while (!(await this.#fits(bytes))) {
        if (this.#held.size === 0) await this.#refuse(bytes)
        if (!this.#blocked) for (const tell of this.#line) tell()
        this.#blocked = true
        await unlessAborted(this.#released.promise, signal)
      }
      return this.#hold(bytes)
    } finally {
      this.#line.delete(onWait)
      // the next one finds out for itself
      if (first) this.#blocked = false
      // who gives up does not let the next one overtake those before
      void before.then(done.resolve)
    }
  }

  #hold(bytes: number): Reservation {
    const held = { bytes, used: 0 }
    this.#held.add(held)
    return {
      used: (now) => void (held.used = now),
      [Symbol.dispose]: () => {
        this.#held.delete(held)
        this.#released.resolve()
        this.#released = Promise.withResolvers()
      },
    }
  }

  async #fits(bytes: number): Promise<boolean> {
    const { free } = await this.#disk()
    let outstanding = 0
    for (const held of this.#held) outstanding += Math.max(0, held.bytes - held.used)
    return bytes + outstanding <= free
  }

  async #refuse(needed: number): Promise<never> {
    const { size } = await this.#disk()
    throw needed > size
      ? new AccelError('STORE_TOO_SMALL', { path: this.#path, needed, size })
      : new AccelError('STORE_FULL', { path: this.#path })
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function diskOf(path: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(path)
  return { free: bavail * bsize, size: blocks * bsize }
}
