import { createConverter, type ConverterInit } from '../convert/converter.ts'
import type { ConfiguredDriver } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import type { Store } from '../store/store.ts'
import { SharedJobs } from '../streams/shared-jobs.ts'
import type { ThreadPool } from '../threads/pool.ts'

/**
 * A converter for a driver that needs no thread, with a work directory of the test. `name` is that of the driver; nothing is
 * compared with its source unless `init` says so.
 */
export function testConverter(
  store: Store<LayerResult>,
  name: string,
  configured: ConfiguredDriver,
  init: Partial<ConverterInit> = {},
): ReturnType<typeof createConverter> {
  return createConverter(
    { threads: { size: 1 } as ThreadPool, store, jobs: new SharedJobs(async () => {}) },
    {
      driver: { name, version: '1' },
      configured,
      platforms: [],
      recipe: `${name} 1`,
      annotate: true,
      verify: false,
      growthWarning: 10,
      ...init,
    },
  )
}
