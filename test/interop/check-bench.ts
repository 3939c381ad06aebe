/** Converts images of a registry in many ways and checks each result as `accelctl check` does, in one process. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { check } from '../../src/check/service.ts'
import { parseConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { openConversionService } from '../../src/convert/service.ts'
import { isAccelError } from '../../src/errors/accel-error.ts'
import { silentLog } from '../../src/log/log.ts'
import { createRedaction } from '../../src/log/redaction.ts'
import { problemLines } from '../../src/verify/report.ts'

const components = { log: silentLog, redaction: createRedaction() }

/** One driver, with state of its own. */
export interface CheckBench extends AsyncDisposable {
  /** Converts an image to a tag beside it; resolves to its reference. Throws AccelError. */
  convert(source: string): Promise<string>
  /** In words: `the same`; `refused CODE` where it is not converted; `different: …`, the first three differences. */
  outcome(source: string): Promise<string>
}

export interface CheckBenchInit {
  /** State is below it. */
  folder: string
  /** `HOST:PORT`. */
  registry: string
  /** `converter.driver` of a configuration. */
  driver: { type: string; config: Record<string, string> }
  /** Makes the tags of results. */
  suffix: string
}

/** Nothing is converted yet. */
export async function openCheckBench({
  folder,
  registry,
  driver,
  suffix,
}: CheckBenchInit): Promise<CheckBench> {
  const configuration = {
    provider: {
      source: { [registry]: {} },
      work_dir: mkdtempSync(join(folder, 'work-')),
      gcpolicy: { threshold: '1MB' },
    },
    converter: { driver, harbor_annotation: true, rules: [{ tag_suffix: suffix }] },
  }
  const { config } = parseConfig(JSON.stringify(configuration), 'config.yaml')
  const service = await openConversionService(config, components)
  const { signal } = new AbortController()
  const convert = async (source: string): Promise<string> => {
    await service.convert({ source }, { signal, onEvent: () => {} })
    return `${source}${suffix}`
  }
  return {
    convert,
    async outcome(source) {
      let target: string
      try {
        target = await convert(source)
      } catch (error) {
        if (!isAccelError(error)) throw error
        return `refused ${error.code}`
      }
      return checked(source, target, config)
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

async function checked(source: string, target: string, config: Config): Promise<string> {
  const { signal } = new AbortController()
  const request = { source, target, platforms: [], signal, onStep: () => {} }
  const { images, passed } = await check(request, components, { config })
  if (passed) return 'the same'
  return `different: ${images.flatMap(problemLines).slice(0, 3).join('; ')}`
}
