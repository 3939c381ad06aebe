import type { WireStatus } from '../api/contract.ts'
import type { Config } from '../config/schema.ts'
import { programVersion } from '../config/version.ts'
import type { ConversionService } from '../convert/service.ts'
import type { Redaction } from '../log/redaction.ts'
import type { TaskQueue } from '../tasks/queue.ts'
import type { Health } from './health.ts'

/** How the service stands, as the API tells it. Rejects where the file system or the database do not answer. */
export async function wireStatus(parts: {
  config: Config
  queue: Pick<TaskQueue, 'counts'>
  health: Pick<Health, 'disk' | 'registries'>
  conversions: Pick<ConversionService, 'usage'>
  redaction: Pick<Redaction, 'apply'>
}): Promise<WireStatus> {
  const { config, queue, health, conversions, redaction } = parts
  const { source, gcpolicy } = config.provider
  const [disk, usage] = await Promise.all([health.disk(), conversions.usage()])
  const { content, underWay, needed, layers } = usage
  const known = health.registries()
  return {
    version: programVersion().tag,
    ...queue.counts(),
    workers: config.converter.worker,
    disk,
    store: { layers, content, needed, under_way: underWay, limit: gcpolicy.threshold ?? 0 },
    registries: [...source.keys()].map((name) => {
      const last = known.get(name)
      if (last === undefined) return { name }
      const { answers, at, problem } = last
      const asked = new Date(at).toISOString()
      if (problem === undefined) return { name, answers, asked }
      return { name, answers, asked, problem: redaction.apply(problem) }
    }),
  }
}
