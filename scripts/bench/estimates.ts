/**
 * `npm run bench:estimates -- [options] [IMAGE …]`: what `accelctl estimate` says of images, beside what their conversions come
 * to: size, time, memory and room in `work_dir`. IMAGE is as for `npm run bench`. Options: `--sample SIZE` or `--full`, as of
 * the command; `--no-verify`; `--program FILE`, an `accelctl.js` in place of the sources; `--json`. See docs/benchmarks.md.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setInterval } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { EstimateReport, FormatEstimate } from '../../src/estimate/report.ts'
import type { FormatName } from '../../src/estimate/format-name.ts'
import { root } from '../source-tree.ts'
import { imageNamed, type BenchImage } from './arguments.ts'
import { conversionCommand, parseReport } from './conversion.ts'
import { measuredRun } from './measured-run.ts'
import { provide } from './measure-image.ts'
import { openPlace } from './place.ts'
import { TAG } from './registry.ts'
import { syntheticImages } from './synthetic-image.ts'
import { formatSize, formatTable, type Column } from './table.ts'

/** What a conversion came to: bytes and seconds. */
interface Real {
  size: number
  seconds: number
  memory: number
  disk: number
}

interface Compared {
  image: string
  format: FormatName
  looked: number
  estimate: FormatEstimate & { disk: number }
  real: Real
}

const drivers: Record<FormatName, { driver: string; options: Record<string, string> }> = {
  estargz: { driver: 'estargz', options: {} },
  zstdchunked: { driver: 'zstdchunked', options: {} },
  nydus: { driver: 'nydus', options: {} },
  'nydus-v5': { driver: 'nydus', options: { fs_version: '5' } },
  oci_ref: { driver: 'nydus', options: { oci_ref: 'true' } },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    full: { type: 'boolean', default: false },
    'no-verify': { type: 'boolean', default: false },
    program: { type: 'string', default: join(root, 'bin/accelctl.js') },
    json: { type: 'boolean', default: false },
  },
})
const program = resolve(values.program)
const verify = !values['no-verify']
const { signal } = new AbortController()

await using stack = new AsyncDisposableStack()
const place = await openPlace(stack, signal)
const { registry, say } = place

const names = positionals.length > 0 ? positionals : Object.keys(syntheticImages)
const compared: Compared[] = []
for (const [i, image] of names.map(imageNamed).entries()) {
  compared.push(...(await compareImage(image, `image-${i}`)))
}
process.stdout.write(values.json ? `${JSON.stringify(compared, null, 2)}\n` : table(compared))

async function compareImage(image: BenchImage, repository: string): Promise<Compared[]> {
  await provide(place, image, repository)
  const report = await estimated(repository)
  const { looked, machine, formats } = report
  const rows: Compared[] = []
  for (const estimate of formats) {
    const format = estimate.name
    const real = await converted(repository, format)
    say(`${image.name}: ${format}, ${formatSize(estimate.size)} for ${formatSize(real.size)}`)
    rows.push({
      image: image.name,
      format,
      looked: looked.bytes / Math.max(1, looked.of),
      estimate: { ...estimate, disk: machine.disk },
      real,
    })
  }
  return rows
}

async function estimated(repository: string): Promise<EstimateReport> {
  const folder = await place.folder()
  const init = { directory: folder, host: registry.host, driver: 'estargz', options: {} }
  const image = `${registry.host}/${repository}:${TAG}`
  const [node = '', accelctl = '', , ...config] = await conversionCommand(image, {
    ...init,
    verify,
    program,
  })
  const sample = values.full ? ['--full'] : values.sample ? ['--sample', values.sample] : []
  const run = await measuredRun([node, accelctl, 'estimate', ...config, ...sample], { signal })
  return JSON.parse(run.stdout) as EstimateReport
}

async function converted(repository: string, format: FormatName): Promise<Real> {
  const own = `${repository}-${format}`
  await registry.stage(repository, own, { signal })
  const folder = await place.folder()
  const { host } = registry
  const command = await conversionCommand(`${host}/${own}:${TAG}`, {
    directory: folder,
    host,
    ...drivers[format],
    verify,
    program,
  })
  const done = new AbortController()
  const peak = peakSize(join(folder, 'work'), done.signal)
  const run = await measuredRun(command, { signal })
  done.abort()
  const disk = await peak
  await rm(folder, { recursive: true })
  const { targetSize } = parseReport(run.stdout)
  return { size: targetSize, seconds: run.wallSeconds, memory: run.peakBytes, disk }
}

/** The most bytes that files below `path` had, looked at until `signal` aborts. */
async function peakSize(path: string, signal: AbortSignal): Promise<number> {
  let peak = 0
  try {
    for await (const _ of setInterval(20, undefined, { signal })) {
      peak = Math.max(peak, await sizeBelow(path))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return peak
}

async function sizeBelow(path: string): Promise<number> {
  try {
    const files = await readdir(path, { recursive: true })
    const sizes = await Promise.all(files.map((file) => sizeOf(join(path, file))))
    return sizes.reduce((sum, size) => sum + size, 0)
  } catch {
    // it is not there yet, or files come and go
    return 0
  }
}

/** Its own size; 0 for a directory, and for what is gone. */
async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true ? found.size : 0
}

function table(rows: readonly Compared[]): string {
  const columns: Column[] = [
    { title: 'image', align: 'left' },
    { title: 'format', align: 'left' },
    { title: 'seen' },
    { title: 'size' },
    { title: 'real' },
    { title: 'off' },
    { title: 'stated' },
    { title: 'time' },
    { title: 'real' },
    { title: 'memory' },
    { title: 'real' },
    { title: 'disk' },
    { title: 'real' },
  ]
  return formatTable(
    columns,
    rows.map(({ image, format, looked, estimate, real }) => [
      image,
      format,
      percent(looked, 0),
      formatSize(estimate.size),
      formatSize(real.size),
      percent(estimate.size / real.size - 1, 1),
      `± ${percent(estimate.error, 1)}`,
      `${estimate.seconds.toFixed(1)} s`,
      `${real.seconds.toFixed(1)} s`,
      formatSize(estimate.memory),
      formatSize(real.memory),
      formatSize(estimate.disk),
      formatSize(real.disk),
    ]),
  )
}

function percent(share: number, digits: number): string {
  return `${(share * 100).toFixed(digits)} %`
}
