/** `node scripts/bench/nydus-peer.ts`: see `usage`. */
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openLayoutSource } from '../../src/layout/location.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { isIndexType } from '../../src/oci/media-type.ts'
import { root } from '../source-tree.ts'
import { machineFacts } from './machine.ts'
import { cpuSeconds, type Measurement, measuredRun } from './measured-run.ts'
import { alternating, median, ratioOf } from './statistics.ts'
import { formatTable } from './table.ts'

const usage = `usage: node scripts/bench/nydus-peer.ts [options] NYDUS_IMAGE PATH[:TAG] …
       node scripts/bench/nydus-peer.ts [options] --peer COMMAND PATH[:TAG] …

Makes RAFS v6 images of the layers of OCI layouts, each a directory with one image
of one platform, in turns with \`accelctl convert\`, from layout to layout, and with
nydus-image (nydus-builder.sh). Prints medians, and ratios taken pair by pair.

  --runs N               runs of each side (default 5)
  --compressor NAME      zstd, lz4_block or none, for both (default zstd)
  --option KEY=VALUE     an option of our driver; may be repeated
  --program PATH         our accelctl (default that of this checkout, whose sources are
                         compiled at each start; the installed package is faster)
  --verify               ours reads its results back before it writes them, as it does
                         unless it is told not to; nydus-image does nothing like it
  --digests              theirs takes the digests that the Go service takes as well
  --peer-option OPTION   an option of nydus-image create; may be repeated
  --peer COMMAND         runs \`COMMAND PATH DIRECTORY\`, by bash, in place of nydus-image: a
                         program that calls the converter of the Go service, say; the
                         blobs that it makes are not counted
  --json                 prints every run
`

/** A run and the bytes of the blobs that it made, where they are known. */
interface Run extends Measurement {
  blobBytes?: number
}

interface ImageRuns {
  image: string
  ours: Run[]
  theirs: Run[]
}

interface Wanted {
  /** The other side's run over a layout, into an empty directory. */
  theirs(layout: string, directory: string): Promise<Run>
  runs: number
  compressor: string
  options: Record<string, string>
  program: string
  verify: boolean
  signal: AbortSignal
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    compressor: { type: 'string', default: 'zstd' },
    option: { type: 'string', multiple: true, default: [] },
    digests: { type: 'boolean', default: false },
    program: { type: 'string', default: join(root, 'bin/accelctl.js') },
    verify: { type: 'boolean', default: false },
    peer: { type: 'string' },
    'peer-option': { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
})
const { peer } = values
const [builder = '', ...layouts] = peer === undefined ? positionals : ['', ...positionals]
if (layouts.length === 0 || !(Number(values.runs) > 0)) {
  process.stderr.write(usage)
  process.exit(2)
}
const abort = new AbortController()
process.once('SIGINT', () => abort.abort(new Error('ended by SIGINT')))
const { signal } = abort
const wanted: Wanted = {
  theirs: peer === undefined ? runBuilder : (...places) => runPeer(peer, ...places),
  runs: Number(values.runs),
  compressor: values.compressor,
  options: Object.fromEntries(values.option.map((text) => text.split(/=(.*)/s).slice(0, 2))),
  program: resolve(values.program),
  verify: values.verify,
  signal,
}
const images: ImageRuns[] = []
for (const layout of layouts) images.push(await measure(layout, wanted))
const result = { machine: machineFacts(), compressor: values.compressor, images }
process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : report(images))

/** The runs of both sides over one layout. */
async function measure(layout: string, init: Wanted): Promise<ImageRuns> {
  const ours: Run[] = []
  const theirs: Run[] = []
  for (const side of alternating<'ours' | 'theirs'>('ours', 'theirs', init.runs)) {
    process.stderr.write(`${layout}: ${side}\n`)
    const directory = await mkdtemp(join(tmpdir(), 'nydus-peer-'))
    try {
      if (side === 'ours') ours.push(await runOurs(layout, directory, init))
      else theirs.push(await init.theirs(layout, directory))
    } finally {
      await rm(directory, { recursive: true })
    }
  }
  return { image: layout, ours, theirs }
}

