/** What converts the images: our command line, or, to see what the same checks say of it, the Go service's library. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/source-tree.ts'
import { output } from './command.ts'
import { laboratoryProgram } from './programs.ts'

/** Converts an image to a tag beside it. Throws CommandError with what the converter said. */
export interface Converter {
  readonly name: 'ours' | 'upstream'
  convert(source: string): Promise<string>
}

/** `ACCEL_INTEROP_CONVERTER`: `ours` (default) or `upstream`, which needs a laboratory. State is below `folder`. */
export async function chosenConverter(folder: string, registry: string): Promise<Converter> {
  mkdirSync(folder, { recursive: true })
  if (process.env.ACCEL_INTEROP_CONVERTER === 'upstream') return upstream(folder)
  return ourConverter(folder, registry, {
    driver: { type: 'estargz', config: { docker2oci: 'true' } },
    tagSuffix: '-esgz',
  })
}

/** How our command line converts. */
export interface OurConverterInit {
  /** As `converter.driver` of a configuration. */
  driver: { type: string; config: Record<string, string> }
  tagSuffix: string
}

/** Our command line, with as little as upstream's configuration file can have. State is in `folder`, which is there. */
export function ourConverter(folder: string, registry: string, init: OurConverterInit): Converter {
  const config = join(folder, `config${init.tagSuffix}.yaml`)
  const { driver, tagSuffix } = init
  const configuration = {
    server: { name: 'API', host: '127.0.0.1', port: 0 },
    provider: {
      source: { [registry]: { auth: '' } },
      work_dir: join(folder, 'work'),
      gcpolicy: { threshold: '1000MB' },
    },
    converter: { worker: 1, driver, rules: [{ tag_suffix: tagSuffix }] },
  }
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(configuration, null, 2))
  return {
    name: 'ours',
    async convert(source) {
      const accelctl = [join(root, 'bin/accelctl.js'), 'convert', '--config', config, source]
      await output(process.execPath, accelctl)
      return `${source}${tagSuffix}`
    },
  }
}

async function upstream(folder: string): Promise<Converter> {
  const program = await laboratoryProgram()
  if (program === undefined) throw new Error('ACCEL_INTEROP_CONVERTER=upstream needs ACCEL_LAB')
  return {
    name: 'upstream',
    async convert(source) {
      const target = `${source}-upstream-esgz`
      // Two of its processes do not share a store.
      const store = mkdtempSync(join(folder, 'store-'))
      await output(program, ['convert', '-root', store, '-format', 'estargz', source, target])
      return target
    },
  }
}
