import type { Config } from '../config/schema.ts'
import { driverNamed } from '../drivers/registry.ts'
import { createThreadPool, type ThreadPool } from '../threads/pool.ts'

/** The threads that a configuration asks for; `niceness` as in ThreadPoolInit. */
export function conversionThreads(
  { converter: { threads, layers } }: Config,
  { niceness = 0 }: { niceness?: number } = {},
): ThreadPool {
  return createThreadPool({
    ...(threads > 0 ? { batchThreads: threads } : {}),
    ...(layers > 0 ? { layerThreads: layers } : {}),
    niceness,
  })
}

/**
 * The same for a process that converts one image at once: the thread for the first layer is started now, while the rest
 * of the program is loaded and the source is asked. Throws DRIVER_….
 */
export function preparedThreads(config: Config): ThreadPool {
  const { type, config: options } = config.converter.driver
  const { module } = driverNamed(type).configure(options).layers
  const threads = conversionThreads(config)
  if (module !== undefined) threads.prepare(module)
  return threads
}
