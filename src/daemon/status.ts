import type { WireStatus } from '../api/contract.ts'
import type { Config } from '../config/schema.ts'
import { programVersion } from '../config/version.ts'
import type { ConversionService } from '../convert/service.ts'
import type { TaskQueue } from '../tasks/queue.ts'
import type { Health } from './health.ts'

/** How the service stands, as the API tells it. Rejects where the file system or the database do not answer. */
export async function wireStatus(parts: {
  config: Config
  queue: Pick<TaskQueue, 'counts'>
  health: Pick<Health, 'freeBytes' | 'registries'>
  conversions: Pick<ConversionService, 'usage'>
}): Promise<WireStatus> {
  const { config, queue, health, conversions } = parts
  const [free, usage] = await Promise.all([health.freeBytes(), conversions.usage()])
  const { content, underWay, needed, layers } = usage
  const answered = health.registries()
  return {
    version: programVersion().tag,
    ...queue.counts(),
    disk: { free },
    store: { layers, content, needed, under_way: underWay },
    registries: [...config.provider.source.keys()].map((name) => {
      const answers = answered.get(name)
      return answers === undefined ? { name } : { name, answers }
    }),
  }
}
