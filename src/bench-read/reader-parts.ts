import type { WorkDirectory } from '../store/work-directory.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { MeteredRepository } from './metered-repository.ts'

/** What readers of all formats work with. */
export interface ReaderParts {
  repository: MeteredRepository
  threads: ThreadPool
  /** Parts of blobs are kept here until the image is closed. */
  work: WorkDirectory
  /** Takes what is to be disposed of with the image. */
  stack: AsyncDisposableStack
  signal: AbortSignal
  /** How many layers are opened, or pulled, at a time, where the user says so. */
  concurrency: number | undefined
}
