import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { packImage, type SyntheticImage } from '../../scripts/bench/synthetic-image.ts'
import { parseConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import type { ConversionReport } from '../../src/convert/report.ts'
import { openConversionService } from '../../src/convert/service.ts'
import { estimate } from '../../src/estimate/estimate.ts'
import { formatNames, type FormatName } from '../../src/estimate/format-name.ts'
import type { EstimateReport } from '../../src/estimate/report.ts'
import { pushBuilt } from '../../src/testing/image-builder.ts'
import { startTestRegistry } from '../../src/testing/registry/test-registry.ts'

/** What is estimated of images, and what their conversions come to. */

const KIB = 1024
const MIB = 1024 * 1024
const scratch = await mkdtemp(join(tmpdir(), 'estimate-'))
after(() => rm(scratch, { recursive: true, force: true }))
const { signal } = new AbortController()

/** The built-in images of the benchmark, in small. */
const images: Readonly<Record<string, SyntheticImage>> = {
  'small-files': [{ text: { files: 1500, least: KIB, most: 16 * KIB } }],
  binaries: [{ binaries: { files: 3, size: 4 * MIB } }],
  mixed: [
    { text: { files: 250, least: KIB, most: 16 * KIB }, binaries: { files: 4, size: 512 * KIB } },
    { binaries: { files: 1, size: 5 * MIB } },
    { text: { files: 400, least: 64, most: 4 * KIB } },
    { text: { files: 2, least: KIB, most: 2 * KIB } },
  ],
}

const drivers: Record<FormatName, { type: string; config: Record<string, string> }> = {
  estargz: { type: 'estargz', config: {} },
  zstdchunked: { type: 'zstdchunked', config: {} },
  nydus: { type: 'nydus', config: {} },
  'nydus-v5': { type: 'nydus', config: { fs_version: '5' } },
  oci_ref: { type: 'nydus', config: { oci_ref: 'true' } },
}

const registry = await startTestRegistry()
after(() => registry.close())
const service = await openConversionService(configured(drivers.estargz), {}, { environment: {} })
after(() => service[Symbol.asyncDispose]())
for (const [name, definition] of Object.entries(images)) await push(name, definition)

async function push(name: string, definition: SyntheticImage): Promise<void> {
  const directory = await mkdtemp(join(scratch, 'image-'))
  const { image } = await packImage(definition, directory, { signal })
  await pushBuilt(image, registry.repository(name), { tag: 'v1' })
}

function configured(driver: (typeof drivers)[FormatName], workDir = 'work'): Config {
  const text = JSON.stringify({
    provider: {
      source: { [registry.host]: {} },
      work_dir: join(scratch, workDir),
      gcpolicy: { threshold: '1GB' },
    },
    converter: {
      driver,
      verify: false,
      rules: [{ name: 'cached', tag_suffix: '-c', cache_tag: 'cache' }],
    },
  })
  return parseConfig(text, 'test', { environment: {} }).config
}

function convert(name: string, format: FormatName): Promise<ConversionReport> {
  service.reconfigure(configured(drivers[format]))
  return service.convert(
    { source: `${registry.host}/${name}:v1`, target: `${registry.host}/${name}:${format}` },
    { signal, onEvent: () => {} },
  )
}

async function estimated(
  name: string,
  sample: number | 'full',
  config = configured(drivers.estargz),
): Promise<EstimateReport> {
  const report = await estimate(
    {
      source: `${registry.host}/${name}:v1`,
      formats: formatNames,
      platforms: [],
      sample,
      bandwidth: 125e6,
      signal,
    },
    config,
    {},
    { environment: {} },
  )
  assert(report.skipped === undefined)
  return report
}

suite('an estimate holds', () => {
  for (const name of Object.keys(images)) {
    test(name, async () => {
      const before = await readdir(scratch)
      const exact = await estimated(name, 'full')
      const guessed = await estimated(name, MIB)
      assert.deepEqual(await readdir(scratch), before, 'nothing is written')
      assert.equal(exact.looked.bytes, exact.looked.of)
      assert(guessed.looked.bytes < guessed.looked.of * 0.6, `${guessed.looked.bytes}`)
      for (const format of formatNames) {
        const real = await convert(name, format)
        for (const report of [exact, guessed]) {
          const { size, error } = report.formats.find((one) => one.name === format)!
          const off = Math.abs(size - real.targetSize) / real.targetSize
          assert(
            off <= error,
            `${format}: ${size} for ${real.targetSize}, off by ${off} of ${error}`,
          )
          assert(
            report.machine.disk >= real.targetSize - (format === 'oci_ref' ? real.sourceSize : 0),
          )
        }
        const { error, newBytes } = exact.formats.find((one) => one.name === format)!
        assert(error < 0.01)
        const entries = real.images[0]!.layers.reduce((sum, layer) => sum + (layer.entries ?? 0), 0)
        assert.equal(exact.images[0]!.entries, entries)
        const stored = format === 'oci_ref' ? real.targetSize - real.sourceSize : real.targetSize
        assert(Math.abs(newBytes - stored) < stored * 0.05, `${format}: ${newBytes} for ${stored}`)
      }
      const again = await estimated(name, MIB)
      for (const [i, { name: format, knownLayers, newBytes, seconds }] of again.formats.entries()) {
        // bootstraps and configs are made anew
        assert.equal(knownLayers, images[name]!.length, format)
        assert(newBytes < guessed.formats[i]!.newBytes * 0.6, `${format}: ${newBytes}`)
        assert(seconds < guessed.formats[i]!.seconds, format)
      }
    })
  }

  test('what a cache in the registry has is nothing new', async () => {
    service.reconfigure(configured(drivers.estargz))
    // a repository of its own: where a result of the image is found, no layer is converted, and none is cached
    await push('cached', images['mixed']!)
    const source = `${registry.host}/cached:v1`
    await service.convert({ source, rule: 'cached' }, { signal, onEvent: () => {} })
    const elsewhere = configured(drivers.estargz, 'elsewhere')
    const { formats, notes } = await estimated('cached', MIB, elsewhere)
    assert.deepEqual(
      formats.map(({ knownLayers }) => knownLayers),
      [images['mixed']!.length, 0, 0, 0, 0],
    )
    assert(formats[0]!.newBytes < 1000, 'only a config')
    assert.deepEqual(notes, [
      `${registry.host}/cached:v1-c was made of this image already, by estargz`,
      'estargz: 4 of 4 layers were converted before and need no work',
    ])
    assert(!(await readdir(scratch)).includes('elsewhere'))
  })
})
