import { execFile } from 'node:child_process'
import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const accelctl = fileURLToPath(new URL('../../bin/accelctl.js', import.meta.url))

/** What a run of the program came to. */
export interface ProgramRun {
  code: number
  /** Both streams. */
  output: string
}

/**
 * Runs `accelctl convert` on `reference`, an image of a registry of this machine, with a driver and its options; the
 * result has the suffix `-c`. Files are below `folder`. Throws where something is left in the work directory.
 */
export async function runConvert(
  folder: string,
  reference: string,
  driver: { type: string; config: Readonly<Record<string, string>> },
): Promise<ProgramRun> {
  const [host = ''] = reference.split('/')
  const workDir = await mkdtemp(join(folder, 'work-'))
  const config = join(workDir, 'config.yaml')
  // JSON is YAML.
  await writeFile(
    config,
    JSON.stringify({
      provider: { source: { [host]: {} }, work_dir: workDir },
      converter: { driver, rules: [{ tag_suffix: '-c' }] },
    }),
  )
  const call = [accelctl, 'convert', '--config', config, reference]
  const run = promisify(execFile)(process.execPath, call, { timeout: 120_000 })
  const result = await run.then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  )
  const left = await readdir(join(workDir, 'ingest')).catch(() => [])
  if (left.length > 0) throw new Error(`left in the work directory: ${left.join()}`)
  return result
}
