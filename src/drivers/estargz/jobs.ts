import { moduleBeside } from '../../threads/start-thread.ts'

/** What layer threads run for a layer with a table of contents, of zstd:chunked too. */
export const LAYER_JOB = moduleBeside(import.meta.url, './layer-job')