async function runOurs(layout: string, directory: string, init: Wanted): Promise<Run> {
  const config = join(directory, 'config.yaml')
  const driver = { fs_version: '6', compressor: init.compressor, ...init.options }
  // JSON is YAML
  const configuration = {
    provider: { source: { 'nobody.invalid': {} }, work_dir: join(directory, 'work') },
    converter: {
      worker: 1,
      verify: init.verify,
      driver: { type: 'nydus', config: driver },
    },
  }
  await writeFile(config, JSON.stringify(configuration))
  const target = join(directory, 'result')
  const argv = [process.execPath, init.program, 'convert', '--config', config, `oci:${layout}`]
  const run = await measuredRun([...argv, '--to', `oci:${target}:nydus`], init)
  const { layers } = await manifestOf(`${target}:nydus`)
  // The last is the bootstrap.
  const blobBytes = layers.slice(0, -1).reduce((sum, { size }) => sum + size, 0)
  return { ...measurementOf(run), blobBytes }
}

/** nydus-image, as the Go service calls it. */
async function runBuilder(layout: string, directory: string): Promise<Run> {
  const layers = await layerFiles(layout)
  const work = join(directory, 'work')
  await mkdir(work)
  const options = ['--compressor', values.compressor, ...values['peer-option']].join(' ')
  const script = join(root, 'scripts/bench/nydus-builder.sh')
  const run = await measuredRun(['bash', script, resolve(builder), work, options, ...layers], {
    signal,
    environment: { DIGESTS: values.digests ? 'yes' : '' },
  })
  let blobBytes = 0
  for (const [i, layer] of layers.entries()) {
    // An image may have one layer several times; its blob is one.
    if (layers.indexOf(layer) === i) blobBytes += (await stat(join(work, `${i + 1}.blob`))).size
  }
  return { ...measurementOf(run), blobBytes }
}

async function runPeer(command: string, layout: string, directory: string): Promise<Run> {
  const argv = ['bash', '-c', `${command} "$@"`, 'peer', layout, directory]
  return measurementOf(await measuredRun(argv, { signal }))
}

function measurementOf({ wallSeconds, userSeconds, systemSeconds, peakBytes }: Measurement) {
  return { wallSeconds, userSeconds, systemSeconds, peakBytes }
}

/** The files of an image's layers in a layout, the lowest first. */
async function layerFiles(layout: string): Promise<string[]> {
  const path = layout.split(':')[0] ?? ''
  const { layers } = await manifestOf(layout)
  return layers.map(({ digest }) => resolve(path, 'blobs', digest.replace(':', '/')))
}

async function manifestOf(layout: string) {
  const { source, tag } = await openLayoutSource(`oci:${layout}`)
  const descriptor = await source.resolve(tag)
  if (isIndexType(descriptor.mediaType)) throw new Error(`${layout} is an index`)
  return parseManifest(await source.manifest(descriptor), layout)
}

/** Medians of both sides, and ours over theirs. */
function report(all: readonly ImageRuns[]): string {
  const figures: [string, (run: Run) => number][] = [
    ['wall s', (run) => run.wallSeconds],
    ['cpu s', cpuSeconds],
    ['blobs MB', ({ blobBytes = NaN }) => blobBytes / 1e6],
    ['peak MiB', (run) => run.peakBytes / 2 ** 20],
  ]
  const known = figures.filter(([, of]) => all.every(({ theirs }) => !Number.isNaN(of(theirs[0]!))))
  const rows = all.flatMap(({ image, ours, theirs }) =>
    known.map(([name, of], i) => {
      const ratio = ratioOf(ours.map(of), theirs.map(of))
      return [
        i === 0 ? image : '',
        name,
        median(ours.map(of)).toFixed(2),
        median(theirs.map(of)).toFixed(2),
        ratio === undefined
          ? ''
          : `${ratio.median.toFixed(3)} (${ratio.min.toFixed(3)} to ${ratio.max.toFixed(3)})`,
      ]
    }),
  )
  const columns = [
    { title: 'image', align: 'left' as const },
    { title: 'of', align: 'left' as const },
    { title: 'ours' },
    { title: 'theirs' },
    { title: 'ours / theirs', align: 'left' as const },
  ]
  return formatTable(columns, rows)
}
