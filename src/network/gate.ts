import { abortError } from './abort.ts'

/** Lets a limited number in at a time; the others wait in order. */
export interface Gate {
  /** Waits for a place and returns the function that gives it back, which may be called more than once. Throws ABORTED. */
  enter(signal: AbortSignal | undefined, what: string): Promise<() => void>
}

/** A gate with `places`, a whole number from 1. */
export function createGate(places: number): Gate {
  let free = places
  const waiting: (() => void)[] = []

  function leaveOnce(): () => void {
    let left = false
    return () => {
      if (left) return
      left = true
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }

  return {
    enter(signal, what) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(abortError(signal, what))
        if (free > 0) {
          free--
          return resolve(leaveOnce())
        }
        const stop = () => {
          waiting.splice(waiting.indexOf(go), 1)
          reject(abortError(signal as AbortSignal, what))
        }
        const go = () => {
          signal?.removeEventListener('abort', stop)
          resolve(leaveOnce())
        }
        waiting.push(go)
        signal?.addEventListener('abort', stop, { once: true })
      })
    },
  }
}
