import { AccelError } from '../errors/accel-error.ts'

/** The error with which work ends that `signal` stopped: its reason where that is an error of ours, else ABORTED. */
export function abortError(signal: AbortSignal, what: string): AccelError {
  const reason: unknown = signal.reason
  return reason instanceof AccelError
    ? reason
    : new AccelError('ABORTED', { what }, { cause: reason })
}

/** Throws when `signal` has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw abortError(signal, what)
}

/** The result of `work`, or ABORTED as soon as `signal` aborts; `work` goes on for others who wait for it. */
export function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  what: string,
): Promise<T> {
  if (signal === undefined) return work
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(abortError(signal, what))
    if (signal.aborted) {
      work.catch(() => {})
      return stop()
    }
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
