import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConversionReport } from '../../src/convert/report.ts'

export interface ConversionInit {
  /** An empty folder of this run's own: configuration and work directory. */
  directory: string
  /** The only registry that is configured. */
  host: string
  driver: string
  options: Record<string, string>
  verify: boolean
  /** The `accelctl.js` to run. */
  program: string
}

/** Appended to the tag of what is converted. */
const SUFFIX = '-converted'

/** Writes the configuration and gives the command line that converts `image` with it and prints a report. */
export async function conversionCommand(image: string, init: ConversionInit): Promise<string[]> {
  const { directory, host, driver, options, verify, program } = init
  const configuration = {
    provider: { source: { [host]: {} }, work_dir: join(directory, 'work') },
    converter: {
      worker: 1,
      verify,
      driver: { type: driver, config: options },
      rules: [{ tag_suffix: SUFFIX }],
    },
  }
  const file = join(directory, 'config.yaml')
  // JSON is YAML
  await writeFile(file, JSON.stringify(configuration))
  return [process.execPath, program, 'convert', '--config', file, '--json', image]
}

/** What the program printed. */
export function parseReport(stdout: string): ConversionReport {
  return JSON.parse(stdout) as ConversionReport
}

/** Bytes of all tars that were converted. */
export function uncompressedSize(report: ConversionReport): number {
  const layers = report.images.flatMap((image) => image.layers)
  const distinct = new Map(layers.map((layer) => [layer.source.digest, layer]))
  return [...distinct.values()].reduce((sum, layer) => sum + (layer.sourceUncompressedSize ?? 0), 0)
}
