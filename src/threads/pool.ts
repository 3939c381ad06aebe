/** Placeholder of the contract until the pool stands. */
export interface ThreadPool {
  readonly size: number
}
