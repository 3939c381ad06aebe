/**
 * Waits for pieces of work that run side by side, each with the signal that `start` is given. The first that fails
 * aborts the others. Nothing goes on when this ends: what was done by then is handed to `undo`, and the first failure is thrown.
 * Abortion by `signal` is a failure like any other.
 */
export async function allOrNone<T>(
  signal: AbortSignal,
  start: (signal: AbortSignal) => readonly Promise<T>[],
  undo: (done: T[]) => Promise<unknown> = async () => {},
): Promise<T[]> {
  const failed = new AbortController()
  const work = start(AbortSignal.any([signal, failed.signal]))
  for (const one of work) one.catch((error: unknown) => failed.abort(error))
  const settled = await Promise.allSettled(work)
  const done = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (done.length === work.length) return done
  await undo(done)
  throw failed.signal.reason
}
