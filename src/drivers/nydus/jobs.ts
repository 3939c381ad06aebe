import { moduleBeside } from '../../threads/start-thread.ts'

/** What layer threads run for a layer that gets a Nydus blob, and for one that is read where it is. */
export const LAYER_JOB = moduleBeside(import.meta.url, './layer-job')
export const REF_JOB = moduleBeside(import.meta.url, './ref-job')
