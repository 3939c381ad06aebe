import { moduleBeside } from '../../threads/start-thread.ts'

/** What layer threads run for a layer that is compressed with zstd and nothing more. */
export const RECOMPRESS_JOB = moduleBeside(import.meta.url, './recompress-job')
