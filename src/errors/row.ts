/** Whether doing the same thing again can help: `never`, `backoff` (after a pause), `other-worker` (elsewhere). */
export type Retry = 'never' | 'backoff' | 'other-worker'

/** One row of the error catalogue. `C` is the typed context from which the message is made. */
export interface ErrorRow<C> {
  /** HTTP status with which the API answers. */
  status: number
  /** Exit code of the command line. */
  exit: number
  retry: Retry
  /** Upstream's code for the same thing, where its clients know one; used by `http/` alone. */
  wire?: string
  /** The message: what happened, to which image, layer, path or key, and what was expected. */
  text(context: C): string
  /** What the operator can do about it. */
  hint: string
}

/** Declares a row; exists only so that the context's type is written once, at the row. */
export function row<C extends object>(definition: ErrorRow<C>): ErrorRow<C> {
  return definition
}

/** Which side of a conversion failed. */
export type Side = 'source' | 'target' | 'cache'
